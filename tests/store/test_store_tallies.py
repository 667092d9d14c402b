"""Counters by hour and day (R4)."""

from __future__ import annotations

from posthouse.store import tallies
from posthouse.store.connection import Connection
from posthouse.store.tallies import Tally


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
