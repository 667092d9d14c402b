"""Keys of an account and tokens of a domain: make, show the secret once, list, revoke (C-04, C-05, C-07).

Both are found by the keyed hash of the secret and named by a public id, which stands as `login` in the store.
A key sends for every domain of its account, or for one; a token for its domain.

Public: IssuedKey, issue_key, issue_token, revoke, load, listing.
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from posthouse.desk import domains
from posthouse.desk.installation import Installation
from posthouse.model.account import MAIL_SEND, Credential, CredentialKind
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.engine import Connection

_PERMISSION = re.compile(r"[A-Za-z0-9_.*-]{1,100}\Z")
_LONGEST_NAME = 100
_NOUNS = {CredentialKind.API_KEY: "key", CredentialKind.DOMAIN_TOKEN: "token"}


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A fresh key or token. `secret` is shown to its owner now and never again."""

    id: str
    secret: str = field(repr=False)


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
) -> IssuedKey:
    """A key `<opening><id>.<43 characters>`, 256 random bits; in the caller's transaction. Raises Refused.

    Permissions are kept as they are, also those that mean nothing here: a key may be made for a program that
    asks what it may do. Without `domain` it belongs to the whole account.
    """
    for word in permissions:
        if not _PERMISSION.match(word):
            raise Refused(
                501, "5.5.4", f"{word!r} is no permission; one looks like {MAIL_SEND}", reason="bad-word"
            )
    only_for = domains.load(conn, account_id, domain)[0] if domain else None
    key_id = _public_id()
    issued = IssuedKey(key_id, f"{opening}{key_id}.{secrets.token_urlsafe(32)}")
    identity.add_credential(
        conn,
        Credential(
            id=ids.new(),
            account_id=account_id,
            domain_id=only_for.id if only_for else "",
            kind=CredentialKind.API_KEY,
            login=issued.id,
            secret_hash=installation.secret_hash(issued.secret),
            created_at=now,
            dialect=dialect,
            permissions=tuple(dict.fromkeys(permissions)),
            name=_checked_name(name),
        ),
    )
    return issued


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
) -> IssuedKey:
    """A token of a domain in the form of a random UUID (122 bits), in the caller's transaction. Raises
    Refused."""
    only_for = domains.load(conn, account_id, domain)[0]
    issued = IssuedKey(ids.new(), str(uuid.uuid4()))
    identity.add_credential(
        conn,
        Credential(
            id=ids.new(),
            account_id=account_id,
            domain_id=only_for.id,
            kind=CredentialKind.DOMAIN_TOKEN,
            login=issued.id,
            secret_hash=installation.secret_hash(issued.secret),
            created_at=now,
            dialect=dialect,
            name=_checked_name(name),
        ),
    )
    return issued


def revoke(conn: Connection, now: float, *, account_id: str, kind: CredentialKind, id: str) -> str:
    """End a key or a token, by its public id; the id. Raises Refused."""
    found = load(conn, account_id, kind, id)
    identity.revoke_credential(conn, found.login, now)
    return found.login


def load(conn: Connection, account_id: str, kind: CredentialKind, id: str) -> Credential:
    """A valid key or token of the account by its public id. Raises Refused, in the same words for another
    account's."""
    id = id.strip()
    found = identity.find_credential(conn, id)
    if found is None or found.account_id != account_id or found.kind is not kind:
        raise Refused(550, "5.1.1", f"There is no {_NOUNS[kind]} {id} here", reason="no-key")
    return found


def listing(
    conn: Connection, account_id: str, kind: CredentialKind, domain: str | None = None
) -> list[dict[str, Any]]:
    """What is valid of this kind in the account, as rows for people: id, name, domain, permissions, dialect,
    created_at."""
    names = {item.id: item.name for item in identity.list_domains(conn)}
    return [
        {
            "id": item.login,
            "name": item.name,
            "domain": names.get(item.domain_id, ""),
            "permissions": list(item.permissions),
            "dialect": item.dialect,
            "created_at": item.created_at,
        }
        for item in identity.list_credentials(conn, domain)
        if item.account_id == account_id and item.revoked_at is None and item.kind is kind
    ]


def _public_id() -> str:
    """22 URL-safe characters; no hyphen in front, for a command line would take it for an option."""
    while (text := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return text


def _checked_name(text: str) -> str:
    text = text.strip()
    if len(text) > _LONGEST_NAME or not text.isprintable():
        raise Refused(
            501, "5.5.4", f"A name has at most {_LONGEST_NAME} printable characters", reason="bad-name"
        )
    return text
