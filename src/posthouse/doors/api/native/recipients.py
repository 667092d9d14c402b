"""What is known of recipients: the groups of mail that they may leave, and their time zones.

Public: ENDPOINTS.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from posthouse.desk import contacts, suppressions
from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, Page, many, one, reading, writing
from posthouse.doors.api.native.listing import Listing, page_of, part_of
from posthouse.store import groups


class GroupRow(Struct, frozen=True, kw_only=True):
    """A kind of mail that recipients may leave. `number`: how messages name it."""

    number: int
    name: str
    description: str
    is_default: bool


class NewGroup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group."""

    name: Annotated[str, Meta(min_length=1, max_length=100, description="What recipients call this mail.")]
    description: Annotated[str, Meta(max_length=500, description="A line about it.")] = ""
    is_default: Annotated[bool, Meta(description="Shown on every page of preferences.")] = False


class RemovedGroup(Struct, frozen=True, kw_only=True):
    """Its number is not given again."""

    removed: int


class ContactSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page, in alphabetical order."""

    cursor: Annotated[str, Meta(max_length=500, description="`next` of the page before.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class ContactRow(Struct, frozen=True, kw_only=True):
    """A recipient whose time zone was set."""

    address: str
    time_zone: str


class KnownContact(Struct, frozen=True, kw_only=True):
    """What is known of a recipient. `source`: "set", or "click" for the zone of the newest click;
    `engagements`: opens and clicks."""

    address: str
    time_zone: str
    source: str
    engagements: int


class ContactChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The zone, empty to forget it."""

    time_zone: Annotated[str, Meta(max_length=100, examples=["Europe/Berlin"])]


async def list_groups(call: Call, asked: Listing) -> Answer:
    found = await call.read(groups.list_groups, call.account_id, part_of(asked))
    rows = [suppressions.group_row(each) for each in found]
    return page_of(GroupRow, rows, asked, lambda row: str(row["number"]))


async def add_group(call: Call, asked: NewGroup) -> Answer:
    return await call.write_once(
        lambda made: one(GroupRow, 201)(suppressions.group_row(made)),
        suppressions.add_group,
        call.account_id,
        asked.name,
        asked.description,
        is_default=asked.is_default,
    )


async def remove_group(call: Call, asked: Nothing) -> Answer:
    number = _number(call)
    return await call.write_once(
        lambda _: one(RemovedGroup)({"removed": number}), suppressions.remove_group, call.account_id, number
    )


def _number(call: Call) -> int:
    text = call.params["number"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise Problem(404, "no-group", f"There is no group {text[:20]} here")
    return int(text)


async def list_contacts(call: Call, asked: ContactSearch) -> Answer:
    found = await call.read(contacts.page, call.account_id, asked.cursor, asked.limit)
    next = contacts.cursor_of(found[-1]) if len(found) == asked.limit else ""
    return many(ContactRow, found, next)


async def show_contact(call: Call, asked: Nothing) -> Answer:
    return one(KnownContact)(await call.read(contacts.known, call.account_id, call.params["address"]))


async def set_contact(call: Call, asked: ContactChange) -> Answer:
    return await call.write_once(
        one(ContactRow), contacts.set_zone, call.account_id, call.params["address"], asked.time_zone
    )


_READ, _WRITE = "suppressions.read", "suppressions.write"
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/groups", _READ, list_groups, "List unsubscribe groups", topic="Groups", asks=Listing,
            gives=Page[GroupRow]),
    writing("POST", "/groups", _WRITE, add_group, "Add a group", topic="Groups", asks=NewGroup,
            gives=GroupRow, status=201),
    writing("DELETE", "/groups/{number}", _WRITE, remove_group, "Remove a group with its list",
            topic="Groups", gives=RemovedGroup),
    reading("/contacts", _READ, list_contacts, "List time zones of recipients", topic="Contacts",
            asks=ContactSearch, gives=Page[ContactRow]),
    reading("/contacts/{address}", _READ, show_contact, "Show what is known of a recipient",
            topic="Contacts", gives=KnownContact),
    writing("PUT", "/contacts/{address}", _WRITE, set_contact, "Set a recipient's time zone",
            topic="Contacts", asks=ContactChange, gives=ContactRow),
)  # fmt: skip
