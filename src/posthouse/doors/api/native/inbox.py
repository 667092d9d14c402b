"""Copies that were captured instead of sent (`posthouse dev`, a sandbox, `delivery.capture`): listed, read,
removed, and waited for, so that a test can look at the mail that it caused.

Public: ENDPOINTS.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import asdict, replace
from typing import Annotated, Any

from msgspec import Meta, Struct

from posthouse.desk import captures
from posthouse.desk.capture_checks import finding_rows, load_checked, worst
from posthouse.desk.captures import CaptureQuery
from posthouse.desk.event_log import parse_instant, plain_address
from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.changing import in_steps
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, Page, many, one, reading, writing
from posthouse.doors.api.native.messages import MIME
from posthouse.doors.api.native.scope import bound_domain
from posthouse.mail.checks import Level, check_letter
from posthouse.model.account import MAIL_SEND
from posthouse.pipeline.release import release
from posthouse.rules.permissions import may
from posthouse.store.connection import Connection

POLL_S = 0.25
Address = Annotated[str, Meta(max_length=320)]
Text = Annotated[str, Meta(max_length=1000)]


class CaptureRow(Struct, frozen=True, kw_only=True):
    """A captured copy. `application`: the SMTP user, or the key, that sent it."""

    delivery_id: str
    message_id: str
    at: dt.datetime
    sender: str
    recipient: str
    subject: str
    size_bytes: int
    domain: str
    application: str


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
    sender: Annotated[Address, Meta(description="With this text in the envelope sender.")] = ""
    subject: Annotated[Text, Meta(description="With this text in the subject.")] = ""
    search: Annotated[Text, Meta(description="With this text in recipient, sender or subject.")] = ""
    tag: Annotated[Text, Meta(description="With this tag.")] = ""
    application: Annotated[Text, Meta(description="Sent by this one: an SMTP user, or a key's name.")] = ""
    since: Annotated[str, Meta(max_length=40, description="Captured since: RFC 3339, or `5m` (ago).")] = ""
    cursor: Annotated[str, Meta(max_length=60, description="`next` of the page before.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class WaitQuestion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to wait for."""

    to: Annotated[Address, Meta(description="To this address.")] = ""
    subject: Annotated[Text, Meta(description="With this text in the subject.")] = ""
    application: Annotated[Text, Meta(description="Sent by this one: an SMTP user, or a key's name.")] = ""
    since: Annotated[
        str, Meta(max_length=40, description="Captured since; without it one that is there already will do.")
    ] = ""
    timeout: Annotated[float, Meta(ge=0, le=60, description="How long, in seconds.")] = 30.0


class InboxRow(Struct, frozen=True, kw_only=True):
    """The captured mail of one application. `copies`: at most 1001, which means more than 1000."""

    application: str
    copies: int


class EmptyQuestion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose inbox."""

    application: Annotated[Text, Meta(description="Only what this one sent.")] = ""


class FindingRow(Struct, frozen=True, kw_only=True):
    """What a check has found: what was looked at, how it is, and what to do."""

    check: str
    level: Level
    text: str


class CheckedCapture(Struct, frozen=True, kw_only=True):
    """All checks of a captured copy. `level`: the worst of them."""

    level: Level
    findings: list[FindingRow]


class ReleaseWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To whom."""

    to: Annotated[Address, Meta(description="Another address than it was captured for.")] = ""


class ReleasedCapture(Struct, frozen=True, kw_only=True):
    """The message that it is sent as."""

    message_id: str
    recipient: str


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
        _query(call, asked.to, asked.subject, asked.since),
        sender=asked.sender,
        text=asked.search,
        tag=asked.tag,
        before_id=asked.cursor,
        limit=asked.limit,
    )
    found = await call.read(captures.listing, query, asked.application)
    return many(CaptureRow, found, found[-1].delivery_id if len(found) == asked.limit else "")


async def wait_for_capture(call: Call, asked: WaitQuestion) -> Answer:
    query = replace(_query(call, asked.to, asked.subject, asked.since), limit=1)
    clock, streams = call.parts.clock, call.parts.streams
    ends_at = clock.monotonic() + asked.timeout
    with streams.place(call.principal.credential_id):
        while not (found := await call.read(captures.listing, query, asked.application)):
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


async def list_inboxes(call: Call, asked: Nothing) -> Answer:
    return many(InboxRow, await call.read(captures.inboxes, call.account_id))


async def check_capture(call: Call, asked: Nothing) -> Answer:
    settings = call.parts.settings
    checked = await call.read(
        load_checked, settings, call.account_id, bound_domain(call), call.params["delivery_id"]
    )
    # a large letter takes a while
    found = await asyncio.to_thread(check_letter, checked.content, checked.standing)
    return one(CheckedCapture)({"level": worst(found), "findings": finding_rows(found)})


async def release_capture(call: Call, asked: ReleaseWish) -> Answer:
    if not may(call.principal.permissions, "events.read"):  # or it could be sent to whoever may not read it
        raise Problem(403, "no-permission", "This key lacks the permission events.read")
    answer = await call.write_once(
        lambda made: one(ReleasedCapture, 202)(asdict(made)),
        release,
        call.parts.settings,
        call.parts.ids,
        call.now,
        call.principal.login,
        account_id=call.account_id,
        domain=bound_domain(call),
        delivery_id=call.params["delivery_id"],
        to=asked.to,
    )
    call.parts.dispatcher.wake()
    return answer


async def empty_inbox(call: Call, asked: EmptyQuestion) -> Answer:
    query = CaptureQuery(call.account_id, bound_domain(call))
    return await in_steps(call, one(RemovedCaptures), "removed", captures.empty, query, asked.application)


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
_CHECKS = """Size, links, pictures, plain text, header, unsubscribing, files, lines, and whether DMARC would
pass. Nobody outside is asked."""
_RELEASE = """As a new message, as it lies there: to the address that it was captured for, or to another. It
needs `events.read` too. Refused where everything is captured."""
_TOPIC: dict[str, Any] = {"topic": "Inbox"}
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/inbox", "events.read", list_captures, "List captured mail", **_TOPIC, asks=CaptureSearch,
            gives=Page[CaptureRow], is_for_domains=True),
    writing("DELETE", "/inbox", "queue.write", empty_inbox, "Empty the inbox", **_TOPIC,
            asks=EmptyQuestion, gives=RemovedCaptures, is_for_domains=True),
    reading("/inbox/applications", "events.read", list_inboxes, "List the inboxes", **_TOPIC,
            text="One for each application: the SMTP user, or the key, that sent the mail.",
            gives=Page[InboxRow]),
    reading("/inbox/wait", "events.read", wait_for_capture, "Wait for captured mail", **_TOPIC,
            text=_WAIT, asks=WaitQuestion, gives=WholeCapture, is_for_domains=True),
    reading("/inbox/{delivery_id}", "events.read", show_capture, "Show a captured copy", **_TOPIC,
            gives=WholeCapture, is_for_domains=True),
    reading("/inbox/{delivery_id}/content", "events.read", read_capture, "Read a captured copy", **_TOPIC,
            text="As it would have left.", media=MIME, is_for_domains=True),
    reading("/inbox/{delivery_id}/checks", "events.read", check_capture, "Check a captured copy", **_TOPIC,
            text=_CHECKS, gives=CheckedCapture, is_for_domains=True),
    writing("POST", "/inbox/{delivery_id}/release", MAIL_SEND, release_capture,
            "Send a captured copy for real", **_TOPIC, text=_RELEASE, asks=ReleaseWish,
            gives=ReleasedCapture, status=202, is_sending=True, is_for_domains=True),
    writing("DELETE", "/inbox/{delivery_id}", "queue.write", remove_capture, "Remove a captured copy",
            **_TOPIC, gives=RemovedCaptures, is_for_domains=True),
)  # fmt: skip
