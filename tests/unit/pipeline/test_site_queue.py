"""SiteQueue by hand-moved time: room, who is next, what ends and rests do."""

from __future__ import annotations

import pytest

from posthouse.model.message import Delivery, DeliveryState, Outcome, Phase, SmtpResult, Verdict
from posthouse.pipeline.letters import Job
from posthouse.pipeline.sites import SiteQueue
from posthouse.rules.shaping import Limits
from posthouse.rules.window import RESTS_S
from unit.pipeline.small_world import delivered, site, unreachable

GOOD = Outcome(Verdict.DELIVERED, 250, "2.0.0", "taken", "delivered")
BAD = Outcome(Verdict.DEFERRED, 0, "4.4.1", "refused", "connection", 1.0, backs_off_site=True)
LATER = Outcome(Verdict.DEFERRED, 450, "4.2.0", "later", "temporary", 1.0)


def job(number: int = 0, account: str = "x", lane: str = "") -> Job:
    lane = lane or f"{account}|good.test|single"
    state = DeliveryState.TAKEN
    return Job(
        Delivery(f"m.{number}", "m", account, "a@good.test", "good.test", lane, state, 0.0, 1e12), None
    )


def queue(jobs: int = 0, now: float = 0.0, **limits: float) -> SiteQueue:
    sending = SiteQueue(site("good.test"), Limits(**limits), now)  # type: ignore[arg-type]
    for number in range(jobs):
        sending.add(job(number))
    return sending


def start(sending: SiteQueue, now: float) -> int:
    """Begin whatever may begin."""
    count = 0
    while sending.next_job(now):
        count += 1
    return count


def end(sending: SiteQueue, now: float, result: SmtpResult, outcome: Outcome, times: int = 1) -> None:
    for _ in range(times):
        sending.finished(result, outcome, now)


def prove(sending: SiteQueue, now: float, letters: int = 20) -> None:
    for number in range(letters):
        sending.add(job(number))
        assert sending.next_job(now)
        sending.finished(delivered(), GOOD, now)


# room: (limits, jobs waiting, begun) -> room
ROOMS = {
    "a new site": ({}, 0, False, 10),
    "two for each conversation that may be": ({"first_connections": 3}, 0, False, 6),
    "at least four": ({"first_connections": 1}, 0, False, 4),
    "what waits is counted": ({}, 3, False, 7),
    "what runs is counted": ({}, 8, True, 2),
    "never less than none": ({}, 30, True, 0),
    "a rate slower than one a second: no memory for it": ({"messages_per_second": 0.5}, 1, True, 0),
    "a quick rate": ({"messages_per_second": 2}, 4, True, 6),
}


@pytest.mark.parametrize(("limits", "jobs", "begun", "room"), ROOMS.values(), ids=ROOMS.keys())
def test_room(limits: dict[str, float], jobs: int, begun: bool, room: int) -> None:
    sending = queue(jobs, **limits)
    if begun:
        start(sending, 0.0)
    assert sending.room(0.0) == room


def test_no_more_run_than_the_window_allows_and_an_end_lets_the_next_in() -> None:
    sending = queue(8, first_connections=3)
    assert start(sending, 0.0) == 3 == sending.active
    end(sending, 0.1, delivered(), GOOD)
    assert start(sending, 0.1) == 2, "the full window grew by one"


def test_accounts_take_turns() -> None:
    sending = queue(first_connections=4)
    for number in range(3):
        sending.add(job(number, "big"))
    sending.add(job(3, "small"))
    order = []
    while begun := sending.next_job(0.0):
        order.append(begun.delivery.account_id)
    assert order == ["big", "small", "big", "big"]


def test_a_site_proves_itself_by_twenty_letters() -> None:
    sending = queue()
    prove(sending, 0.0, 19)
    assert not sending.is_proven
    prove(sending, 0.0, 1)
    assert sending.is_proven and sending.is_idle


def test_a_quick_site_may_hold_what_it_took_in_the_last_second() -> None:
    sending = queue()
    for step in range(101):
        prove(sending, step / 100, 3)
    assert 295 < sending.room(1.0) < 305


def test_a_proven_site_that_dies_is_a_stranger_again() -> None:
    """Else the memory would fill with what waits for its probe."""
    sending = queue()
    for step in range(101):
        prove(sending, step / 100, 3)
    sending.add(job())
    assert sending.next_job(1.0)
    end(sending, 1.0, unreachable(), BAD)
    assert not sending.is_proven
    assert sending.room(1.0) <= 20


def test_three_troubles_are_a_rest_and_one_probe_ends_it() -> None:
    sending = queue(5)
    for step in range(3):
        assert sending.next_job(float(step))
        end(sending, float(step), unreachable(), BAD)
    assert sending.rests(2.0) and sending.room(2.0) == 0
    assert sending.next_job(2.0) is None
    assert sending.wait_s(2.0) == RESTS_S[0]
    now = 2.0 + RESTS_S[0]
    assert not sending.rests(now)
    assert start(sending, now) == 1, "one conversation probes"
    end(sending, now, delivered(), GOOD)
    assert not sending.rests(now) and sending.window.allowed(now) == 2


def test_what_the_other_side_merely_postpones_is_no_trouble() -> None:
    sending = queue(5)
    for _ in range(5):
        assert sending.next_job(0.0)
        end(sending, 0.0, SmtpResult(Phase.RCPT, 450, "4.2.0", "later"), LATER)
    assert not sending.rests(0.0)


def test_our_own_trouble_teaches_nothing_about_the_site() -> None:
    sending = queue(2, first_connections=1)
    assert sending.next_job(0.0)
    end(sending, 0.0, SmtpResult(Phase.LOCAL, 451, "4.3.0", "ours"), LATER)
    assert sending.window.allowed(0.0) == 1


def test_a_rate_is_kept_and_its_wait_is_told() -> None:
    sending = queue(10, messages_per_second=2)
    assert start(sending, 0.0) == 2, "a burst of one second"
    assert sending.wait_s(0.0) == pytest.approx(0.5)
    assert not sending.rests(0.0), "half a second is waited for in memory"
    assert start(sending, 0.5) == 1


def test_a_slow_rate_rests_until_it_is_nearly_due() -> None:
    sending = queue(2, messages_per_second=0.25)
    assert start(sending, 0.0) == 1
    assert sending.rests(0.0) and sending.rests(2.9)
    assert not sending.rests(3.0)
    assert start(sending, 4.0) == 1


def test_without_a_share_nothing_may_start() -> None:
    sending = queue(2)
    sending.window.set_most(0)
    assert sending.rests(0.0) and sending.room(0.0) == 0 and sending.next_job(0.0) is None


def test_an_operator_ends_a_rest() -> None:
    sending = queue(5)
    for _ in range(3):
        assert sending.next_job(0.0)
        end(sending, 0.0, unreachable(), BAD)
    sending.window.set_most(7)
    sending.forget_trouble(0.0)
    assert not sending.rests(0.0) and sending.window.most == 7


def test_an_operator_does_not_take_what_a_healthy_site_has_learned() -> None:
    sending = queue()
    prove(sending, 0.0)
    window = sending.window
    sending.forget_trouble(0.0)
    assert sending.window is window


def test_drain_takes_out_everything_that_waits() -> None:
    sending = queue(7, first_connections=2)
    start(sending, 0.0)
    assert len(sending.drain()) == 5
    assert not len(sending.waiting) and sending.active == 2


@pytest.mark.parametrize("rate", [0.0, 0.3, 2.0, 50.0])
@pytest.mark.parametrize("trouble_at", [None, 3])
def test_it_is_never_stuck(rate: float, trouble_at: int | None) -> None:
    """Whenever jobs wait, something runs, or it rests, or a time is told at which the next may start."""
    sending, now, ended = queue(40, messages_per_second=rate), 0.0, 0
    for _ in range(2000):
        while sending.next_job(now):
            pass
        if not len(sending.waiting) and not sending.active:
            return
        if sending.active:
            ended += 1
            is_bad = trouble_at is not None and trouble_at <= ended < trouble_at + 6
            end(sending, now, *((unreachable(), BAD) if is_bad else (delivered(), GOOD)))
        else:
            assert sending.wait_s(now) > 0
            now += sending.wait_s(now)
    raise AssertionError("40 jobs did not pass")


@pytest.mark.parametrize(
    ("phase", "address", "is_probing"),
    [
        (Phase.STARTTLS, "", True),  # a policy forbids to ask its hosts
        (Phase.DNS, "", True),
        (Phase.LOCAL, "", True),
        (Phase.STARTTLS, "192.0.2.1", False),
        (Phase.RCPT, "192.0.2.1", False),
    ],
)
def test_only_what_the_site_itself_says_ends_a_probe(phase: Phase, address: str, is_probing: bool) -> None:
    sending = queue(4)
    start(sending, 0.0)
    end(sending, 0.0, unreachable(), BAD, times=3)
    now = RESTS_S[0]
    assert sending.window.is_probing and start(sending, now) == 0, "one is under way still"
    end(sending, now, SmtpResult(phase, 454, "4.7.5", "no", address=address), LATER)
    assert sending.window.is_probing is is_probing
