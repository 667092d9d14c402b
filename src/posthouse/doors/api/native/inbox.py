"""Copies that were captured instead of sent (`posthouse dev`, a sandbox, `delivery.capture`): listed, read,
removed, and waited for, so that a test can look at the mail that it caused.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Annotated, Any

from msgspec import Meta, Struct

from posthouse.desk import captures
from posthouse.desk.captures import CaptureQuery
from posthouse.desk.event_log import parse_instant, plain_address
from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, Page, many, one, reading, writing
from posthouse.doors.api.native.messages import MIME
from posthouse.doors.api.native.scope import bound_domain
from posthouse.store.connection import Connection

POLL_S = 0.25
Address = Annotated[str, Meta(max_length=320)]
Text = Annotated[str, Meta(max_length=1000)]


class CaptureRow(Struct, frozen=True, kw_only=True):
    """A captured copy."""

    delivery_id: str
    message_id: str
    at: dt.datetime
    sender: str
    recipient: str
    subject: str
    size_bytes: int


class HeaderField(Struct, frozen=True, kw_only=True):
    """A field as people read it."""

    name: str
    value: str


class WholeCapture(CaptureRow, frozen=True, kw_only=True):
    """A captured copy with its texts. `text` and `html`: the first part of each kind, null for none;
    `headers`: the fields in order, name and value; `links`: what the HTML leads to."""

    headers: list[HeaderField]
    text: str | None
    html: str | None
    links: list[str]


class CaptureSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which copies, the newest first."""

    to: Annotated[Address, Meta(description="To this address.")] = ""
    subject: Annotated[Text, Meta(description="With this text in the subject.")] = ""
    since: Annotated[str, Meta(max_length=40, description="Captured since: RFC 3339, or `5m` (ago).")] = ""
    cursor: Annotated[str, Meta(max_length=60, description="`next` of the page before.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class WaitQuestion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to wait for."""

    to: Annotated[Address, Meta(description="To this address.")] = ""
    subject: Annotated[Text, Meta(description="With this text in the subject.")] = ""
    since: Annotated[
        str, Meta(max_length=40, description="Captured since; without it one that is there already will do.")
    ] = ""
    timeout: Annotated[float, Meta(ge=0, le=60, description="How long, in seconds.")] = 30.0


class RemovedCaptures(Struct, frozen=True, kw_only=True):
    """How many copies went."""

    removed: int


def _query(call: Call, to: str, subject: str, since: str) -> CaptureQuery:
    return CaptureQuery(
        account_id=call.account_id,
        domain=bound_domain(call),
        recipient=plain_address(to) if to else "",
        subject=subject,
        since=parse_instant(since, call.now) if since else 0.0,
    )


async def list_captures(call: Call, asked: CaptureSearch) -> Answer:
    query = replace(
        _query(call, asked.to, asked.subject, asked.since), before_id=asked.cursor, limit=asked.limit
    )
    found = await call.read(captures.listing, query)
    return many(CaptureRow, found, found[-1].delivery_id if len(found) == asked.limit else "")


async def wait_for_capture(call: Call, asked: WaitQuestion) -> Answer:
    query = replace(_query(call, asked.to, asked.subject, asked.since), limit=1)
    clock, streams = call.parts.clock, call.parts.streams
    ends_at = clock.monotonic() + asked.timeout
    with streams.place(call.principal.credential_id):
        while not (found := await call.read(captures.listing, query)):
            rest_s = ends_at - clock.monotonic()
            if rest_s <= 0 or await streams.pause(min(POLL_S, rest_s)):
                text = f"No such mail was captured within {asked.timeout:g} seconds"
                raise Problem(404, "no-mail", text)
    return one(WholeCapture)(await call.read(_whole, call, found[0].delivery_id))


async def show_capture(call: Call, asked: Nothing) -> Answer:
    return one(WholeCapture)(await call.read(_whole, call, call.params["delivery_id"]))


def _whole(conn: Connection, call: Call, delivery_id: str) -> dict[str, Any]:
    return captures.whole(conn, call.account_id, bound_domain(call), delivery_id)


async def read_capture(call: Call, asked: Nothing) -> Answer:
    content = await call.read(
        captures.content, call.account_id, bound_domain(call), call.params["delivery_id"]
    )
    return Answer(200, content, {"Content-Type": MIME, "Content-Security-Policy": "sandbox"})


async def remove_capture(call: Call, asked: Nothing) -> Answer:
    return await call.write_once(
        lambda count: one(RemovedCaptures)({"removed": count}),
        captures.remove,
        call.account_id,
        bound_domain(call),
        call.params["delivery_id"],
    )


_WAIT = """For tests and CI: answers as soon as a copy is captured that is meant, 404 when none came in time.
At most 60 seconds; a key may have five such calls and streams at once."""
_TOPIC: dict[str, Any] = {"topic": "Inbox"}
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/inbox", "events.read", list_captures, "List captured mail", **_TOPIC, asks=CaptureSearch,
            gives=Page[CaptureRow], is_for_domains=True),
    reading("/inbox/wait", "events.read", wait_for_capture, "Wait for captured mail", **_TOPIC,
            text=_WAIT, asks=WaitQuestion, gives=WholeCapture, is_for_domains=True),
    reading("/inbox/{delivery_id}", "events.read", show_capture, "Show a captured copy", **_TOPIC,
            gives=WholeCapture, is_for_domains=True),
    reading("/inbox/{delivery_id}/content", "events.read", read_capture, "Read a captured copy", **_TOPIC,
            text="As it would have left.", media=MIME, is_for_domains=True),
    writing("DELETE", "/inbox/{delivery_id}", "queue.write", remove_capture, "Remove a captured copy",
            **_TOPIC, gives=RemovedCaptures, is_for_domains=True),
)  # fmt: skip
