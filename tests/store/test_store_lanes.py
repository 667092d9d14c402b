"""Which lanes are due, by a skip scan whose cost is that of the lanes, not of the rows (F56, F61)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from posthouse.model.lane import lane_parts, lanes_between
from posthouse.model.message import DeliveryState
from posthouse.store import estate, lane_summaries, lanes, leftovers, messages, queue, selection
from posthouse.store.connection import Connection
from posthouse.store.selection import Selector
from store.letters import IDS, NOW, keep_room, letter

BIG = "acc|dead.test|single"


def accept(conn: Connection, *items: messages.Accepted) -> None:
    with conn.transaction():
        messages.add_accepted(conn, items)


def fill(conn: Connection, rows: int) -> None:
    """So many waiting rows in one lane, made by the engine itself."""
    numbers = (
        f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows}) "
        if conn.engine.name == "sqlite"
        else f"with n as (select i from generate_series(1, {rows}) i) "
    )
    text_of_i = "printf('%08d', i)" if conn.engine.name == "sqlite" else "lpad(i::text, 8, '0')"
    with conn.transaction():
        conn.script(
            f"{numbers} insert into delivery select {text_of_i} || '.0000', {text_of_i}, 'acc', "
            f"'x@dead.test', 'dead.test', '{BIG}', 'waiting', {NOW} + i, {NOW} + 432000, "
            "0, '', '', '', 0, '', '' from n"
        )
    if conn.engine.name == "postgresql":
        conn.script("vacuum analyze delivery")


def test_lanes_come_by_the_due_time_of_their_first_delivery(conn: Connection) -> None:
    accept(
        conn,
        letter("a@one.test", at=NOW + 3),
        letter("b@one.test", at=NOW + 2),
        letter("a@two.test", at=NOW + 1),
        letter("a@two.test", at=NOW + 9),
        letter("a@three.test", at=NOW + 50),
        letter("a@one.test", at=NOW, account="other"),
    )
    found = lanes.lanes_due(conn, NOW + 10, 10)
    assert [(lane_parts(lane.lane)[1], lane.due_at) for lane in found] == [
        ("one.test", NOW),
        ("two.test", NOW + 1),
        ("one.test", NOW + 2),
    ]
    assert lanes.lanes_due(conn, NOW + 10, 1) == found[:1]
    assert lanes.next_due(conn, NOW + 10) == NOW + 50
    assert lanes.next_due(conn, NOW + 50) is None


def test_an_empty_queue_has_no_lanes(conn: Connection) -> None:
    assert lanes.lanes_due(conn, NOW, 10) == []
    assert lanes.next_due(conn, NOW) is None
    assert lane_summaries.outline(conn, NOW) == []


def steps(conn: Connection, action: Callable[[], object]) -> int:
    """How many virtual machine instructions SQLite needs, in tens; a bound independent of the clock."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    conn._raw.set_progress_handler(tick, 10)
    action()
    conn._raw.set_progress_handler(None, 0)
    return count * 10


def buffers(conn: Connection, text: str) -> int:
    """How many pages PostgreSQL touches for a statement."""
    plan = conn.script(f"explain (analyze, buffers, format json) {text}")[0][0]
    top = plan[0]["Plan"]
    return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])


@pytest.mark.timeout(120)
def test_a_huge_lane_costs_no_more_than_a_small_one(conn: Connection) -> None:
    accept(conn, *[letter(f"a@d{number:02}.test") for number in range(20)])
    fill(conn, 200_000)
    assert len(lanes.lanes_due(conn, NOW + 10, 100)) == 21
    order = queue.TakeOrder(BIG, 5, "w1", NOW + 1000)
    if conn.engine.name == "sqlite":
        assert steps(conn, lambda: lanes.lanes_due(conn, NOW + 10, 100)) < 3_000
        with conn.transaction():
            assert steps(conn, lambda: queue.take(conn, [order])) < 3_000
            assert steps(conn, lambda: leftovers.take_expired(conn, [("w1", NOW, 5)])) < 3_000
    else:
        text = lanes._lanes_due.text("postgresql").replace("%s::INTEGER", "100").replace("%s", str(NOW + 10))
        assert buffers(conn, text) < 400
    with conn.transaction():
        assert len(queue.take(conn, [order])[0]) == 5


def test_what_is_past_its_time_is_taken_oldest_first(conn: Connection) -> None:
    items = [letter("a@one.test", at=NOW - shift) for shift in (432_000, 432_002, 432_001, 5)]
    accept(conn, *items)
    with conn.transaction():
        (taken,) = leftovers.take_expired(conn, [("w1", NOW, 2)])
        (rest,) = leftovers.take_expired(conn, [("w1", NOW, 9)])
    assert {delivery.id for delivery in taken} == {items[1].deliveries[0].id, items[2].deliveries[0].id}
    assert [delivery.id for delivery in rest] == [items[0].deliveries[0].id]


def test_what_an_owner_has_taken_is_listed(conn: Connection) -> None:
    mine = letter("a@one.test", state=DeliveryState.TAKEN, owner="w1")
    accept(conn, mine, letter("b@one.test", state=DeliveryState.TAKEN, owner="w2"), letter("c@one.test"))
    assert leftovers.taken_by(conn, "w1") == [(mine.deliveries[0].id, 1)]


def test_overview_tells_counts_oldest_and_why(conn: Connection) -> None:
    held, old, new, other = (  # ids rise with time
        letter("c@one.test", at=NOW - 90),
        letter("a@one.test", at=NOW - 60),
        letter("b@one.test", at=NOW),
        letter("a@two.test", at=NOW + 100),
    )
    old.deliveries[0].due_at = NOW + 300
    old.deliveries[0].last_code, old.deliveries[0].last_text = 451, "greylisted"
    held.deliveries[0].state = DeliveryState.HELD
    taken = letter("d@one.test", state=DeliveryState.TAKEN, owner="w1")
    accept(conn, old, new, held, other, taken)
    first, second = lane_summaries.detailed(conn, lane_summaries.outline(conn, NOW))
    assert first == lane_summaries.LaneSummary(
        "acc|one.test|single", "one.test", "acc", 2, 1, 1, NOW - 90, NOW, 451, "greylisted"
    )
    assert (second.lane, second.waiting, second.next_due_at) == ("acc|two.test|single", 1, NOW + 100)
    assert [lane_summaries.summary(conn, "acc", each.lane) for each in (first, second)] == [first, second]
    assert lane_summaries.summary(conn, "", first.lane) == first
    assert lane_summaries.summary(conn, "other", first.lane) is None
    assert lane_summaries.summary(conn, "acc", "acc|three.test|single") is None
    assert queue.open_counts(conn) == {
        DeliveryState.WAITING: 3,
        DeliveryState.TAKEN: 1,
        DeliveryState.HELD: 1,
    }


def test_a_page_of_lanes_is_told_in_detail_the_rest_in_outline(conn: Connection) -> None:
    accept(conn, letter("a@one.test"), letter("a@two.test"), letter("b@two.test", account="other"))
    first, second = lane_summaries.outline(conn, NOW, "acc")
    assert [(lane.domain, lane.waiting, lane.oldest_at) for lane in (first, second)] == [
        ("one.test", 1, 0.0),
        ("two.test", 1, 0.0),
    ]
    assert [lane.oldest_at for lane in lane_summaries.detailed(conn, [second])] == [NOW]
    assert lane_summaries.detailed(conn, []) == []


STATES = (DeliveryState.WAITING, DeliveryState.HELD)


def beside_a_neighbour(conn: Connection) -> None:
    """Two open deliveries of an account on either side of one with many."""
    for state in STATES:
        accept(conn, *[letter("a@one.test", account=name, state=state) for name in ("aaa", "zzz")])
    fill(conn, 20_000)
    with conn.transaction():
        conn.script(f"update delivery set attempt = 1, state = 'held' where due_at > {NOW + 10_000}")
    if conn.engine.name == "postgresql":
        conn.script("vacuum analyze delivery")


LOOKS: dict[str, Callable[[Connection, str], object]] = {
    "outline": lambda conn, name: lane_summaries.detailed(conn, lane_summaries.outline(conn, NOW, name)),
    "waiting": lambda conn, name: lane_summaries.troubled(conn, name, "waiting", 5),
    "held": lambda conn, name: lane_summaries.troubled(conn, name, "held", 5),
    "open": estate.open_deliveries,
    "verified": lambda conn, name: selection.release_verified(conn, name, "x.test", NOW, IDS),
    "flush": lambda conn, name: queue.flush(conn, Selector(everything=True, account_id=name), NOW - 1),
    "hold": lambda conn, name: queue.hold(conn, Selector(domain="two.test", account_id=name), NOW, IDS),
    "release": lambda conn, name: queue.release(
        conn, Selector(sending_domain="x.test", account_id=name), NOW, IDS
    ),
    "drop": lambda conn, name: queue.drop(
        conn, Selector(recipient="x@one.test", account_id=name), NOW, IDS, keep_room
    ),
}


def test_an_account_does_not_pay_for_what_waits_of_its_neighbours(conn: Connection) -> None:
    beside_a_neighbour(conn)
    most = 20_000 if conn.engine.name == "sqlite" else 200
    for name, look in LOOKS.items():
        for account in ("aaa", "zzz", "none"):
            with conn.transaction():
                cost = effort(conn, lambda look=look, account=account: look(conn, account))  # type: ignore[misc]
            assert cost < most, (name, account, cost)
    assert [lane.waiting for lane in lane_summaries.outline(conn, NOW, "zzz")] == [1]
    assert [estate.open_deliveries(conn, name) for name in ("aaa", "zzz", "none")] == [2, 2, 0]


def effort(conn: Connection, action: Callable[[], object]) -> int:
    """SQLite: instructions. PostgreSQL: rows that were read, whether they were wanted or not."""
    if conn.engine.name == "sqlite":
        return steps(conn, action)
    before = rows_read(conn)
    action()
    return rows_read(conn) - before


def rows_read(conn: Connection) -> int:
    return int(
        conn.script(
            "select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::int8 from pg_stat_xact_user_tables"
        )[0][0]
    )


def test_what_waits_is_counted_in_its_index(conn: Connection) -> None:
    """An account's own million costs no look at each row. PostgreSQL knows by itself what a partial index
    says of its rows."""
    if conn.engine.name != "sqlite":
        return
    for state in ("waiting", "held"):
        statement = lane_summaries._of_account[state]
        text, values = statement.text("sqlite"), lanes_between("acc")
        conn._cursor.execute("EXPLAIN QUERY PLAN " + text, statement.bind("sqlite", values))
        assert f"USING COVERING INDEX delivery_{state}" in str(conn._cursor.fetchall())


def test_trouble_is_looked_for_in_what_is_open_not_in_all_that_was_sent(conn: Connection) -> None:
    fill(conn, 3000)
    with conn.transaction():
        conn.script("update delivery set state = 'delivered'")
    accept(conn, letter("a@one.test"))
    if conn.engine.name == "postgresql":
        conn.script("vacuum analyze delivery")
    explain = "EXPLAIN QUERY PLAN " if conn.engine.name == "sqlite" else "EXPLAIN "
    for statement in lane_summaries._troubled.values():
        text, values = statement.text(conn.engine.name), (*lanes_between("acc"), 100, 5)
        conn._cursor.execute(explain + text, statement.bind(conn.engine.name, values))
        plan = "\n".join(str(row[-1]) for row in conn._cursor.fetchall())
        assert "USING INDEX" in plan or "Index Scan" in plan, plan
        assert "Seq Scan on delivery" not in plan, plan
