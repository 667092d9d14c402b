"""Who may sign in: SMTP users here, keys and tokens in `keys`; how all three are recognised (C-03 to C-07).

A user's login is `name@domain` in lower case; the domain decides what its user may send for. The store holds
a keyed hash of each secret, nothing else. `recognise` works on tables in memory (see `identity_view`), costs
the same for a known and an unknown login, and never says which of the two it was.

Public: Issued, Known, SignIns, issue, reset, revoke, load, listing, recognise, refusal, new_password,
normal_login.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from posthouse.desk import domains
from posthouse.desk.installation import Installation
from posthouse.model.account import Credential, CredentialKind, Principal
from posthouse.model.address import BadAddress, ascii_domain
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.engine import Connection

KEY_USER = "apikey"
"""The user name of everybody who signs in with a key, in any case of letters."""

_LOGIN_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._+-]{0,62}[a-z0-9])?\Z")
_KEY_FORM = re.compile(r"key-|ph_|SG\.[\w-]{16,32}\.[\w-]{30,}", re.ASCII)
_NOBODY = secrets.token_bytes(32)  # equals no hash: an unknown login is compared like a known one


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh credential. `password` is shown to its owner now and never again."""

    login: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Known:
    """What sign-in compares for one credential, and what it yields."""

    secret_hash: bytes
    principal: Principal


@dataclass(frozen=True, slots=True)
class SignIns:
    """Who may sign in: users by their login, keys and tokens by the hash of their secret."""

    users: Mapping[str, Known] = field(default_factory=dict)
    keys: Mapping[bytes, Principal] = field(default_factory=dict)
    tokens: Mapping[bytes, Principal] = field(default_factory=dict)


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
) -> Issued:
    """Add a user to a domain of the account, inside the caller's transaction. Raises Refused.

    `dialect`: whose words this user hears, "" for the usual ones.
    """
    login = normal_login(login)
    domain = domains.load(conn, account_id, login.rpartition("@")[2])[0]
    if identity.find_credential(conn, login):
        raise Refused(550, "5.1.3", f"There is a user {login} already", reason="exists")
    password = new_password()
    user = Credential(
        id=ids.new(),
        account_id=account_id,
        domain_id=domain.id,
        kind=CredentialKind.SMTP_USER,
        login=login,
        secret_hash=installation.secret_hash(password),
        created_at=now,
    )
    identity.add_credential(conn, replace(user, dialect=dialect) if dialect else user)
    return Issued(login, password)


def reset(
    conn: Connection, installation: Installation, ids: Ids, now: float, *, account_id: str, login: str
) -> Issued:
    """End the old password at once, also in open sessions, and make a new one. Raises Refused."""
    before = load(conn, account_id, login)
    password = new_password()
    # a new credential, not a new hash in the old one: sessions know their credential by its id
    identity.revoke_credential(conn, before.login, now)
    fresh = replace(
        before, id=ids.new(), secret_hash=installation.secret_hash(password), created_at=now, revoked_at=None
    )
    identity.add_credential(conn, fresh)
    return Issued(before.login, password)


def revoke(conn: Connection, now: float, *, account_id: str, login: str) -> str:
    """End a user's right to sign in, other users of the domain keep theirs. Raises Refused."""
    user = load(conn, account_id, login)
    identity.revoke_credential(conn, user.login, now)
    return user.login


def load(conn: Connection, account_id: str, login: str) -> Credential:
    """A valid user of the account. Raises Refused, in the same words for another account's."""
    login = normal_login(login)
    found = identity.find_credential(conn, login)
    if found is None or found.account_id != account_id or found.kind is not CredentialKind.SMTP_USER:
        raise Refused(550, "5.1.1", f"There is no user {login} here", reason="no-user")
    return found


def listing(conn: Connection, account_id: str, domain: str | None = None) -> list[dict[str, Any]]:
    """The account's users that may sign in, as rows for people: login, created_at, dialect; no hash."""
    return [
        {"login": user.login, "created_at": user.created_at, "dialect": user.dialect}
        for user in identity.list_credentials(conn, domain)
        if user.account_id == account_id and user.revoked_at is None and user.kind is CredentialKind.SMTP_USER
    ]


def recognise(sign_ins: SignIns, installation: Installation, login: str, password: str) -> Principal | None:
    """Who signs in with this login and password, or None. About 3 us.

    A key comes with the user name `apikey`, a token is both user and password, and a password encoded with
    `echo` brings a line break along. The tables hold only this region's domains (C-14) and nothing revoked.
    Users are compared in constant time; keys and tokens are found by a keyed hash, whose bytes tell a guesser
    nothing.
    """
    password = password.rstrip("\r\n")
    name = login.strip()
    if name.lower() == KEY_USER:
        return sign_ins.keys.get(installation.secret_hash(password))
    if name and name == password.strip():
        return sign_ins.tokens.get(installation.secret_hash(name))
    known = sign_ins.users.get(_looked_up(name))
    expected = known.secret_hash if known else _NOBODY
    matches = hmac.compare_digest(installation.secret_hash(password), expected)
    return known.principal if known and matches else None


def _looked_up(login: str) -> str:
    """The table's spelling; an international domain may arrive in either form."""
    if login.isascii():
        return login.lower()
    try:
        return normal_login(login)
    except Refused:
        return ""


def refusal(password: str, *, is_key: bool = False) -> Refused:
    """What to answer when `recognise` said None. Only the password may change the words: who pastes an API
    key (one by its form, or `is_key`: one of ours) is told so (C-06), and nobody learns whether a login
    exists."""
    if is_key or _KEY_FORM.match(password):
        text = "Authentication failed: this is an API key; use the SMTP password of this user"
        return Refused(535, "5.7.8", text, reason="api-key")
    return Refused(535, "5.7.8", "Authentication failed", reason="bad-credentials")
