"""What is asked about the credentials of one account, and when each was used last.

A use is written in batches and raises no version: workers need not know it. All changes are for write
transactions.

Public: Use, of_account, with_secret, is_secret_in_use, change_credential, note_uses, last_uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import msgspec
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.model.account import NO_LIMITS, Credential, CredentialKind
from posthouse.store.connection import Connection
from posthouse.store.identity import to_credential
from posthouse.store.identity_tables import credential, credential_use
from posthouse.store.parts import EVERYTHING, Part, Parted
from posthouse.store.statement import RowsStatement, Statement, given_key
from posthouse.store.tables import word
from posthouse.store.versions import raise_identity


class Use(NamedTuple):
    """A sign-in or a letter; `address` is the client's."""

    credential_id: str
    at: float
    address: str


_is_valid = credential.c.revoked_at.is_(None)
_of_account = select(credential).where(credential.c.account_id == bindparam("of_account"), _is_valid)
_SEARCHED = (credential.c.login, credential.c.name)


@cache
def _lists(kinds: tuple[CredentialKind, ...], of_domain: bool) -> Parted:
    query = _of_account.where(credential.c.kind.in_([word(kind.value) for kind in kinds]))
    if of_domain:
        query = query.where(credential.c.domain_id == bindparam("of_domain"))
    names = ("of_account", "of_domain") if of_domain else ("of_account",)
    return Parted(query, *names, key=credential.c.login, searched=_SEARCHED)


_with_secret = Statement(
    select(credential)
    .where(
        credential.c.account_id == bindparam("of_account"), credential.c.secret_hash == bindparam("secret")
    )
    .order_by(credential.c.created_at.desc()),
    "of_account",
    "secret",
)
_by_secret = Statement(
    select(credential.c.id).where(
        credential.c.secret_hash == bindparam("secret"), credential.c.kind == bindparam("of_kind"), _is_valid
    ),
    "secret",
    "of_kind",
)
_change = Statement(
    update(credential)
    .where(credential.c.id == bindparam("of_id"), _is_valid)
    .values(
        name=bindparam("new_name"),
        permissions=bindparam("new_permissions"),
        ranges=bindparam("new_ranges"),
        limits=bindparam("new_limits"),
        expires_at=bindparam("new_expires_at"),
    ),
    "of_id",
    "new_name",
    "new_permissions",
    "new_ranges",
    "new_limits",
    "new_expires_at",
)
# SELECT and not VALUES: a credential may have gone with its domain since it was used
_fresh = upsert_into(credential_use).from_select(
    ["credential_id", "at", "address"],
    select(credential.c.id, bindparam("at"), bindparam("address")).where(credential.c.id == bindparam("id")),
)
_note = Statement(
    _fresh.on_conflict_do_update(
        index_elements=[credential_use.c.credential_id],
        set_={"at": _fresh.excluded.at, "address": _fresh.excluded.address},
        where=credential_use.c.at < _fresh.excluded.at,
    ),
    "at",
    "address",
    "id",
)
_latest = Statement(
    select(credential_use, credential.c.kind)
    .join(credential, credential.c.id == credential_use.c.credential_id)
    .where(credential.c.account_id == bindparam("of_account"))
    .order_by(credential_use.c.at.desc(), credential_use.c.credential_id)
    .limit(bindparam("most")),
    "of_account",
    "most",
)
_uses = RowsStatement(
    given_key(credential_use.c.credential_id.type),
    lambda given: select(credential_use).join(given, credential_use.c.credential_id == given.c.key),
)


def of_account(
    conn: Connection,
    account_id: str,
    *kinds: CredentialKind,
    domain_id: str = "",
    part: Part = EVERYTHING,
) -> list[Credential]:
    """Those of these kinds that are not revoked, expired ones too, of a domain or ("") of all of the
    account; by login."""
    values = (account_id, domain_id) if domain_id else (account_id,)
    return [to_credential(row) for row in _lists(kinds, bool(domain_id)).rows(conn, part, *values)]


def with_secret(conn: Connection, account_id: str, secret_hash: bytes) -> list[Credential]:
    """Those of the account that have or, revoked, had this secret; the newest first."""
    return [to_credential(row) for row in conn.rows(_with_secret, account_id, secret_hash)]


def is_secret_in_use(conn: Connection, kind: CredentialKind, secret_hash: bytes) -> bool:
    """Has a valid credential of the kind, whosever it is, this secret?"""
    return conn.row(_by_secret, secret_hash, kind.value) is not None


def change_credential(conn: Connection, new: Credential) -> bool:
    """Store name, permissions, ranges, limits and expiry of a credential. False: there is none of that id."""
    limits = "" if new.limits == NO_LIMITS else msgspec.json.encode(new.limits).decode()
    words = new.name, " ".join(new.permissions), " ".join(new.ranges), limits
    changed = conn.change(_change, new.id, *words, new.expires_at)
    if changed:
        raise_identity(conn)
    return changed > 0


def note_uses(conn: Connection, uses: Sequence[Use]) -> None:
    """Keep each use unless a later one is known; those of credentials that are gone are dropped."""
    for use in sorted(uses):  # in one order everywhere: two writers never wait for each other's rows
        conn.change(_note, use.at, use.address, use.credential_id)


def latest_uses(conn: Connection, account_id: str, most: int) -> list[tuple[CredentialKind, Use]]:
    """The last use of each credential of the account, with its kind, revoked ones too; the latest first."""
    return [(CredentialKind(kind), Use(*row)) for *row, kind in conn.rows(_latest, account_id, most)]


def last_uses(conn: Connection, credential_ids: Sequence[str]) -> dict[str, Use]:
    """Of these, by id; one that was never used is not there."""
    return {row[0]: Use(*row) for row in conn.answers(_uses, [(each,) for each in credential_ids])}
