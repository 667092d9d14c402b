"""The event log as people and programs page through it: filters as they are written, pages with a cursor.

A cursor is opaque and keeps its meaning for ever: it names a place in the log and the direction. Pages from
the oldest on end where nothing can be added before them any more (docs/decisions/027), so whoever follows the
cursors sees every event once.

Public: parse_instant, parse_kinds, parse_pair, plain_domain, plain_address, Page, read_page, settled_before,
cursor_behind.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from posthouse.desk.reports import event_row
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.clock import instant_of
from posthouse.model.errors import Refused
from posthouse.model.event import EventKind
from posthouse.store import events
from posthouse.store.engine import Connection
from posthouse.store.events import EventQuery, settled_before

__all__ = [
    "Page",
    "cursor_behind",
    "parse_instant",
    "parse_kinds",
    "parse_pair",
    "plain_address",
    "plain_domain",
    "read_page",
    "settled_before",
]

_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SPAN = re.compile(r"(\d{1,6})([smhdw])\Z")
_SECONDS = re.compile(r"\d{9,10}(\.\d+)?\Z")
_PLACE = re.compile(r"[no][0-9A-Z]{10,26}\Z")


def parse_instant(text: str, now: float) -> float:
    """`2h` (ago; s, m, h, d, w), an ISO date or time (UTC unless it says otherwise), or seconds since 1970.
    Raises Refused."""
    text = text.strip()
    if span := _SPAN.match(text):
        return max(0.0, now - int(span[1]) * _UNIT_S[span[2]])
    if _SECONDS.match(text):
        return float(text)
    try:
        found = dt.datetime.fromisoformat(text)
        at = (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        at = -1.0
    if at < 0:
        raise _refused(
            f"{text[:40]!r} is no time: write 2h or 3d (ago), 2026-01-31 or 2026-01-31T12:00", "bad-time"
        )
    return at


def parse_kinds(names: Sequence[str]) -> tuple[EventKind, ...]:
    """Raises Refused."""
    try:
        return tuple(EventKind(name) for name in names)
    except ValueError as error:
        allowed = ", ".join(EventKind)
        raise _refused(f"there is no kind {str(error).split()[0]}; allowed: {allowed}", "bad-kind") from error


def parse_pair(text: str) -> tuple[str, str]:
    """`key=value` of the free metadata. Raises Refused."""
    key, sign, value = text.partition("=")
    if not key or not sign:
        raise _refused(f"{text[:40]!r} is no pair: write key=value", "bad-pair")
    return key, value


def plain_address(text: str) -> str:
    """An address as the log has it; what is none stays as it is and finds nothing."""
    try:
        return str(parse_address(text.strip()))
    except BadAddress:
        return text.strip()


def plain_domain(text: str) -> str:
    """The same for a domain."""
    try:
        return parse_address(f"x@{text.strip()}").domain
    except BadAddress:
        return text.strip().lower()


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` as `reports.event_row` makes them. `cursor`: what the next page is asked for with; also behind
    the last page from the oldest on, where more will come; "" where nothing can follow. `is_complete`: for
    now nothing more matches. `looked_to`: how far the log was looked at, an instant; 0.0 when at nothing."""

    rows: list[dict[str, Any]]
    cursor: str
    is_complete: bool
    looked_to: float


def read_page(conn: Connection, query: EventQuery, settled: float, cursor: str = "") -> Page:
    """One page. `settled`: what `settled_before` said before this snapshot began. Raises Refused: the cursor
    is none, or of the other direction."""
    if cursor:
        query = replace(query, after_id=_place(cursor, query.newest_first))
    if not query.newest_first:
        query = replace(query, until=settled if query.until is None else min(query.until, settled))
    page = events.find_page(conn, query)
    is_end = page.is_complete and query.newest_first
    return Page(
        rows=[event_row(event) for event in page.events],
        cursor="" if is_end or not page.place else cursor_behind(page.place, query.newest_first),
        is_complete=page.is_complete,
        looked_to=instant_of(page.place) if page.place else 0.0,
    )


def cursor_behind(place: str, newest_first: bool) -> str:
    """What asks for the page that begins behind the event of this id."""
    return base64.urlsafe_b64encode((("n" if newest_first else "o") + place).encode()).decode().rstrip("=")


def _place(cursor: str, newest_first: bool) -> str:
    try:
        text = base64.urlsafe_b64decode(cursor[:60] + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if not _PLACE.match(text):
        raise _refused("this is no cursor: use one exactly as a page gave it", "bad-cursor")
    if (text[0] == "n") != newest_first:
        order = "newest" if text[0] == "n" else "oldest"
        raise _refused(
            f"this cursor is of pages that begin with the {order}: ask in that order", "bad-cursor"
        )
    return text[1:]


def _refused(text: str, reason: str) -> Refused:
    return Refused(501, "5.5.4", text, reason=reason)
