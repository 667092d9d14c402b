"""Who signs in with a user name and a password (C-03 to C-06): users, keys and tokens.

The store holds a keyed hash of each secret, nothing else. `recognise` works on tables in memory (see
`identity_view`), costs the same for a known and an unknown login, and never says which of the two it was.

Public: KEY_USER, Known, SignIns, recognise, kind_of, refusal.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from posthouse.desk.credentials import normal_login
from posthouse.desk.installation import Installation
from posthouse.model.account import CredentialKind, Principal
from posthouse.model.errors import Refused

KEY_USER = "apikey"
"""The user name of everybody who signs in with a key, in any case of letters."""

_KEY_FORM = re.compile(r"key-|ph_[\w-]+\.|SG\.[\w-]{16,32}\.[\w-]{30,}", re.ASCII)
_NOBODY = secrets.token_bytes(32)  # equals no hash: an unknown login is compared like a known one


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


def kind_of(sign_ins: SignIns, installation: Installation, secret: str) -> CredentialKind | None:
    """Is this the secret of one of our keys or tokens? For C-06 only: whose it is stays unsaid."""
    hashed = installation.secret_hash(secret.strip())
    if hashed in sign_ins.keys:
        return CredentialKind.API_KEY
    return CredentialKind.DOMAIN_TOKEN if hashed in sign_ins.tokens else None


def refusal(login: str, password: str, kind: CredentialKind | None = None) -> Refused:
    """What to answer when `recognise` said None. `kind`: what the password is here, see `kind_of`.

    Who puts a key or a token into the wrong place is told where it belongs (C-06); only the form of what was
    given and the secret itself change the words, so nobody learns whether a login exists.
    """
    if "@" in login:
        if kind is CredentialKind.API_KEY or _KEY_FORM.match(password):
            return _refused("api-key", "this is an API key; use the SMTP password of this user")
        if kind is CredentialKind.DOMAIN_TOKEN:
            return _refused("token", "this is a domain's token; give it as the user and as the password")
    elif _KEY_FORM.match(login.strip()):
        return _refused("key-as-user", f"the user is the word {KEY_USER}, and the key is the password")
    return Refused(535, "5.7.8", "Authentication failed", reason="bad-credentials")


def _refused(reason: str, text: str) -> Refused:
    return Refused(535, "5.7.8", f"Authentication failed: {text}", reason=reason)
