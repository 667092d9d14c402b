"""Counters by hour and day (R4)."""

from __future__ import annotations

from posthouse.model.event import Event, EventKind
from posthouse.store import engaged, tallies, tally_names
from posthouse.store.connection import Connection
from posthouse.store.tallies import Tally
from posthouse.store.tally_names import TallyName


def test_counts_are_added_up(conn: Connection) -> None:
    key = ("a", "domain", "one.test", "hour", 5, "delivered")
    for number in (2, 3):
        with conn.transaction():
            tallies.add(conn, {key: number, (*key[:4], 9, "failed"): 1, ("b", *key[1:]): 7})
    assert tallies.read(conn, "a", "domain", "one.test", "hour", 1, 5) == [Tally(*key, 5)]
    assert [found.at for found in tallies.read(conn, "a", "domain", "one.test", "hour", 5, 9)] == [5, 9]
    assert tallies.read(conn, "a", "domain", "two.test", "hour", 5, 5) == []


def test_totals_are_those_of_accounts(conn: Connection) -> None:
    with conn.transaction():
        tallies.add(
            conn,
            {
                ("a", "account", "", "day", 1, "delivered"): 2,
                ("a", "account", "", "day", 2, "delivered"): 3,
                ("a", "domain", "one.test", "day", 2, "delivered"): 3,
                ("b", "account", "", "day", 2, "failed"): 1,
            },
        )
    assert tallies.account_totals(conn, "day", 1, 2) == {"a": {"delivered": 5}, "b": {"failed": 1}}


def test_a_counter_grows_with_many_others(conn: Connection) -> None:
    keys = {("a", "tag", f"t{number:03}", "day", 1, "delivered"): number for number in range(1, 41)}
    for _ in range(2):
        with conn.transaction():
            tallies.add(conn, keys)
    assert tallies.of_spans(conn, "day", 0, 2) == {key: 2 * number for key, number in keys.items()}
    assert tallies.by_name(conn, "a", "tag", "day", 1, 1, "delivered", 2) == [("t040", 80), ("t039", 78)]


def test_old_hours_go_and_days_stay(conn: Connection) -> None:
    with conn.transaction():
        tallies.add(
            conn, {("a", "account", "", span, at, "x"): 1 for span in ("hour", "day") for at in range(9)}
        )
    with conn.transaction():
        assert tallies.drop_hours_before(conn, 5 * 3600.0, 3) == 3
        assert tallies.drop_hours_before(conn, 5 * 3600.0, 3) == 2
        assert tallies.drop_hours_before(conn, 5 * 3600.0, 3) == 0
    assert tallies.first_counted(conn, "hour") == 5
    assert tallies.first_counted(conn, "day") == 0


def test_a_flood_of_names_is_counted_under_one(conn: Connection) -> None:
    most = {"tag": 3}
    with conn.transaction():
        names = tally_names.admit(conn, {("a", "tag", f"t{n}"): 7200.0 for n in range(5)}, most, "(other)")
    assert list(names.values()) == ["t0", "t1", "t2", "(other)", "(other)"]
    with conn.transaction():
        seen = {
            ("a", "tag", "t0"): 9.0,
            ("a", "tag", "new"): 9.0,
            ("b", "tag", "new"): 9.0,
            ("a", "ip", "x"): 9.0,
        }
        names = tally_names.admit(conn, seen, most, "(other)")
    assert list(names.values()) == ["t0", "(other)", "new", "x"]
    assert tally_names.count_names(conn, "a", "tag") == 3
    assert tally_names.room_for(conn, {("a", "tag", "t9"): 1.0}, most, "(other)", set()) == {
        ("a", "tag", "t9"): "(other)"
    }


def test_a_name_is_kept_with_when_it_was_seen(conn: Connection) -> None:
    for at in (7200.0, 3600.0, 9000.0, 90_000.0):
        with conn.transaction():
            tally_names.admit(conn, {("a", "tag", "bad\0name"): at}, {"tag": 3}, "(other)")
    assert tally_names.list_names(conn, "a", "tag") == [
        TallyName("a", "tag", "bad\ufffdname", 7200.0, 90_000.0)
    ]
    assert tally_names.list_names(conn, "a", "tag", after="c") == []


def _opened(event_id: str, delivery: str = "M.0000", kind: EventKind = EventKind.OPENED) -> Event:
    return Event(event_id, kind, 0.0, "a", "one.test", "M", delivery, "ann@good.test")


def test_the_first_of_a_delivery_stays_the_first(conn: Connection) -> None:
    with conn.transaction():
        assert engaged.note(conn, [_opened("3"), _opened("2"), _opened("4", "M.0001")]) == {"2", "4"}
        assert engaged.note(conn, [_opened("1"), _opened("5", kind=EventKind.CLICKED)]) == {"5"}
    assert engaged.firsts_of(conn, [_opened(str(n)) for n in range(4)]) == {"2"}
    with conn.transaction():
        assert engaged.drop_before(conn, "M.0001", 100) == 2
    assert engaged.firsts_of(conn, [_opened("4", "M.0001")]) == {"4"}


def test_room_is_told_without_making_names(conn: Connection) -> None:
    granted: set[tuple[str, str, str]] = set()
    for number, told in enumerate(["t0", "t1", "(other)"]):
        name = ("a", "tag", f"t{number}")
        assert tally_names.room_for(conn, {name: 1.0}, {"tag": 2}, "(other)", granted) == {name: told}
    assert tally_names.count_names(conn, "a", "tag") == 0


def test_counters_are_put_right_by_one_at_a_time(conn: Connection) -> None:
    was = tallies.recounts(conn)
    with conn.transaction():
        assert tallies.claim_recount(conn, was)
    with conn.transaction():
        assert not tallies.claim_recount(conn, was)
    assert tallies.recounts(conn) == was + 1
