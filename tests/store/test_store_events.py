"""The event log, its outbox, counters, retention (R4, F11)."""

from __future__ import annotations

import threading

import pytest

from posthouse.model.clock import FakeClock, Ids, id_at
from posthouse.model.event import Event, EventKind
from posthouse.store import events, messages, outbox
from posthouse.store.connection import Connection
from posthouse.store.engine import connect
from store.letters import NOW, event, letter

A, B = letter("a@one.test").deliveries[0], letter("b@one.test").deliveries[0]


def written(conn: Connection, *facts: Event) -> list[Event]:
    with conn.transaction():
        events.append(conn, facts)
    return list(facts)


def test_an_event_comes_back_as_it_was(conn: Connection) -> None:
    fact = event(A, EventKind.DEFERRED)
    fact.data = {"code": 451, "text": "später \u2028 \0", "tls": None, "hosts": ["a", "b"], "wait_s": 1.5}
    written(conn, fact)
    assert events.search(conn, events.EventQuery(message_id=A.message_id)) == [fact]


@pytest.fixture
def log(conn: Connection) -> list[Event]:
    kinds = (EventKind.ACCEPTED, EventKind.DEFERRED, EventKind.DELIVERED)
    return written(conn, *[event(whose, kind) for kind in kinds for whose in (A, B)])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(events.EventQuery(), [0, 1, 2, 3, 4, 5], id="everything"),
        pytest.param(events.EventQuery(limit=2), [0, 1], id="a page"),
        pytest.param(events.EventQuery(newest_first=True, limit=2), [5, 4], id="newest first"),
        pytest.param(events.EventQuery(message_id=A.message_id), [0, 2, 4], id="a message"),
        pytest.param(events.EventQuery(recipient="b@one.test"), [1, 3, 5], id="a recipient"),
        pytest.param(events.EventQuery(kinds=(EventKind.DELIVERED,)), [4, 5], id="a kind"),
        pytest.param(
            events.EventQuery(recipient="a@one.test", kinds=(EventKind.ACCEPTED, EventKind.DELIVERED)),
            [0, 4],
            id="a recipient and kinds",
        ),
        pytest.param(events.EventQuery(message_id="nothing"), [], id="nothing"),
    ],
)
def test_search(conn: Connection, log: list[Event], query: events.EventQuery, expected: list[int]) -> None:
    assert events.search(conn, query) == [log[place] for place in expected]


@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest first", "newest first"])
def test_pages_continue_behind_the_last_id(conn: Connection, log: list[Event], newest_first: bool) -> None:
    seen: list[Event] = []
    while page := events.search(
        conn,
        events.EventQuery(after_id=seen[-1].id if seen else "", limit=2, newest_first=newest_first),
    ):
        seen += page
    assert seen == (log[::-1] if newest_first else log)


def test_a_bundle_is_taken_once(conn: Connection) -> None:
    facts = written(conn, *[event(A, EventKind.ACCEPTED) for _ in range(250)])
    taken: list[str] = []
    while not outbox.is_empty(conn):
        with conn.transaction():
            taken += outbox.take(conn, 2)
    assert taken == [fact.id for fact in facts]


def test_what_was_taken_in_a_transaction_that_was_rolled_back_is_there_again(conn: Connection) -> None:
    facts = written(conn, event(A, EventKind.ACCEPTED))
    with pytest.raises(KeyError), conn.transaction():
        assert outbox.take(conn, 1)
        raise KeyError
    with conn.transaction():
        assert events.load(conn, outbox.take(conn, 1)) == facts


def test_several_that_take_at_once_get_each_event_once(store_url: str, conn: Connection) -> None:
    for _ in range(200):
        written(conn, event(A, EventKind.ACCEPTED))
    done: list[str] = []

    def take() -> None:
        with connect(store_url) as own:
            while True:
                with own.transaction():
                    part = outbox.take(own, 3)
                if not part:
                    return
                done.extend(part)

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == len(set(done)) == 200


def test_old_events_go_only_when_they_had_their_effects(conn: Connection) -> None:
    old = written(conn, *[event(A, EventKind.ACCEPTED, at=NOW - 100) for _ in range(3)])
    new = written(conn, event(A, EventKind.DELIVERED, at=NOW))
    with conn.transaction():
        assert events.drop_before(conn, NOW, 10) == 0
        outbox.take(conn, 10)
        assert events.drop_before(conn, NOW, 2) == 2
        assert events.drop_before(conn, NOW, 2) == 1
        assert events.drop_before(conn, NOW, 2) == 0
    assert events.search(conn, events.EventQuery()) == new
    assert len(old) == 3


def test_labels_and_first_opens_go_with_their_events(conn: Connection) -> None:
    old, new = (event(A, EventKind.OPENED, at=at) for at in (NOW - 100, NOW))
    old.data = {"tags": ["x"], "metadata": {"order": 7}}
    written(conn, old, new)
    labels = "select label from event_label order by label"
    with conn.transaction():
        for delivery_id, fact in ((A.id, old), (B.id, new)):
            conn.script(f"insert into engaged values ('{delivery_id}', 'opened', '{fact.id}')")
        outbox.take(conn, 10)
        assert conn.script(labels) == [("meta:order=7",), ("tag:x",), ("to:one.test",), ("to:one.test",)]
        assert events.drop_before(conn, NOW, 10) == 1
    assert conn.script(labels) == [("to:one.test",)]
    assert conn.script("select event_id from engaged") == [(new.id,)]
    assert events.search(conn, events.EventQuery(account_id="acc", recipient_domain="one.test")) == [new]


def test_dropping_goes_by_keys_and_not_through_the_tables(conn: Connection) -> None:
    for statement in (events._drop, events._drop_labels, events._drop_engaged):
        columns = len(statement._columns)
        text, values = statement.prepared(conn.engine.name, [("x",) * columns, ("y",) * columns])
        if conn.engine.name == "sqlite":
            plan = str(conn._raw.execute("explain query plan " + text, values).fetchall())
            assert "SCAN event" not in plan and "SCAN engaged" not in plan, plan


def test_accepting_writes_its_events(conn: Connection) -> None:
    item = letter("a@one.test", "b@two.test")
    with conn.transaction():
        messages.add_accepted(conn, [item])
    assert events.search(conn, events.EventQuery(message_id=item.message.id)) == item.events


def test_reasons_of_failures_are_those_of_the_account(conn: Connection) -> None:
    now = 1_700_000_000.0
    clock = FakeClock(now)
    ids = Ids(clock)
    kinds = [
        ("acc", EventKind.FAILED, "bad-mailbox"),
        ("acc", EventKind.DELIVERED, ""),
        ("b", EventKind.FAILED, "x"),
    ]
    with conn.transaction():
        for _ in range(2):
            found = [
                Event(ids.new(), kind, clock.now(), account, "one.test", "m", data={"reason": reason})
                for account, kind, reason in kinds
            ]
            events.append(conn, found)
            clock.advance(3600)
    begin, end = id_at(now), id_at(now + 7200)
    assert events.reasons(conn, "acc", EventKind.FAILED, begin, end, 100) == ["bad-mailbox"] * 2
    assert events.reasons(conn, "acc", EventKind.FAILED, begin, id_at(now + 3600), 100) == ["bad-mailbox"]
    assert events.reasons(conn, "acc", EventKind.FAILED, begin, end, 3) == [
        "bad-mailbox"
    ]  # the last three events
