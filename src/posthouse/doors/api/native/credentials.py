"""Users, keys and tokens: who may send and call. A secret is shown when it is made and never again.

A key cannot give what it does not have: new keys have at most the caller's own permissions.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from posthouse.desk import credentials, domains, keys
from posthouse.desk.terms import ANY, DEFAULT, Terms
from posthouse.desk.terms import shown as shown_terms
from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.changing import issue_once
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, Page, many, one, reading, writing
from posthouse.model.account import MAIL_SEND, Credential, CredentialKind
from posthouse.rules.permissions import PERMISSIONS, SEND_ONLY, may
from posthouse.store.connection import Connection

Kind = Literal["mailgun", "sendgrid", "mailpace", "native"]
Name = Annotated[str, Meta(max_length=100, description="What people call it.")]
Ranges = Annotated[
    list[Annotated[str, Meta(max_length=60)]],
    Meta(max_length=100, description="Networks from which it may be used; none: from anywhere."),
]
Number = Annotated[int, Meta(ge=0, le=1_000_000)]
Word = Annotated[str, Meta(min_length=1, max_length=100, examples=[MAIL_SEND])]
Secret = Annotated[str, Meta(min_length=8, max_length=500)]


class NewTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where it may be used, and limits of its SMTP sessions (null: the usual ones, 0: none)."""

    ranges: Ranges | UnsetType = UNSET
    connection_messages: Number | UnsetType | None = UNSET
    address_connections: Number | UnsetType | None = UNSET


def _terms(asked: NewTerms) -> Terms:
    return Terms(
        None if asked.ranges is UNSET else (asked.ranges or [ANY]),
        _limit(asked.connection_messages),
        _limit(asked.address_connections),
    )


def _limit(number: int | UnsetType | None) -> str | None:
    if number is UNSET:
        return None
    return DEFAULT if number is None else str(number)


class TermsRow(Struct, frozen=True, kw_only=True):
    """What holds for a user, key or token. `used_at`: null: never."""

    ranges: list[str]
    connection_messages: int | None
    address_connections: int | None
    used_at: dt.datetime | None
    used_from: str | None


# Users


class UserRow(TermsRow, frozen=True, kw_only=True):
    """An SMTP user."""

    login: str
    created_at: dt.datetime
    dialect: Kind


class UserSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which users."""

    domain: Annotated[str, Meta(max_length=255, description="Of this domain.")] = ""


class NewUser(NewTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An SMTP user. `password`: one that exists already; else one is made."""

    login: Annotated[str, Meta(min_length=3, max_length=320, examples=["app@example.com"])]
    dialect: Annotated[Literal["mailgun", "native"], Meta(description="Whose words it hears.")] = "mailgun"
    password: Secret | None = None


class NewPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """null: one is made."""

    password: Secret | None = None


class IssuedUser(Struct, frozen=True, kw_only=True):
    """`password` is shown only now; empty when it was given."""

    login: str
    password: str


class ChangedUser(Struct, frozen=True, kw_only=True):
    """What holds now."""

    login: str
    ranges: list[str]
    connection_messages: int | None
    address_connections: int | None


class Revoked(Struct, frozen=True, kw_only=True):
    """It is no longer valid; open sessions end within a second."""

    revoked: str


async def list_users(call: Call, asked: UserSearch) -> Answer:
    name = domains.sending_name(asked.domain) if asked.domain else None
    return many(UserRow, await call.read(credentials.listing, call.account_id, name))


async def add_user(call: Call, asked: NewUser) -> Answer:
    _must_have(call, SEND_ONLY)
    return await issue_once(
        call,
        one(IssuedUser, 201),
        lambda made: one(IssuedUser, 201)(replace(made, password="")),
        credentials.issue,
        installation=call.parts.installation,
        ids=call.parts.ids,
        now=call.now,
        account_id=call.account_id,
        login=asked.login,
        dialect=asked.dialect,
        chosen=asked.password,
        terms=_terms(asked),
    )


async def change_user(call: Call, asked: NewTerms) -> Answer:
    return await call.write_once(_changed_user, _change_user, call, asked)


def _change_user(conn: Connection, call: Call, asked: NewTerms) -> Credential:
    login, terms = call.params["login"], _terms(asked)
    return credentials.change(conn, account_id=call.account_id, login=login, terms=terms)


def _changed_user(user: Credential) -> Answer:
    return one(ChangedUser)({"login": user.login, **shown_terms(user)})


async def reset_user(call: Call, asked: NewPassword) -> Answer:
    _must_have(call, SEND_ONLY)
    return await issue_once(
        call,
        one(IssuedUser),
        lambda made: one(IssuedUser)(replace(made, password="")),
        credentials.reset,
        installation=call.parts.installation,
        ids=call.parts.ids,
        now=call.now,
        account_id=call.account_id,
        login=call.params["login"],
        chosen=asked.password,
    )


async def revoke_user(call: Call, asked: Nothing) -> Answer:
    return await call.write_once(_gone, _revoke_user, call)


def _revoke_user(conn: Connection, call: Call) -> str:
    return credentials.revoke(conn, call.now, account_id=call.account_id, login=call.params["login"])


def _gone(name: str) -> Answer:
    return one(Revoked)({"revoked": name})


# Keys and tokens


class KeyRow(TermsRow, frozen=True, kw_only=True):
    """A key, or a token. `domain`: the only one that it is for, empty for all of the account."""

    id: str
    name: str
    domain: str
    permissions: list[str]
    dialect: Kind
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


_OPENINGS = {"sendgrid": "SG.", "native": "ph_"}
_KEY, _TOKEN = CredentialKind.API_KEY, CredentialKind.DOMAIN_TOKEN


async def list_keys(call: Call, asked: Nothing) -> Answer:
    return many(KeyRow, await call.read(keys.listing, call.account_id, _KEY))


async def list_tokens(call: Call, asked: UserSearch) -> Answer:
    name = domains.sending_name(asked.domain) if asked.domain else None
    return many(KeyRow, await call.read(keys.listing, call.account_id, _TOKEN, name))


async def add_key(call: Call, asked: NewKey) -> Answer:
    _must_have(call, asked.permissions)
    return await _issue(
        call,
        keys.issue_key,
        opening=_OPENINGS[asked.dialect],
        dialect=asked.dialect,
        permissions=tuple(asked.permissions),
        name=asked.name,
        domain=asked.domain,
        given=asked.secret,
        terms=_terms(asked),
    )


async def add_token(call: Call, asked: NewToken) -> Answer:
    _must_have(call, SEND_ONLY)
    return await _issue(
        call,
        keys.issue_token,
        domain=asked.domain,
        dialect=asked.dialect,
        name=asked.name,
        given=asked.secret,
        terms=_terms(asked),
    )


async def _issue(call: Call, fn: Any, **named: Any) -> Answer:
    return await issue_once(
        call,
        one(IssuedSecret, 201),
        lambda made: one(IssuedSecret, 201)(replace(made, secret="")),
        fn,
        installation=call.parts.installation,
        ids=call.parts.ids,
        now=call.now,
        account_id=call.account_id,
        **named,
    )


async def change_key(call: Call, asked: KeyChange) -> Answer:
    permissions = None if asked.permissions is UNSET else asked.permissions
    _must_have(call, permissions or ())
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
        terms=_terms(asked),
    )


def _changed_key(key: Credential) -> Answer:
    row = {"id": key.login, "name": key.name, "permissions": list(key.permissions), **shown_terms(key)}
    return one(ChangedKey)(row)


async def revoke_key(call: Call, asked: Nothing) -> Answer:
    return await call.write_once(_gone, _revoke, call, _KEY)


async def revoke_token(call: Call, asked: Nothing) -> Answer:
    return await call.write_once(_gone, _revoke, call, _TOKEN)


def _revoke(conn: Connection, call: Call, kind: CredentialKind) -> str:
    return keys.revoke(conn, call.now, account_id=call.account_id, kind=kind, id=call.params["id"])


def _must_have(call: Call, permissions: Sequence[str]) -> None:
    """Raises Problem (403) for a permission of ours that the caller's key lacks."""
    held = call.principal.permissions
    for word in PERMISSIONS:
        if may(permissions, word) and not may(held, word):
            text = f"A key cannot give what it does not have: this one lacks the permission {word}"
            raise Problem(403, "no-permission", text, field="permissions")


_READ, _WRITE = "keys.read", "keys.write"
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/users", _READ, list_users, "List SMTP users", topic="Users", asks=UserSearch,
            gives=Page[UserRow]),
    writing("POST", "/users", _WRITE, add_user, "Add a user", topic="Users", asks=NewUser, gives=IssuedUser,
            status=201),
    writing("PATCH", "/users/{login}", _WRITE, change_user, "Change what holds for a user", topic="Users",
            asks=NewTerms, gives=ChangedUser),
    writing("POST", "/users/{login}/reset", _WRITE, reset_user, "Give a user a new password", topic="Users",
            text="The old one ends at once.", asks=NewPassword, gives=IssuedUser),
    writing("DELETE", "/users/{login}", _WRITE, revoke_user, "End a user", topic="Users", gives=Revoked),
    reading("/keys", _READ, list_keys, "List keys", topic="Keys and tokens", gives=Page[KeyRow]),
    writing("POST", "/keys", _WRITE, add_key, "Make a key", topic="Keys and tokens", asks=NewKey,
            text="With at most the permissions of the key that asks.", gives=IssuedSecret, status=201),
    writing("PATCH", "/keys/{id}", _WRITE, change_key, "Change a key", topic="Keys and tokens",
            asks=KeyChange, gives=ChangedKey),
    writing("DELETE", "/keys/{id}", _WRITE, revoke_key, "End a key", topic="Keys and tokens", gives=Revoked),
    reading("/tokens", _READ, list_tokens, "List tokens", topic="Keys and tokens", asks=UserSearch,
            gives=Page[KeyRow]),
    writing("POST", "/tokens", _WRITE, add_token, "Make a token", topic="Keys and tokens", asks=NewToken,
            gives=IssuedSecret, status=201),
    writing("PATCH", "/tokens/{id}", _WRITE, change_token, "Change a token", topic="Keys and tokens",
            asks=TokenChange, gives=ChangedKey),
    writing("DELETE", "/tokens/{id}", _WRITE, revoke_token, "End a token", topic="Keys and tokens",
            gives=Revoked),
)  # fmt: skip
