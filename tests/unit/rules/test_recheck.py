"""When a domain is verified, when it is not any more, and when it is looked at again (D-01, D-02)."""

from __future__ import annotations

import pytest

from posthouse.rules.checks import Check, State
from posthouse.rules.recheck import FRESH, LOST_S, Seen, Standing, after_check, required_of
from posthouse.rules.records import Record, Use

PAUSES = (30.0, 60.0, 3600.0)
DAY, HOUR = 86400.0, 3600.0
OK, MISSING, UNKNOWN, WRONG = State.OK, State.MISSING, State.UNKNOWN, State.WRONG


def look(before: Standing, state: State, now: float, *, is_verified: bool) -> Seen:
    return after_check(before, state, now, is_verified=is_verified, pauses=PAUSES, verified_pause_s=DAY)


def walk(steps: list[tuple[State, float]], is_verified: bool = False) -> tuple[Seen, list[float]]:
    """Checks of these results after these spans; what stands at the end, and each pause until the next."""
    now, seen, pauses = 1000.0, Seen(FRESH, is_verified), []
    for state, span in steps:
        now += span
        seen = look(seen.standing, state, now, is_verified=seen.is_verified)
        pauses.append(seen.standing.next_at - now)
    return seen, pauses


def test_pauses_grow_until_the_record_is_there() -> None:
    seen, pauses = walk([(MISSING, 1)] * 5)
    assert (seen.is_verified, pauses) == (False, [30, 60, 3600, 3600, 3600])


def test_a_record_that_is_there_verifies_and_is_looked_at_soon_once_more_then_daily() -> None:
    seen, pauses = walk([(MISSING, 1), (MISSING, 1), (OK, 1), (OK, 30), (OK, DAY)])
    assert (seen.is_verified, pauses) == (True, [30, 60, 30, DAY, DAY])
    assert seen.standing.lost_at is None


def test_trouble_with_dns_never_verifies_and_never_takes_away() -> None:
    assert not walk([(UNKNOWN, 1)] * 50)[0].is_verified
    seen, _ = walk([(OK, 1), *[(UNKNOWN, HOUR)] * 200])
    assert (seen.is_verified, seen.standing.lost_at) == (True, None)


def test_three_days_without_the_record_take_it_away() -> None:
    before, _ = walk([(OK, 1), *[(MISSING, 6 * HOUR)] * 12])
    assert before.is_verified and before.standing.lost_at is not None
    after, pauses = walk([(OK, 1), *[(MISSING, 6 * HOUR)] * 13])
    assert (after.is_verified, after.standing.lost_at) == (False, None)
    assert pauses[-1] == 30
    assert 12 * 6 * HOUR == LOST_S


def test_a_record_that_comes_back_ends_the_count() -> None:
    seen, _ = walk([(OK, 1), *[(MISSING, 6 * HOUR)] * 12, (OK, HOUR), *[(MISSING, 6 * HOUR)] * 12])
    assert seen.is_verified


def test_time_in_which_nobody_could_say_does_not_count() -> None:
    seen, _ = walk([(OK, 1), (MISSING, 1), *[(UNKNOWN, 6 * HOUR)] * 40, (MISSING, 6 * HOUR)])
    assert seen.is_verified


def test_time_in_which_nobody_looked_does_not_count() -> None:
    seen, _ = walk([(OK, 1), (MISSING, 1), (MISSING, 10 * DAY)])
    assert seen.is_verified


def test_a_word_of_the_operator_is_not_taken_away_by_dns() -> None:
    seen, pauses = walk([*[(MISSING, DAY)] * 30], is_verified=True)
    assert (seen.is_verified, set(pauses)) == (True, {DAY})
    seen, _ = walk([(UNKNOWN, DAY), *[(MISSING, DAY)] * 9], is_verified=True)
    assert seen.is_verified


def test_once_dns_has_confirmed_the_word_it_counts() -> None:
    seen, _ = walk([(MISSING, DAY), (OK, 1), *[(MISSING, 6 * HOUR)] * 13], is_verified=True)
    assert not seen.is_verified


def test_a_lost_record_is_looked_at_more_often_than_daily() -> None:
    _, pauses = walk([(OK, 1), (OK, 1), (MISSING, DAY), (MISSING, 30), (MISSING, 30), (MISSING, 60)])
    assert pauses[2:] == [30, 30, 60, 3600]


def check(state: State, is_required: bool) -> Check:
    return Check(Record(Use.DKIM, "", "TXT", "x.test", "v", is_required), state, "", "")


@pytest.mark.parametrize(
    ("checks", "state"),
    [
        ([check(OK, True), check(MISSING, False)], OK),
        ([check(OK, True), check(UNKNOWN, True)], UNKNOWN),
        ([check(UNKNOWN, True), check(WRONG, True)], MISSING),
        ([check(MISSING, True)], MISSING),
        ([check(OK, False)], MISSING),
        ([], MISSING),
    ],
    ids=["advice does not count", "one unknown", "one wrong", "missing", "nothing required", "nothing"],
)
def test_what_the_required_records_say_together(checks: list[Check], state: State) -> None:
    assert required_of(checks) is state
