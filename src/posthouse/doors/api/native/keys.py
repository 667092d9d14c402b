"""Keys and tokens: what programs show that call and send. A secret is shown when it is made and never again.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from posthouse.desk import domains, keys
from posthouse.desk.terms import shown
from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, Page, one, reading, writing
from posthouse.doors.api.native.issuing import (
    Form,
    NewTerms,
    OfDomain,
    Revoked,
    Secret,
    TermsRow,
    ended,
    issue,
    must_have,
    terms_of,
)
from posthouse.doors.api.native.listing import Listing, page_of, part_of
from posthouse.model.account import MAIL_SEND, Credential, CredentialKind
from posthouse.rules.permissions import SEND_ONLY
from posthouse.store.connection import Connection

Name = Annotated[str, Meta(max_length=100, description="What people call it.")]
Word = Annotated[str, Meta(min_length=1, max_length=100, examples=[MAIL_SEND])]


class KeyRow(TermsRow, frozen=True, kw_only=True):
    """A key, or a token. `domain`: the only one that it is for, empty for all of the account."""

    id: str
    name: str
    domain: str
    permissions: list[str]
    dialect: Form
    created_at: dt.datetime


class NewKey(NewTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key. `dialect`: `native` keys begin with `ph_`, `sendgrid` ones with `SG.`; `secret`: a key that
    exists already."""

    name: Name = ""
    permissions: Annotated[list[Word], Meta(min_length=1, max_length=500)] = field(
        default_factory=lambda: [MAIL_SEND]
    )
    domain: Annotated[str, Meta(max_length=255, description="Only for this domain.")] = ""
    dialect: Literal["native", "sendgrid"] = "native"
    secret: Secret | None = None


class NewToken(NewTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token of a domain, which may send mail."""

    domain: Annotated[str, Meta(min_length=1, max_length=255)]
    name: Name = ""
    dialect: Literal["native", "mailpace"] = "mailpace"
    secret: Secret | None = None


class KeyChange(NewTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said takes the place of what was."""

    name: Name | UnsetType = UNSET
    permissions: Annotated[list[Word], Meta(min_length=1, max_length=500)] | UnsetType = UNSET


class TokenChange(NewTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said takes the place of what was."""

    name: Name | UnsetType = UNSET


class IssuedSecret(Struct, frozen=True, kw_only=True):
    """`secret` is shown only now; empty when it was given."""

    id: str
    secret: str


class ChangedKey(Struct, frozen=True, kw_only=True):
    """What holds now."""

    id: str
    name: str
    permissions: list[str]
    ranges: list[str]
    connection_messages: int | None
    address_connections: int | None
    expires_at: dt.datetime | None


_KEY, _TOKEN = CredentialKind.API_KEY, CredentialKind.DOMAIN_TOKEN


async def list_keys(call: Call, asked: Listing) -> Answer:
    return await _listed(call, _KEY, asked, None)


async def list_tokens(call: Call, asked: OfDomain) -> Answer:
    name = domains.sending_name(asked.domain) if asked.domain else None
    return await _listed(call, _TOKEN, asked, name)


async def _listed(call: Call, kind: CredentialKind, asked: Listing, domain: str | None) -> Answer:
    rows = await call.read(keys.listing, call.account_id, kind, domain, part_of(asked))
    return page_of(KeyRow, rows, asked, lambda row: str(row["id"]))


async def add_key(call: Call, asked: NewKey) -> Answer:
    must_have(call, asked.permissions)
    return await issue(
        call,
        IssuedSecret,
        "secret",
        keys.issue_key,
        opening=keys.OPENINGS[asked.dialect],
        dialect=asked.dialect,
        permissions=tuple(asked.permissions),
        name=asked.name,
        domain=asked.domain,
        given=asked.secret,
        terms=terms_of(asked, call.now),
    )


async def add_token(call: Call, asked: NewToken) -> Answer:
    must_have(call, SEND_ONLY)
    return await issue(
        call,
        IssuedSecret,
        "secret",
        keys.issue_token,
        domain=asked.domain,
        dialect=asked.dialect,
        name=asked.name,
        given=asked.secret,
        terms=terms_of(asked, call.now),
    )


async def change_key(call: Call, asked: KeyChange) -> Answer:
    permissions = None if asked.permissions is UNSET else asked.permissions
    must_have(call, permissions or ())
    return await call.write_once(_changed_key, _change, call, _KEY, asked, permissions)


async def change_token(call: Call, asked: TokenChange) -> Answer:
    return await call.write_once(_changed_key, _change, call, _TOKEN, asked, None)


def _change(
    conn: Connection,
    call: Call,
    kind: CredentialKind,
    asked: KeyChange | TokenChange,
    permissions: Sequence[str] | None,
) -> Credential:
    return keys.change(
        conn,
        account_id=call.account_id,
        kind=kind,
        id=call.params["id"],
        name=None if asked.name is UNSET else asked.name,
        permissions=permissions,
        terms=terms_of(asked, call.now),
        maker=call.principal.login,
    )


def _changed_key(key: Credential) -> Answer:
    row = {"id": key.login, "name": key.name, "permissions": list(key.permissions), **shown(key)}
    return one(ChangedKey)(row)


async def revoke_key(call: Call, asked: Nothing) -> Answer:
    return await call.write_once(ended, _revoke, call, _KEY)


async def revoke_token(call: Call, asked: Nothing) -> Answer:
    return await call.write_once(ended, _revoke, call, _TOKEN)


def _revoke(conn: Connection, call: Call, kind: CredentialKind) -> str:
    return keys.revoke(conn, call.now, account_id=call.account_id, kind=kind, id=call.params["id"])


_READ, _WRITE = "keys.read", "keys.write"
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/keys", _READ, list_keys, "List keys", topic="Keys and tokens", asks=Listing,
            gives=Page[KeyRow]),
    writing("POST", "/keys", _WRITE, add_key, "Make a key", topic="Keys and tokens", asks=NewKey,
            text="With at most the permissions, ranges and time of the key that asks.", gives=IssuedSecret,
            status=201),
    writing("PATCH", "/keys/{id}", _WRITE, change_key, "Change a key", topic="Keys and tokens",
            asks=KeyChange, gives=ChangedKey),
    writing("DELETE", "/keys/{id}", _WRITE, revoke_key, "End a key", topic="Keys and tokens", gives=Revoked),
    reading("/tokens", _READ, list_tokens, "List tokens", topic="Keys and tokens", asks=OfDomain,
            gives=Page[KeyRow]),
    writing("POST", "/tokens", _WRITE, add_token, "Make a token", topic="Keys and tokens", asks=NewToken,
            gives=IssuedSecret, status=201),
    writing("PATCH", "/tokens/{id}", _WRITE, change_token, "Change a token", topic="Keys and tokens",
            asks=TokenChange, gives=ChangedKey),
    writing("DELETE", "/tokens/{id}", _WRITE, revoke_token, "End a token", topic="Keys and tokens",
            gives=Revoked),
)  # fmt: skip
