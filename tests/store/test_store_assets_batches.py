"""Batches: paused, resumed, cancelled together, whenever their mail comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from posthouse.model.event import EventKind
from posthouse.model.message import DeliveryState, until_verified
from posthouse.model.options import RecipientOptions, SendOptions, options_text
from posthouse.store import batches, events, messages, queue
from posthouse.store.connection import Connection
from posthouse.store.engine import connect
from posthouse.store.events import EventQuery
from posthouse.store.messages import Accepted
from store.letters import IDS, NOW, keep_room, letter

PAIR = ("acc", "spring")
cancel = partial(batches.cancel_batch, room=keep_room)
_IMPATIENT = {"sqlite": "pragma busy_timeout = 1", "postgresql": "SET lock_timeout = '1ms'"}


def put(conn: Connection, *recipients: str, batch: str = "spring", account: str = "acc") -> Accepted:
    new = letter(*recipients, account=account)
    new.message.batch_id = batch
    messages.add_accepted(conn, [new])
    return new


def states(conn: Connection, item: Accepted) -> list[str]:
    return [each.state.value for each in queue.deliveries_of(conn, item.message.id)]


def through(conn: Connection, verb: Callable[..., batches.Step], limit: int = 2_000) -> list[int]:
    counts, place = [], ""
    while True:
        changed, place = verb(conn, PAIR, place, NOW, IDS, limit=limit)
        counts.append(changed)
        if not place:
            return counts


def test_what_is_held_longer_than_a_batch_keeps_it_is_given_up(conn: Connection) -> None:
    with conn.transaction():
        batches.enter(conn, [PAIR], NOW)
        early, late = put(conn, "a@r.test", "b@r.test"), put(conn, "c@r.test")
        put(conn, "d@r.test", batch="autumn")
        conn.script(f"update delivery set due_at = {NOW - 101} where message_id = '{early.message.id}'")
        conn.script(f"update delivery set due_at = {NOW - 100} where message_id = '{late.message.id}'")
        batches.set_status(conn, *PAIR, batches.PAUSED, NOW, keep_s=100)
        batches.set_status(conn, "acc", "for ever", batches.PAUSED, NOW)
    assert through(conn, batches.pause_batch) == [3]
    (item,) = batches.list_limited(conn)
    assert (item.id, item.keep_s) == ("spring", 100)
    counts, place = [], ""
    with conn.transaction():
        while True:
            changed, place = batches.expire_batch(conn, item, place, NOW, IDS, keep_room, limit=1)
            counts.append(changed)
            if not place:
                break
    assert counts == [1, 1, 0]
    assert states(conn, early) == ["cancelled", "cancelled"] and states(conn, late) == ["held"]
    found = events.search(conn, EventQuery(kinds=(EventKind.CANCELLED,)))
    assert [event.data["reason"] for event in found] == ["paused", "paused"]
    with conn.transaction():
        batches.set_status(conn, *PAIR, batches.GOING, NOW, keep_s=100)
    assert batches.list_limited(conn) == []
    with conn.transaction():
        assert batches.expire_batch(conn, item, "", NOW + 999, IDS, keep_room) == (0, ""), "it goes on again"


def test_mail_learns_the_status_of_its_batch(conn: Connection) -> None:
    other = ("acc", "autumn")
    assert batches.enter(conn, [PAIR, PAIR, other], NOW) == {PAIR: "", other: ""}
    batches.set_status(conn, *PAIR, batches.PAUSED, NOW + 1)
    assert batches.enter(conn, [PAIR], NOW + 2) == {PAIR: "pause"}
    assert batches.stopped(conn, [PAIR, other, ("acc", "none")]) == {PAIR: "pause"}
    assert batches.find(conn, *PAIR) == batches.Batch("acc", "spring", "pause", NOW)
    assert batches.find(conn, "other", "spring") is None
    batches.set_status(conn, "acc", "new", batches.CANCELLED, NOW + 3)
    assert [item.id for item in batches.list_batches(conn, "acc", 1)] == ["new"]


def test_a_batch_is_paused_and_resumed_without_its_neighbours(conn: Connection) -> None:
    own = put(conn, "a@x.test", "b@x.test")
    others = [put(conn, batch=""), put(conn, batch="autumn"), put(conn, account="other")]
    assert through(conn, batches.pause_batch) == [2]
    assert states(conn, own) == ["held", "held"]
    assert [states(conn, item) for item in others] == [["waiting"]] * 3
    assert through(conn, batches.resume_batch) == [2]
    assert states(conn, own) == ["waiting", "waiting"]
    kinds = [item.kind.value for item in events.search(conn, EventQuery(message_id=own.message.id))]
    assert Counter(kinds) == {"accepted": 2, "held": 2, "released": 2}


def test_a_resumed_batch_leaves_what_waits_for_its_domain(conn: Connection) -> None:
    own = put(conn, "a@x.test", "b@x.test")
    unverified = letter("c@x.test", state=DeliveryState.HELD)
    unverified.message.batch_id = "spring"
    unverified.deliveries[0].last_text = until_verified("new.test")
    messages.add_accepted(conn, [unverified])
    through(conn, batches.pause_batch)
    assert through(conn, batches.resume_batch) == [2]
    assert (states(conn, own), states(conn, unverified)) == (["waiting", "waiting"], ["held"])
    assert through(conn, cancel) == [3]


def test_a_cancelled_batch_is_given_up_whether_it_waits_or_is_held(conn: Connection) -> None:
    first, second = put(conn), put(conn)
    queue.hold(conn, queue.Selector(message_id=second.message.id), NOW, IDS)
    assert through(conn, cancel) == [2]
    assert states(conn, first) + states(conn, second) == ["cancelled"] * 2


def test_large_batches_go_in_steps(conn: Connection) -> None:
    items = [put(conn, *[f"p{number}@x.test" for number in range(3)]) for _ in range(3)]
    assert through(conn, batches.pause_batch, limit=2) == [2, 2, 2, 2, 1]
    assert {state for item in items for state in states(conn, item)} == {"held"}


def test_what_is_out_with_a_worker_is_left_alone(conn: Connection) -> None:
    taken = letter(state=DeliveryState.TAKEN, owner="w1")
    taken.message.batch_id = "spring"
    messages.add_accepted(conn, [taken])
    assert through(conn, cancel) == [0]
    assert states(conn, taken) == ["taken"]


def test_events_carry_the_sender_s_own_data(conn: Connection) -> None:
    new = letter("a@x.test", "b@x.test")
    new.message.batch_id = "spring"
    new.message.options = SendOptions(tags=("one", "two"), metadata={"order": 7})
    new.deliveries[1].personal = options_text(RecipientOptions(metadata={"order": 8}))
    messages.add_accepted(conn, [new])
    through(conn, cancel)
    found = events.search(conn, EventQuery(message_id=new.message.id, newest_first=True, limit=2))[::-1]
    assert [item.data["metadata"] for item in found] == [{"order": 7}, {"order": 8}]
    assert found[0].data == {
        "reason": "batch",
        "batch_id": "spring",
        "lane": "acc|x.test|single",
        "tags": ["one", "two"],
        "metadata": {"order": 7},
    }
    assert (found[0].domain, found[0].delivery_id) == ("sender.test", f"{new.message.id}.0000")


def test_mail_that_is_being_added_makes_a_change_wait(store_url: str) -> None:
    """On PostgreSQL the row is locked; on SQLite the writing transaction is the lock."""
    with connect(store_url) as adding, connect(store_url) as changing:
        changing.script(_IMPATIENT[changing.engine.name])
        adding.begin()
        batches.enter(adding, [PAIR], NOW)
        with pytest.raises(Exception, match="lock"):
            batches.set_status(changing, *PAIR, batches.PAUSED, NOW)
        adding.commit()
        adding.leave_turn()
        batches.set_status(changing, *PAIR, batches.PAUSED, NOW)
        assert batches.enter(adding, [PAIR], NOW) == {PAIR: "pause"}
