"""The queue's state machine: take, settle, fencing, give back, release (R4, F8, F10, F17)."""

from __future__ import annotations

import threading

import pytest

from posthouse.model.event import EventKind
from posthouse.model.message import Delivery, DeliveryState
from posthouse.store import captures, events, messages, queue
from posthouse.store.connection import Connection
from posthouse.store.engine import connect
from store.letters import NOW, event, letter

LANE = "acc|one.test|single"


def accept(conn: Connection, *items: messages.Accepted) -> None:
    with conn.transaction():
        messages.add_accepted(conn, items)


def take(conn: Connection, limit: int = 10, owner: str = "w1", now: float = NOW) -> list[Delivery]:
    with conn.transaction():
        return queue.take(conn, [queue.TakeOrder(LANE, limit, owner, now)])[0]


def outcome(
    delivery: Delivery, state: DeliveryState = DeliveryState.DELIVERED, due_at: float = NOW
) -> queue.Settlement:
    kind = EventKind.DELIVERED if state is DeliveryState.DELIVERED else EventKind.DEFERRED
    return queue.Settlement(
        delivery.id,
        delivery.owner,
        delivery.attempt,
        state,
        due_at,
        250,
        "2.0.0 ok",
        [event(delivery, kind)],
    )


def settle(conn: Connection, *items: queue.Settlement) -> list[bool]:
    with conn.transaction():
        return queue.settle(conn, items)


def states(conn: Connection) -> dict[str, int]:
    return {state.value: count for state, count in queue.counts(conn).items() if count}


def test_take_gives_the_longest_due_first_and_no_more_than_asked(conn: Connection) -> None:
    late, early, later = (letter("a@one.test", at=NOW + shift) for shift in (2, 1, 3))
    accept(conn, late, early, later, letter("b@two.test"))
    taken = take(conn, limit=2, now=NOW + 10)
    assert [delivery.id for delivery in taken] == [early.deliveries[0].id, late.deliveries[0].id]
    assert [(delivery.state, delivery.attempt, delivery.owner) for delivery in taken] == [
        (DeliveryState.TAKEN, 1, "w1")
    ] * 2
    assert states(conn) == {"taken": 2, "waiting": 2}


def test_take_leaves_what_is_not_due(conn: Connection) -> None:
    accept(conn, letter("a@one.test", at=NOW + 5))
    assert take(conn, now=NOW + 4.9) == []


def test_a_taken_delivery_comes_back_as_it_was_given(conn: Connection) -> None:
    item = letter("a@one.test")
    given = item.deliveries[0]
    given.notify, given.orcpt, given.last_code, given.last_text = "NEVER", "rfc822;x", 451, "later"
    accept(conn, item)
    (taken,) = take(conn)
    given.state, given.owner, given.attempt = DeliveryState.TAKEN, "w1", 1
    assert taken == given
    assert queue.deliveries_of(conn, item.message.id) == [given]


def test_settled_means_state_event_and_reply_together(conn: Connection) -> None:
    accept(conn, letter("a@one.test"))
    (taken,) = take(conn)
    assert settle(conn, outcome(taken)) == [True]
    (row,) = queue.deliveries_of(conn, taken.message_id)
    assert (row.state, row.owner, row.last_code, row.last_text) == (
        DeliveryState.DELIVERED,
        "",
        250,
        "2.0.0 ok",
    )
    kinds = [found.kind for found in events.search(conn, events.EventQuery(message_id=taken.message_id))]
    assert kinds == [EventKind.ACCEPTED, EventKind.DELIVERED]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"owner": "w2"}, id="another owner"),
        pytest.param({"attempt": 2}, id="another attempt"),
        pytest.param({"delivery_id": "nobody.0000"}, id="an unknown delivery"),
    ],
)
def test_a_settlement_that_does_not_hold_the_row_writes_nothing(
    conn: Connection, change: dict[str, object]
) -> None:
    accept(conn, letter("a@one.test"), letter("b@one.test"))
    first, second = take(conn)
    late = outcome(first)
    for name, value in change.items():
        setattr(late, name, value)
    late.follow_up = letter("sender@two.test")
    late.capture = captures.Capture(first.id, first.message_id, NOW, "s", "r", b"copy", "acc", "c")
    assert settle(conn, late, outcome(second)) == [False, True]
    assert states(conn) == {"taken": 1, "delivered": 1}
    assert captures.search(conn, captures.CaptureQuery("")) == []
    assert messages.load_message(conn, late.follow_up.message.id) is None
    assert len(events.search(conn, events.EventQuery(message_id=first.message_id))) == 1


def test_the_connection_counts_what_was_changed_and_not_what_was_looked_at(conn: Connection) -> None:
    accept(conn, letter("a@one.test"))
    (taken,) = take(conn)
    late = outcome(taken)
    late.attempt = 9
    before = conn.writes
    assert len(queue.load_deliveries(conn, [taken.id])) == 1
    assert settle(conn, late) == [False]
    assert conn.writes == before
    assert settle(conn, outcome(taken)) == [True]
    assert conn.writes > before


def test_the_late_result_of_a_worker_declared_dead_is_fenced(conn: Connection) -> None:  # F17
    accept(conn, letter("a@one.test"))
    (of_dead,) = take(conn, owner="dead")
    with conn.transaction():
        assert queue.release_owner(conn, "dead") == 1
    (of_living,) = take(conn, owner="living")
    assert of_living.attempt == 2
    assert settle(conn, outcome(of_dead)) == [False]
    assert settle(conn, outcome(of_living)) == [True]
    kinds = [found.kind for found in events.search(conn, events.EventQuery(message_id=of_dead.message_id))]
    assert kinds.count(EventKind.DELIVERED) == 1  # R4


def test_a_settlement_repeated_after_a_commit_in_doubt_counts_once(conn: Connection) -> None:
    accept(conn, letter("a@one.test"))
    (taken,) = take(conn)
    once = outcome(taken)
    assert settle(conn, once) == [True]
    assert settle(conn, once) == [False]
    assert len(events.search(conn, events.EventQuery(kinds=(EventKind.DELIVERED,)))) == 1


def test_the_same_delivery_twice_in_one_group_counts_once(conn: Connection) -> None:
    accept(conn, letter("a@one.test"))
    (taken,) = take(conn)
    assert settle(conn, outcome(taken), outcome(taken, DeliveryState.FAILED)) == [True, False]
    assert states(conn) == {"delivered": 1}


def test_postponed_waits_until_its_time_and_counts_attempts(conn: Connection) -> None:
    accept(conn, letter("a@one.test"))
    (first,) = take(conn)
    assert settle(conn, outcome(first, DeliveryState.WAITING, NOW + 300)) == [True]
    assert take(conn, now=NOW + 299) == []
    (second,) = take(conn, now=NOW + 300)
    assert (second.attempt, second.last_code) == (2, 250)


def test_a_settlement_may_bring_a_letter_and_a_capture(conn: Connection) -> None:
    accept(conn, letter("a@one.test"))
    (taken,) = take(conn)
    report = letter("sender@two.test", body=b"report")
    copy = captures.Capture(taken.id, taken.message_id, NOW, "s@x.test", "a@one.test", b"copy", "acc", "c")
    done = outcome(taken)
    done.follow_up, done.capture = report, copy
    assert settle(conn, done) == [True]
    assert messages.load_content(conn, report.message.id) == b"report"
    assert captures.load_capture(conn, taken.id) == copy
    assert states(conn) == {"delivered": 1, "waiting": 1}


def test_a_settlement_cannot_leave_its_delivery_taken(conn: Connection) -> None:
    accept(conn, letter("a@one.test"))
    (taken,) = take(conn)
    with pytest.raises(ValueError, match="taken"):
        settle(conn, outcome(taken, DeliveryState.TAKEN))


@pytest.mark.parametrize(
    "text", ["a\0b", "\ud800", "ä" * 5000, "x" * 5000], ids=["nul", "surrogate", "ä", "long"]
)
def test_no_reply_text_keeps_a_delivery_from_being_settled(conn: Connection, text: str) -> None:
    accept(conn, letter("a@one.test"))
    (taken,) = take(conn)
    done = outcome(taken)
    done.text = text
    done.events[0].data = {"text": text}
    assert settle(conn, done) == [True]
    assert len(events.search(conn, events.EventQuery(message_id=taken.message_id))) == 2


def test_groups_larger_than_one_statement_settle_all(conn: Connection) -> None:
    accept(conn, *[letter(f"u{number}@one.test") for number in range(75)])
    taken = take(conn, limit=100)
    assert settle(conn, *map(outcome, taken)) == [True] * 75
    assert states(conn) == {"delivered": 75}


def test_given_back_is_as_if_never_taken(conn: Connection) -> None:
    accept(conn, letter("a@one.test"))
    (taken,) = take(conn)
    with conn.transaction():
        assert queue.give_back(conn, [(taken.id, "w1", 1), (taken.id, "w2", 1)]) == [True, False]
    (again,) = take(conn)
    assert again.attempt == 1


def test_a_settlement_of_what_was_not_tried_gives_the_attempt_back(conn: Connection) -> None:
    accept(conn, letter("a@one.test"), letter("b@one.test"))
    untried, tried = take(conn)
    waits = [outcome(each, DeliveryState.WAITING, NOW + 60) for each in (untried, tried)]
    waits[0].was_tried = False
    assert settle(conn, *waits) == [True, True]
    assert settle(conn, waits[0]) == [False], "it is not in our hands any more"
    again = {delivery.id: delivery.attempt for delivery in take(conn, now=NOW + 60)}
    assert again == {untried.id: 1, tried.id: 2}


def test_release_all_but_spares_the_living(conn: Connection) -> None:
    accept(conn, *[letter(f"u{number}@one.test") for number in range(3)])
    for owner in ("w1", "w2", "w3"):
        take(conn, limit=1, owner=owner)
    with conn.transaction():
        assert queue.release_all_but(conn, ["w2"]) == 2
    assert states(conn) == {"taken": 1, "waiting": 2}


def test_two_claimers_never_get_the_same_row(store_url: str, conn: Connection) -> None:
    accept(conn, *[letter(f"u{number}@one.test") for number in range(300)])
    got: dict[str, list[str]] = {"w1": [], "w2": [], "w3": []}

    def claim(owner: str) -> None:
        with connect(store_url) as own:
            while part := take(own, limit=7, owner=owner):
                got[owner] += [delivery.id for delivery in part]

    threads = [threading.Thread(target=claim, args=(owner,)) for owner in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    everything = [delivery_id for part in got.values() for delivery_id in part]
    assert len(everything) == len(set(everything)) == 300


def test_accepted_may_be_taken_from_the_beginning(conn: Connection) -> None:
    item = letter("a@one.test", state=DeliveryState.TAKEN, owner="w1")
    accept(conn, item)
    assert take(conn) == []
    assert settle(conn, outcome(item.deliveries[0])) == [True]
