"""The growing window, its rests, and rates (MX-14, F32, F33, F36; decision 024)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.rules.site_limits import Limits
from posthouse.rules.window import RESTS_S, Bucket, Window


def test_the_window_grows_by_one_for_each_success_while_it_is_full() -> None:
    window = Window(Limits(connections=8, first_connections=5))
    assert window.allowed(0) == 5
    window.success(0, was_saturated=False)
    assert window.allowed(0) == 5
    for _ in range(10):
        window.success(0, was_saturated=True)
    assert window.allowed(0) == 8


def test_the_share_is_the_top_and_may_change() -> None:
    window = Window(Limits(connections=10, first_connections=5), most=2)
    assert window.allowed(0) == 2
    window.success(0, was_saturated=True)
    assert window.allowed(0) == 2
    window.set_most(0)
    assert window.allowed(0) == 0
    window.set_most(10)
    assert window.allowed(0) == 5


def test_one_trouble_halves_and_a_success_forgives() -> None:  # F36: 421 after k messages is no dead site
    window = Window(Limits(connections=10, first_connections=10))
    for _ in range(20):
        window.trouble(0)
        assert window.allowed(0) >= 1
        window.success(0, was_saturated=True)
    assert window.rests_until <= 0


def test_three_troubles_in_a_row_are_a_rest_and_more_of_them_are_not_more() -> None:  # F33
    window = Window(Limits(connections=10, first_connections=10))
    for _ in range(10):
        window.trouble(100.0)
    assert window.rests_until == 100 + RESTS_S[0]
    assert window.allowed(100.0) == 0


def test_rests_grow_while_the_probe_fails_and_only_one_probes() -> None:
    window = Window(Limits())
    now, rests = 0.0, []
    for _ in range(3):
        window.trouble(now)
    for _ in range(8):
        rests.append(window.rests_until - now)
        now = window.rests_until
        assert window.allowed(now - 0.001) == 0
        assert window.allowed(now) == 1
        window.trouble(now)
    assert rests == [15, 60, 300, 900, 1800, 1800, 1800, 1800]


def test_a_good_probe_opens_the_window_slowly() -> None:
    window = Window(Limits(connections=10, first_connections=5))
    for _ in range(3):
        window.trouble(0)
    now = window.rests_until
    window.success(now, was_saturated=True)
    assert window.allowed(now) == 2


def test_a_flapping_site_rests_longer_and_a_steady_one_is_forgiven() -> None:
    window = Window(Limits())
    for _ in range(3):
        window.trouble(0)
    now = window.rests_until
    window.success(now, was_saturated=True)
    for _ in range(3):
        window.trouble(now)
    assert window.rests_until - now == 60
    now = window.rests_until
    for _ in range(10):
        window.success(now, was_saturated=True)
    for _ in range(3):
        window.trouble(now)
    assert window.rests_until - now == 15


def test_late_news_from_before_the_rest_changes_nothing() -> None:
    window = Window(Limits())
    for _ in range(3):
        window.trouble(0)
    window.success(1, was_saturated=True)
    assert window.allowed(1) == 0
    assert window.allowed(15) == 1


def test_bucket_keeps_the_rate() -> None:
    bucket = Bucket(10, now=0)
    granted = sum(bucket.take(step / 1000) for step in range(10_000))
    assert 105 <= granted <= 111  # ten seconds of ten, and the burst


def test_bucket_says_how_long_to_wait() -> None:
    bucket = Bucket(0.5, now=0)
    assert bucket.take(0) and not bucket.take(0)
    assert bucket.wait_s(0) == pytest.approx(2)
    assert not bucket.take(1.9)
    assert bucket.take(1.9 + bucket.wait_s(1.9))


def test_bucket_survives_a_clock_that_goes_back() -> None:
    bucket = Bucket(1, now=100)
    assert bucket.take(100)
    assert not bucket.take(50)
    assert not bucket.take(100.5)
    assert bucket.take(101)


# -- what it remembers (decision 024) ----------------------------------------------------------------------


def full(limit: int = 20, width: int = 20) -> Window:
    return Window(Limits(connections=limit, first_connections=width))


def successes(window: Window, count: int, now: float = 0.0) -> int:
    for _ in range(count):
        window.success(now, was_saturated=True)
    return window.allowed(now)


def test_a_lone_trouble_after_a_whole_round_costs_one_conversation() -> None:
    window = full()
    successes(window, 20)
    window.trouble(0)
    assert window.allowed(0) == 19


def test_a_trouble_that_comes_sooner_costs_half() -> None:
    window = full()
    successes(window, 19)
    window.trouble(0)
    assert window.allowed(0) == 10
    successes(window, 5)
    window.trouble(0)
    assert window.allowed(0) == 5


def test_after_a_trouble_it_grows_by_one_with_each_round() -> None:
    window = full()
    window.trouble(0)
    assert window.allowed(0) == 10
    assert successes(window, 9) == 10
    assert successes(window, 1) == 11
    assert successes(window, 10) == 11
    assert successes(window, 1) == 12


def test_the_width_that_failed_last_is_tried_again_after_ten_rounds_only() -> None:
    window = full()
    successes(window, 20)
    window.trouble(0)
    assert successes(window, 189) == 19
    assert successes(window, 1) == 20


def test_a_site_that_bears_exactly_k_is_met_at_its_limit_seldom() -> None:
    """Running into a limit costs a letter minutes: less than one in five times the width does."""
    window, bears, met = full(limit=20, width=1), 8, 0
    for _ in range(10_000):
        if window.allowed(0) > bears:
            met += 1
            window.trouble(0)
        else:
            window.success(0, was_saturated=True)
    assert window.allowed(0) in (bears - 1, bears)
    assert 0 < met < 10_000 / (5 * bears)


def test_after_a_rest_half_of_what_was_proven_is_open_at_once() -> None:
    window = full()
    for _ in range(3):
        window.trouble(0)
    now = window.rests_until
    assert window.allowed(now) == 1
    assert successes(window, 1, now) == 10


def test_each_probe_that_fails_halves_what_comes_back() -> None:
    window = full()
    for _ in range(3):
        window.trouble(0)
    for _ in range(2):
        window.trouble(window.rests_until)
    now = window.rests_until
    assert successes(window, 1, now) == 2  # 20, then 10, 5, 2
    assert successes(window, 8, now) == 10, "up to half of the proven width by one with each success"
    assert successes(window, 9, now) == 10, "then by one with each round"


def test_a_bucket_may_get_another_rate() -> None:
    bucket = Bucket(10, now=0)
    bucket.set_rate(0.5, now=0)
    assert bucket.take(0) and not bucket.take(0)
    assert bucket.wait_s(0) == pytest.approx(2)
    bucket.set_rate(10, now=0)
    assert bucket.wait_s(0) == pytest.approx(0.1)


STEPS = st.lists(st.tuples(st.sampled_from(["good", "idle", "bad", "wait", "share"]), st.integers(0, 30)))


@given(st.integers(1, 30), st.integers(1, 60), STEPS)
def test_it_never_exceeds_its_limit_nor_falls_to_nothing(limit: int, first: int, steps: list) -> None:  # type: ignore[type-arg]
    window, now, most = Window(Limits(connections=limit, first_connections=first)), 0.0, limit
    for step, number in steps:
        match step:
            case "good" | "idle":
                window.success(now, was_saturated=step == "good")
            case "bad":
                window.trouble(now)
            case "wait":
                now += number * 30
            case _:
                most = min(number, limit)
                window.set_most(most)
        allowed = window.allowed(now)
        assert 0 <= allowed <= most
        assert allowed or not most or now < window.rests_until
        assert window.rests_until - now <= RESTS_S[-1]
