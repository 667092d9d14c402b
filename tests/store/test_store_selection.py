"""What an operator does to many deliveries: flush, hold, release, drop."""

from __future__ import annotations

import pytest

from posthouse.model.event import EventKind
from posthouse.model.message import DeliveryState
from posthouse.store import events, messages, queue
from posthouse.store.connection import Connection
from posthouse.store.queue import Selector
from store.letters import IDS, NOW, keep_room, letter


@pytest.fixture
def three(conn: Connection) -> list[messages.Accepted]:
    """Letters to a@one, b@one and c@two; the last is out with a worker."""
    items = [
        letter("a@one.test"),
        letter("b@one.test"),
        letter("c@two.test", state=DeliveryState.TAKEN, owner="w1"),
    ]
    with conn.transaction():
        messages.add_accepted(conn, items)
    return items


def states(conn: Connection) -> dict[str, int]:
    return {state.value: count for state, count in queue.counts(conn).items() if count}


@pytest.mark.parametrize(
    ("selector", "held"),
    [
        (Selector(lane="acc|one.test|single"), 2),
        (Selector(domain="one.test"), 2),
        (Selector(domain="two.test"), 0),  # taken: left alone
        (Selector(recipient="b@one.test"), 1),
        (Selector(recipient="nobody@one.test"), 0),
        (Selector(everything=True), 2),
    ],
    ids=lambda value: str(value),
)
def test_selectors_choose(
    conn: Connection, three: list[messages.Accepted], selector: Selector, held: int
) -> None:
    with conn.transaction():
        assert queue.hold(conn, selector, NOW, IDS) == held
    assert states(conn).get("held", 0) == held


def test_a_message_is_chosen_by_its_id(conn: Connection, three: list[messages.Accepted]) -> None:
    with conn.transaction():
        assert queue.hold(conn, Selector(message_id=three[1].message.id), NOW, IDS) == 1
    assert queue.deliveries_of(conn, three[1].message.id)[0].state is DeliveryState.HELD


@pytest.mark.parametrize("selector", [Selector(), Selector(lane="x", domain="y")], ids=["none", "two"])
def test_a_selector_chooses_by_exactly_one_field(conn: Connection, selector: Selector) -> None:
    with pytest.raises(ValueError, match="choose one"):
        queue.flush(conn, selector, NOW)


def test_held_is_not_taken_until_released(conn: Connection, three: list[messages.Accepted]) -> None:
    with conn.transaction():
        queue.hold(conn, Selector(everything=True), NOW, IDS)
    assert queue.lanes_due(conn, NOW, 10) == []
    with conn.transaction():
        assert queue.release(conn, Selector(everything=True), NOW, IDS) == 2
    assert len(queue.lanes_due(conn, NOW, 10)) == 1
    kinds = [found.kind for found in events.search(conn, events.EventQuery(recipient="a@one.test"))]
    assert kinds == [EventKind.ACCEPTED, EventKind.HELD, EventKind.RELEASED]


def test_drop_cancels_waiting_and_held_with_an_event_each(
    conn: Connection, three: list[messages.Accepted]
) -> None:
    with conn.transaction():
        queue.hold(conn, Selector(recipient="a@one.test"), NOW, IDS)
    assert queue.in_steps(conn, queue.drop, Selector(everything=True), NOW, IDS, keep_room) == 2
    assert states(conn) == {"cancelled": 2, "taken": 1}
    assert len(events.search(conn, events.EventQuery(kinds=(EventKind.CANCELLED,)))) == 2


def test_flush_makes_due_now(conn: Connection) -> None:
    with conn.transaction():
        messages.add_accepted(conn, [letter("a@one.test", at=NOW + 500), letter("b@one.test", at=NOW - 5)])
    assert queue.in_steps(conn, queue.flush, Selector(everything=True), NOW) == 1
    assert [lane.due_at for lane in queue.lanes_due(conn, NOW, 10)] == [NOW - 5]
    assert queue.next_due(conn, NOW) is None


def test_steps_are_bounded(conn: Connection) -> None:
    with conn.transaction():
        messages.add_accepted(conn, [letter(f"u{number}@one.test") for number in range(7)])
        assert queue.hold(conn, Selector(everything=True), NOW, IDS, limit=3) == 3
    assert states(conn) == {"held": 3, "waiting": 4}
