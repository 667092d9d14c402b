"""Limits of a domain: no hour and no day ever holds more than its limit (D-10)."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posthouse.model.errors import PosthouseError
from posthouse.pipeline.quota import DAY_S, HOUR_S, Allowance, reserve, spread
from posthouse.store.connection import Connection
from posthouse.store.engine import connect, migrate

START = 1_700_000_000.0


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = f"sqlite:///{tmp_path_factory.mktemp('quota')}/posthouse.db"
    migrate(made)
    return made


class Undone(Exception):
    """Ends a transaction without its effects."""


def placed(conn: Connection, allowance: Allowance, count: int, at: float) -> Counter[float]:
    found: Counter[float] = Counter()
    for when, number in spread(conn, allowance, count, at):
        found[when] += number
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hourly=st.integers(0, 9),
    daily=st.just(0) | st.integers(6, 20),  # less than that ends beyond the weeks that are looked at
    letters=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5 * HOUR_S)), max_size=6),
)
def test_no_window_is_overfull(url: str, hourly: int, daily: int, letters: list[tuple[int, int]]) -> None:
    allowance = Allowance("acc", "shop.test", hourly, daily)
    all_of_them: Counter[float] = Counter()
    with connect(url) as conn, pytest.raises(Undone), conn.transaction():
        for count, later_s in sorted(letters, key=lambda letter: letter[1]):
            now = START + later_s
            if hourly or daily:
                found = placed(conn, allowance, count, now)
            else:
                found = Counter({now: count}) if reserve(conn, allowance, count, now) is None else Counter()
            assert sum(found.values()) == count
            assert min(found) >= now
            all_of_them += found
        raise Undone
    for limit, span in ((hourly, HOUR_S), (daily, DAY_S)):
        windows: Counter[int] = Counter()
        for at, count in all_of_them.items():
            windows[int(at // span)] += count
        assert not limit or max(windows.values(), default=0) <= limit


def test_what_finds_no_room_for_weeks_goes_all_the_same(url: str) -> None:
    allowance = Allowance("acc", "other.test", 0, 1)
    with connect(url) as conn, conn.transaction():
        found = placed(conn, allowance, 100, START)
    assert sum(found.values()) == 100
    assert max(found) - START < 40 * DAY_S


def test_a_refusal_counts_nothing(url: str) -> None:
    allowance = Allowance("acc", "third.test", 5, 7)
    with connect(url) as conn, conn.transaction():
        assert reserve(conn, allowance, 5, START) is None
        refused = reserve(conn, allowance, 3, START + HOUR_S)
        assert isinstance(refused, PosthouseError) and refused.code == 452
        assert reserve(conn, allowance, 2, START + HOUR_S) is None
