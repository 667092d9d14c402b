"""SMTP users: make, show the password once, recognise, reset, revoke (C-03, C-06, C-07).

A login is `name@domain` in lower case; the domain decides what its user may send for. The store holds a
keyed hash of the password, nothing else. `recognise` works on a `Logins` table in memory (see
`identity_view`), costs the same for a known and an unknown login, and never says which of the two it was.

Public: Issued, Logins, issue, reset, revoke, listing, recognise, refusal, new_password, normal_login.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from posthouse.desk.installation import Installation
from posthouse.model.account import Credential, CredentialKind, Principal
from posthouse.model.address import BadAddress, ascii_domain
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.engine import Connection

_LOGIN_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._+-]{0,62}[a-z0-9])?\Z")
_NOBODY = secrets.token_bytes(32)  # equals no hash: an unknown login is compared like a known one


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh credential. `password` is shown to its owner now and never again."""

    login: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Known:
    """What sign-in compares for one login, and what it yields."""

    secret_hash: bytes
    principal: Principal


Logins = Mapping[str, Known]


def new_password() -> str:
    """32, 8 and 8 hex digits: 192 random bits in the form that Mailgun's users know."""
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


def issue(conn: Connection, installation: Installation, ids: Ids, now: float, *, login: str) -> Issued:
    """Add a user to an existing domain, inside the caller's transaction. Raises Refused."""
    login = normal_login(login)
    name = login.rpartition("@")[2]
    domain = identity.find_domain(conn, name)
    if domain is None:
        raise Refused(550, "5.1.2", f"There is no domain {name} here; add it first", reason="no-domain")
    if identity.find_credential(conn, login):
        raise Refused(550, "5.1.3", f"There is a user {login} already", reason="exists")
    password = new_password()
    identity.add_credential(
        conn,
        Credential(
            id=ids.new(),
            account_id=domain.account_id,
            domain_id=domain.id,
            kind=CredentialKind.SMTP_USER,
            login=login,
            secret_hash=installation.secret_hash(password),
            created_at=now,
        ),
    )
    return Issued(login, password)


def reset(conn: Connection, installation: Installation, ids: Ids, now: float, *, login: str) -> Issued:
    """End the old password at once, also in open sessions, and make a new one. Raises Refused."""
    # a new credential, not a new hash in the old one: sessions know their credential by its id
    return issue(conn, installation, ids, now, login=revoke(conn, now, login=login))


def revoke(conn: Connection, now: float, *, login: str) -> str:
    """End a user's right to sign in, other users of the domain keep theirs. Raises Refused."""
    login = normal_login(login)
    if not identity.revoke_credential(conn, login, now):
        raise _no_user(login)
    return login


def listing(conn: Connection, domain: str | None = None) -> list[dict[str, Any]]:
    """Users that may sign in, as rows for people: login, created_at; no hash."""
    return [
        {"login": user.login, "created_at": user.created_at}
        for user in identity.list_credentials(conn, domain)
        if user.revoked_at is None
    ]


def recognise(logins: Logins, installation: Installation, login: str, password: str) -> Principal | None:
    """Who signs in with this login and password, or None. Constant time, about 3 us.

    The table holds only this region's users (C-14) and no revoked one.
    """
    known = logins.get(_looked_up(login))
    expected = known.secret_hash if known else _NOBODY
    matches = hmac.compare_digest(installation.secret_hash(password), expected)
    return known.principal if known and matches else None


def _looked_up(login: str) -> str:
    """The table's spelling; an international domain may arrive in either form."""
    if login.isascii():
        return login.strip().lower()
    try:
        return normal_login(login)
    except Refused:
        return ""


def refusal(password: str) -> Refused:
    """What to answer when `recognise` said None. Only the form of the password may change the words: who
    pastes an API key is told so (C-06), and nobody learns whether a login exists."""
    if password.startswith("key-"):
        text = "Authentication failed: this is an API key; use the SMTP password of this user"
        return Refused(535, "5.7.8", text, reason="api-key")
    return Refused(535, "5.7.8", "Authentication failed", reason="bad-credentials")


def _no_user(login: str) -> Refused:
    return Refused(550, "5.1.1", f"There is no user {login} here", reason="no-user")
