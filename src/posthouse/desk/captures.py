"""Captured copies as people and programs look at them: found, taken apart, removed; one inbox for each
application.

Public: CaptureQuery, listing, inboxes, credentials_of, whole, summary, content, load_own, neighbours, remove,
remove_several, empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from posthouse.mail.leaves import first_text, leaves_of
from posthouse.mail.letter import BadLetter, parse
from posthouse.mail.seen_letter import links_of
from posthouse.mail.words import decode_words
from posthouse.model.errors import Refused
from posthouse.model.message import Message
from posthouse.store import captures, messages
from posthouse.store.captures import Capture, CaptureQuery, inboxes, search
from posthouse.store.connection import Connection

__all__ = [
    "CaptureQuery",
    "content",
    "credentials_of",
    "empty",
    "inboxes",
    "listing",
    "load_own",
    "neighbours",
    "remove",
    "remove_several",
    "summary",
    "whole",
]

_NOBODY = ("no such credential",)
STEP_COPIES = 500
"""Removed in one transaction: mail is accepted through the same writer."""


def listing(conn: Connection, query: CaptureQuery, application: str = "") -> list[captures.CaptureLine]:
    """The newest first; `application`: only what this one sent, "" for all. One that is unknown has none."""
    return search(conn, _of_application(conn, query, application))


def _of_application(conn: Connection, query: CaptureQuery, application: str) -> CaptureQuery:
    if not application:
        return query
    return replace(query, credentials=credentials_of(conn, query.account_id, application))


def credentials_of(conn: Connection, account_id: str, application: str) -> tuple[str, ...]:
    """Ids of the credentials that an application has used, by its name in `inboxes`."""
    wanted = application.strip().lower()
    found = captures.applications(conn, account_id)
    return next((found[name] for name in sorted(found) if name.lower() == wanted), _NOBODY)


def whole(conn: Connection, account_id: str, domain: str, delivery_id: str) -> dict[str, Any]:
    """One copy with its texts, fields and links. `domain` "": of any sending domain. Raises Refused."""
    found, message = load_own(conn, account_id, domain, delivery_id)
    row = _summary(conn, found, message)
    try:
        letter = parse(found.content)
        leaves = leaves_of(found.content)
    except BadLetter:
        return row | {"headers": [], "text": None, "html": None, "links": []}
    fields = [
        {"name": each.name.decode("latin-1").title(), "value": decode_words(letter.value(each))}
        for each in letter.fields
    ]
    texts = {kind: first_text(leaves, kind) for kind in ("text/plain", "text/html")}
    html = texts["text/html"]
    return row | {
        "headers": fields,
        "text": texts["text/plain"],
        "html": html,
        "links": links_of(html) if html else [],
    }


def summary(conn: Connection, account_id: str, domain: str, delivery_id: str) -> dict[str, Any]:
    """One copy as it stands in a list. Raises Refused."""
    return _summary(conn, *load_own(conn, account_id, domain, delivery_id))


def _summary(conn: Connection, found: Capture, message: Message) -> dict[str, Any]:
    return {
        "delivery_id": found.delivery_id,
        "message_id": found.message_id,
        "at": found.at,
        "sender": found.sender,
        "recipient": found.recipient,
        "subject": message.subject,
        "size_bytes": len(found.content),
        "domain": message.domain,
        "application": captures.application_of(conn, found.credential_id),
    }


def content(conn: Connection, account_id: str, domain: str, delivery_id: str) -> bytes:
    """One copy as it would have left. Raises Refused."""
    return load_own(conn, account_id, domain, delivery_id)[0].content


def neighbours(conn: Connection, query: CaptureQuery, application: str, delivery_id: str) -> tuple[str, str]:
    """The next newer and the next older of a list, "" where it ends."""
    query = _of_application(conn, query, application)
    newer = search(conn, replace(query, after_id=delivery_id, before_id="", limit=1))
    older = search(conn, replace(query, before_id=delivery_id, after_id="", limit=1))
    return (newer[0].delivery_id if newer else "", older[0].delivery_id if older else "")


def remove(conn: Connection, account_id: str, domain: str, delivery_id: str) -> int:
    """Remove one copy, inside the caller's transaction; 1. Raises Refused."""
    found, _ = load_own(conn, account_id, domain, delivery_id)
    return int(captures.remove_capture(conn, found.delivery_id))


def remove_several(conn: Connection, account_id: str, delivery_ids: Sequence[str]) -> int:
    """Remove these copies, inside the caller's transaction; how many went. One that is gone already does not
    count, nor does another account's (S20). Raises Refused where none is named."""
    if not delivery_ids:
        raise Refused(501, "5.5.4", "Choose the copies to remove", reason="no-choice")
    return sum(captures.remove_own(conn, account_id, each) for each in dict.fromkeys(delivery_ids))


def empty(conn: Connection, query: CaptureQuery, application: str = "", *, limit: int = STEP_COPIES) -> int:
    """Remove some of what a list holds, inside the caller's transaction; 0: it is empty."""
    found = listing(conn, replace(query, limit=limit), application)
    return sum(captures.remove_capture(conn, line.delivery_id) for line in found)


def load_own(conn: Connection, account_id: str, domain: str, delivery_id: str) -> tuple[Capture, Message]:
    """A copy and its message. Raises Refused, in the same words for another account's as for none (S20)."""
    found = captures.load_capture(conn, delivery_id)
    message = messages.load_message(conn, found.message_id) if found else None
    is_own = message is not None and message.account_id == account_id and domain in ("", message.domain)
    if found is None or message is None or not is_own:
        text = f"There is no captured copy {delivery_id[:60]} here"
        raise Refused(550, "5.1.2", text, reason="no-capture")
    return found, message
