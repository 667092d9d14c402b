"""How readers react, by provider, device or country: counted from the log when somebody asks.

Public: AGGREGATES, aggregate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from posthouse.doors.api.call import Call
from posthouse.doors.api.walking import TooMany, walk
from posthouse.model.event import Event, EventKind
from posthouse.store.events import EventQuery

AGGREGATES = {
    "provider": "provider",
    "providers": "provider",
    "device": "device",
    "devices": "device",
    "country": "country",
    "countries": "country",
}
"""What a call may name -> the word of the answer."""
_MOST_EVENTS = 20_000
_NAMES = {
    EventKind.ACCEPTED: "accepted",
    EventKind.DELIVERED: "delivered",
    EventKind.OPENED: "opened",
    EventKind.CLICKED: "clicked",
    EventKind.UNSUBSCRIBED: "unsubscribed",
    EventKind.COMPLAINED: "complained",
}
_UNIQUE = {EventKind.OPENED: "unique_opened", EventKind.CLICKED: "unique_clicked"}
_OF_READERS = (EventKind.OPENED, EventKind.CLICKED, EventKind.UNSUBSCRIBED)


async def aggregate(call: Call, kind: str, domain: str, tags: Sequence[str]) -> dict[str, dict[str, int]]:
    """Counts by the name of a provider, device or country, of the newest events. Machines are no readers."""
    query = EventQuery(
        account_id=call.account_id,
        domain=domain,
        tags=tuple(tags),
        kinds=tuple(_NAMES) if kind == "provider" else _OF_READERS,
        newest_first=True,
    )
    found: dict[str, Counter[str]] = {}
    seen: set[tuple[str, EventKind]] = set()
    with suppress(TooMany):
        async for event in walk(call, query, _MOST_EVENTS):
            _count(event, kind, found, seen)
    usual = dict.fromkeys((*_NAMES.values(), *_UNIQUE.values()), 0)
    return {name: usual | counts for name, counts in sorted(found.items())}


def _count(event: Event, kind: str, found: dict[str, Counter[str]], seen: set[tuple[str, EventKind]]) -> None:
    if event.data.get("machine") or event.data.get("is_copy"):
        return
    counts = found.setdefault(_place(event, kind), Counter())
    counts[_NAMES[event.kind]] += 1
    once = (event.delivery_id, event.kind)
    if event.kind in _UNIQUE and once not in seen:
        seen.add(once)
        counts[_UNIQUE[event.kind]] += 1


def _place(event: Event, kind: str) -> str:
    if kind == "provider":
        return event.recipient.rpartition("@")[2].lower()
    source, key, usual = (
        ("client", "device-type", "unknown") if kind == "device" else ("geolocation", "country", "Unknown")
    )
    known: Any = event.data.get(source)
    return str(known.get(key) or usual)[:100] if isinstance(known, dict) else usual
