"""Messages as people look for them: one row for each recipient, with what became of it, the newest first.

A line that asks for what happened (`is:failed`) finds those events instead. The log is looked through by its
indexes; what none of them has (subjects, senders) is tried on what they bring, for a bounded stretch.

Public: Found, find_messages, suggestions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from posthouse.desk import event_log, tags
from posthouse.desk.search_line import FILTERS, Search
from posthouse.model.event import EventKind
from posthouse.model.message import DeliveryState
from posthouse.rules.plain_words import tell_event, tell_state
from posthouse.store import engaged, identity, messages, queue
from posthouse.store.connection import Connection
from posthouse.store.parts import Part

MOST_TRIED = 2_000  # messages for one page: some 50 ms on SQLite, 200 on PostgreSQL
_MOST_NAMES = 1000
_STEP = 250
_OF_MESSAGES = (EventKind.ACCEPTED, EventKind.REJECTED)
_WORDS = {EventKind.CLICKED: "clicked", EventKind.OPENED: "opened"}  # the stronger one first


@dataclass(frozen=True, slots=True)
class Found:
    """`rows`: see `_row`. `cursor`: asks for the next page, "" behind the last. `looked_to`: how far the log
    was looked through, an instant, where it was not far enough to fill the page; else 0.0."""

    rows: list[dict[str, Any]]
    cursor: str
    looked_to: float


def find_messages(
    conn: Connection, account_id: str, search: Search, cursor: str = "", limit: int = 50
) -> Found:
    """One page. Raises Refused: the cursor is none. For one snapshot."""
    is_tried = bool(search.subject or search.sender)
    query = replace(
        search.query,
        account_id=account_id,
        kinds=search.query.kinds or _OF_MESSAGES,
        newest_first=True,
        limit=_STEP if is_tried else limit,
    )
    found: list[dict[str, Any]] = []
    tried = 0
    while True:
        page = event_log.read_page(conn, query, 0.0, cursor)
        for row in _fitting(conn, page.rows, search) if is_tried else page.rows:
            found.append(row)
            if len(found) == limit:
                is_end = page.is_complete and row is page.rows[-1]
                behind = "" if is_end else event_log.cursor_behind(row["id"], newest_first=True)
                return Found(_rows(conn, found), behind, 0.0)
        if page.is_complete:
            return Found(_rows(conn, found), "", 0.0)
        tried += len(page.rows)
        cursor = page.cursor
        if not is_tried or tried >= MOST_TRIED or not page.rows:
            return Found(_rows(conn, found), cursor, page.looked_to)


def _fitting(conn: Connection, rows: Sequence[dict[str, Any]], search: Search) -> list[dict[str, Any]]:
    unknown = [row["message_id"] for row in rows if search.sender or "subject" not in row]
    heads = messages.load_heads(conn, unknown)
    fits = []
    for row in rows:
        head = heads.get(row["message_id"])
        subject = str(row.get("subject") or (head.subject if head else ""))
        senders = {str(row.get("sender") or "").lower()}
        senders |= {head.sender.lower(), head.author.lower()} if head else set()
        if search.subject in subject.lower() and (not search.sender or search.sender in senders):
            fits.append(row)
    return fits


def _rows(conn: Connection, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    deliveries = queue.load_deliveries(conn, [row["delivery_id"] for row in found])
    done = engaged.kinds_of(conn, deliveries)
    missing = [row["message_id"] for row in found if "subject" not in row]
    heads = messages.load_heads(conn, missing)
    rows = []
    for row in found:
        told = tell_event(row)
        delivery = deliveries.get(row["delivery_id"])
        if delivery is not None and row["kind"] == EventKind.ACCEPTED:
            told = tell_state(delivery.state, delivery.last_code, delivery.last_text, delivery.attempt)
            words = [word for kind, word in _WORDS.items() if kind in done.get(delivery.id, ())]
            if words and delivery.state is DeliveryState.DELIVERED:
                told = replace(told, title=f"{told.title}, {words[0]}")
        head = heads.get(row["message_id"])
        rows.append(_row(row, told.title, told.look, told.said or told.why, head.subject if head else ""))
    return rows


def _row(row: dict[str, Any], title: str, look: str, detail: str, subject: str) -> dict[str, Any]:
    """`what`, `look`, `detail`: what became of it, as `rules.plain_words` tells it."""
    several = row.get("recipients") or []
    return {
        "id": row["id"],
        "kind": row["kind"],
        "at": row["at"],
        "time": row["time"],
        "message_id": row["message_id"],
        "delivery_id": row["delivery_id"],
        "domain": row["domain"],
        "recipient": row["recipient"] or ", ".join(several[:3]),
        "subject": row.get("subject") or subject,
        "tags": row["tags"],
        "what": title,
        "look": look,
        "detail": detail,
    }


def suggestions(conn: Connection, account_id: str, text: str, limit: int = 12) -> list[str]:
    """What the last word of the line may become: the whole line each time."""
    before, blank, word = text.rpartition(" ")
    name, colon, begun = word.partition(":")
    opening = before + blank
    if not colon:
        return [f"{opening}{each}:" for each in FILTERS if each.startswith(word.lower())][:limit]
    if name in ("is", "kind"):
        values = [kind.value for kind in EventKind if kind.startswith(begun.lower())]
    elif name == "tag":
        found = tags.list_tags(conn, account_id=account_id, prefix=begun, limit=limit)
        values = [f'"{tag.name}"' if " " in tag.name else tag.name for tag in found]
    elif name in ("from", "domain"):
        names = [
            domain.name
            for domain in identity.list_domains(conn, account_id, Part(text=begun, most=_MOST_NAMES))
        ]
        values = [each for each in names if each.startswith(begun.lower())]
    elif name in ("since", "until"):
        values = [each for each in ("1h", "24h", "7d", "30d") if each.startswith(begun)]
    else:
        values = []
    return [f"{opening}{name}:{value}" for value in values[:limit]]
