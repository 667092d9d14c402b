"""Receivers, what waits for them, and what was posted (D-06, F43)."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from posthouse.model.event import EventKind
from posthouse.model.hook import Hook, HookSettings
from posthouse.store import hook_log, hook_queue, hooks, identity, workers
from posthouse.store.connection import Connection, Role
from posthouse.store.engine import engine_of
from posthouse.store.hook_log import HookAttempt
from posthouse.store.hook_queue import MOST_COUNTED, HookItem, Settled
from posthouse.store.statement import RowsStatement, Statement
from posthouse.store.workers import Worker
from store.letters import NOW

ME = "worker-1"
KINDS = frozenset({EventKind.DELIVERED, EventKind.FAILED})


def hook(id: str = "h1", account: str = "a1", **more: object) -> Hook:
    made = Hook(id, account, "", "native", f"https://{id}.test/in", KINDS, created_at=NOW, changed_at=NOW)
    return replace(made, **more)  # type: ignore[arg-type]


def put(conn: Connection, *given: Hook) -> None:
    with conn.transaction():
        for account in {each.account_id for each in given}:
            identity.ensure_account(conn, f"name-{account}", id=account, now=NOW)
        for each in given:
            hooks.add_hook(conn, each)


def items(hook_id: str, count: int, *, at: float = NOW, life: float = 100.0) -> list[HookItem]:
    return [HookItem(hook_id, f"e{number:06}", at + number, at + number + life) for number in range(count)]


def enqueue(conn: Connection, *given: HookItem) -> None:
    with conn.transaction():
        hook_queue.enqueue(conn, given)


def take(conn: Connection, hook_id: str, *, until: float = NOW + 99, most: int = 10) -> list[str]:
    with conn.transaction():
        return [each.event_id for each in hook_queue.take(conn, hook_id, ME, until, most)]


def due(conn: Connection, now: float = NOW + 99) -> list[str]:
    return [found.hook_id for found in hook_queue.hooks_due(conn, now, 100)]


# Hooks


def test_a_hook_comes_back_as_it_was(conn: Connection) -> None:
    given = hook(domain="shop.test", name="Shop", settings=HookSettings(signs=False))
    put(conn, given)
    assert hooks.find_hook(conn, "a1", "h1") == given == hooks.find_any(conn, "h1")
    assert hooks.find_hook(conn, "a2", "h1") is None
    assert hooks.list_hooks(conn, "a1") == [given]


def test_a_change_keeps_how_the_receiver_is_doing(conn: Connection) -> None:
    put(conn, hook(failures=3, troubled_at=NOW))
    wanted = hook(url="https://new.test/", kinds=frozenset({EventKind.OPENED}), changed_at=NOW + 5)
    with conn.transaction():
        hooks.change_hook(conn, wanted)
    assert hooks.find_any(conn, "h1") == replace(wanted, failures=3, troubled_at=NOW)


def test_switching_on_forgets_the_troubles(conn: Connection) -> None:
    put(conn, hook(failures=3, troubled_at=NOW, rests_until=NOW + 300))
    with conn.transaction():
        assert hooks.switch_off(conn, "h1", NOW, "gone")
        assert not hooks.switch_off(conn, "h1", NOW, "again")
    found = hooks.find_any(conn, "h1")
    assert found is not None and (found.is_enabled, found.note) == (False, "gone")
    with conn.transaction():
        hooks.set_state(conn, "h1", is_enabled=True, now=NOW + 1)
    assert hooks.find_any(conn, "h1") == hook(changed_at=NOW + 1)


def test_subscribers_are_the_enabled_hooks_of_these_accounts(conn: Connection) -> None:
    assert hooks.subscribers(conn, ["a1"]) == []
    put(conn, hook("h1"), hook("h2", is_enabled=False), hook("h3", "a2"), hook("h4", "a3"))
    with conn.transaction():
        found = hooks.subscribers(conn, {"a1", "a2"})
    assert sorted(each.id for each in found) == ["h1", "h3"]


def test_a_removed_hook_takes_everything_with_it(conn: Connection) -> None:
    put(conn, hook())
    enqueue(conn, *items("h1", 3))
    with conn.transaction():
        hook_log.add_attempts(conn, [attempt(1)])
        hooks.remove_hook(conn, "h1")
    assert hook_queue.hooks_waiting(conn) == []
    assert hook_log.list_attempts(conn, "h1", 5) == []


# Trouble


def test_only_one_makes_the_next_try(conn: Connection) -> None:
    put(conn, hook(failures=1, rests_until=NOW))
    with conn.transaction():
        assert hooks.begin_probe(conn, "h1", NOW, NOW + 20)
        assert not hooks.begin_probe(conn, "h1", NOW, NOW + 20)
        assert not hooks.begin_probe(conn, "h1", NOW + 19, NOW + 40)
        assert hooks.begin_probe(conn, "h1", NOW + 20, NOW + 40)


def test_failures_of_posts_side_by_side_count_once(conn: Connection) -> None:
    put(conn, hook())
    with conn.transaction():
        for _ in range(3):
            hooks.note_failed(conn, "h1", NOW + 5, began_at=NOW, probe_until=0.0, until=NOW + 6)
    found = hooks.find_any(conn, "h1")
    assert found is not None
    assert (found.failures, found.troubled_at, found.rests_until) == (1, NOW + 5, NOW + 6)


def test_a_failed_probe_counts_and_a_taken_post_ends_the_trouble(conn: Connection) -> None:
    put(conn, hook(failures=1, troubled_at=NOW, rests_until=NOW))
    with conn.transaction():
        hooks.begin_probe(conn, "h1", NOW, NOW + 20)
        hooks.note_failed(conn, "h1", NOW + 9, began_at=NOW, probe_until=NOW + 20, until=NOW + 11)
    found = hooks.find_any(conn, "h1")
    assert found is not None
    assert (found.failures, found.troubled_at, found.rests_until) == (2, NOW, NOW + 11)
    with conn.transaction():
        hooks.note_taken(conn, "h1")
    assert hooks.find_any(conn, "h1") == hook()


# The queue


def test_items_are_taken_in_order_and_once(conn: Connection) -> None:
    put(conn, hook())
    enqueue(conn, *items("h1", 5))
    enqueue(conn, *items("h1", 5))  # again: they are there
    assert take(conn, "h1", until=NOW + 2, most=2) == ["e000000", "e000001"]
    assert take(conn, "h1", until=NOW + 2) == ["e000002"]
    assert take(conn, "h1", until=NOW + 2) == []


def test_what_was_settled_is_gone_or_comes_again(conn: Connection) -> None:
    put(conn, hook())
    enqueue(conn, *items("h1", 4))
    assert len(take(conn, "h1")) == 4
    ends = [Settled("e000000"), Settled("e000001", NOW + 500), Settled("e000002")]
    with conn.transaction():
        hook_queue.settle(conn, "h1", "somebody else", ends)
        hook_queue.settle(conn, "h1", ME, ends)
        hook_queue.put_back(conn, "h1", ME, ["e000003"])
    assert take(conn, "h1") == ["e000003"]
    with conn.transaction():
        (again,) = hook_queue.take(conn, "h1", ME, NOW + 500, 10)
    assert (again.event_id, again.attempt, again.due_at) == ("e000001", 2, NOW + 500)
    assert hook_queue.counts(conn, "a1") == {"h1": (2, "e000001")}


def test_no_more_are_counted_than_people_read(conn: Connection) -> None:
    """A million items of a dead receiver must not be read for each look at a page."""
    put(conn, hook("h1"), hook("h2"), hook("h3", "a2"))
    enqueue(conn, *items("h1", MOST_COUNTED + 5), *items("h3", 2))
    assert hook_queue.counts(conn, "a1") == {"h1": (MOST_COUNTED, "e000000")}
    assert hook_queue.counts(conn, "a2") == {"h3": (2, "e000000")}


def test_a_person_begins_anew(conn: Connection) -> None:
    put(conn, hook())
    enqueue(conn, *items("h1", 2))
    take(conn, "h1", most=1)
    with conn.transaction():
        wanted = [HookItem("h1", f"e{number:06}", NOW + 7, NOW + 70) for number in range(3)]
        hook_queue.again(conn, wanted)
        found = hook_queue.take(conn, "h1", ME, NOW + 50, 10)
    assert found == [replace(each, attempt=1) for each in wanted[1:]], "what is being posted stays"


@pytest.mark.parametrize(
    ("state", "is_due"),
    [
        ({}, True),
        ({"is_enabled": False}, False),
        ({"rests_until": NOW + 200}, False),
        ({"rests_until": NOW + 99}, True),
    ],
)
def test_who_is_due(conn: Connection, state: dict[str, object], is_due: bool) -> None:
    put(conn, hook(**state))
    assert due(conn) == []
    enqueue(conn, *items("h1", 3))
    assert due(conn, NOW - 1) == []
    assert due(conn) == (["h1"] if is_due else [])
    assert hook_queue.hooks_waiting(conn) == ["h1"]


def test_the_longest_due_hook_comes_first(conn: Connection) -> None:
    put(conn, hook("h1"), hook("h2"), hook("h3", "a2"))
    enqueue(conn, *items("h1", 1, at=NOW + 9), *items("h2", 2), *items("h3", 1, at=NOW + 5))
    assert due(conn) == ["h2", "h3", "h1"]
    assert due(conn, NOW + 5) == ["h2", "h3"]


def test_F43_receivers_in_trouble_come_last(conn: Connection) -> None:
    put(conn, hook("h1", failures=3), hook("h2"), hook("h3", failures=1))
    enqueue(conn, *items("h1", 1), *items("h2", 1, at=NOW + 9), *items("h3", 1, at=NOW + 5))
    assert due(conn) == ["h2", "h1", "h3"]
    assert [found.hook_id for found in hook_queue.hooks_due(conn, NOW + 99, 1)] == ["h2"]


def test_the_items_of_dead_workers_are_free_again(conn: Connection) -> None:
    put(conn, hook("h1"), hook("h2"))
    enqueue(conn, *items("h1", 1), *items("h2", 1))
    with conn.transaction():
        workers.register(conn, Worker(ME, "h", 1, NOW, NOW))
    take(conn, "h1")
    with conn.transaction():
        hook_queue.take(conn, "h2", "never seen", NOW, 1)
        workers.take_over(conn, NOW)
    assert hook_queue.hooks_waiting(conn) == ["h2"]
    with conn.transaction():
        workers.forget(conn, ME)
    assert hook_queue.hooks_waiting(conn) == ["h1", "h2"]


def test_what_nobody_waits_for_any_more_goes_step_by_step(conn: Connection) -> None:
    put(conn, hook())
    enqueue(conn, *items("h1", 6, life=10.0))
    take(conn, "h1", most=1)
    with conn.transaction():
        steps = [hook_queue.drop_expired(conn, "h1", NOW + 13.5, 2) for _ in range(4)]
    assert steps == [1, 1, 1, 0], "the one that is being posted stays"
    assert hook_queue.counts(conn, "a1") == {"h1": (3, "e000000")}


def test_F43_a_million_items_of_a_dead_receiver_cost_the_others_nothing(store_url: str) -> None:
    """The plans name an index for each step, whatever the number of rows."""
    engine = engine_of(store_url)
    with (
        closing(Connection(engine, Role.WRITER)) as writer,
        closing(Connection(engine, Role.READER)) as reader,
    ):
        put(writer, hook("h1"), hook("h2"))
        enqueue(writer, *items("h1", 3000), *items("h2", 1))
        if engine.name == "postgresql":
            writer.script("vacuum analyze hook_item")
        _check_plans(reader, _READ, [])
        _check_plans(writer, _WRITTEN, [hook_queue._gone, hook_queue._put_back])


_READ: list[tuple[Statement, tuple[object, ...]]] = [
    (hook_queue._hooks_due, (NOW, 100)),
    (hook_queue._hooks_waiting, ()),
    (hook_queue._counts, ("a1",)),
]
_WRITTEN: list[tuple[Statement, tuple[object, ...]]] = [
    *[(hook_queue._take, (hook_id, NOW, 10, ME)) for hook_id in ("h1", "h2")],
    (hook_queue._put_off, ("h1", "e000001", ME, NOW)),
    (hook_queue._drop_expired, ("h1", NOW, 500)),
    (hook_queue._release, (ME,)),
    (hook_queue._release_lost, ()),
]


def _check_plans(
    conn: Connection, fixed: list[tuple[Statement, tuple[object, ...]]], of_rows: list[RowsStatement]
) -> None:
    engine = conn.engine.name
    asked = [(each.text(engine), each.bind(engine, values)) for each, values in fixed]
    rows = [("h1", f"e{number:06}", ME) for number in range(16)]
    asked += [each.prepared(engine, rows) for each in of_rows]
    for text, values in asked:
        conn._cursor.execute(("EXPLAIN QUERY PLAN " if engine == "sqlite" else "EXPLAIN ") + text, values)
        plan = "\n".join(str(row[-1]) for row in conn._cursor.fetchall())
        assert "SCAN hook_item\n" not in f"{plan}\n" and "Seq Scan on hook_item" not in plan, plan


# The log


def attempt(number: int, *, hook_id: str = "h1", is_taken: bool = True) -> HookAttempt:
    return HookAttempt(
        f"p{number:03}",
        hook_id,
        NOW + number,
        1,
        200 if is_taken else 500,
        12,
        is_taken,
        ("e1", "e2"),
        b"\x00\xff",
        "fine",
    )


def test_the_log_is_read_from_its_end(conn: Connection) -> None:
    put(conn, hook("h1"), hook("h2", "a2"))
    with conn.transaction():
        for number in range(5):
            hook_log.add_attempts(conn, [attempt(number, is_taken=number != 2)])
        hook_log.add_attempts(conn, [attempt(9, hook_id="h2")])
    assert hook_log.list_attempts(conn, "h1", 2) == [attempt(4), attempt(3)]
    assert hook_log.list_attempts(conn, "h1", 9, before_id="p001") == [attempt(0)]
    assert hook_log.list_attempts(conn, "h1", 9, only_failed=True) == [attempt(2, is_taken=False)]
    assert hook_log.find_attempt(conn, "a1", "p001") == attempt(1)
    assert hook_log.find_attempt(conn, "a2", "p001") is None


@pytest.mark.parametrize(
    ("kept", "before_id", "left"), [(100, "", 5), (2, "", 2), (100, "p003", 1), (0, "", 0), (9, "p000", 4)]
)
def test_the_log_is_kept_by_number_and_age(conn: Connection, kept: int, before_id: str, left: int) -> None:
    put(conn, hook())
    with conn.transaction():
        for number in range(5):
            hook_log.add_attempts(conn, [attempt(number)])
        while hook_log.trim(conn, "h1", kept, before_id, 2):
            pass
    assert len(hook_log.list_attempts(conn, "h1", 9)) == left


@pytest.mark.parametrize(
    "request_", [b"POST https://x.test/\n\n{}", b"POST https://x.test/\n\n" + b"x" * 20_000]
)
def test_a_request_comes_back_as_it_was_kept(request_: bytes) -> None:
    kept = hook_log.pack(request_)
    assert hook_log.unpack(kept) == request_
    assert len(kept) < 5000
