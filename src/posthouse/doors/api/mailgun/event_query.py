"""What an event call asks for: parameters to a query of the log, and to a test for what the log has no index
for (mailgun.md 5.7).

An event has one name and a severity, so expressions over these are tried on each of our kinds; recipient, a
message's id and tags are searched for; the rest is tried on the written event.

Public: Asked, read_asked, KINDS, MOST.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from posthouse.desk.event_log import plain_address
from posthouse.dialects.mailgun.filters import BadFilter, Filter, number_holds, parse_filter
from posthouse.dialects.mailgun.times import BadValue, instant
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.event import EventKind
from posthouse.store.events import EventQuery

USUAL, MOST = 100, 300  # documented

KINDS: dict[EventKind, tuple[str, str]] = {
    EventKind.ACCEPTED: ("accepted", ""),
    EventKind.REJECTED: ("rejected", ""),
    EventKind.DELIVERED: ("delivered", ""),
    EventKind.DEFERRED: ("failed", "temporary"),
    EventKind.FAILED: ("failed", "permanent"),
    EventKind.DROPPED: ("failed", "permanent"),
    EventKind.BOUNCED: ("failed", "permanent"),
    EventKind.OPENED: ("opened", ""),
    EventKind.CLICKED: ("clicked", ""),
    EventKind.UNSUBSCRIBED: ("unsubscribed", ""),
    EventKind.COMPLAINED: ("complained", ""),
    EventKind.STORED: ("stored", ""),
}
"""Our kinds with the service's name and severity."""

_FILTERS = (
    "event", "list", "attachment", "from", "message-id", "subject", "to", "size", "recipient", "recipients",
    "tags", "severity",
)  # fmt: skip
_SWITCHES = {"yes": True, "true": True, "no": False, "false": False}
_MOST_CHARS = 2_000

Test = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Asked:
    """`parameters`: as they were given, for the pages that follow. `newest_first`: the order that was asked
    for. `kinds` empty: nothing can match."""

    parameters: dict[str, str]
    newest_first: bool
    since: float | None = None
    until: float | None = None
    limit: int = USUAL
    kinds: tuple[EventKind, ...] = ()
    recipient: str = ""
    tags: tuple[str, ...] = ()
    tests: Sequence[Test] = field(default=())

    def query(self, account_id: str, domain: str) -> EventQuery:
        return EventQuery(
            account_id=account_id,
            domain=domain,
            kinds=self.kinds,
            recipient=self.recipient,
            tags=self.tags,
            since=self.since,
            until=self.until,
            newest_first=self.newest_first,
            limit=self.limit,
        )

    def wants(self, written: Mapping[str, Any]) -> bool:
        """Is this event, as the service writes it, asked for?"""
        return all(test(written) for test in self.tests)


def read_asked(pairs: Sequence[tuple[str, str]]) -> Asked:
    """The parameters of an event call. A filter that is repeated must hold each time. Raises Said (400)."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in _FILTERS and given.get(name):
            given[name] = f"({given[name]}) AND ({value})"
        else:
            given[name] = value
    kept = {
        name: value
        for name, value in given.items()
        if name in (*_FILTERS, "begin", "end", "ascending", "limit")
    }
    if sum(map(len, kept.values())) > _MOST_CHARS:
        raise said(f"the parameters are longer than {_MOST_CHARS} characters")
    newest_first, since, until = _range(kept)
    filters = {name: _filter(name, kept[name]) for name in _FILTERS if kept.get(name, "").strip()}
    return Asked(
        parameters=kept,
        newest_first=newest_first,
        since=since,
        until=until,
        limit=_limit(kept.get("limit", "")),
        kinds=_kinds(filters),
        recipient=_recipient(kept.get("recipient", ""), filters),
        tags=_tags(filters),
        tests=_tests(filters),
    )


def _filter(name: str, text: str) -> Filter:
    try:
        return parse_filter(text)
    except BadFilter as error:
        raise said(f"'{name}' parameter is not a valid filter: {error}") from error


def _limit(text: str) -> int:
    if not text.strip():
        return USUAL
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or not int(text):
        raise said("'limit' parameter is not valid: use a number from 1 to 300")
    return min(int(text), MOST)


# the stretch of time


def _range(given: Mapping[str, str]) -> tuple[bool, float | None, float | None]:
    """(newest first, since, until); see the documentation's table of begin, end and ascending."""
    begin, end = _instant("begin", given), _instant("end", given)
    ascending = _ascending(given.get("ascending", ""))
    if begin is not None and end is not None:
        is_up = begin <= end
        if ascending is not None and ascending != is_up and begin != end:
            raise said("'ascending' parameter conflicts with 'begin' and 'end'")
        return not is_up, min(begin, end), max(begin, end)
    if begin is not None:
        if ascending is None:
            raise said("'ascending' parameter is required when 'end' is not given")
        return (False, begin, None) if ascending else (True, None, begin)
    return not ascending, end if not ascending else None, end if ascending else None


def _instant(name: str, given: Mapping[str, str]) -> float | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        return instant(text)
    except BadValue as error:
        raise said(f"'{name}' parameter is not valid: {error}") from error


def _ascending(text: str) -> bool | None:
    if not text.strip():
        return None
    found = _SWITCHES.get(text.strip().lower())
    if found is None:
        raise said("'ascending' parameter is not valid: use yes or no")
    return found


# what is searched for


def _kinds(filters: Mapping[str, Filter]) -> tuple[EventKind, ...]:
    found = []
    for kind, (name, severity) in KINDS.items():
        wants_name = "event" not in filters or filters["event"].holds(name.__eq__)
        wants_severity = "severity" not in filters or filters["severity"].holds(severity.__eq__)
        if wants_name and wants_severity:
            found.append(kind)
    return tuple(found)


def _recipient(written: str, filters: dict[str, Filter]) -> str:
    """An address that must be the recipient's, in the spelling of the log."""
    required = filters["recipient"].required if "recipient" in filters else None
    if required is None or len(required) != 1 or "@" not in required[0]:
        return ""
    del filters["recipient"]
    return plain_address(written.strip().strip('"()'))


def _tags(filters: dict[str, Filter]) -> tuple[str, ...]:
    required = filters["tags"].required if "tags" in filters else None
    if required is None or (len(required) > 1 and filters["tags"].verb != "and"):
        return ()
    del filters["tags"]
    return required


# what is tried on the written event


def _tests(filters: Mapping[str, Filter]) -> list[Test]:
    return [_TESTS[name](found) for name, found in filters.items() if name in _TESTS]


def _of_words(
    find: Callable[[Mapping[str, Any]], Sequence[str]], *, is_exact: bool
) -> Callable[[Filter], Test]:
    def test_of(found: Filter) -> Test:
        def test(written: Mapping[str, Any]) -> bool:
            texts = [str(text).lower() for text in find(written)]
            if is_exact:
                return found.holds(texts.__contains__)
            return found.holds(lambda term: any(term in text for text in texts))

        return test

    return test_of


def _of_size(found: Filter) -> Test:
    return lambda written: found.holds(lambda term: number_holds(term, _message(written).get("size", 0)))


def _message(written: Mapping[str, Any]) -> Mapping[str, Any]:
    message = written.get("message")
    return message if isinstance(message, Mapping) else {}


def _header(name: str) -> Callable[[Mapping[str, Any]], list[str]]:
    return lambda written: [str(_message(written).get("headers", {}).get(name, ""))]


def _id(written: Mapping[str, Any]) -> list[str]:
    """In both forms: clients have it from a reply, with brackets, or from an event."""
    id = _header("message-id")(written)[0]
    return [id, f"<{id}>"]


def _recipients(written: Mapping[str, Any]) -> list[str]:
    return [str(written.get("recipient", "")), *map(str, _message(written).get("recipients", ()))]


_TESTS: dict[str, Callable[[Filter], Test]] = {
    "from": _of_words(_header("from"), is_exact=False),
    "to": _of_words(_header("to"), is_exact=False),
    "subject": _of_words(_header("subject"), is_exact=False),
    "message-id": _of_words(_id, is_exact=True),
    "recipient": _of_words(_recipients, is_exact=False),
    "recipients": _of_words(_recipients, is_exact=False),
    "tags": _of_words(lambda written: written.get("tags", ()), is_exact=True),
    "size": _of_size,
    # there are no mailing lists, and an event does not name its letter's files
    "list": _of_words(lambda written: (), is_exact=True),
    "attachment": _of_words(lambda written: (), is_exact=False),
}
