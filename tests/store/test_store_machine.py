"""The queue against a model: whatever is done in whatever order, rows and events agree (R4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posthouse.model.event import TERMINAL, EventKind
from posthouse.model.message import Delivery, DeliveryState
from posthouse.store import events, messages, queue
from posthouse.store.connection import Connection
from store.letters import IDS, NOW, event, keep_room, letter

LANE = "acc|one.test|single"
OWNERS = ("w1", "w2")
STATES = {
    DeliveryState.DELIVERED: EventKind.DELIVERED,
    DeliveryState.FAILED: EventKind.FAILED,
    DeliveryState.WAITING: EventKind.DEFERRED,
}

actions = st.lists(
    st.one_of(
        st.tuples(st.just("accept"), st.integers(1, 3)),
        st.tuples(st.just("take"), st.sampled_from(OWNERS), st.integers(1, 3)),
        st.tuples(st.just("settle"), st.integers(0, 9), st.sampled_from(list(STATES))),
        st.tuples(st.just("give_back"), st.integers(0, 9)),
        st.tuples(st.just("release"), st.sampled_from(OWNERS)),
        st.tuples(st.just("hold")),
        st.tuples(st.just("unhold")),
        st.tuples(st.just("drop")),
    ),
    min_size=1,
    max_size=25,
)


@dataclass
class Model:
    """What should be true: state, owner and attempt of each delivery; everything ever taken."""

    rows: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    ever_taken: list[Delivery] = field(default_factory=list)

    def of(self, state: str) -> list[str]:
        return [key for key, row in self.rows.items() if row[0] == state]

    def holds(self, taken: Delivery) -> bool:
        return self.rows[taken.id] == ("taken", taken.owner, taken.attempt)


def accept(conn: Connection, model: Model, count: int) -> None:
    item = letter(*[f"u{number}@one.test" for number in range(count)])
    messages.add_accepted(conn, [item])
    model.rows |= {delivery.id: ("waiting", "", 0) for delivery in item.deliveries}


def take(conn: Connection, model: Model, owner: str, limit: int) -> None:
    (taken,) = queue.take(conn, [queue.TakeOrder(LANE, limit, owner, NOW)])
    assert len(taken) == min(limit, len(model.of("waiting")))
    for delivery in taken:
        state, _, attempt = model.rows[delivery.id]
        assert (state, delivery.attempt) == ("waiting", attempt + 1)
        model.rows[delivery.id] = ("taken", owner, attempt + 1)
    model.ever_taken += taken


def settle(conn: Connection, model: Model, which: int, state: DeliveryState) -> None:
    if not model.ever_taken:
        return
    taken = model.ever_taken[which % len(model.ever_taken)]
    result = queue.Settlement(
        taken.id, taken.owner, taken.attempt, state, NOW, 250, "", [event(taken, STATES[state])]
    )
    assert queue.settle(conn, [result]) == [model.holds(taken)]
    if model.holds(taken):
        model.rows[taken.id] = (state.value, "", taken.attempt)


def give_back(conn: Connection, model: Model, which: int) -> None:
    if not model.ever_taken:
        return
    taken = model.ever_taken.pop(which % len(model.ever_taken))  # its owner forgets it
    given = (taken.id, taken.owner, taken.attempt)
    assert queue.give_back(conn, [given]) == [model.holds(taken)]
    if model.holds(taken):
        model.rows[taken.id] = ("waiting", "", taken.attempt - 1)


def release(conn: Connection, model: Model, owner: str) -> None:
    owned = [key for key, row in model.rows.items() if row[:2] == ("taken", owner)]
    assert queue.release_owner(conn, owner) == len(owned)
    for key in owned:
        model.rows[key] = ("waiting", "", model.rows[key][2])


def moved(model: Model, old: tuple[str, ...], new: str) -> int:
    keys = [key for state in old for key in model.of(state)]
    for key in keys:
        model.rows[key] = (new, "", model.rows[key][2])
    return len(keys)


def hold(conn: Connection, model: Model) -> None:
    assert queue.hold(conn, queue.Selector(everything=True), NOW, IDS) == moved(model, ("waiting",), "held")


def unhold(conn: Connection, model: Model) -> None:
    assert queue.release(conn, queue.Selector(everything=True), NOW, IDS) == moved(
        model, ("held",), "waiting"
    )


def drop(conn: Connection, model: Model) -> None:
    count = moved(model, ("waiting", "held"), "cancelled")
    assert queue.drop(conn, queue.Selector(everything=True), NOW, IDS, keep_room) == count


ACTIONS = {
    action.__name__: action for action in (accept, take, settle, give_back, release, hold, unhold, drop)
}


def empty(conn: Connection) -> None:
    with conn.transaction():
        for table in ("message", "content", "delivery", "event", "outbox"):
            conn.script(f"delete from {table}")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(actions)
def test_rows_and_events_agree_with_the_model(conn: Connection, todo: list[tuple[object, ...]]) -> None:
    empty(conn)
    model = Model()
    for name, *values in todo:
        with conn.transaction():
            ACTIONS[str(name)](conn, model, *values)
    found = conn.script("select id, state, owner, attempt from delivery")
    assert {row[0]: row[1:] for row in found} == model.rows
    terminal = events.search(conn, events.EventQuery(kinds=tuple(sorted(TERMINAL)), limit=1000))
    told = {fact.delivery_id: fact.kind.value for fact in terminal}
    assert len(told) == len(terminal)  # one terminal event per recipient
    final = {key: row[0] for key, row in model.rows.items() if row[0] in {kind.value for kind in TERMINAL}}
    assert told == final
