"""How the nouns of `model` become rows and rows become nouns again, by position.

Text that strangers wrote (subjects, replies) may hold what an engine refuses: NUL on PostgreSQL, lone
surrogates on both. It is made harmless here, so that no reply can keep a delivery from being settled.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from posthouse.model.event import Event, EventKind
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.model.options import options_text, read_options
from posthouse.store.connection import Row

_LONGEST_TEXT = 2000
_STATES = {state.value: state for state in DeliveryState}
_KINDS = {kind.value: kind for kind in EventKind}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def beginning_with(text: str) -> str:
    """A pattern for `lower(…) LIKE … ESCAPE '!'`: what begins with this text, in any case of letters."""
    for mark in "!%_":
        text = text.replace(mark, f"!{mark}")
    return f"{text.lower()}%"


def containing(text: str) -> str:
    """The same: what has this text in it."""
    return f"%{beginning_with(text)}"


def harmless(text: str) -> str:
    """Text of strangers in a form that both engines store; at most 2,000 characters."""
    if text.isascii() and "\0" not in text:
        return text[:_LONGEST_TEXT]
    return text[:_LONGEST_TEXT].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def message_row(message: Message) -> Row:
    return (
        message.id,
        message.account_id,
        message.domain,
        message.credential_id,
        message.sender,
        harmless(message.subject),
        harmless(message.header_id),
        message.size_bytes,
        message.accepted_at,
        message.expires_at,
        int(message.is_utf8),
        int(message.is_8bit),
        message.ret,
        message.envid,
        options_text(message.options),
        harmless(message.batch_id),
        harmless(message.author),
        harmless(message.addressed),
    )


def to_message(row: Row) -> Message:
    message = Message(*row)
    message.is_utf8 = bool(message.is_utf8)
    message.is_8bit = bool(message.is_8bit)
    message.options = read_options(row[14])
    return message


def delivery_row(delivery: Delivery) -> Row:
    return (
        delivery.id,
        delivery.message_id,
        delivery.account_id,
        delivery.recipient,
        delivery.domain,
        delivery.lane,
        delivery.state.value,
        delivery.due_at,
        delivery.expires_at,
        delivery.attempt,
        delivery.owner,
        delivery.notify,
        delivery.orcpt,
        delivery.last_code,
        harmless(delivery.last_text),
        delivery.personal,
    )


def to_delivery(row: Row) -> Delivery:
    delivery = Delivery(*row)
    delivery.state = _STATES[delivery.state]
    # SQLite's RETURNING gives a whole number of a float column as an integer
    delivery.due_at = float(delivery.due_at)
    delivery.expires_at = float(delivery.expires_at)
    return delivery


def event_row(event: Event) -> Row:
    return (
        event.id,
        event.kind.value,
        event.at,
        event.account_id,
        event.domain,
        event.message_id,
        event.delivery_id,
        event.recipient,
        json_text(event.data),
    )


def to_event(row: Row) -> Event:
    event = Event(*row)
    event.kind = _KINDS[event.kind]
    event.data = _decode(row[8])
    return event


MOST_LABELS, LONGEST_LABEL = 20, 300


def labels_of(event: Event) -> list[Row]:
    """What the event can be found by beside its columns: the recipient's domain, tags in lower case, and the
    plain values of its metadata; of tags and values the first `MOST_LABELS`.

    Retention finds the rows by the same look: what this named once it must go on naming.
    """
    tags, metadata = event.data.get("tags"), event.data.get("metadata")
    if not tags and not metadata:
        return (
            [(event.account_id, recipient_domain_label(event.recipient), event.id)] if event.recipient else []
        )
    found = [tag_label(tag) for tag in tags or ()]
    for key, value in (metadata or {}).items():
        if isinstance(value, str | int | float):
            found.append(metadata_label(key, value))
    del found[MOST_LABELS:]
    if event.recipient:
        found.append(recipient_domain_label(event.recipient))
    return [(event.account_id, label, event.id) for label in dict.fromkeys(found)]


def recipient_domain_label(recipient: str) -> str:
    """How the domain of a recipient is searched by; also takes the domain alone."""
    return harmless(f"to:{recipient[recipient.rfind('@') + 1 :].lower()}"[:LONGEST_LABEL])


def tag_label(tag: str) -> str:
    """How a tag is searched by."""
    return harmless(f"tag:{tag.lower()}"[:LONGEST_LABEL])


def metadata_label(key: str, value: object) -> str:
    """How a value of the metadata is searched by; true and false as in JSON."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return harmless(f"meta:{key}={text}"[:LONGEST_LABEL])


def json_text(data: dict[str, Any]) -> str:
    """Plain JSON values as text; NUL is escaped by JSON, lone surrogates become question marks."""
    try:
        return _encode(data).decode()
    except UnicodeEncodeError:
        return json.dumps(data, ensure_ascii=False).encode("utf-8", "replace").decode()


def more_text(more: dict[str, Any]) -> str:
    """What a service keeps beside a thing in its own words; "" for nothing."""
    return json_text(dict(more)) if more else ""


def read_more(written: str) -> dict[str, Any]:
    """What `more_text` wrote."""
    return _decode_object(written) if written else {}
