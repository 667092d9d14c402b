"""What a key may make of others: nothing that is wider than itself or outlives it, so that a key that leaked
cannot make a stronger one. People are not bound by this.

Public: born_under, judge_maker.
"""

from __future__ import annotations

from dataclasses import replace

from posthouse.desk.expiry import NEVER
from posthouse.desk.terms import Terms, under
from posthouse.model.account import MAIL_SEND, Credential, CredentialKind
from posthouse.model.errors import Refused
from posthouse.rules import ranges
from posthouse.rules.permissions import beyond
from posthouse.store import identity
from posthouse.store.connection import Connection


def born_under(conn: Connection, maker: str, terms: Terms, new: Credential) -> Credential:
    """Something new with what the terms say; where they say nothing of ranges or expiry, the maker's hold.
    `maker`: the public id of the key that asks, "" for people. Raises Refused."""
    if not maker:
        return under(terms, new)
    key = _load(conn, maker, new.account_id)
    inherited = replace(
        terms,
        ranges=key.ranges or None if terms.ranges is None else terms.ranges,
        expires_at=key.expires_at if terms.expires_at is None else terms.expires_at,
    )
    born = under(inherited, new)
    _judge(key, born, None)
    return born


def judge_maker(conn: Connection, maker: str, new: Credential, before: Credential | None = None) -> None:
    """May the key that asks make `new`, or make it of `before`? Only what changes counts then. Raises
    Refused."""
    if maker:
        _judge(_load(conn, maker, new.account_id), new, before)


def _judge(key: Credential, new: Credential, before: Credential | None) -> None:
    if (before is None or _allowed(new) != _allowed(before)) and (
        missing := beyond(_allowed(new), key.permissions)
    ):
        raise _refused(f"it lacks the permission {missing[0]}")
    if key.domain_id and new.domain_id != key.domain_id:
        raise _refused("it is for one domain")
    if (before is None or new.ranges != before.ranges) and not _is_within(new.ranges, key.ranges):
        raise _refused(f"it is for {', '.join(key.ranges)} alone")
    if (before is None or new.expires_at != before.expires_at) and _end(new) > _end(key):
        raise _refused("it expires before that")


def _allowed(credential: Credential) -> tuple[str, ...]:
    """What it may do; users and tokens send."""
    return credential.permissions if credential.kind is CredentialKind.API_KEY else (MAIL_SEND,)


def _is_within(wanted: tuple[str, ...], held: tuple[str, ...]) -> bool:
    """Without any: from anywhere."""
    if not held:
        return True
    return bool(wanted) and ranges.is_within(ranges.compile_ranges(wanted), ranges.compile_ranges(held))


def _end(credential: Credential) -> float:
    return NEVER if credential.expires_at is None else credential.expires_at


def _load(conn: Connection, maker: str, account_id: str) -> Credential:
    """As it is now: it may have been changed since the call came in. Raises Refused."""
    found = identity.find_credential(conn, maker)
    if found is None or found.account_id != account_id:
        raise Refused(550, "5.7.1", "The key that asks is not valid any more", reason="beyond-key")
    return found


def _refused(why: str) -> Refused:
    text = f"A key cannot give what it does not have: {why}"
    return Refused(550, "5.7.1", text, reason="beyond-key")
