"""The log of changes: an account's, the newest first, filtered, dropped when its time is over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.model.clock import FakeClock, Ids, id_at
from posthouse.store import audit
from posthouse.store.audit import Entry, Query
from posthouse.store.connection import Connection

DAY_S = 86400.0


@pytest.fixture
def entries(conn: Connection) -> list[Entry]:
    """A day apart each, the oldest first."""
    clock = FakeClock()
    ids = Ids(clock)
    made = []
    for account, who, what, about in (
        ("a1", "ann@x.test", "users.add", "app@x.test"),
        ("a2", "ann@x.test", "users.add", "app@x.test"),
        ("", "root", "account add", "other"),
        ("a1", "key1", "DELETE /v3/domains/{name}", "x.test"),
        ("a1", "ann@x.test", "users.reset", "app@x.test"),
    ):
        made.append(Entry(ids.new(), clock.now(), account, "person", who, "Ann", what, about, "192.0.2.7"))
        clock.advance(DAY_S)
    with conn.transaction():
        for each in made:
            audit.append(conn, each)
    return made


def test_an_accounts_log_begins_with_the_newest_and_goes_on_behind_a_page(
    conn: Connection, entries: list[Entry]
) -> None:
    own = [each for each in reversed(entries) if each.account_id == "a1"]
    first = audit.search(conn, Query("a1", limit=2))
    assert first == own[:2]
    assert audit.search(conn, Query("a1", before_id=first[-1].id, limit=2)) == own[2:]
    assert audit.search(conn, Query("")) == [entries[2]]


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"who": "ann@x.test"}, [4, 0]),
        ({"who": "ann"}, []),
        ({"what": "users."}, [4, 0]),
        ({"what": "delete /v3"}, [3]),
        ({"what": "DELETE"}, [3]),
        ({"what": "%"}, []),
        ({"about": "x.test"}, [3]),
        ({"about": "app@x.test", "what": "users.reset", "who": "ann@x.test"}, [4]),
    ],
)
def test_filters_join(
    conn: Connection, entries: list[Entry], chosen: dict[str, str], found: list[int]
) -> None:
    assert audit.search(conn, replace(Query("a1"), **chosen)) == [entries[place] for place in found]


def test_times_bound_it(conn: Connection, entries: list[Entry]) -> None:
    begin = entries[0].at
    assert audit.search(conn, Query("a1", since=begin + DAY_S)) == [entries[4], entries[3]]
    assert audit.search(conn, Query("a1", since=begin, until=begin + 1)) == [entries[0]]


def test_what_is_old_goes_in_small_steps(conn: Connection, entries: list[Entry]) -> None:
    before = id_at(entries[3].at)
    gone = []
    for _ in range(3):
        with conn.transaction():
            gone.append(audit.drop_before(conn, before, 2))
    assert gone == [2, 1, 0]
    assert audit.search(conn, Query("a1")) == [entries[4], entries[3]]
