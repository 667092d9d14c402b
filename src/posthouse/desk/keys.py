"""Keys of an account and tokens of a domain: make, show the secret once, change, list, revoke (C-04, C-05,
C-07).

Both are found by the keyed hash of the secret and named by a public id, which stands as `login` in the store.
A key sends for every domain of its account, or for one; a token for its domain.

Public: IssuedKey, NATIVE, OPENINGS, issue_key, issue_token, judge_given, change, revoke, load, listing,
key_rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from posthouse.desk import domains
from posthouse.desk.installation import Installation
from posthouse.desk.offspring import born_under, judge_maker
from posthouse.desk.secret_forms import Secret, given_key, given_token, new_key, new_token
from posthouse.desk.terms import Terms, shown_with_use, under
from posthouse.model.account import MAIL_SEND, Credential, CredentialKind
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.rules.permissions import not_ours, not_ours_text
from posthouse.store import credentials as stored
from posthouse.store import identity
from posthouse.store.engine import Connection
from posthouse.store.parts import EVERYTHING, Part

NATIVE = "native"
OPENINGS = {"sendgrid": "SG.", NATIVE: "ph_"}
"""How a key begins, by its dialect: SDKs look at the first letters."""

_PERMISSION = re.compile(r"[A-Za-z0-9_.*-]{1,100}\Z")
_MOST_PERMISSIONS = 500
_LONGEST_NAME = 100
_NOUNS = {CredentialKind.API_KEY: "key", CredentialKind.DOMAIN_TOKEN: "token"}


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A fresh key or token. `secret` is shown to its owner now and never again; "" when they gave it."""

    id: str
    secret: str = field(repr=False)
    expires_at: float | None = None


def issue_key(
    conn: Connection,
    installation: Installation,
    ids: Ids,
    now: float,
    *,
    account_id: str,
    opening: str,
    dialect: str,
    permissions: Sequence[str] = (MAIL_SEND,),
    name: str = "",
    domain: str = "",
    given: str | None = None,
    terms: Terms = Terms(),
    maker: str = "",
) -> IssuedKey:
    """A key `<opening><id>.<43 characters>`, new or `given`; in the caller's transaction. Raises Refused.

    Permissions of a service's kind are kept as they are, also those that mean nothing here: a key may be made
    for a program that asks what it may do. Without `domain` it belongs to the whole account. `maker`: the id
    of the key that asks, "" for people; see `offspring`.
    """
    only_for = domains.load(conn, account_id, domain)[0] if domain else None
    secret = new_key(opening) if given is None else given_key(opening, given)
    new = Credential(
        id=ids.new(),
        account_id=account_id,
        domain_id=only_for.id if only_for else "",
        kind=CredentialKind.API_KEY,
        login=secret.id,
        secret_hash=installation.secret_hash(secret.text),
        created_at=now,
        dialect=dialect,
        permissions=_checked_permissions(permissions, dialect),
        name=_checked_name(name),
    )
    return _add(conn, born_under(conn, maker, terms, new), secret, is_given=given is not None)


def issue_token(
    conn: Connection,
    installation: Installation,
    ids: Ids,
    now: float,
    *,
    account_id: str,
    domain: str,
    dialect: str,
    name: str = "",
    given: str | None = None,
    terms: Terms = Terms(),
    maker: str = "",
) -> IssuedKey:
    """A token of a domain in the form of a UUID, new or `given`; in the caller's transaction. Raises
    Refused."""
    only_for = domains.load(conn, account_id, domain)[0]
    id = ids.new()
    secret = new_token(id) if given is None else given_token(id, given)
    new = Credential(
        id=id,
        account_id=account_id,
        domain_id=only_for.id,
        kind=CredentialKind.DOMAIN_TOKEN,
        login=secret.id,
        secret_hash=installation.secret_hash(secret.text),
        created_at=now,
        dialect=dialect,
        name=_checked_name(name),
    )
    return _add(conn, born_under(conn, maker, terms, new), secret, is_given=given is not None)


def judge_given(kind: CredentialKind, opening: str, text: str) -> None:
    """Raises Refused for a key or token that does not have the form of one."""
    if kind is CredentialKind.DOMAIN_TOKEN:
        given_token("", text)
    else:
        given_key(opening, text)


def _add(conn: Connection, new: Credential, secret: Secret, *, is_given: bool) -> IssuedKey:
    # a given one may be another account's: that it is in use is told, whose it is not
    if is_given and (
        stored.is_secret_in_use(conn, new.kind, new.secret_hash) or identity.find_credential(conn, new.login)
    ):
        noun = _NOUNS[new.kind]
        raise Refused(550, "5.1.3", f"This {noun} is in use already; let a new one be made", reason="exists")
    identity.add_credential(conn, new)
    return IssuedKey(secret.id, "" if is_given else secret.text, new.expires_at)


def change(
    conn: Connection,
    *,
    account_id: str,
    kind: CredentialKind,
    id: str,
    name: str | None = None,
    permissions: Sequence[str] | None = None,
    terms: Terms = Terms(),
    maker: str = "",
) -> Credential:
    """What is said takes the place of what was, open sessions follow within a second. Raises Refused."""
    before = load(conn, account_id, kind, id)
    new = under(terms, before)
    if name is not None:
        new = replace(new, name=_checked_name(name))
    if permissions is not None:
        new = replace(new, permissions=_checked_permissions(permissions, new.dialect))
    judge_maker(conn, maker, new, before)
    if new != before:
        stored.change_credential(conn, new)
    return new


def revoke(conn: Connection, now: float, *, account_id: str, kind: CredentialKind, id: str) -> str:
    """End a key or a token, by its public id; the id. Raises Refused."""
    found = load(conn, account_id, kind, id)
    identity.revoke_credential(conn, found.login, now)
    return found.login


def load(conn: Connection, account_id: str, kind: CredentialKind, id: str) -> Credential:
    """A key or token of the account by its public id, maybe expired. Raises Refused, in the same words for
    another account's (S20)."""
    id = id.strip()
    found = identity.find_credential(conn, id)
    if found is None or found.account_id != account_id or found.kind is not kind:
        raise Refused(550, "5.1.1", f"There is no {_NOUNS[kind]} {id} here", reason="no-key")
    return found


def listing(
    conn: Connection,
    account_id: str,
    kind: CredentialKind,
    domain: str | None = None,
    part: Part = EVERYTHING,
) -> list[dict[str, Any]]:
    """What the account, or a domain of it, has of this kind, expired ones too, as `key_rows`."""
    held = identity.find_domain(conn, domain) if domain is not None else None
    if domain is not None and held is None:
        return []
    domain_id = held.id if held else ""
    return key_rows(conn, stored.of_account(conn, account_id, kind, domain_id=domain_id, part=part))


def key_rows(conn: Connection, found: Sequence[Credential]) -> list[dict[str, Any]]:
    """Keys and tokens as rows for people: id, name, domain, permissions, dialect, created_at and what
    `shown_with_use` adds."""
    names = identity.domain_names(conn, {item.domain_id for item in found if item.domain_id})
    uses = stored.last_uses(conn, [item.id for item in found])
    return [
        {
            "id": item.login,
            "name": item.name,
            "domain": names.get(item.domain_id, ""),
            "permissions": list(item.permissions),
            "dialect": item.dialect,
            "created_at": item.created_at,
            **shown_with_use(item, uses),
        }
        for item in found
    ]


def _checked_permissions(words: Sequence[str], dialect: str) -> tuple[str, ...]:
    if len(words) > _MOST_PERMISSIONS:
        raise Refused(501, "5.5.4", f"A key has at most {_MOST_PERMISSIONS} permissions", reason="bad-word")
    for word in words:
        if not _PERMISSION.match(word):
            text = f"{word[:100]!r} is no permission; one looks like {MAIL_SEND}"
            raise Refused(501, "5.5.4", text, reason="bad-word")
    if dialect == NATIVE and (strange := not_ours(words)):
        raise Refused(501, "5.5.4", not_ours_text(strange[0]), reason="bad-word")
    return tuple(dict.fromkeys(words))


def _checked_name(text: str) -> str:
    text = text.strip()
    if len(text) > _LONGEST_NAME or not text.isprintable():
        raise Refused(
            501, "5.5.4", f"A name has at most {_LONGEST_NAME} printable characters", reason="bad-name"
        )
    return text
