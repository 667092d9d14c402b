"""Accounts, domains, credentials; the DKIM keys of domains are in `domain_keys`.

Each change raises the identity version in the same transaction: workers keep what they know as long as the
version stays. All changes are for write transactions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import bindparam, delete, or_, select, update

from posthouse.model.account import (
    ACCOUNT_DEFAULTS,
    DEFAULTS,
    NO_LIMITS,
    Account,
    AccountSettings,
    Credential,
    CredentialKind,
    CredentialLimits,
    Domain,
    DomainKey,
    DomainSettings,
)
from posthouse.store import domain_checks, domain_keys
from posthouse.store.connection import Connection, Row
from posthouse.store.identity_tables import account, credential, domain
from posthouse.store.parts import EVERYTHING, Part, Parted
from posthouse.store.rows import harmless
from posthouse.store.statement import RowsStatement, Statement, given_key, insert_once
from posthouse.store.tables import mark, word
from posthouse.store.trouble import Duplicate
from posthouse.store.versions import raise_identity

_version = Statement(select(mark.c.number).where(mark.c.name == word("identity")))


def identity_version(conn: Connection) -> int:
    """Rises with every change of what workers keep in memory (`versions.raise_identity`)."""
    row = conn.row(_version)
    return int(row[0]) if row else 0


def _changed(conn: Connection, rows: int) -> bool:
    if rows:
        raise_identity(conn)
    return rows > 0


# Accounts

_add_account = insert_once(account)
_account = Statement(select(account).where(account.c.name == bindparam("name")), "name")
_account_by_id = Statement(select(account).where(account.c.id == bindparam("of_id")), "of_id")
_accounts = Parted(select(account), key=account.c.name, searched=(account.c.name,))
_set_account = Statement(
    update(account).where(account.c.id == bindparam("of_id")).values(settings=bindparam("new_settings")),
    "of_id",
    "new_settings",
)
_remove_account = Statement(delete(account).where(account.c.id == bindparam("of_id")), "of_id")
_encode = msgspec.json.Encoder().encode
_read_account = msgspec.json.Decoder(AccountSettings).decode


def ensure_account(conn: Connection, name: str, *, id: str, now: float) -> Account:
    """The account of that name, made with `id` if there is none."""
    _changed(conn, conn.change(_add_account, id, name, now, ""))
    found = find_account(conn, name)
    assert found is not None
    return found


def find_account(conn: Connection, name: str) -> Account | None:
    row = conn.row(_account, name)
    return None if row is None else _to_account(row)


def find_account_by_id(conn: Connection, account_id: str) -> Account | None:
    row = conn.row(_account_by_id, account_id)
    return None if row is None else _to_account(row)


def list_accounts(conn: Connection, part: Part = EVERYTHING) -> list[Account]:
    """All, by name."""
    return [_to_account(row) for row in _accounts.rows(conn, part)]


def set_account_settings(conn: Connection, account_id: str, settings: AccountSettings) -> bool:
    """New settings in the place of the old ones. False: no such account."""
    text = "" if settings == ACCOUNT_DEFAULTS else _encode(settings).decode()
    return _changed(conn, conn.change(_set_account, account_id, text))


def remove_account(conn: Connection, account_id: str) -> bool:
    """With its domains, keys, credentials and memberships; queued mail stays. False: no such account."""
    return _changed(conn, conn.change(_remove_account, account_id))


def _to_account(row: Row) -> Account:
    account_id, name, created_at, text = row
    return Account(account_id, name, created_at, _read_account(text) if text else ACCOUNT_DEFAULTS)


# Domains

_add_domain = insert_once(domain)
_domain = Statement(select(domain).where(domain.c.name == bindparam("of_name")), "of_name")
_domain_by_id = Statement(select(domain).where(domain.c.id == bindparam("of_id")), "of_id")
_domains = Parted(select(domain), key=domain.c.name, searched=(domain.c.name,))
_region = bindparam("in_region", type_=domain.c.region.type)
_domains_of = Parted(
    select(domain).where(
        domain.c.account_id == bindparam("of_account"), or_(_region == word(""), domain.c.region == _region)
    ),
    "of_account",
    "in_region",
    key=domain.c.name,
    searched=(domain.c.name,),
)
_with_settings = Statement(
    select(domain)
    .where(domain.c.account_id == bindparam("of_account"), domain.c.settings != word(""))
    .order_by(domain.c.name),
    "of_account",
)
_names_of = RowsStatement(
    given_key(domain.c.id.type),
    lambda given: select(domain.c.id, domain.c.name).join(given, domain.c.id == given.c.key),
)
_below = Statement(
    select(domain).where(domain.c.name.like(bindparam("ending"))).order_by(domain.c.name), "ending"
)
_remove_domain = Statement(delete(domain).where(domain.c.name == bindparam("of_name")), "of_name")
_set_verified = Statement(
    update(domain).where(domain.c.name == bindparam("of_name")).values(verified_at=bindparam("at")),
    "of_name",
    "at",
)
_set_settings = Statement(
    update(domain).where(domain.c.name == bindparam("of_name")).values(settings=bindparam("new_settings")),
    "of_name",
    "new_settings",
)
_read_settings = msgspec.json.Decoder(DomainSettings).decode


def add_domain(conn: Connection, new: Domain, keys: Sequence[DomainKey]) -> None:
    """A domain with its keys; DNS is asked about it soon. Raises Duplicate if the name is taken."""
    added = conn.change(
        _add_domain,
        new.id,
        new.account_id,
        new.name,
        new.region,
        new.verified_at,
        new.created_at,
        _settings_text(new.settings),
    )
    if not _changed(conn, added):
        raise Duplicate(f"the domain {new.name} is there already")
    domain_checks.begin(conn, new.id, new.created_at)
    for key in keys:
        domain_keys.add_key(conn, key)


def find_domain(conn: Connection, name: str) -> Domain | None:
    """By name in lower-case A-label form."""
    row = conn.row(_domain, harmless(name))
    return None if row is None else _to_domain(row)


def domains_around(conn: Connection, name: str) -> list[Domain]:
    """The domain of that name and those above and below it, whoever has them."""
    labels = name.split(".")
    above = [find_domain(conn, ".".join(labels[at:])) for at in range(len(labels) - 1)]
    below = conn.rows(_below, f"%.{name}")  # a name holds neither % nor _
    return [found for found in above if found] + [_to_domain(row) for row in below]


def find_domain_by_id(conn: Connection, domain_id: str) -> Domain | None:
    row = conn.row(_domain_by_id, domain_id)
    return None if row is None else _to_domain(row)


def list_domains(
    conn: Connection, account_id: str | None = None, part: Part = EVERYTHING, region: str = ""
) -> list[Domain]:
    """All, or those of an account, by name; of an account also those of one region."""
    if account_id is None:
        rows = _domains.rows(conn, part)
    else:
        rows = _domains_of.rows(conn, part, account_id, region)
    return [_to_domain(row) for row in rows]


def domains_with_settings(conn: Connection, account_id: str) -> list[Domain]:
    """Those of an account where anything is set, by name: of ten thousand, few."""
    return [_to_domain(row) for row in conn.rows(_with_settings, account_id)]


def domain_names(conn: Connection, domain_ids: Iterable[str]) -> dict[str, str]:
    """The names of these domains, by id."""
    return dict(tuple(row) for row in conn.answers(_names_of, [(each,) for each in domain_ids]))


def set_settings(conn: Connection, name: str, settings: DomainSettings) -> bool:
    """New settings in the place of the old ones. False: no such domain."""
    return _changed(conn, conn.change(_set_settings, name, _settings_text(settings)))


def _to_domain(row: Row) -> Domain:
    return replace(Domain(*row), settings=_read_settings(row[6]) if row[6] else DEFAULTS)


def _settings_text(settings: DomainSettings) -> str:
    return "" if settings == DEFAULTS else _encode(settings).decode()


def remove_domain(conn: Connection, name: str) -> bool:
    """With its keys and credentials; mail in the queue stays. False: there is none of that name."""
    return _changed(conn, conn.change(_remove_domain, name))


def set_verified(conn: Connection, name: str, at: float | None) -> bool:
    """Note that DNS agrees since `at`, or (None) that it does not. False: no such domain."""
    return _changed(conn, conn.change(_set_verified, name, at))


# Credentials

_read_limits = msgspec.json.Decoder(CredentialLimits).decode
_is_valid = credential.c.revoked_at.is_(None)
_add_credential = insert_once(credential)
_credential = Statement(
    select(credential).where(credential.c.login == bindparam("of_login"), _is_valid), "of_login"
)
_credentials = Statement(select(credential).order_by(credential.c.login, credential.c.created_at))
_credentials_of = Statement(
    select(credential)
    .join(domain, domain.c.id == credential.c.domain_id)
    .where(domain.c.name == bindparam("of_domain"))
    .order_by(credential.c.login, credential.c.created_at),
    "of_domain",
)
_revoke = Statement(
    update(credential)
    .where(credential.c.login == bindparam("of_login"), _is_valid)
    .values(revoked_at=bindparam("at")),
    "of_login",
    "at",
)


def to_credential(row: Row) -> Credential:
    """A row of the table in its column order."""
    made = Credential(*row)
    return replace(
        made,
        domain_id=made.domain_id or "",
        kind=CredentialKind(made.kind),
        permissions=tuple(row[9].split()),
        ranges=tuple(row[11].split()),
        limits=_read_limits(row[12]) if row[12] else NO_LIMITS,
    )


def add_credential(conn: Connection, new: Credential) -> None:
    """Raises Duplicate if a valid credential has that login."""
    added = conn.change(
        _add_credential,
        new.id,
        new.account_id,
        new.domain_id or None,
        new.kind.value,
        new.login,
        new.secret_hash,
        new.created_at,
        new.revoked_at,
        new.dialect,
        " ".join(new.permissions),
        new.name,
        " ".join(new.ranges),
        "" if new.limits == NO_LIMITS else _encode(new.limits).decode(),
        new.expires_at,
    )
    if not _changed(conn, added):
        raise Duplicate(f"the login {new.login} is there already")


def find_credential(conn: Connection, login: str) -> Credential | None:
    """The credential of that login, maybe expired; None if unknown or revoked."""
    row = conn.row(_credential, login)
    return None if row is None else to_credential(row)


def list_credentials(conn: Connection, domain: str | None = None) -> list[Credential]:
    """All, or those of a domain (by name), revoked ones included."""
    rows = conn.rows(_credentials) if domain is None else conn.rows(_credentials_of, domain)
    return [to_credential(row) for row in rows]


def revoke_credential(conn: Connection, login: str, now: float) -> bool:
    """From now on the login is refused. False: it was not valid."""
    return _changed(conn, conn.change(_revoke, login, now))
