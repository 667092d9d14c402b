"""SMTP users: made, changed, listed, ended (C-03, C-07). Keys and tokens are in `keys`.

A user's login is `name@domain` in lower case; the domain decides what its user may send for. The store holds
a keyed hash of each secret, nothing else; who signs in is found in `sign_in`.

Public: Issued, issue, reset, change, revoke, load, listing, new_password, normal_login.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from posthouse.desk import domains
from posthouse.desk.expiry import has_expired
from posthouse.desk.installation import Installation
from posthouse.desk.offspring import born_under, judge_maker
from posthouse.desk.terms import Terms, shown_with_use, under
from posthouse.model.account import Credential, CredentialKind
from posthouse.model.address import BadAddress, ascii_domain
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.rules import passwords
from posthouse.store import credentials as stored
from posthouse.store import identity
from posthouse.store.engine import Connection
from posthouse.store.parts import EVERYTHING, Part

_LOGIN_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._+-]{0,62}[a-z0-9])?\Z")


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh credential. `password` is shown to its owner now and never again; "" when they chose it."""

    login: str
    password: str = field(repr=False)


def new_password() -> str:
    """32, 8 and 8 hex digits: 192 random bits in the form that people moving here know."""
    digits = secrets.token_hex(24)
    return f"{digits[:32]}-{digits[32:40]}-{digits[40:]}"


def normal_login(text: str) -> str:
    """`Name@Domain` -> `name@domain` with the domain in A-label form. Raises Refused."""
    name, at, domain = text.strip().lower().rpartition("@")
    if not at or not _LOGIN_NAME.match(name):
        raise Refused(
            501,
            "5.1.3",
            "A login is name@domain; the name has letters, digits and . _ + -",
            reason="bad-login",
        )
    try:
        return f"{name}@{ascii_domain(domain)}"
    except BadAddress as error:
        raise Refused(
            501, "5.1.3", f"The login's domain is not valid: {error}", reason="bad-login"
        ) from error


def issue(
    conn: Connection,
    installation: Installation,
    ids: Ids,
    now: float,
    *,
    account_id: str,
    login: str,
    dialect: str = "",
    chosen: str | None = None,
    terms: Terms = Terms(),
    maker: str = "",
) -> Issued:
    """Add a user to a domain of the account, inside the caller's transaction. Raises Refused.

    `dialect`: whose words this user hears, "" for the usual ones. `chosen`: a password that exists already.
    `maker`: the id of the key that asks, "" for people; see `offspring`.
    """
    login = normal_login(login)
    domain = domains.load(conn, account_id, login.rpartition("@")[2])[0]
    if identity.find_credential(conn, login):
        raise Refused(550, "5.1.3", f"There is a user {login} already", reason="exists")
    password = _password(chosen, login)
    user = Credential(
        id=ids.new(),
        account_id=account_id,
        domain_id=domain.id,
        kind=CredentialKind.SMTP_USER,
        login=login,
        secret_hash=installation.secret_hash(password),
        created_at=now,
    )
    user = born_under(conn, maker, terms, replace(user, dialect=dialect) if dialect else user)
    identity.add_credential(conn, user)
    return Issued(login, "" if chosen is not None else password)


def reset(
    conn: Connection,
    installation: Installation,
    ids: Ids,
    now: float,
    *,
    account_id: str,
    login: str,
    chosen: str | None = None,
    maker: str = "",
) -> Issued:
    """End the old password at once, also in open sessions, and put a new one in its place. Raises Refused;
    the new one of a user that has expired would be good for nothing, and a key learns by it the password of
    no user that it could not make."""
    before = load(conn, account_id, login)
    judge_maker(conn, maker, before)
    if has_expired(before.expires_at, now):
        text = f"The user {before.login} has expired: give it another day to expire first"
        raise Refused(550, "5.7.1", text, reason="expired")
    password = _password(chosen, before.login)
    # a new credential, not a new hash in the old one: sessions know their credential by its id
    identity.revoke_credential(conn, before.login, now)
    fresh = replace(
        before, id=ids.new(), secret_hash=installation.secret_hash(password), created_at=now, revoked_at=None
    )
    identity.add_credential(conn, fresh)
    return Issued(before.login, "" if chosen is not None else password)


def _password(chosen: str | None, login: str) -> str:
    if chosen is None:
        return new_password()
    if trouble := passwords.trouble_with(chosen, login):
        raise Refused(501, "5.5.4", trouble, reason="weak-password")
    return chosen


def change(conn: Connection, *, account_id: str, login: str, terms: Terms, maker: str = "") -> Credential:
    """New terms for a user; what is not said stays. Raises Refused."""
    before = load(conn, account_id, login)
    new = under(terms, before)
    judge_maker(conn, maker, new, before)
    if new != before:
        stored.change_credential(conn, new)
    return new


def revoke(conn: Connection, now: float, *, account_id: str, login: str) -> str:
    """End a user's right to sign in, other users of the domain keep theirs. Raises Refused."""
    user = load(conn, account_id, login)
    identity.revoke_credential(conn, user.login, now)
    return user.login


def load(conn: Connection, account_id: str, login: str) -> Credential:
    """A user of the account, maybe expired. Raises Refused, in the same words for another account's (S20)."""
    login = normal_login(login)
    found = identity.find_credential(conn, login)
    if found is None or found.account_id != account_id or found.kind is not CredentialKind.SMTP_USER:
        raise Refused(550, "5.1.1", f"There is no user {login} here", reason="no-user")
    return found


def listing(
    conn: Connection, account_id: str, domain: str | None = None, part: Part = EVERYTHING
) -> list[dict[str, Any]]:
    """The account's users or those of a domain of it, expired ones too, as rows for people: login,
    created_at, dialect and what `shown_with_use` adds; no hash."""
    held = identity.find_domain(conn, domain) if domain is not None else None
    if domain is not None and held is None:
        return []
    domain_id = held.id if held else ""
    found = stored.of_account(conn, account_id, CredentialKind.SMTP_USER, domain_id=domain_id, part=part)
    uses = stored.last_uses(conn, [user.id for user in found])
    return [
        {
            "login": user.login,
            "created_at": user.created_at,
            "dialect": user.dialect,
            **shown_with_use(user, uses),
        }
        for user in found
    ]
