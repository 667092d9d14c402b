"""Searching the event log: every filter, pages of any size, bounded work, where it is settled (D-06)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from posthouse.model.clock import FakeClock, Ids
from posthouse.model.event import Event, EventKind
from posthouse.store import event_search, events
from posthouse.store.connection import Connection
from posthouse.store.engine import connect
from posthouse.store.events import EventQuery

START = 1_700_000_000.0
KINDS = (EventKind.ACCEPTED, EventKind.DELIVERED, EventKind.FAILED, EventKind.OPENED)
SENDERS, RECIPIENTS = ("one.test", "two.test"), ("a@x.test", "b@x.test", "A@y.test", '"odd@"@z.test')
TAGS, ORDERS = ("News", "receipt", "Rare"), ("1", "2", "true")


def _log(dice: random.Random, size: int) -> list[Event]:
    clock = FakeClock(START)
    ids = Ids(clock)
    found = []
    for _ in range(size):
        clock.advance(dice.choice((0.0, 0.001, 5.0)))
        data: dict[str, object] = {"tags": dice.sample(TAGS, dice.randrange(3))}
        if dice.random() < 0.5:
            order = dice.choice(ORDERS)
            data["metadata"] = {"order": True if order == "true" else int(order), "deep": {"never": "found"}}
        account = dice.choice(("big", "big", "small"))
        message = f"m{dice.randrange(9)}"
        kind, sender, to = dice.choice(KINDS), dice.choice(SENDERS), dice.choice((*RECIPIENTS, ""))
        found.append(Event(ids.new(), kind, clock.now(), account, sender, message, "", to, data))
    return found


def _matches(event: Event, query: EventQuery) -> bool:
    labels = {f"tag:{tag.lower()}" for tag in event.data["tags"]}
    order = event.data.get("metadata", {}).get("order")
    labels.add(f"meta:order={str(order).lower()}")
    labels.add(f"to:{event.recipient.rpartition('@')[2]}")
    return (
        query.account_id in ("", event.account_id)
        and query.message_id in ("", event.message_id)
        and query.recipient in ("", event.recipient)
        and query.domain in ("", event.domain)
        and (not query.kinds or event.kind in query.kinds)
        and set(query.labels) <= labels
        and (query.since is None or event.at >= query.since)
        and (query.until is None or event.at < query.until)
    )


def _query(dice: random.Random, log: list[Event]) -> EventQuery:
    def maybe(*values: str) -> str:
        return dice.choice(values) if dice.random() < 0.3 else ""

    order, tag, end = maybe(*ORDERS, "3"), maybe(*TAGS, "RARE", "none"), log[-1].at
    return EventQuery(
        account_id=dice.choice(("", "big", "small", "nobody")),
        message_id=maybe("m1", "m2"),
        recipient=maybe(*RECIPIENTS),
        recipient_domain=maybe("x.test", "Y.test", "z.test"),
        domain=maybe(*SENDERS),
        tags=(tag,) if tag else (),
        kinds=tuple(dice.sample(KINDS, dice.randrange(1, 4))) if dice.random() < 0.4 else (),
        metadata=(("order", order),) if order else (),
        since=round(dice.uniform(START, end), 3) if dice.random() < 0.3 else None,
        until=round(dice.uniform(START, end), 3) if dice.random() < 0.3 else None,
        newest_first=dice.random() < 0.5,
        limit=dice.choice((1, 2, 7, 1000)),
    )


@pytest.fixture
def filled(conn: Connection) -> Iterator[tuple[Connection, list[Event]]]:
    log = _log(random.Random(1), 400)
    with conn.transaction():
        events.append(conn, log)
    yield conn, log


def _pages(conn: Connection, query: EventQuery) -> list[Event]:
    seen: list[Event] = []
    while True:
        page = events.find_page(conn, query)
        assert len(page.events) <= query.limit
        seen += page.events
        if page.is_complete:
            return seen
        assert page.place != query.after_id, "a page that is not complete goes on"
        query = replace(query, after_id=page.place)


def test_any_filters_and_any_pages_give_exactly_the_filtered_log_in_order(
    filled: tuple[Connection, list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    conn, log = filled
    monkeypatch.setattr(event_search, "_PROBED", 20)
    monkeypatch.setattr(event_search, "_FIRST_LOOK", 10)
    dice = random.Random(2)
    for round_ in range(250):
        monkeypatch.setattr(event_search, "MOST_LOOKED", dice.choice((10, 30, 1000)))
        query = _query(dice, log)
        expected = [event for event in log if _matches(event, query)]
        if query.newest_first:
            expected.reverse()
        assert _pages(conn, query) == expected, f"round {round_}: {query}"
        assert events.search(conn, query) == expected[: query.limit], f"round {round_}: {query}"


def test_a_page_looks_at_a_bounded_part_and_says_how_far(
    filled: tuple[Connection, list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    conn, log = filled
    monkeypatch.setattr(event_search, "_FIRST_LOOK", 10)
    monkeypatch.setattr(event_search, "MOST_LOOKED", 50)
    page = events.find_page(conn, EventQuery(tags=("none",), limit=10))  # of all accounts: event by event
    assert (page.events, page.is_complete) == ([], False)
    assert page.place == log[49].id


def test_the_shortest_way_is_taken(filled: tuple[Connection, list[Event]]) -> None:
    conn, log = filled
    for query, way in (
        (EventQuery(account_id="big", tags=("News",), kinds=(EventKind.REJECTED,)), "kinds"),
        (EventQuery(account_id="big", tags=("none",), kinds=(EventKind.FAILED,)), "label"),
        (EventQuery(account_id="small", domain="one.test", recipient="nobody@x.test"), "recipient"),
        (EventQuery(account_id="big", domain="three.test"), "domain"),
        (EventQuery(account_id="big", message_id="m1", tags=("none",)), "message"),
        (EventQuery(tags=("News",)), "log"),
    ):
        assert event_search._shortest(conn, query, "", "~").name == way, query
    assert log


def test_what_is_long_in_a_writing_transaction_is_not_settled(store_url: str, conn: Connection) -> None:
    now = 1000.0
    assert events.settled_before(conn, now) == pytest.approx(now - 3.0, abs=0.01)
    with connect(store_url) as other, other.transaction():
        events.append(other, _log(random.Random(3), 1))
        first = events.settled_before(conn, now)
        while (later := events.settled_before(conn, now)) > first - 0.05:
            pass
        assert later < first < now - 3.0
    assert events.settled_before(conn, now) == pytest.approx(now - 3.0, abs=0.01)


def test_events_that_waited_get_new_ids_in_their_order(conn: Connection) -> None:
    clock = FakeClock(START)
    ids = Ids(clock)
    made = [
        Event(ids.new(), kind, START, "acc", "one.test", "m")
        for kind in (EventKind.ACCEPTED, EventKind.DROPPED)
    ]
    old = [event.id for event in made]
    conn.ids = Ids(clock)
    clock.advance(1.5)
    with conn.transaction():
        events.append(conn, made[:1])
    assert made[0].id == old[0], "not late yet"
    clock.advance(1.5)
    made[0].id = ids.new()[:-1] + "1"
    with conn.transaction():
        events.append(conn, made)
    found = events.search(conn, EventQuery(kinds=(EventKind.ACCEPTED, EventKind.DROPPED)))
    assert [event.kind for event in found] == [EventKind.ACCEPTED, EventKind.ACCEPTED, EventKind.DROPPED]
    assert found[-1].id > found[-2].id > ids.new()[:9], "written when they were written"
    assert [event.at for event in found] == [START] * 3
