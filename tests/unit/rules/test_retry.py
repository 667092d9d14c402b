"""When again, or never (MX-14, MX-15, F35, F45)."""

from __future__ import annotations

import itertools

import pytest

from posthouse.rules.retry import BUILT_IN, Schedule, most_attempts, next_attempt, schedule_from

DAY = 86400.0


def tries(window_s: float, reason: str, jitter: float, schedule: Schedule = BUILT_IN) -> list[float]:
    """The instants of all attempts when each one is deferred at once."""
    at, instants = 0.0, [0.0]
    while True:
        due = next_attempt(schedule, len(instants), now=at, expires_at=window_s, jitter=jitter, reason=reason)
        if due is None:
            return instants
        at = due
        instants.append(at)


PAUSES = [
    ("ordinary", "temporary", [300, 600, 1800, 3600, 7200, 14400, 14400]),
    ("greylisted is quick", "greylisted", [120, 300, 1800, 3600, 7200, 14400]),
    ("a dead host is quick", "connection", [120, 300, 1800]),
    ("rate replies are slow", "rate-limited", [1800, 1800, 1800, 3600, 7200]),
    ("an unknown outcome is slow", "ambiguous", [1800, 1800, 1800]),
]


@pytest.mark.parametrize(("reason", "pauses"), [row[1:] for row in PAUSES], ids=[row[0] for row in PAUSES])
def test_pauses(reason: str, pauses: list[float]) -> None:
    assert [BUILT_IN.pause_s(number, reason) for number in range(1, len(pauses) + 1)] == pauses


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("reason", ["greylisted", "temporary"])
def test_greylisting_of_five_minutes_is_passed_within_fifteen(jitter: float, reason: str) -> None:  # F45
    instants = tries(5 * DAY, reason, jitter)
    passed = next(number for number, at in enumerate(instants) if at >= 300)
    assert passed <= 2 and instants[passed] <= 900


@pytest.mark.parametrize("reason", ["", "greylisted", "rate-limited", "connection"])
@pytest.mark.parametrize("jitter", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("window_s", [60.0, 301.0, 3600.0, 4 * 3600.0, DAY, 5 * DAY])
def test_attempts_never_exceed_the_formula(reason: str, jitter: float, window_s: float) -> None:  # F35
    assert len(tries(window_s, reason, jitter)) <= most_attempts(window_s)


def test_the_formula_is_exact_for_the_quickest_path() -> None:
    assert most_attempts(5 * DAY) == len(tries(5 * DAY, "greylisted", 0.0)) == 35
    assert most_attempts(60) == 1
    assert most_attempts(120) == 1  # the second attempt would not begin before the end
    assert most_attempts(121) == 2


def test_never_at_once_and_never_after_the_end() -> None:
    for reason in ("", "greylisted", "ambiguous"):
        instants = tries(5 * DAY, reason, 1.0)
        assert min(b - a for a, b in itertools.pairwise(instants)) >= 120
        assert instants[-1] < 5 * DAY


def test_giving_up() -> None:
    assert next_attempt(BUILT_IN, 1, now=100, expires_at=400, jitter=0) is None
    assert next_attempt(BUILT_IN, 1, now=100, expires_at=401, jitter=0) == 400
    assert next_attempt(BUILT_IN, 1, now=100, expires_at=401, jitter=1) is None


@pytest.mark.parametrize(("jitter", "due"), [(0, 300), (0.5, 330), (1, 360), (9, 360), (-1, 300)])
def test_jitter_only_lengthens(jitter: float, due: float) -> None:
    assert next_attempt(BUILT_IN, 1, now=0, expires_at=DAY, jitter=jitter) == due


def test_the_operators_pauses_hold_for_every_reason() -> None:
    schedule = schedule_from([1.0, 2.0])
    for reason in ("", "greylisted", "rate-limited"):
        assert [schedule.pause_s(number, reason) for number in (1, 2, 3)] == [1, 2, 2]
    assert schedule_from([]) is BUILT_IN
    assert most_attempts(10, schedule) == len(tries(10, "", 0.0, schedule))
