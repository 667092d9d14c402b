"""Recorder.judge and deliver.end_without_network: what a result means for this delivery now."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthouse.model.clock import FakeClock, Ids
from posthouse.model.message import Message, Phase, Recipient, SmtpResult, Verdict
from posthouse.observe import Counters
from posthouse.pipeline.deliver import end_without_network
from posthouse.pipeline.letters import Job, Loaded
from posthouse.pipeline.notices import Notices
from posthouse.pipeline.outcome import Recorder
from posthouse.rules import plan
from posthouse.rules.retry import BUILT_IN, Schedule
from posthouse.store.queue import Settlement
from unit.pipeline.small_world import RAW

CLOCK = FakeClock()
NOW = CLOCK.now()


class Taken:
    """A store that keeps what is submitted."""

    def __init__(self) -> None:
        self.items: list[Settlement] = []

    def submit(self, fn: Any, item: Settlement, done: Any) -> None:
        self.items.append(item)
        done(True, None)


def recorder(store: Taken | None = None, schedule: Schedule = BUILT_IN, mode: str = "always") -> Recorder:
    ids = Ids(CLOCK)
    return Recorder(
        store=cast(Any, store or Taken()),
        clock=CLOCK,
        ids=ids,
        schedule=schedule,
        notices=Notices(ids=ids, hostname="mail.example.com", mode=mode),
        counters=Counters(),
    )


def job(attempt: int = 1, expires_in_s: float = 432_000, raw: bytes = RAW, **changes: Any) -> Job:
    message = Message(
        "m1", "acc", "shop.test", "cred", "bounce@shop.test", "x", "<1@x>", len(raw), NOW, NOW + expires_in_s
    )
    [delivery] = plan.deliveries(message, [Recipient("ann@good.test", "good.test", "FAILURE")], NOW)
    delivery.attempt, delivery.owner = attempt, "me"
    for name, value in changes.items():
        setattr(delivery, name, value)
    return Job(delivery, Loaded(message, raw))


# result -> verdict, reason, least and most pause of the first attempt
JUDGED: dict[str, tuple[SmtpResult, Verdict, str, tuple[float, float]]] = {
    "taken": (SmtpResult(Phase.DONE, 250, "2.0.0", "ok"), Verdict.DELIVERED, "delivered", (0, 0)),
    "later": (SmtpResult(Phase.RCPT, 450, "4.2.0", "hm"), Verdict.DEFERRED, "temporary", (300, 360)),
    "no such user": (SmtpResult(Phase.RCPT, 550, "5.1.1", "hm"), Verdict.FAILED, "bad-mailbox", (0, 0)),
    "no connection": (
        SmtpResult(Phase.CONNECT, 0, "4.4.1", "refused", connection_failed=True),
        Verdict.DEFERRED,
        "connection",
        (120, 144),
    ),
    "lost behind the dot": (
        SmtpResult(Phase.BODY, 0, "4.4.2", "lost", ambiguous=True),
        Verdict.DEFERRED,
        "ambiguous",
        (1800, 2160),
    ),
}


@pytest.mark.parametrize(("result", "verdict", "reason", "pause"), JUDGED.values(), ids=JUDGED.keys())
def test_judge(result: SmtpResult, verdict: Verdict, reason: str, pause: tuple[float, float]) -> None:
    outcome = recorder().judge(job(), result)
    assert (outcome.verdict, outcome.reason) == (verdict, reason)
    assert (outcome.code, outcome.text) == (result.code, result.text)
    waited = outcome.retry_at - NOW if verdict is Verdict.DEFERRED else outcome.retry_at
    assert pause[0] <= waited <= pause[1]


def test_our_own_word_for_a_reason_comes_first() -> None:
    outcome = recorder().judge(job(), SmtpResult(Phase.DNS, 451, "4.4.3", "no answer"), "dns-timeout")
    assert (outcome.verdict, outcome.reason) == (Verdict.DEFERRED, "dns-timeout")


def test_the_last_attempt_fails_with_the_last_reply_kept() -> None:
    """RFC 5321 4.5.4.1, MX-14: 5.4.7, and what the host said stays readable."""
    outcome = recorder().judge(job(9, expires_in_s=60), SmtpResult(Phase.RCPT, 452, "4.2.2", "mailbox full"))
    assert (outcome.verdict, outcome.code, outcome.enhanced) == (Verdict.FAILED, 554, "5.4.7")
    assert outcome.reason == "expired" and outcome.retry_at == 0.0
    assert outcome.text == "delivery time expired; last reply: 452 mailbox full"


def test_a_retry_never_lies_behind_the_expiry() -> None:
    for attempt in range(1, 60):
        outcome = recorder().judge(job(attempt, 20_000), SmtpResult(Phase.RCPT, 450, "4.2.0", "hm"))
        assert outcome.verdict is Verdict.FAILED or outcome.retry_at < NOW + 20_000


@settings(max_examples=60)
@given(
    phase=st.sampled_from(Phase),
    code=st.integers(0, 999),
    enhanced=st.sampled_from(["", "2.0.0", "4.4.7", "5.1.1", "9.9.9", "x"]),
    text=st.text(max_size=300),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    raw=st.binary(max_size=200),
    attempt=st.integers(1, 100),
    expires_in_s=st.sampled_from([-10.0, 0.0, 100.0, 432_000.0]),
)
async def test_any_result_of_any_letter_is_judged_and_settled_once(
    phase: Phase,
    code: int,
    enhanced: str,
    text: str,
    flags: tuple[bool, bool, bool],
    raw: bytes,
    attempt: int,
    expires_in_s: float,
) -> None:
    """Neither judging nor writing down raises: else a row would stay taken."""
    result = SmtpResult(phase, code, enhanced, text)
    result.ambiguous, result.connection_failed, result.passes_dsn_on = flags
    store, about, ended = Taken(), job(attempt, expires_in_s, raw), []
    chief = recorder(store)
    outcome = chief.judge(about, result)
    chief.record(about, result, outcome, lambda: ended.append(1))
    [settlement] = store.items
    assert ended == [1]
    assert (settlement.delivery_id, settlement.owner, settlement.attempt) == ("m1.0000", "me", attempt)
    assert (settlement.state == "waiting") == (outcome.verdict is Verdict.DEFERRED)
    assert settlement.state != "waiting" or NOW < settlement.due_at < about.delivery.expires_at


async def test_a_notice_that_cannot_be_written_does_not_hold_up_the_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Notices, "for_outcome", broken)
    store, ended = Taken(), []
    chief = recorder(store)
    result = SmtpResult(Phase.RCPT, 550, "5.1.1", "no")
    chief.record(job(), result, chief.judge(job(), result), lambda: ended.append(1))
    assert ended and store.items[0].state == "failed" and store.items[0].follow_up is None


async def test_the_event_tells_the_story_and_leaves_out_what_says_nothing() -> None:
    store = Taken()
    chief = recorder(store)
    result = SmtpResult(
        Phase.RCPT, 450, "4.2.0", "hm", mx="mx.good.test", transcript="S: 220", ambiguous=True
    )
    outcome = chief.judge(job(3), result)
    chief.record(job(3), result, outcome, lambda: None)
    [event] = store.items[0].events
    assert event.data == {
        "attempt": 3,
        "code": 450,
        "enhanced": "4.2.0",
        "text": "hm",
        "reason": "ambiguous",
        "phase": "rcpt",
        "mx": "mx.good.test",
        "transcript": "S: 220",
        "ambiguous": True,
        "retry_at": outcome.retry_at,
        "credential": "cred",
        "size_bytes": 41,
        "took_s": 0.0,
    }


# -- ends that need no network -----------------------------------------------------------------------------

ENDS: dict[str, tuple[Job, float, tuple[str, str, str] | None]] = {
    "in time": (job(), NOW, None),
    "the last moment": (job(expires_in_s=10), NOW + 9.999, None),
    "never tried": (job(expires_in_s=10), NOW + 10, ("expired", "5.4.7", "delivery time expired")),
    "with a last reply": (
        job(expires_in_s=10, last_code=450, last_text="greylisted"),
        NOW + 11,
        ("expired", "5.4.7", "delivery time expired; last reply: 450 greylisted"),
    ),
    "content is gone": (
        Job(job().delivery, None),
        NOW,
        ("content-missing", "5.3.0", "the stored content of this message is missing"),
    ),
    "both": (
        Job(job(expires_in_s=1).delivery, None),
        NOW + 5,
        ("content-missing", "5.3.0", "the stored content of this message is missing"),
    ),
}


@pytest.mark.parametrize(("about", "now", "end"), ENDS.values(), ids=ENDS.keys())
def test_ends_without_network(about: Job, now: float, end: tuple[str, str, str] | None) -> None:
    found = end_without_network(about, now)
    assert (found and (found.reason, found.result.enhanced, found.result.text)) == end
    if found:
        assert recorder().judge(about, found.result, found.reason).verdict is Verdict.FAILED


# -- TLS that was required ---------------------------------------------------------------------------------

NO_TLS = SmtpResult(Phase.STARTTLS, 454, "4.7.10", "TLS required but not available: not offered")


def test_missing_tls_is_tried_again_and_says_why_at_the_end() -> None:
    """MG-10, mailgun.md 6.2: 454 4.7.10, at expiry 554 5.7.10; other letters go on."""
    outcome = recorder().judge(job(), NO_TLS)
    assert (outcome.verdict, outcome.reason, outcome.code) == (Verdict.DEFERRED, "tls-required", 454)
    assert not outcome.backs_off_site
    last = recorder().judge(job(expires_in_s=10), NO_TLS)
    assert (last.verdict, last.code, last.enhanced) == (Verdict.FAILED, 554, "5.7.10")
    assert "TLS required but not available" in last.text


def test_so_does_the_end_without_another_attempt() -> None:
    late = job(expires_in_s=0, last_code=454, last_text=NO_TLS.text)
    end = end_without_network(late, NOW)
    assert end is not None
    outcome = recorder().judge(late, end.result, end.reason)
    assert (outcome.code, outcome.enhanced, outcome.reason) == (554, "5.7.10", "expired")
