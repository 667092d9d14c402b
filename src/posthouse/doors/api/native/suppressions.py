"""Lists of addresses that must not get mail, and the list of those that no failure puts there.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Annotated, Literal

from msgspec import Meta, Struct

from posthouse.desk import suppressions
from posthouse.desk.suppressions import Place
from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, Page, many, one, reading, writing
from posthouse.doors.api.native.scope import wanted_domain
from posthouse.model.several import several
from posthouse.model.suppression import Allowed, Suppression, SuppressionKind
from posthouse.store import allowed
from posthouse.store import suppressions as stored
from posthouse.store.allowed import AllowedQuery
from posthouse.store.connection import Connection
from posthouse.store.suppressions import SuppressionQuery

Address = Annotated[str, Meta(min_length=1, max_length=320, examples=["ann@example.com"])]
Addresses = Annotated[list[Address], Meta(min_length=1, max_length=1000)]
Domain = Annotated[str, Meta(max_length=255, description="For this sending domain; empty: for all mail.")]
Tag = Annotated[str, Meta(max_length=128, description="For mail with this tag only.")]
Group = Annotated[int, Meta(ge=0, le=2**31 - 1, description="For mail of this group only; 0: for all mail.")]
Time = Annotated[str, Meta(max_length=40)]
Cursor = Annotated[str, Meta(max_length=2000, description="`next` of the page before.")]


class SuppressionRow(Struct, frozen=True, kw_only=True):
    """An address on a list. `scope`: `tag:…` or `group:…`, empty for all mail."""

    address: str
    kind: SuppressionKind
    domain: str
    scope: str
    at: dt.datetime
    detail: str


class SuppressionSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rows; what is not said does not restrict."""

    kind: SuppressionKind | None = None
    domain: Annotated[str, Meta(max_length=255, description="Of this sending domain.")] = ""
    tag: Tag = ""
    group: Group = 0
    address: Annotated[str, Meta(max_length=320, description="This address.")] = ""
    text: Annotated[str, Meta(max_length=320, description="Addresses with this text in them.")] = ""
    since: Annotated[Time, Meta(description="Listed since: RFC 3339, or `7d` (ago).")] = ""
    until: Annotated[Time, Meta(description="Listed before.")] = ""
    cursor: Cursor = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class NewSuppressions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses for a list."""

    addresses: Addresses
    kind: SuppressionKind = SuppressionKind.UNSUBSCRIBE
    domain: Domain = ""
    tag: Tag = ""
    group: Group = 0
    detail: Annotated[str, Meta(max_length=1000, description="Why, for people.")] = ""


class GoneSuppressions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses to take off: all lists, unless some are named."""

    addresses: Addresses
    kind: SuppressionKind | None = None
    domain: Annotated[str, Meta(max_length=255)] = ""
    tag: Tag = ""
    group: Group = 0


class Removed(Struct, frozen=True, kw_only=True):
    """How many rows went."""

    removed: int


def _place(
    conn: Connection, call: Call, asked: SuppressionSearch | NewSuppressions | GoneSuppressions
) -> Place:
    return suppressions.place(
        conn,
        call.account_id,
        kind=asked.kind or "",
        domain=wanted_domain(call, asked.domain),
        tag=asked.tag,
        group=asked.group,
    )


async def list_suppressions(call: Call, asked: SuppressionSearch) -> Answer:
    found = await call.read(_listing, call, asked)
    next = suppressions.cursor_of(found[-1]) if len(found) == asked.limit else ""
    return many(SuppressionRow, map(suppressions.suppression_row, found), next)


def _listing(conn: Connection, call: Call, asked: SuppressionSearch) -> list[Suppression]:
    where = _place(conn, call, asked)
    query = SuppressionQuery(
        call.account_id,
        where.kind,
        where.domain,
        where.scope,
        asked.address.strip() or None,
        suppressions.parse_instant(asked.since, call.now) if asked.since else None,
        suppressions.parse_instant(asked.until, call.now) if asked.until else None,
        part=asked.text.strip() or None,
        after=suppressions.place_after(asked.cursor) if asked.cursor else None,
        limit=asked.limit,
    )
    return stored.listing(conn, query)


async def add_suppressions(call: Call, asked: NewSuppressions) -> Answer:
    return await call.write_once(_shown, _add, call, asked)


def _shown(added: list[Suppression]) -> Answer:
    return many(SuppressionRow, map(suppressions.suppression_row, added), status=201)


def _add(conn: Connection, call: Call, asked: NewSuppressions) -> list[Suppression]:
    where = _place(conn, call, asked)
    return suppressions.add(conn, call.account_id, asked.addresses, where, call.now, asked.detail)


async def remove_suppressions(call: Call, asked: GoneSuppressions) -> Answer:
    call.about = several(asked.addresses)
    return await call.write_once(_removed, _remove, call, asked)


def _remove(conn: Connection, call: Call, asked: GoneSuppressions) -> int:
    return suppressions.remove(conn, call.account_id, asked.addresses, _place(conn, call, asked))


def _removed(count: int) -> Answer:
    return one(Removed)({"removed": count})


# The allow list


class AllowedRow(Struct, frozen=True, kw_only=True):
    """An address, or a recipient domain (`@example.com`), that no failure puts on a list."""

    value: str
    type: Literal["address", "domain"]
    domain: str
    at: dt.datetime
    detail: str


class AllowedSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entries."""

    domain: Annotated[str, Meta(max_length=255, description="Of this sending domain.")] = ""
    cursor: Cursor = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class NewAllowed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses, or domains of recipients as `@example.com`."""

    values: Addresses
    domain: Domain = ""
    detail: Annotated[str, Meta(max_length=1000, description="Why, for people.")] = ""


class GoneAllowed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Entries to take off."""

    values: Addresses
    domain: Annotated[str, Meta(max_length=255)] = ""


async def list_allowed(call: Call, asked: AllowedSearch) -> Answer:
    query = AllowedQuery(call.account_id, wanted_domain(call, asked.domain) or None, limit=asked.limit)
    if asked.cursor:
        address, _, domain, _ = suppressions.place_after(asked.cursor)
        query = replace(query, after=(domain, address))
    found: list[Allowed] = await call.read(allowed.listing, query)
    next = _cursor(found[-1]) if len(found) == asked.limit else ""
    return many(AllowedRow, map(suppressions.allowed_row, found), next)


def _cursor(item: Allowed) -> str:
    row = Suppression(item.account_id, item.value, SuppressionKind.INVALID, item.domain, "", item.at, "")
    return suppressions.cursor_of(row)


async def add_allowed(call: Call, asked: NewAllowed) -> Answer:
    domain = wanted_domain(call, asked.domain)
    return await call.write_once(
        _allowed, suppressions.allow, call.account_id, asked.values, domain, call.now, asked.detail
    )


def _allowed(added: list[Allowed]) -> Answer:
    return many(AllowedRow, map(suppressions.allowed_row, added), status=201)


async def remove_allowed(call: Call, asked: GoneAllowed) -> Answer:
    domain = wanted_domain(call, asked.domain)
    call.about = several(asked.values)
    return await call.write_once(_removed, suppressions.disallow, call.account_id, asked.values, domain)


_READ, _WRITE = "suppressions.read", "suppressions.write"
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/suppressions", _READ, list_suppressions, "List suppressed addresses", topic="Suppressions",
            asks=SuppressionSearch, gives=Page[SuppressionRow], is_for_domains=True),
    writing("POST", "/suppressions", _WRITE, add_suppressions, "Put addresses on a list",
            topic="Suppressions", text="Mail to them is dropped from now on. All or none.",
            asks=NewSuppressions, gives=Page[SuppressionRow], status=201, is_for_domains=True),
    writing("POST", "/suppressions/remove", _WRITE, remove_suppressions, "Take addresses off",
            topic="Suppressions", asks=GoneSuppressions, gives=Removed, is_for_domains=True),
    reading("/allowed", _READ, list_allowed, "List what is allowed", topic="Suppressions",
            asks=AllowedSearch, gives=Page[AllowedRow], is_for_domains=True),
    writing("POST", "/allowed", _WRITE, add_allowed, "Allow addresses or domains", topic="Suppressions",
            text="No failure puts them on a list.", asks=NewAllowed, gives=Page[AllowedRow], status=201,
            is_for_domains=True),
    writing("POST", "/allowed/remove", _WRITE, remove_allowed, "Take entries off", topic="Suppressions",
            asks=GoneAllowed, gives=Removed, is_for_domains=True),
)  # fmt: skip
