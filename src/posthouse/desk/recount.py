"""Compares the counters with the event log, and puts them right while mail flows.

A day's log, the outbox and the counters are read in one snapshot; there the counters must equal the events
that are not in the outbox. What differs is *added* later: whatever is counted meanwhile is added too, so
nothing is lost or counted twice, and nothing waits. Days whose events are gone, or partly so, are never
touched.

Public: Difference, covered_days, day_name, differences, put_right.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from posthouse.model.clock import id_at
from posthouse.model.errors import Refused
from posthouse.model.event import Event
from posthouse.rules.metrics import (
    DAY,
    HOUR,
    MOST_NAMES,
    OTHER_NAMES,
    Key,
    is_by_people,
    renamed,
    seen_names,
    sums_of,
)
from posthouse.store import engaged, event_ranges, tags, tallies, tally_names
from posthouse.store.connection import Connection

DAY_S = 86400
_EARLY_S = 3600.0  # an id may be made a moment before its instant, or on a machine whose clock is late
_LATE_S = 86400.0  # events that waited for the store get their ids when it is back (docs/decisions/027)
_PAGE = 1000
_PART = 500  # counters put right in one transaction: some milliseconds

Advance = Callable[[float], None]
"""Told now and then which share of the work is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that says something else than the log."""

    key: Key
    counted: int
    logged: int


def covered_days(conn: Connection) -> tuple[int, int] | None:
    """First and last day (numbers since the epoch, UTC) of which all events are kept; None without any."""
    with conn.snapshot():
        return _covered(conn)


def _covered(conn: Connection) -> tuple[int, int] | None:
    first = event_ranges.first_event(conn)
    if first is None:
        return None
    day = int(first.at // DAY_S)
    counted, hour = tallies.first_counted(conn, DAY), tallies.first_counted(conn, HOUR)
    is_whole = counted is None or (counted >= day and hour is not None and hour >= int(first.at // 3600))
    last = tallies.last_counted(conn, DAY)
    return (day if is_whole else day + 1), max(last or 0, int(_last_at(conn, first) // DAY_S))


def _last_at(conn: Connection, first: Event) -> float:
    last = event_ranges.last_event(conn)
    return last.at if last else first.at


def differences(conn: Connection, day: int, advance: Advance = lambda share: None) -> list[Difference]:
    """Where the counters of a day and the log differ. Raises Refused where its events are gone."""
    return _compared(conn, day, advance)[1]


def put_right(conn: Connection, day: int, advance: Advance = lambda share: None) -> list[Difference]:
    """Make the counters of a day equal to the log, in short transactions; what was wrong. Raises Refused
    where its events are gone, or when somebody else does the same at this moment."""
    turn, found = _compared(conn, day, advance)
    for start in range(0, len(found), _PART):
        part = found[start : start + _PART]
        with conn.transaction():
            if not tallies.claim_recount(conn, turn):
                text = "Somebody else puts the counters right at this moment; begin again when that is done"
                raise Refused(450, "4.5.0", text, reason="busy")
            _add(conn, part)
        turn += 1
    return found


def _add(conn: Connection, part: Sequence[Difference]) -> None:
    missing = {each.key: each.logged - each.counted for each in part}
    tally_names.admit(conn, seen_names(missing), MOST_NAMES, OTHER_NAMES)
    tallies.add(conn, missing)


def _compared(conn: Connection, day: int, advance: Advance) -> tuple[int, list[Difference]]:
    """How often counters had been put right before, and what differs."""
    with conn.snapshot():
        covered = _covered(conn)
        if covered is None or not covered[0] <= day <= covered[1]:
            raise Refused(550, "5.1.2", _not_covered(day, covered), reason="events-gone")
        turn = tallies.recounts(conn)
        hour = tallies.first_counted(conn, HOUR)
        logged = _logged(conn, day, advance)
        counted = Counter(tallies.of_spans(conn, DAY, day, day))
        counted.update(tallies.of_spans(conn, HOUR, day * 24, day * 24 + 23))
        forgotten = tags.when_forgotten(conn)
    # hours that have gone with time stay away
    keys = [key for key in logged.keys() | counted.keys() if key[3] == DAY or hour is None or key[4] >= hour]
    wrong = [key for key in sorted(keys) if logged[key] != counted[key] and not _is_forgotten(key, forgotten)]
    return turn, [Difference(key, counted[key], logged[key]) for key in wrong]


def _is_forgotten(key: Key, forgotten: Mapping[tuple[str, str, str], float]) -> bool:
    """Somebody deleted what was counted under this name in this span, or in a part of it."""
    account_id, dim, name, span, at, _ = key
    when = forgotten.get((account_id, dim, name))
    return when is not None and at <= when // (3600 if span == HOUR else DAY_S)


def _logged(conn: Connection, day: int, advance: Advance) -> Counter[Key]:
    """What the counters of the day must be."""
    after, end = id_at(day * DAY_S - _EARLY_S), id_at((day + 1) * DAY_S + _LATE_S)
    waiting = event_ranges.pending(conn, after, end)
    sums: Counter[Key] = Counter()
    granted: set[tuple[str, str, str]] = set()
    while page := event_ranges.between(conn, after, end, _PAGE):
        after = page[-1].id
        facts = [each for each in page if each.at // DAY_S == day and each.id not in waiting]
        part = sums_of(facts, engaged.firsts_of(conn, [each for each in facts if is_by_people(each)]))
        names = tally_names.room_for(conn, seen_names(part), MOST_NAMES, OTHER_NAMES, granted)
        sums.update(renamed(part, names))
        advance(min(1.0, max(0.0, (page[-1].at / DAY_S - day) / 2)))
    return sums


def day_name(day: int) -> str:
    """YYYY-MM-DD."""
    return dt.datetime.fromtimestamp(day * DAY_S, dt.UTC).date().isoformat()


def _not_covered(day: int, covered: tuple[int, int] | None) -> str:
    text = f"The events of {day_name(day)} are not all kept, so its counters stay as they are"
    if covered is None or covered[0] > covered[1]:
        return f"{text}; there is no day yet whose events are"
    return f"{text}; name days from {day_name(covered[0])} to {day_name(covered[1])}"
