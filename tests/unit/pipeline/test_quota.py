"""Limits letter by letter: no window ever holds more than its limit (D-10, C-13)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blank_store import make_store
from posthouse.model.account import AccountSettings, DomainSettings
from posthouse.model.errors import PosthouseError
from posthouse.pipeline.quota import reserve, spread
from posthouse.rules.limits import Limit, Span, account_limits, domain_limits
from posthouse.store import quotas
from posthouse.store.connection import Connection
from posthouse.store.engine import connect

START = 1_700_000_000.0  # 22:13:20
DAY_S, HOUR_S = 86400, 3600


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = f"sqlite:///{tmp_path_factory.mktemp('quota')}/posthouse.db"
    make_store(made)
    return made


class Undone(Exception):
    """Ends a transaction without its effects."""


@pytest.fixture
def conn(url: str) -> Iterator[Connection]:
    with connect(url) as opened, pytest.raises(Undone), opened.transaction():
        yield opened
        raise Undone


def limits_of(minutely: int = 0, hourly: int = 0, daily: int = 0, monthly: int = 0) -> list[Limit]:
    account = AccountSettings(minute_messages=minutely, monthly_messages=monthly)
    domain = DomainSettings(hourly_messages=hourly, daily_messages=daily)
    found = account_limits("acc", account, None) + domain_limits("acc", "shop.test", domain)
    return sorted(found, key=lambda limit: limit.scope)


def due_times(conn: Connection, limits: list[Limit], count: int, now: float) -> list[float] | None:
    places = spread(conn, limits, count, now)
    if places is None:
        return None
    return [place.at + number * place.step_s for place in places for number in range(place.count)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    minutely=st.integers(0, 9),
    hourly=st.integers(0, 9),
    daily=st.just(0) | st.integers(6, 20),
    monthly=st.just(0) | st.integers(40, 60),
    letters=st.lists(
        st.tuples(st.integers(1, 30), st.integers(0, 5 * HOUR_S), st.booleans()), min_size=1, max_size=6
    ),
)
def test_no_window_is_overfull(
    url: str,
    minutely: int,
    hourly: int,
    daily: int,
    monthly: int,
    letters: list[tuple[int, int, bool]],
) -> None:
    limits = limits_of(minutely, hourly, daily, monthly)
    if not limits:
        return
    all_of_them: Counter[float] = Counter()
    with connect(url) as conn, pytest.raises(Undone), conn.transaction():
        for count, later_s, waits in sorted(letters, key=lambda letter: letter[1]):
            now = START + later_s
            if waits:
                found = due_times(conn, limits, count, now) or []
            else:
                found = [now] * count if reserve(conn, limits, count, now) is None else []
            assert len(found) in (0, count)
            assert found == sorted(found)
            assert not found or found[0] >= now
            all_of_them += Counter(found)
        raise Undone
    for limit in limits:
        windows: Counter[int] = Counter()
        for at, count in all_of_them.items():
            windows[limit.span.window(at)] += count
        assert max(windows.values(), default=0) <= limit.most


def test_what_finds_no_room_for_weeks_is_refused_and_counts_nothing(conn: Connection) -> None:
    (limit,) = limits = limits_of(daily=1)
    assert spread(conn, limits, 100, START) is None
    assert all(not quotas.used(conn, limit.scope, limit.span.window(START) + day) for day in range(60))


def test_a_refusal_counts_nothing(conn: Connection) -> None:
    limits = limits_of(hourly=5, daily=7)
    assert reserve(conn, limits, 5, START) is None
    refused = reserve(conn, limits, 3, START + HOUR_S)
    assert isinstance(refused, PosthouseError) and refused.code == 452
    assert reserve(conn, limits, 2, START + HOUR_S) is None


def test_a_burst_goes_out_at_an_even_pace_in_the_minutes_to_come(conn: Connection) -> None:
    limits = limits_of(minutely=6)
    found = due_times(conn, limits, 15, START)
    minute = START // 60 * 60
    assert found == [
        *[START] * 6,
        *[minute + 60 + second for second in (0, 10, 20, 30, 40, 50)],
        *[minute + 120 + second for second in (0, 10, 20)],
    ]
    assert due_times(conn, limits, 4, START + 1) == [
        *[minute + 120 + second for second in (30, 40, 50)],
        minute + 180,
    ]


def test_windows_that_are_known_to_be_full_are_not_looked_at(conn: Connection) -> None:
    limits = limits_of(minutely=1)
    (place,) = spread(conn, limits, 1, START, START + 600) or []
    assert place.at == START + 600


def test_the_first_open_window_may_be_a_gap(conn: Connection) -> None:
    for window, used in ((7, 3), (8, 3), (10, 3)):
        quotas.reserve(conn, "acc|hour|", window, used, 3)
    assert quotas.first_open(conn, "acc|hour|", 6, 3) == (6, 0)
    assert quotas.first_open(conn, "acc|hour|", 7, 3) == (9, 0)
    assert quotas.first_open(conn, "acc|hour|", 10, 3) == (11, 0)
    assert quotas.first_open(conn, "acc|hour|", 10, 4) == (10, 3)


def test_a_long_row_of_full_windows_is_walked_through(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "MOST_WINDOWS", 3)
    for window in range(7):
        quotas.reserve(conn, "acc|minute|", window, 1, 1)
    assert quotas.first_open(conn, "acc|minute|", 0, 1) == (7, 0)
    assert quotas.first_open(conn, "acc|minute|", 5, 1) == (7, 0)


def test_hours_begin_at_their_beginning(conn: Connection) -> None:
    hour = START // 3600 * 3600
    assert due_times(conn, limits_of(hourly=2), 5, START) == [
        START,
        START,
        *[hour + 3600] * 2,
        hour + 7200,
    ]
    assert Span.HOUR.begins_at(Span.HOUR.window(START)) == hour
