"""Warm-up arithmetic: days of a plan, shares of a day, pauses."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.model.errors import SettingsError
from posthouse.model.message import Verdict
from posthouse.model.warmup import Plan, Warmup, read_warmup, warmup_text
from posthouse.rules.warmup import (
    DAY_S,
    allowance,
    block,
    day_of,
    free_at,
    limit_on,
    load_plans,
    parse_plan,
    pause_reason,
    plan_day,
    starts_of,
    weigh,
)

PLAN = Plan(name="p", days=(50, 100, 200), burst=10)
MIDNIGHT = starts_of(20_000)


def test_the_plans_that_we_offer_grow() -> None:
    plans = load_plans()
    assert set(plans) == {"default", "slow", "fast"}
    assert plans["default"].days[:8] == (50, 100, 200, 400, 700, 1000, 2000, 4000)
    assert plans["slow"].days[0] < plans["default"].days[0] < plans["fast"].days[0]
    assert len(plans["slow"].days) > len(plans["default"].days) > len(plans["fast"].days)
    # no day is more than two and a half times the one before
    for plan in plans.values():
        assert all(b <= 2.5 * a for a, b in zip(plan.days, plan.days[1:], strict=False))


BAD_PLANS = {
    "no table": (7, "must be a table"),
    "unknown key": ({"days": [1], "day": [2]}, "unknown key 'day'; allowed are days and burst"),
    "no days": ({}, "days must be a list of 1 to 100 numbers"),
    "no day": ({"days": []}, "days must be a list of 1 to 100 numbers"),
    "too many days": ({"days": [1] * 101}, "days must be a list of 1 to 100 numbers"),
    "shrinks": ({"days": [100, 50]}, "none smaller than the one before"),
    "text": ({"days": ["50"]}, "whole numbers from 1"),
    "true": ({"days": [True]}, "whole numbers from 1"),
    "nothing": ({"days": [0, 5]}, "whole numbers from 1"),
    "part": ({"days": [1.5]}, "whole numbers from 1"),
    "burst": ({"days": [5], "burst": 0}, "burst must be a whole number from 1"),
}


@pytest.mark.parametrize("name", BAD_PLANS)
def test_a_plan_that_makes_no_sense_is_one_sentence(name: str) -> None:
    table, sentence = BAD_PLANS[name]
    with pytest.raises(SettingsError) as error:
        parse_plan("mine", table, "plans.toml: [mine]")
    assert str(error.value).startswith("plans.toml: [mine]")
    assert sentence in str(error.value)


@pytest.mark.parametrize("text", ["", "[mine", "\x00"], ids=["empty", "not TOML", "octets"])
def test_a_file_without_plans_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plans.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"plans\.toml"):
        load_plans(path)
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        load_plans(tmp_path / "nowhere.toml")


def test_a_running_plan_is_stored_whole() -> None:
    warmup = Warmup(plan=PLAN, started=20_000, pool_id="p1")
    assert read_warmup(warmup_text(warmup)) == warmup
    assert read_warmup("") is None
    assert warmup_text(None) == ""


@pytest.mark.parametrize(
    ("today", "paused_on", "day"),
    [
        (0, [], 1),
        (1, [], 2),
        (9, [], 10),
        (2, [2], 3),  # the day of the pause itself
        (3, [2], 3),  # the pause
        (6, [2], 3),  # the third good day
        (7, [2], 4),  # on it goes
        (9, [2], 6),
        (6, [2, 4], 3),  # not good days at all
        (9, [2, 4], 4),
        (9, [2, 2], 6),
        (5, [0, 1, 2, 3, 4, 5], 1),
    ],
)
def test_the_day_of_a_plan_stands_still_after_a_pause(today: int, paused_on: list[int], day: int) -> None:
    warmup = Warmup(plan=PLAN, started=20_000)
    assert plan_day(warmup, 20_000 + today, [20_000 + each for each in paused_on]) == day


def test_a_plan_may_begin_in_its_middle() -> None:
    assert plan_day(Warmup(plan=PLAN, started=20_000 - 2), 20_000, []) == 3


@pytest.mark.parametrize(("day", "limit"), [(1, 50), (2, 100), (3, 200), (4, None), (90, None)])
def test_after_its_last_day_there_is_no_limit(day: int, limit: int | None) -> None:
    assert limit_on(PLAN, day) == limit


@pytest.mark.parametrize(
    ("hour", "allowed"), [(0, 10), (1, 14), (6, 35), (12, 60), (18, 85), (23, 105), (23.99, 109)]
)
def test_a_days_share_grows_with_the_day(hour: float, allowed: int) -> None:
    assert allowance(1000, 10, MIDNIGHT + hour * 3600) >= allowed
    assert allowance(100, 10, MIDNIGHT + hour * 3600) == min(100, allowed)


@given(
    limit=st.integers(1, 200_000),
    burst=st.integers(1, 500),
    millisecond=st.integers(0, DAY_S * 1000 - 1),
    taken=st.integers(0, 200_000),
)
def test_whoever_waits_until_then_finds_room_or_a_new_day(
    limit: int, burst: int, millisecond: int, taken: int
) -> None:
    now = MIDNIGHT + millisecond / 1000
    at = free_at(limit, burst, taken, now)
    assert now <= at
    if day_of(at) == day_of(now):
        assert allowance(limit, burst, at) > taken
    else:
        assert at == MIDNIGHT + DAY_S


@pytest.mark.parametrize(
    ("limit", "taken", "size"),
    [(1, 0, 1), (20, 0, 1), (50, 0, 2), (1000, 0, 50), (1000, 990, 10), (1000, 1000, 0), (50, 99, 0)],
)
def test_blocks_are_a_small_part_of_the_day(limit: int, taken: int, size: int) -> None:
    assert block(limit, limit, taken, MIDNIGHT) == size


@given(
    limit=st.integers(1, 2000),
    burst=st.integers(1, 300),
    asks=st.lists(st.tuples(st.integers(0, DAY_S - 1), st.integers(0, 60)), max_size=200),
)
def test_workers_never_send_more_than_the_days_share_between_them(
    limit: int, burst: int, asks: list[tuple[int, int]]
) -> None:
    """Any number of workers ask at any time of the day, each with so many letters to send."""
    taken = sent = 0
    for second, letters in sorted(asks):
        while letters > 0 and (size := block(limit, burst, taken, MIDNIGHT + second)):
            taken += size
            sent += min(size, letters)
            letters -= size
        assert sent <= taken <= allowance(limit, burst, MIDNIGHT + second) <= limit


@pytest.mark.parametrize(
    ("verdict", "reason", "sent", "deferred"),
    [
        (Verdict.DELIVERED, "delivered", 1, 0),
        (Verdict.FAILED, "bad-mailbox", 1, 0),
        (Verdict.DEFERRED, "mailbox-full", 0, 0),
        (Verdict.DEFERRED, "greylisted", 0, 0),
        (Verdict.DEFERRED, "server-trouble", 0, 0),
        (Verdict.DEFERRED, "connection", 0, 0),
        (Verdict.FAILED, "dns", 0, 0),
        (Verdict.FAILED, "local", 0, 0),
        (Verdict.DEFERRED, "rate-limited", 0, 1),
        (Verdict.DEFERRED, "temporary", 0, 1),
        (Verdict.DEFERRED, "service-unavailable", 0, 1),
        (Verdict.FAILED, "spam-content", 0, 1),
        (Verdict.FAILED, "policy-block", 0, 1),
    ],
)
def test_what_an_outcome_says_about_the_address(
    verdict: Verdict, reason: str, sent: int, deferred: int
) -> None:
    weight = weigh(verdict, reason)
    assert (weight.sent, weight.deferred) == (sent, deferred)
    assert weight.is_block == (reason == "policy-block")


@pytest.mark.parametrize(
    ("sent", "deferred", "is_block", "why"),
    [
        (100, 0, False, ""),
        (0, 19, False, ""),
        (17, 3, False, ""),
        (16, 4, False, "the site put off 4 of 20 messages"),
        (850, 150, False, ""),
        (849, 151, False, "the site put off 151 of 1000 messages"),
        (0, 1, True, "the site refuses mail from this address by its policy"),
    ],
)
def test_when_a_warm_up_pauses(sent: int, deferred: int, is_block: bool, why: str) -> None:
    assert pause_reason(sent, deferred, is_block) == why
