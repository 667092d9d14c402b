"""The audit log of an account, read by its programs.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta, Struct

from posthouse.desk import audit
from posthouse.desk.event_log import parse_instant
from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, Page, many, reading

Text = Annotated[str, Meta(max_length=255)]


class AuditRow(Struct, frozen=True, kw_only=True):
    """A change. `who`: an e-mail address, a key's id, or a user of the machine (by `kind`); `name`: what
    people call them. `address`: the client's, empty for commands."""

    id: str
    at: dt.datetime
    kind: Literal["person", "key", "command"]
    who: str
    name: str
    what: str
    about: str
    address: str


class AuditSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which changes, the newest first."""

    who: Annotated[Text, Meta(description="Only by this person, key or user.")] = ""
    what: Annotated[Text, Meta(description="Only changes whose name begins so, such as `users.`.")] = ""
    about: Annotated[Text, Meta(description="Only with this subject, such as a domain.")] = ""
    since: Annotated[str, Meta(max_length=40, description="RFC 3339, or `3d` (ago).")] = ""
    until: Annotated[str, Meta(max_length=40, description="Before that time.")] = ""
    cursor: Annotated[str, Meta(max_length=60, description="`next` of the page before.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


async def list_changes(call: Call, asked: AuditSearch) -> Answer:
    query = audit.Query(
        account_id=call.account_id,
        who=asked.who,
        what=asked.what,
        about=asked.about,
        since=parse_instant(asked.since, call.now) if asked.since else None,
        until=parse_instant(asked.until, call.now) if asked.until else None,
        before_id=asked.cursor,
        limit=asked.limit,
    )
    found, next_id = await call.read(audit.listing, query)
    return many(AuditRow, found, next_id)


ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/audit", "keys.read", list_changes, "List who changed what", topic="Account",
            text="Changes by people, keys and commands, never with a value that was set; mail has events.",
            asks=AuditSearch, gives=Page[AuditRow]),
)  # fmt: skip
