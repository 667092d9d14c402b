"""Messages that were accepted: found, told, read, sent again, cancelled.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from msgspec import Meta, Struct

from posthouse.desk import event_log, reports
from posthouse.desk.room import give_room_back
from posthouse.doors.api.answers import Answer, Problem, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.bodies import MOST_RECIPIENTS
from posthouse.doors.api.native.changing import in_steps
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, Page, many, one, reading, writing
from posthouse.doors.api.native.events import EventFilter, EventRow, event_of, query_of
from posthouse.doors.api.native.messages import MIME, AcceptedMessage, accepted, recipient_of
from posthouse.doors.api.native.scope import may_see
from posthouse.doors.api.posting import post
from posthouse.doors.api.resending import Loaded, again, load_again
from posthouse.mail.leaves import Leaf, leaves_of
from posthouse.mail.letter import BadLetter
from posthouse.model.account import MAIL_SEND
from posthouse.model.event import EventKind
from posthouse.model.message import DeliveryState, Message
from posthouse.rules.permissions import may
from posthouse.store import messages, queue
from posthouse.store.connection import Connection
from posthouse.store.queue import Selector

Word = Annotated[str, Meta(max_length=1000)]


class MessageSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which messages; what is not said does not restrict."""

    recipient: Annotated[Word, Meta(description="To this address.")] = ""
    recipient_domain: Annotated[Word, Meta(description="To addresses of this domain.")] = ""
    domain: Annotated[Word, Meta(description="Of this sending domain.")] = ""
    tag: Annotated[list[Word], Meta(max_length=20, description="With all these tags.")] = []
    meta: Annotated[list[Word], Meta(max_length=20, description="With all this metadata: `key=value`.")] = []
    since: Annotated[str, Meta(max_length=40, description="Accepted since: RFC 3339, or `2h` (ago).")] = ""
    until: Annotated[str, Meta(max_length=40, description="Accepted before.")] = ""
    cursor: Annotated[str, Meta(max_length=100, description="`next` of the page before.")] = ""
    limit: Annotated[int, Meta(ge=1, le=300)] = 100


class FoundMessage(Struct, frozen=True, kw_only=True):
    """A copy of a message that was accepted for one recipient."""

    id: str
    at: dt.datetime
    domain: str
    recipient: str
    sender: str
    subject: str
    header_id: str
    tags: list[str]
    metadata: dict[str, Any]


class OptionSeen(Struct, frozen=True, kw_only=True):
    """What was asked for, and what became of it."""

    header: str
    value: str
    effect: str
    is_warning: bool


class MessageRow(Struct, frozen=True, kw_only=True):
    """A message. `content_kept`: can its text still be read?"""

    id: str
    domain: str
    sender: str
    subject: str
    header_id: str
    size_bytes: int
    accepted_at: dt.datetime
    expires_at: dt.datetime
    content_kept: bool
    tags: list[str]
    metadata: dict[str, Any]
    batch_id: str
    template: str
    dialect: str
    options: list[OptionSeen]


class DeliveryRow(Struct, frozen=True, kw_only=True):
    """Where one recipient's copy stands. `due_at`: the next attempt, null when there is none."""

    id: str
    recipient: str
    state: DeliveryState
    attempt: int
    due_at: dt.datetime | None
    lane: str
    code: int
    text: str
    metadata: dict[str, Any]
    copy_of: str


class Story(Struct, frozen=True, kw_only=True):
    """All that is known of a message."""

    message: MessageRow
    deliveries: list[DeliveryRow]
    events: list[EventRow]


class PartRow(Struct, frozen=True, kw_only=True):
    """A part of a message. `text`: of a text part, null for others."""

    number: int
    type: str
    charset: str
    name: str
    content_id: str
    is_inline: bool
    size_bytes: int
    text: str | None


class Resend(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To whom: the message's own recipients unless others are named."""

    to: Annotated[
        list[Annotated[str, Meta(min_length=3, max_length=320)]], Meta(max_length=MOST_RECIPIENTS)
    ] = []


class Cancelled(Struct, frozen=True, kw_only=True):
    """How many recipients will not get it."""

    cancelled: int


async def search_messages(call: Call, asked: MessageSearch) -> Answer:
    of_messages = EventFilter(
        kind=[EventKind.ACCEPTED],
        recipient=asked.recipient,
        recipient_domain=asked.recipient_domain,
        domain=asked.domain,
        tag=asked.tag,
        meta=asked.meta,
        since=asked.since,
    )
    query = query_of(call, of_messages, until=asked.until, newest_first=True, limit=asked.limit)
    page = await call.read(event_log.read_page, query, 0.0, asked.cursor)
    rows = [row | {"id": row["message_id"]} for row in page.rows]
    return many(FoundMessage, rows, "" if page.is_complete else page.cursor)


async def show_message(call: Call, asked: Nothing) -> Answer:
    story = await call.read(_story, call)
    return one(Story)(story | {"events": [event_of(row) for row in story["events"]]})


def _story(conn: Connection, call: Call) -> dict[str, Any]:
    found = reports.story_of(conn, call.account_id, call.params["message_id"])
    if found is None or not may_see(call, found["message"]["domain"]):
        raise _no_message(call)
    return found


def _no_message(call: Call) -> Problem:
    return Problem(404, "no-message", f"There is no message {call.params['message_id'][:100]} here")


async def read_content(call: Call, asked: Nothing) -> Answer:
    content = await call.read(_content, call)
    # never shown as a page: it holds what anybody wrote
    return Answer(200, content, {"Content-Type": MIME, "Content-Security-Policy": "sandbox"})


def _message(conn: Connection, call: Call) -> Message:
    found = messages.load_message(conn, call.params["message_id"])
    if found is None or found.account_id != call.account_id or not may_see(call, found.domain):
        raise _no_message(call)
    return found


def _content(conn: Connection, call: Call) -> bytes:
    message = _message(conn, call)
    found = reports.source_of(conn, call.account_id, message.id)
    if found is None:
        raise Problem(404, "no-content", f"The text of message {message.id} is not kept any more")
    return found


def _leaves(conn: Connection, call: Call) -> list[Leaf]:
    try:
        return leaves_of(_content(conn, call))
    except BadLetter as error:
        raise Problem(422, "bad-letter", f"The message cannot be taken apart: {error}") from error


async def list_parts(call: Call, asked: Nothing) -> Answer:
    leaves = await call.read(_leaves, call)
    rows = [
        PartRow(
            number=number,
            type=leaf.type,
            charset=leaf.charset,
            name=leaf.name,
            content_id=leaf.content_id,
            is_inline=leaf.is_inline,
            size_bytes=len(leaf.content),
            text=leaf.text,
        )
        for number, leaf in enumerate(leaves, 1)
    ]
    return json_answer(Page(items=rows, next=None))


async def read_part(call: Call, asked: Nothing) -> Answer:
    leaves = await call.read(_leaves, call)
    number = call.params["number"]
    if not number.isdecimal() or not number.isascii() or not 1 <= int(number[:6]) <= len(leaves):
        raise Problem(404, "no-part", f"The message has no part {number[:20]}; it has {len(leaves)}")
    leaf = leaves[int(number) - 1]
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": "attachment",
        "Content-Security-Policy": "sandbox",
    }
    return Answer(200, leaf.content, headers)


async def resend_message(call: Call, asked: Resend) -> Answer:
    if not may(call.principal.permissions, "events.read"):  # or it could be sent to whoever may not read it
        raise Problem(403, "no-permission", "This key lacks the permission events.read")
    message, content, recipients = await call.read(_again, call)
    if asked.to:
        recipients = [recipient_of(written, place) for place, written in enumerate(asked.to)]
    return await post(call, [again(message, content, recipients)], lambda made: accepted(call, made))


def _again(conn: Connection, call: Call) -> Loaded:
    return load_again(conn, call.account_id, _message(conn, call).id)


async def cancel_message(call: Call, asked: Nothing) -> Answer:
    message = await call.read(_message, call)
    chosen = Selector(message_id=message.id, account_id=call.account_id)
    return await in_steps(
        call, one(Cancelled), "cancelled", queue.drop, chosen, call.now, call.parts.ids, give_room_back
    )


ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading(
        "/messages",
        "events.read",
        search_messages,
        "Search messages",
        text="One row for each recipient, the newest first.",
        topic="Messages",
        asks=MessageSearch,
        gives=Page[FoundMessage],
        is_for_domains=True,
    ),
    reading(
        "/messages/{message_id}",
        "events.read",
        show_message,
        "Show a message",
        text="Itself, where each recipient stands, and every event.",
        topic="Messages",
        gives=Story,
        is_for_domains=True,
    ),
    reading(
        "/messages/{message_id}/content",
        "events.read",
        read_content,
        "Read a message's text",
        text="The first captured copy as it would have left, else what was accepted.",
        topic="Messages",
        media=MIME,
        is_for_domains=True,
    ),
    reading(
        "/messages/{message_id}/parts",
        "events.read",
        list_parts,
        "List a message's parts",
        topic="Messages",
        gives=Page[PartRow],
        is_for_domains=True,
    ),
    reading(
        "/messages/{message_id}/parts/{number}",
        "events.read",
        read_part,
        "Read one part",
        text="Decoded, as a file.",
        topic="Messages",
        media="application/octet-stream",
        is_for_domains=True,
    ),
    writing(
        "POST",
        "/messages/{message_id}/resend",
        MAIL_SEND,
        resend_message,
        "Send a message again",
        text="As a new message with the same text; it needs `events.read` too, for that text.",
        topic="Messages",
        asks=Resend,
        gives=AcceptedMessage,
        status=202,
        is_sending=True,
        is_for_domains=True,
    ),
    writing(
        "POST",
        "/messages/{message_id}/cancel",
        "queue.write",
        cancel_message,
        "Cancel what waits of a message",
        topic="Messages",
        gives=Cancelled,
        is_for_domains=True,
    ),
)
