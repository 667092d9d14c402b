"""Best hours and local times: MG-16, MG-17."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.rules.timing import best_instant, local_instant

DAY, HOUR = 86400.0, 3600.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOW = at("2026-03-10T12:20")


def told(instant: float | None) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat()[:16] if instant is not None else ""


# engagements (days ago, hour), period in hours -> when
BEST = {
    "nobody knows": ([], 24, "2026-03-10T12:20"),
    "two are too few": ([(1, 9), (2, 9)], 24, "2026-03-10T12:20"),
    "in the morning": ([(1, 9), (2, 9), (3, 9)], 24, "2026-03-11T09:00"),
    "this very hour": ([(1, 12), (2, 12), (3, 12)], 24, "2026-03-10T12:20"),
    "soon": ([(1, 13), (2, 13), (3, 13)], 24, "2026-03-10T13:00"),
    "beyond the period": ([(1, 11), (2, 11), (3, 11)], 20, "2026-03-10T12:20"),
    "old habits fade": ([(400, 9)] * 5 + [(1, 18)] * 3, 24, "2026-03-10T18:00"),
    "more of the same age": ([(2, 9)] * 2 + [(2, 18)] * 3, 24, "2026-03-10T18:00"),
    "around the hour counts": ([(2, 18)] * 2 + [(1, 7), (1, 8), (1, 9)], 24, "2026-03-11T08:00"),
    "equals (clocks differ), the next": ([(-1, 9), (-1, 15), (-1, 20)], 24, "2026-03-10T15:00"),
    "over midnight": ([(1, 23), (1, 0), (1, 1)], 24, "2026-03-11T00:00"),
}


@pytest.mark.parametrize(("habits", "hours", "expected"), BEST.values(), ids=BEST.keys())
def test_best_hour(habits: list[tuple[int, int]], hours: int, expected: str) -> None:
    """MG-16."""
    today = at("2026-03-10T00:30")
    engaged = [today - days * DAY + hour * HOUR for days, hour in habits]
    assert told(best_instant(engaged, NOW, hours * HOUR)) == expected


@given(st.lists(st.floats(0, 4e9), max_size=40), st.floats(0, 4e9), st.floats(0, 72 * HOUR))
def test_never_early_and_never_later_than_the_period(engaged: list[float], now: float, period: float) -> None:
    assert now <= best_instant(engaged, now, period) <= now + period


LOCAL = {
    "later today": ("Europe/Berlin", "18:00", "2026-03-10T12:20", "2026-03-10T17:00"),
    "tomorrow": ("Europe/Berlin", "09:30", "2026-03-10T12:20", "2026-03-11T08:30"),
    "now": ("UTC", "12:20", "2026-03-10T12:20", "2026-03-10T12:20"),
    "a day ahead of us": ("Pacific/Kiritimati", "01:00", "2026-03-10T10:30", "2026-03-10T11:00"),
    "a day behind us": ("Pacific/Pago_Pago", "23:30", "2026-03-10T10:00", "2026-03-10T10:30"),
    "skipped hour": ("Europe/Berlin", "02:30", "2026-03-29T00:00", "2026-03-29T01:30"),
    "hour twice, the first": ("Europe/Berlin", "02:30", "2026-10-25T00:00", "2026-10-25T00:30"),
    "hour twice, the second": ("Europe/Berlin", "02:30", "2026-10-25T01:00", "2026-10-25T01:30"),
    "unknown zone": ("Europe/Atlantis", "02:30", "2026-10-25T01:00", ""),
    "no zone name": ("../../etc/passwd", "02:30", "2026-10-25T01:00", ""),
    "a folder of zones": ("Europe", "02:30", "2026-10-25T01:00", ""),
    "empty": ("", "02:30", "2026-10-25T01:00", ""),
}


@pytest.mark.parametrize(("zone", "clock", "earliest", "expected"), LOCAL.values(), ids=LOCAL.keys())
def test_local_time(zone: str, clock: str, earliest: str, expected: str) -> None:
    """MG-17."""
    assert told(local_instant(clock, zone, at(earliest))) == expected


@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
    st.integers(0, 23),
    st.integers(0, 59),
    st.floats(1.5e9, 2.2e9),
)
def test_a_local_time_comes_within_a_day(zone: str, hour: int, minute: int, earliest: float) -> None:
    found = local_instant(f"{hour:02d}:{minute:02d}", zone, earliest)
    assert found is not None
    assert earliest <= found <= earliest + 25 * HOUR
    clock = datetime.fromtimestamp(found, UTC).astimezone(ZoneInfo(zone))
    skipped = clock.replace(hour=hour, minute=minute).astimezone(UTC) != clock.astimezone(UTC)
    assert (clock.hour, clock.minute) == (hour, minute) or skipped
