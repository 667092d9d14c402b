"""Figures from the counters: periods, series, rates, names, delivery times (R4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blank_store import make_store
from posthouse.desk import statistics
from posthouse.desk.statistics import period
from posthouse.model.errors import Refused
from posthouse.store import tallies
from posthouse.store.connection import Connection
from posthouse.store.engine import connect

NOW = 1_763_985_600.0 + 3 * 3600  # Monday 2025-11-24, 15:00 UTC
TODAY = int(NOW // 86400)


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/posthouse.db"
    make_store(url)
    with connect(url) as opened:
        with opened.transaction():
            tallies.add(opened, _counts())
        yield opened


def _counts() -> dict[tallies.Key, int]:
    found: dict[tallies.Key, int] = {}
    for day in range(TODAY - 40, TODAY + 1):
        found["a", "account", "", "day", day, "delivered"] = 9
        found["a", "account", "", "day", day, "failed"] = 1
        found["a", "account", "", "day", day, "took.10"] = 5
        found["a", "account", "", "day", day, "took.40"] = 4
        found["a", "account", "", "day", day, "opened.unique"] = 3
        found["a", "tag", "big", "day", day, "accepted"] = 8
        found["a", "tag", "small", "day", day, "accepted"] = 2
    found["a", "account", "", "hour", TODAY * 24 + 15, "delivered"] = 4
    found["b", "account", "", "day", TODAY, "delivered"] = 100
    return found


@pytest.mark.parametrize(
    ("span", "since", "until", "begins"),
    [
        ("day", "2025-11-22", "2025-11-24", ["2025-11-22", "2025-11-23", "2025-11-24"]),
        ("week", "2025-11-12", "2025-11-17", ["2025-11-10", "2025-11-17"]),
        ("month", "2025-01-31", "2025-03-01", ["2025-01-01", "2025-02-01", "2025-03-01"]),
        (
            "hour",
            "2025-11-24T22:30",
            "2025-11-25T00:10",
            ["2025-11-24T22:00Z", "23:00Z", "2025-11-25T00:00Z"],
        ),
        ("day", "2025-11-24T23:00+02:00", "2025-11-24", ["2025-11-24"]),
    ],
)
def test_a_period_has_whole_points(
    conn: Connection, span: str, since: str, until: str, begins: list[str]
) -> None:
    found = statistics.series(conn, "a", period(NOW, span, since, until))["series"]
    assert len(found) == len(begins)
    assert all(point["time"].endswith(begin) for point, begin in zip(found, begins, strict=True))


def test_weeks_and_months_are_whole_in_their_counts(conn: Connection) -> None:
    found = statistics.series(conn, "a", period(NOW, "week", "2025-11-12", "2025-11-17"))
    assert [point["delivered"] for point in found["series"]] == [63, 63]


def test_a_series_tells_totals_rates_and_the_period_before(conn: Connection) -> None:
    found = statistics.series(conn, "a", period(NOW))
    assert (found["since"], found["until"]) == ("2025-11-18", "2025-11-24")
    assert [point["delivered"] for point in found["series"]] == [9] * 7
    assert found["totals"]["delivered"] == 63 and found["totals"]["opened"] == 0
    assert found["rates"]["delivered"] == 90.0 and found["rates"]["opened"] == 33.33
    assert found["before"]["since"] == "2025-11-11" and found["before"]["totals"]["failed"] == 7


def test_hours_are_counted_by_themselves(conn: Connection) -> None:
    found = statistics.series(conn, "a", period(NOW, "hour", "2025-11-24T14:00"))
    assert [point["delivered"] for point in found["series"]] == [0, 4]


def test_the_largest_names_come_first(conn: Connection) -> None:
    found = statistics.largest(conn, "a", period(NOW), dim="tag", limit=5)
    assert [(row["name"], row["totals"]["accepted"]) for row in found["names"]] == [
        ("big", 56),
        ("small", 14),
    ]
    assert found["names"][0]["rates"]["delivered"] is None
    assert statistics.largest(conn, "b", period(NOW), dim="tag")["names"] == []


def test_delivery_times_are_percentiles(conn: Connection) -> None:
    found = statistics.delivery_times(conn, "a", period(NOW))
    assert found["deliveries"] == 63
    assert found["seconds"] == {"p50": 0.068, "p90": 16.101, "p95": 16.101, "p99": 16.101}
    assert statistics.delivery_times(conn, "b", period(NOW))["seconds"] == {}


@pytest.mark.parametrize(
    ("span", "since", "until", "words"),
    [
        ("year", "", "", "There is no span year"),
        ("day", "yesterday", "", "'yesterday' is no time"),
        ("day", "2025-11-24", "2025-11-23", "ends before it begins"),
        ("hour", "2020-01-01", "", "too long for this span"),
        ("day", "0001-01-01", "9999-12-31", "too long for this span"),
    ],
)
def test_a_period_that_cannot_be_is_refused(span: str, since: str, until: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        period(NOW, span, since, until)


def test_an_unknown_dim_is_refused(conn: Connection) -> None:
    with pytest.raises(Refused, match="Nothing is counted by colour"):
        statistics.series(conn, "a", period(NOW), dim="colour")
    with pytest.raises(Refused, match="not by tag"):
        statistics.delivery_times(conn, "a", period(NOW), dim="tag", name="x")
    with pytest.raises(Refused, match="kept by day"):
        statistics.delivery_times(conn, "a", period(NOW, "hour"), dim="site", name="x")
