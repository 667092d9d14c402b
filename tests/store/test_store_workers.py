"""Who is alive, who takes over, nudges (F8, F17, F62)."""

from __future__ import annotations

from posthouse.model.message import DeliveryState
from posthouse.store import messages, queue, workers
from posthouse.store.connection import Connection
from posthouse.store.workers import Worker
from store.letters import NOW, letter


def known(conn: Connection, *names: str) -> None:
    with conn.transaction():
        for name in names:
            workers.register(conn, Worker(name, "host", 42, NOW, NOW))


def taken_by(conn: Connection, owner: str) -> messages.Accepted:
    item = letter("a@one.test", state=DeliveryState.TAKEN, owner=owner)
    with conn.transaction():
        messages.add_accepted(conn, [item])
    return item


def state(conn: Connection, item: messages.Accepted) -> DeliveryState:
    return queue.deliveries_of(conn, item.message.id)[0].state


def test_a_worker_that_beats_lives(conn: Connection) -> None:
    known(conn, "w1", "w2")
    with conn.transaction():
        assert workers.beat(conn, [("w1", NOW + 20), ("w9", NOW)]) == [True, False]
    assert [worker.id for worker in workers.live(conn, NOW + 40)] == ["w1"]
    assert workers.live(conn, NOW + 40)[0] == Worker("w1", "host", 42, NOW, NOW + 20)


def test_F20_a_worker_that_registers_again_after_a_commit_in_doubt_is_known_once(conn: Connection) -> None:
    known(conn, "w1", "w1")
    assert [worker.id for worker in workers.live(conn, NOW)] == ["w1"]


def test_a_stale_worker_is_buried_and_its_deliveries_wait_again(conn: Connection) -> None:
    known(conn, "dead", "living")
    of_dead, of_living = taken_by(conn, "dead"), taken_by(conn, "living")
    with conn.transaction():
        workers.beat(conn, [("living", NOW + 31)])
        assert workers.take_over(conn, NOW + 31) == ["dead"]
        assert workers.take_over(conn, NOW + 31) == []
        assert workers.beat(conn, [("dead", NOW + 32)]) == [False]
    assert state(conn, of_dead) is DeliveryState.WAITING
    assert state(conn, of_living) is DeliveryState.TAKEN


def test_a_beat_of_thirty_seconds_is_not_stale(conn: Connection) -> None:
    known(conn, "w1")
    with conn.transaction():
        assert workers.take_over(conn, NOW + 30) == []


def test_what_a_buried_worker_still_took_is_released_too(conn: Connection) -> None:
    known(conn, "living")
    item = taken_by(conn, "buried long ago")
    with conn.transaction():
        assert workers.take_over(conn, NOW) == []
    assert state(conn, item) is DeliveryState.WAITING


def test_a_worker_that_ends_leaves_nothing_behind(conn: Connection) -> None:
    known(conn, "w1")
    item = taken_by(conn, "w1")
    with conn.transaction():
        workers.forget(conn, "w1")
    assert workers.live(conn, NOW) == []
    assert state(conn, item) is DeliveryState.WAITING


def test_nudges_come_in_order_and_old_ones_go(conn: Connection) -> None:
    assert workers.nudges(conn, 0) == []
    with conn.transaction():
        workers.nudge(conn, "lane", "one.test")
        workers.nudge(conn, "identity")
    first, second = workers.nudges(conn, 0)
    assert [(nudge.kind, nudge.detail) for nudge in (first, second)] == [
        ("lane", "one.test"),
        ("identity", ""),
    ]
    assert workers.nudges(conn, first.number) == [second]
    assert workers.nudges(conn, second.number) == []
    with conn.transaction():
        for _ in range(1000):
            workers.nudge(conn, "more")
    assert len(workers.nudges(conn, 0)) == 1000
