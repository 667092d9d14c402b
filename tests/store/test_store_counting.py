"""Counters equal the events that are out of the outbox, to the unit, whatever comes between (R4)."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from posthouse.desk import recount
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.model.event import Event, EventKind
from posthouse.pipeline import fold
from posthouse.rules.metrics import Key, is_by_people, metrics_of, names_of
from posthouse.store import engaged, event_ranges, events, outbox, tallies, versions
from posthouse.store.connection import Connection
from posthouse.store.engine import connect, open_store

DAY = 20_000
_START = DAY * 86400.0
_ALL = ("", "~")


class Killed(Exception):
    """The process died here."""


class Stream:
    """Random events of two accounts over some days, written in bundles of any size."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.clock = FakeClock(_START + 60.0)
        self.ids = Ids(self.clock)

    def write(self, conn: Connection, count: int) -> None:
        left = count
        while left > 0:
            size = min(left, self.random.choice([1, 2, 7, 150]))
            self.clock.advance(self.random.choice([0.0, 1.0, 3000.0]))
            with conn.transaction():
                events.append(conn, [self._event() for _ in range(size)])
            left -= size

    def _event(self) -> Event:
        pick = self.random.choice
        kind = pick(list(EventKind))
        delivery = f"M{self.random.randrange(40)}.0000"
        at = self.clock.now() - pick([0.0, 0.0, 30.0])
        return Event(
            self.ids.new(),
            kind,
            at,
            pick("ab"),
            pick(["", "s.test"]),
            "M",
            delivery,
            "x@y.test",
            self._data(),
        )

    def _data(self) -> dict[str, Any]:
        pick = self.random.choice
        choices: dict[str, list[Any]] = {
            "tags": [None, ["a"], ["a", "b", "nul\0"]],
            "site": [None, "mx1.test", "mx2.test"],
            "source": [None, "192.0.2.1"],
            "credential": [None, "c"],
            "machine": [None, "", "scanner"],
            "reason": [None, "bad-mailbox", "expired", "rate-limited"],
            "attempt": [None, 1, 2],
            "took_s": [None, 0.2, 44.0],
            "is_notice": [None, None, None, True],
            "is_copy": [None, None, None, True],
        }
        drawn = {key: pick(values) for key, values in choices.items()}
        return {key: value for key, value in drawn.items() if value is not None}


def _recounted(conn: Connection) -> Counter[Key]:
    """The log counted event by event."""
    sums: Counter[Key] = Counter()
    waiting = event_ranges.pending(conn, *_ALL)
    facts = [each for each in event_ranges.between(conn, *_ALL, 100_000) if each.id not in waiting]
    firsts = engaged.firsts_of(conn, [each for each in facts if is_by_people(each)])
    for each in facts:
        for word in metrics_of(each, is_first=each.id in firsts):
            for dim, name in names_of(each):
                place = each.account_id, dim, name.replace("\0", "\ufffd")
                is_took = word.startswith("took.")
                if not is_took or dim in ("account", "domain", "site"):
                    sums[(*place, "day", int(each.at // 86400), word)] += 1
                if not is_took or dim == "account":
                    sums[(*place, "hour", int(each.at // 3600), word)] += 1
    return sums


def _counted(conn: Connection) -> Counter[Key]:
    found = tallies.of_spans(conn, "day", 0, 10**6) | tallies.of_spans(conn, "hour", 0, 10**6)
    return Counter(found)


def _fold_all(conn: Connection, rng: random.Random) -> None:
    """Until nothing waits, dying at any point now and then."""

    def dies(conn: Connection, found: Sequence[Event]) -> None:
        if rng.random() < 0.3:
            raise Killed

    while not outbox.is_empty(conn):
        with suppress(Killed), conn.transaction():
            fold.fold(conn, [dies, fold.count, dies])


@pytest.mark.parametrize("seed", range(3))
def test_R4_counters_equal_the_events_whoever_dies(store_url: str, conn: Connection, seed: int) -> None:
    stream = Stream(seed)
    stream.write(conn, 1500)

    def folder(number: int) -> None:
        with connect(store_url) as own:
            _fold_all(own, random.Random(seed * 10 + number))

    threads = [threading.Thread(target=folder, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    stream.write(conn, 1500)
    for thread in threads:
        thread.join(60)
    assert _counted(conn) == _recounted(conn)  # also with events still in the outbox
    _fold_all(conn, stream.random)
    assert _counted(conn) == _recounted(conn)
    people = {(e.delivery_id, e.kind) for e in event_ranges.between(conn, *_ALL, 9999) if is_by_people(e)}
    unique = [
        key for key in _counted(conn) if key[1:4] == ("account", "", "day") and key[5].endswith("unique")
    ]
    assert sum(_counted(conn)[key] for key in unique) == len(people)


async def test_counting_holds_nothing_but_its_own_rows(store_url: str, conn: Connection) -> None:
    """Two workers that counted and raised a number in one transaction, in another order each, would wait for
    each other for ever."""
    Stream(1).write(conn, 3)
    seen: list[bool] = []

    def looks(_: Connection, found: Sequence[Event]) -> None:
        with connect(store_url) as other:  # sees only what is committed
            seen.append(versions.stops_version(other) == 1)

    is_held, may_go = threading.Event(), threading.Event()

    def hold(_: Connection, items: Sequence[None]) -> None:
        is_held.set()
        assert may_go.wait(20)

    def raises(own: Connection, items: Sequence[None]) -> None:
        versions.raise_stops(own)

    store = open_store(store_url, asyncio.get_running_loop())
    gate = store.write(hold, None)
    await asyncio.to_thread(is_held.wait, 20)  # what comes now becomes one group
    raised = store.write(raises, None)
    folded = store.write(fold.fold_each, [looks])
    may_go.set()
    await asyncio.gather(gate, raised, folded)
    await store.close()
    assert seen == [not store_url.startswith("sqlite")]  # there a transaction has the store to itself


def _days(conn: Connection) -> range:
    first, last = recount.covered_days(conn) or (0, -1)
    return range(first, last + 1)


def test_what_was_lost_is_counted_again_while_mail_flows(store_url: str, conn: Connection) -> None:
    stream = Stream(7)
    for _ in range(2):
        stream.write(conn, 500)
        stream.clock.advance(86400.0)
    _fold_all(conn, random.Random(1))
    right = _counted(conn)
    with conn.transaction():
        conn.script("DELETE FROM tally WHERE dim = 'tag' OR metric LIKE 'd%'")
        conn.script("UPDATE tally SET count = count + 3 WHERE metric = 'accepted'")
    stream.write(conn, 50)  # waits in the outbox meanwhile
    found = []
    with connect(store_url) as other:
        for day in _days(conn):
            # folded between the snapshot's pages and the writing: neither lost nor counted twice
            found += recount.put_right(conn, day, lambda share: _step(other, stream))
    assert found
    assert not [each for day in _days(conn) for each in recount.differences(conn, day)]
    _fold_all(conn, random.Random(2))
    after = _counted(conn)
    assert after == _recounted(conn) and after >= right


def _step(conn: Connection, stream: Stream) -> None:
    stream.write(conn, 3)
    with conn.transaction():
        fold.fold(conn, [fold.count])


def test_a_store_without_counters_gets_all_of_them(conn: Connection) -> None:
    Stream(3).write(conn, 400)
    _fold_all(conn, random.Random(3))
    right = _counted(conn)
    with conn.transaction():
        conn.script("DELETE FROM tally")
        conn.script("DELETE FROM tally_name")
    for day in _days(conn):
        recount.put_right(conn, day)
    assert _counted(conn) == right


def test_days_whose_events_are_gone_keep_their_counters(conn: Connection) -> None:
    stream = Stream(4)
    for _ in range(4):
        stream.write(conn, 200)
        stream.clock.advance(0.75 * 86400)
    _fold_all(conn, random.Random(4))
    right = _counted(conn)
    with conn.transaction():
        events.drop_before(conn, _START + 1.5 * 86400, 100_000)
    assert _days(conn)[0] == DAY + 2
    for day in (DAY, DAY + 1):
        with pytest.raises(Refused, match="are not all kept, so its counters stay"):
            recount.put_right(conn, day)
    for day in _days(conn):
        assert recount.put_right(conn, day) == []
    assert _counted(conn) == right


def test_without_events_nothing_is_covered(conn: Connection) -> None:
    assert recount.covered_days(conn) is None
    with pytest.raises(Refused, match="there is no day yet"):
        recount.differences(conn, DAY)
