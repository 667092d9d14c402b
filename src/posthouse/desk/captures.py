"""Captured copies as people and programs look at them: found, taken apart, removed.

Public: CaptureQuery, listing, whole, content, remove.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse.mail.leaves import Leaf, leaves_of
from posthouse.mail.letter import BadLetter, parse
from posthouse.mail.seen_letter import links_of
from posthouse.mail.words import decode_words
from posthouse.model.errors import Refused
from posthouse.store import captures, messages
from posthouse.store.captures import Capture, CaptureQuery, search
from posthouse.store.connection import Connection

__all__ = ["CaptureQuery", "content", "listing", "remove", "whole"]

listing = search


def whole(conn: Connection, account_id: str, domain: str, delivery_id: str) -> dict[str, Any]:
    """One copy with its texts, fields and links. `domain` "": of any sending domain. Raises Refused."""
    found, subject = _own(conn, account_id, domain, delivery_id)
    row = {
        "delivery_id": found.delivery_id,
        "message_id": found.message_id,
        "at": found.at,
        "sender": found.sender,
        "recipient": found.recipient,
        "subject": subject,
        "size_bytes": len(found.content),
    }
    try:
        letter = parse(found.content)
        leaves = leaves_of(found.content)
    except BadLetter:
        return row | {"headers": [], "text": None, "html": None, "links": []}
    fields = [
        {"name": each.name.decode("latin-1").title(), "value": decode_words(letter.value(each))}
        for each in letter.fields
    ]
    texts = {kind: _first(leaves, kind) for kind in ("text/plain", "text/html")}
    html = texts["text/html"]
    return row | {
        "headers": fields,
        "text": texts["text/plain"],
        "html": html,
        "links": links_of(html) if html else [],
    }


def _first(leaves: Sequence[Leaf], kind: str) -> str | None:
    return next((leaf.text for leaf in leaves if leaf.type == kind and leaf.is_inline), None)


def content(conn: Connection, account_id: str, domain: str, delivery_id: str) -> bytes:
    """One copy as it would have left. Raises Refused."""
    return _own(conn, account_id, domain, delivery_id)[0].content


def remove(conn: Connection, account_id: str, domain: str, delivery_id: str) -> int:
    """Remove one copy, inside the caller's transaction; 1. Raises Refused."""
    return int(captures.remove_capture(conn, _own(conn, account_id, domain, delivery_id)[0].delivery_id))


def _own(conn: Connection, account_id: str, domain: str, delivery_id: str) -> tuple[Capture, str]:
    """In the same words for another account's as for none (S20)."""
    found = captures.load_capture(conn, delivery_id)
    message = messages.load_message(conn, found.message_id) if found else None
    is_own = message is not None and message.account_id == account_id and domain in ("", message.domain)
    if found is None or message is None or not is_own:
        text = f"There is no captured copy {delivery_id[:60]} here"
        raise Refused(550, "5.1.2", text, reason="no-capture")
    return found, message.subject
