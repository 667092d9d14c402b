"""Questions that people and programs ask: events as rows, a message's story.

Every answer is plain JSON values. Instants appear twice: `at` in seconds, `time` as text in UTC.

Public: event_row, event_rows, story_of, story_for, outline_of, utc_text.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from posthouse.model.event import Event
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.model.options import Seen, read_recipient_options
from posthouse.store import captures, events, messages, queue
from posthouse.store.engine import Connection
from posthouse.store.events import EventQuery

STORY_EVENTS = 10_000
SHOWN_VALUE = 200  # characters of an option's value


def utc_text(at: float) -> str:
    """An instant as `2026-01-31T12:00:00.250Z`."""
    text = dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def event_row(event: Event) -> dict[str, Any]:
    """One event: its columns; code, enhanced and text (0 and "" when it has none); tags and metadata of its
    message (empty when it has none); its other data."""
    row: dict[str, Any] = {
        "id": event.id,
        "kind": str(event.kind),
        "at": event.at,
        "time": utc_text(event.at),
        "domain": event.domain,
        "message_id": event.message_id,
        "delivery_id": event.delivery_id,
        "recipient": event.recipient,
        "code": 0,
        "enhanced": "",
        "text": "",
        "tags": [],
        "metadata": {},
    }
    return row | {name: value for name, value in event.data.items() if name not in row or not row[name]}


def event_rows(conn: Connection, query: EventQuery) -> list[dict[str, Any]]:
    """The events that match, as rows, in the query's order."""
    return [event_row(event) for event in events.search(conn, query)]


def story_of(conn: Connection, account_id: str, message_id: str) -> dict[str, Any] | None:
    """All that is known of a message: itself, where each recipient stands, every event. None: unknown id, or
    one of another account (`account_id` "" for all)."""
    story = outline_of(conn, account_id, message_id)
    if story is None:
        return None
    return story | {"events": event_rows(conn, EventQuery(message_id=message_id, limit=STORY_EVENTS))}


def outline_of(conn: Connection, account_id: str, message_id: str) -> dict[str, Any] | None:
    """A story without its events: of a message to thousands they are many."""
    message = _own_message(conn, account_id, message_id)
    if message is None:
        return None
    return {
        "message": _message_row(message, messages.has_content(conn, message_id)),
        "deliveries": [
            _delivery_row(delivery, message) for delivery in queue.deliveries_of(conn, message_id)
        ],
    }


def story_for(conn: Connection, account_id: str, message_id: str, delivery_id: str) -> dict[str, Any] | None:
    """The story as one recipient's: with `chosen`, the delivery of that id or else the first one (None: there
    is none), and its events alone."""
    story = outline_of(conn, account_id, message_id)
    if story is None:
        return None
    rows = story["deliveries"]
    chosen = next((row for row in rows if row["id"] == delivery_id), rows[0] if rows else None)
    one = chosen["recipient"] if chosen and len(rows) > 1 else ""
    events = event_rows(conn, EventQuery(message_id=message_id, recipient=one, limit=STORY_EVENTS))
    return story | {"chosen": chosen, "events": events}


def _own_message(conn: Connection, account_id: str, message_id: str) -> Message | None:
    message = messages.load_message(conn, message_id)
    return message if message and account_id in ("", message.account_id) else None


def _message_row(message: Message, is_kept: bool) -> dict[str, Any]:
    return {
        "id": message.id,
        "domain": message.domain,
        "sender": message.sender,
        "subject": message.subject,
        "header_id": message.header_id,
        "size_bytes": message.size_bytes,
        "accepted_at": message.accepted_at,
        "accepted_time": utc_text(message.accepted_at),
        "expires_at": message.expires_at,
        "content_kept": is_kept,
        "tags": list(message.options.tags),
        "metadata": message.options.metadata,
        "batch_id": message.batch_id,
        "template": message.options.template_name,
        "dialect": message.options.dialect,
        "options": [_seen_row(seen) for seen in message.options.seen],
    }


def _seen_row(seen: Seen) -> dict[str, Any]:
    """An option that was asked for: its header, its value cut short, and what became of it."""
    is_long = len(seen.value) > SHOWN_VALUE
    return {
        "header": seen.header,
        "value": seen.value[: SHOWN_VALUE - 1] + "…" if is_long else seen.value,
        "effect": seen.effect,
        "is_warning": seen.is_warning,
    }


def _delivery_row(delivery: Delivery, message: Message) -> dict[str, Any]:
    own = read_recipient_options(delivery.personal)
    is_open = delivery.state in (DeliveryState.WAITING, DeliveryState.TAKEN, DeliveryState.HELD)
    return {
        "id": delivery.id,
        "recipient": delivery.recipient,
        "state": str(delivery.state),
        "attempt": delivery.attempt,
        "due_at": delivery.due_at if is_open else None,
        "lane": delivery.lane,
        "code": delivery.last_code,
        "text": delivery.last_text,
        "metadata": message.options.metadata if own.metadata is None else own.metadata,
        "copy_of": own.copy_of,
    }


def source_of(conn: Connection, account_id: str, message_id: str) -> bytes | None:
    """The message's bytes: the first captured copy as it would have left, else what was accepted. None: they
    are not kept, or are another account's (`account_id` "" for all)."""
    if _own_message(conn, account_id, message_id) is None:
        return None
    for delivery in queue.deliveries_of(conn, message_id):
        capture = captures.load_capture(conn, delivery.id)
        if capture is not None:
            return capture.content
    return messages.load_content(conn, message_id)
