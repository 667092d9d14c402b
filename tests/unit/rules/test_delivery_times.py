"""Delivery times in buckets, and the percentiles that are read from them."""

from __future__ import annotations

import pytest

from posthouse.rules.delivery_times import bucket_of, bucket_s, percentiles


@pytest.mark.parametrize("took_s", [0.011, 0.5, 1, 7.3, 60, 3600, 86400, 400_000])
def test_a_bucket_tells_a_time_within_ten_percent(took_s: float) -> None:
    told = bucket_s(bucket_of(took_s))
    assert abs(told - took_s) <= 0.1 * took_s


@pytest.mark.parametrize(("took_s", "bucket"), [(-1, 0), (0, 0), (0.01, 0), (1e9, 99)])
def test_times_off_the_scale_are_in_the_outermost_buckets(took_s: float, bucket: int) -> None:
    assert bucket_of(took_s) == bucket


def test_percentiles_are_those_of_a_sorted_list_within_ten_percent() -> None:
    times = [0.05 * 1.03**number for number in range(300)]
    counts: dict[int, int] = {}
    for took_s in times:
        counts[bucket_of(took_s)] = counts.get(bucket_of(took_s), 0) + 1
    for share, told in percentiles(counts).items():
        exact = times[int(share / 100 * len(times))]
        assert abs(told - exact) <= 0.13 * exact, (share, told, exact)


def test_no_deliveries_have_no_percentiles() -> None:
    assert percentiles({}) == {}
    assert percentiles({0: 1}) == {50: 0.011, 90: 0.011, 95: 0.011, 99: 0.011}
