"""One line of words and filters, as people search: `to:ann@example.com is:failed since:2d invoice`.

Public: Search, FILTERS, parse_search.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from posthouse.desk import event_log
from posthouse.model.errors import Refused
from posthouse.model.event import EventKind
from posthouse.model.short_id import long_id
from posthouse.store.events import EventQuery

FILTERS = {
    "to": "a recipient, or the domain of recipients",
    "from": "a sending domain, or a sender's address",
    "subject": "words of the subject",
    "tag": "a tag",
    "is": "what happened: " + ", ".join(EventKind),
    "since": "a time: 2h, 3d (ago), 2026-01-31, 2026-01-31T12:00",
    "until": "a time",
    "id": "a message's id",
    "meta": "your own data: key=value",
}
_OTHER_NAMES = {"domain": "from", "kind": "is", "recipient": "to", "before": "until", "after": "since"}
_MOST_CHARS = 1000
_word = re.compile(r'\s*([A-Za-z]{2,12}:)?(?:"([^"]*)"?|(\S+))')
_is_id = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}(\.[0-9]{4,})?\Z").match
_is_open_filter = re.compile(r"[A-Za-z]{2,12}:\Z").match
_has_at = re.compile(r"[^@]+@[^@]+\Z").match


@dataclass(frozen=True, slots=True)
class Search:
    """`query`: what the log finds by its indexes. `subject`, `sender`: in lower case, what must stand in the
    letters that it finds, "" for anything."""

    query: EventQuery
    subject: str = ""
    sender: str = ""

    @property
    def is_of_events(self) -> bool:
        """Does it ask for what happened rather than for messages?"""
        return bool(self.query.kinds)


def parse_search(text: str, now: float) -> Search:
    """A line -> what it asks for; "" asks for everything. Raises Refused, with what is allowed."""
    found: dict[str, list[str]] = {}
    for match in _word.finditer(text.strip()[:_MOST_CHARS]):
        name = (match[1] or "").removesuffix(":").lower()
        value = match[2] if match[2] is not None else match[3]
        if not name and match[2] is None and _is_open_filter(value):
            name, value = value[:-1].lower(), ""
        if name and not value.strip():
            raise _refused(f"{name}: needs a value, {FILTERS.get(_name_of(name), '')}")
        found.setdefault(_name_of(name) if name else _kind_of_word(value), []).append(value.strip())
    once = {name: _one(name, found) for name in ("to", "from", "id", "since", "until")}
    to, is_address = once["to"], bool(_has_at(once["to"]))
    query = EventQuery(
        message_id=_message_id(once["id"]),
        tags=tuple(found.get("tag", ())),
        kinds=event_log.parse_kinds([kind.lower() for kind in found.get("is", ())]),
        metadata=tuple(map(event_log.parse_pair, found.get("meta", ()))),
        since=event_log.parse_instant(once["since"], now) if once["since"] else None,
        until=event_log.parse_instant(once["until"], now) if once["until"] else None,
        recipient=event_log.plain_address(to) if is_address else "",
        recipient_domain=event_log.plain_domain(to.removeprefix("@")) if to and not is_address else "",
        domain=event_log.plain_domain(once["from"].rpartition("@")[2]) if once["from"] else "",
    )
    sender = once["from"].lower() if _has_at(once["from"]) else ""
    return Search(query, " ".join(found.get("subject", ())).lower(), sender)


def _name_of(name: str) -> str:
    name = _OTHER_NAMES.get(name, name)
    if name not in FILTERS:
        allowed = ", ".join(f"{each}:" for each in FILTERS)
        raise _refused(
            f"there is no filter {name}: here; there are {allowed} (put words with a colon in quotes)"
        )
    return name


def _kind_of_word(word: str) -> str:
    """Which filter a bare word is meant for."""
    if _has_at(word):
        return "to"
    try:
        return "id" if _is_id(word) or long_id(word) else "subject"
    except ValueError:
        return "subject"


def _one(name: str, found: dict[str, list[str]]) -> str:
    values = found.get(name, [""])
    if len(set(values)) > 1:
        raise _refused(f"{name}: can be asked for once; there are {len(values)} of it")
    return values[0]


def _message_id(text: str) -> str:
    """Of a delivery's id the message's; a short one, as some services have it, in our form."""
    if not text or _is_id(text.upper()):
        return text.upper().partition(".")[0]
    try:
        return long_id(text)
    except ValueError:
        raise _refused(f"{text[:40]!r} is no message's id; those have 26 letters and digits") from None


def _refused(text: str) -> Refused:
    return Refused(501, "5.5.4", text[0].upper() + text[1:], reason="bad-search")
