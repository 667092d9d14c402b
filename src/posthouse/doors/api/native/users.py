"""SMTP users of domains. A password is shown when it is made and never again.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta, Struct

from posthouse.desk import credentials, domains
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
from posthouse.doors.api.native.listing import page_of, part_of
from posthouse.model.account import Credential
from posthouse.rules.permissions import SEND_ONLY
from posthouse.store.connection import Connection


class UserRow(TermsRow, frozen=True, kw_only=True):
    """An SMTP user."""

    login: str
    created_at: dt.datetime
    dialect: Form


class NewUser(NewTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An SMTP user. `password`: one that exists already; else one is made."""

    login: Annotated[str, Meta(min_length=3, max_length=320, examples=["app@example.com"])]
    dialect: Annotated[
        Literal["mailgun", "native"], Meta(description="Whose SMTP replies and option headers it knows.")
    ] = "mailgun"
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
    expires_at: dt.datetime | None


async def list_users(call: Call, asked: OfDomain) -> Answer:
    name = domains.sending_name(asked.domain) if asked.domain else None
    rows = await call.read(credentials.listing, call.account_id, name, part_of(asked))
    return page_of(UserRow, rows, asked, lambda row: str(row["login"]))


async def add_user(call: Call, asked: NewUser) -> Answer:
    must_have(call, SEND_ONLY)
    return await issue(
        call,
        IssuedUser,
        "password",
        credentials.issue,
        login=asked.login,
        dialect=asked.dialect,
        chosen=asked.password,
        terms=terms_of(asked, call.now),
    )


async def change_user(call: Call, asked: NewTerms) -> Answer:
    return await call.write_once(_changed_user, _change_user, call, asked)


def _change_user(conn: Connection, call: Call, asked: NewTerms) -> Credential:
    login, terms = call.params["login"], terms_of(asked, call.now)
    return credentials.change(
        conn, account_id=call.account_id, login=login, terms=terms, maker=call.principal.login
    )


def _changed_user(user: Credential) -> Answer:
    return one(ChangedUser)({"login": user.login, **shown(user)})


async def reset_user(call: Call, asked: NewPassword) -> Answer:
    must_have(call, SEND_ONLY)
    return await issue(
        call,
        IssuedUser,
        "password",
        credentials.reset,
        status=200,
        login=call.params["login"],
        chosen=asked.password,
    )


async def revoke_user(call: Call, asked: Nothing) -> Answer:
    return await call.write_once(ended, _revoke_user, call)


def _revoke_user(conn: Connection, call: Call) -> str:
    return credentials.revoke(conn, call.now, account_id=call.account_id, login=call.params["login"])


_READ, _WRITE = "keys.read", "keys.write"
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/users", _READ, list_users, "List SMTP users", topic="Users", asks=OfDomain,
            gives=Page[UserRow]),
    writing("POST", "/users", _WRITE, add_user, "Add a user", topic="Users", asks=NewUser, gives=IssuedUser,
            status=201),
    writing("PATCH", "/users/{login}", _WRITE, change_user, "Change what holds for a user", topic="Users",
            asks=NewTerms, gives=ChangedUser),
    writing("POST", "/users/{login}/reset", _WRITE, reset_user, "Give a user a new password", topic="Users",
            text="The old one ends at once.", asks=NewPassword, gives=IssuedUser),
    writing("DELETE", "/users/{login}", _WRITE, revoke_user, "End a user", topic="Users", gives=Revoked),
)  # fmt: skip
