"""Who is told what by mail: every NOTIFY, outcome and mode (DSN-1, DSN-2, RFC 3461)."""

from __future__ import annotations

import itertools

import pytest

from posthouse.model.clock import FakeClock, Ids
from posthouse.model.event import EventKind
from posthouse.model.message import Message, Outcome, Phase, Recipient, SmtpResult, Verdict
from posthouse.model.options import SendOptions
from posthouse.model.returned import ReturnedKind, ReturnedRecipient
from posthouse.pipeline.letters import Job, Loaded
from posthouse.pipeline.notices import DELAY_AFTER_S, Notices
from posthouse.rules import plan
from posthouse.rules.retry import BUILT_IN, Schedule, next_attempt
from posthouse.store.messages import Accepted
from unit.pipeline.small_world import RAW

START = 1_700_000_000.0
NOTIFY = ("", "NEVER", "SUCCESS", "FAILURE", "DELAY", "SUCCESS,FAILURE", "SUCCESS,DELAY", "FAILURE,DELAY",
          "SUCCESS,FAILURE,DELAY")  # fmt: skip
MODES = ("asked", "always", "never")
ENDS = ("delivered", "passed on", "failed", "deferred past the mark", "deferred before it")


def job(notify: str = "", sender: str = "bounce@shop.test") -> Job:
    message = Message(
        "m1", "acc", "shop.test", "cred", sender, "x", "<1@x>", len(RAW), START, START + 432_000
    )
    [delivery] = plan.deliveries(message, [Recipient("ann@good.test", "good.test", notify)], START)
    delivery.attempt = 1
    return Job(delivery, Loaded(message, RAW))


def notices(mode: str) -> Notices:
    return Notices(ids=Ids(FakeClock()), hostname="mail.example.com", mode=mode)


def ended(how: str) -> tuple[SmtpResult, Outcome]:
    if how in ("delivered", "passed on"):
        result = SmtpResult(Phase.DONE, 250, "2.0.0", "ok", passes_dsn_on=how == "passed on")
        return result, Outcome(Verdict.DELIVERED, 250, "2.0.0", "ok", "delivered")
    if how == "failed":
        result = SmtpResult(Phase.RCPT, 550, "5.1.1", "no such user", mx="mx.good.test")
        return result, Outcome(Verdict.FAILED, 550, "5.1.1", "no such user", "bad-mailbox")
    retry_at = START + DELAY_AFTER_S + (1 if how.endswith("past the mark") else -1)
    result = SmtpResult(Phase.RCPT, 450, "4.2.0", "later")
    return result, Outcome(Verdict.DEFERRED, 450, "4.2.0", "later", "temporary", retry_at)


def expected(notify: str, mode: str, how: str) -> str:
    """The rule once more, as RFC 3461 4.1 and 5.2 say it."""
    asked = notify.split(",") if notify else []
    if mode == "never" or asked == ["NEVER"]:
        return ""
    if how == "failed" and ("FAILURE" in asked or (not asked and mode == "always")):
        return "failed"
    if how == "delivered" and "SUCCESS" in asked:
        return "relayed"
    if how == "deferred past the mark" and "DELAY" in asked:
        return "delayed"
    return ""


@pytest.mark.parametrize(("notify", "mode", "how"), list(itertools.product(NOTIFY, MODES, ENDS)))
def test_who_is_told(notify: str, mode: str, how: str) -> None:
    notice = notices(mode).for_outcome(job(notify), *ended(how), now=START + 60)
    assert (notice.message.subject.rpartition(" ")[2] if notice else "") == expected(notify, mode, how)


@pytest.mark.parametrize(("mode", "how"), list(itertools.product(MODES, ENDS)))
def test_the_null_sender_is_told_nothing(mode: str, how: str) -> None:
    """RFC 5321 4.5.5: mail about mail is never answered with mail."""
    assert notices(mode).for_outcome(job("SUCCESS,FAILURE,DELAY", ""), *ended(how), now=START) is None


def test_lost_content_and_a_sender_nobody_can_reach_are_no_trouble() -> None:
    lost = job("FAILURE")
    lost.letter = None
    assert notices("always").for_outcome(lost, *ended("failed"), now=START) is None
    assert notices("always").for_outcome(job("FAILURE", "postmaster"), *ended("failed"), now=START) is None


@pytest.mark.parametrize("sender", ["bounce@shop.test", "grüße@shop.test"])
def test_the_notice_is_a_letter_of_our_own(sender: str) -> None:
    """RFC 3464 2: null sender, NOTIFY=NEVER, to the envelope sender; due at once, with its event."""
    notice = notices("asked").for_outcome(job("FAILURE", sender), *ended("failed"), now=START + 60)
    assert isinstance(notice, Accepted)
    message, [delivery], [event] = notice.message, notice.deliveries, notice.events
    assert message.sender == "" and message.account_id == "acc" and message.domain == "shop.test"
    assert (delivery.recipient, delivery.notify, delivery.due_at) == (sender, "NEVER", START + 60)
    assert delivery.message_id == message.id and message.size_bytes == len(notice.content)
    assert message.is_utf8 == (not sender.isascii())
    assert (event.kind, event.delivery_id, event.data["notice_about"]) == (
        EventKind.ACCEPTED,
        delivery.id,
        "m1",
    )
    assert b"5.1.1" in notice.content and b"no such user" in notice.content


def test_a_notice_about_a_notice_is_impossible() -> None:
    notice = notices("always").for_outcome(job("FAILURE"), *ended("failed"), now=START)
    assert notice
    again = Job(notice.deliveries[0], Loaded(notice.message, notice.content))
    assert notices("always").for_outcome(again, *ended("failed"), now=START) is None


SCHEDULES = {
    "built in": BUILT_IN,
    "every minute": Schedule((60,), quick_s=()),
    "hours apart": Schedule((3 * 3600,), quick_s=()),
    "once a day": Schedule((86400,), quick_s=()),
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())
@pytest.mark.parametrize("late_s", [0.0, 1800.0, 7200.0, 40_000.0], ids=lambda s: f"{s:.0f} s late")
@pytest.mark.parametrize("jitter", [0.0, 0.7])
def test_a_delay_is_told_exactly_once(schedule: Schedule, late_s: float, jitter: float) -> None:
    """Also where attempts come long after they were due, because the site rested over the mark."""
    about, told, now = job("DELAY"), 0, START + 1
    result = SmtpResult(Phase.RCPT, 450, "4.2.0", "later")
    for attempt in range(1, 1000):
        about.delivery.attempt = attempt
        retry_at = next_attempt(schedule, attempt, now=now, expires_at=START + 432_000, jitter=jitter)
        if retry_at is None:
            break
        outcome = Outcome(Verdict.DEFERRED, 450, "4.2.0", "later", "temporary", retry_at)
        notice = notices("asked").for_outcome(about, result, outcome, now)
        told += notice is not None
        about.delivery.due_at = retry_at
        now = retry_at + late_s
    assert told == 1


@pytest.mark.parametrize("promises", [True, False])
def test_a_report_about_requiretls_is_protected_as_the_letter_was(promises: bool) -> None:
    # RFC 8689 5: with REQUIRETLS, and without the body
    about = job("FAILURE")
    assert about.letter is not None
    about.letter.message.options = SendOptions(promises_tls=promises)
    about.letter.message.ret = "FULL"
    notice = notices("asked").for_outcome(about, *ended("failed"), now=START + 60)
    assert notice is not None
    assert notice.message.options.promises_tls == promises
    assert (b"hello" in notice.content) == (not promises)
    assert about.letter.message.ret == "FULL"


def told(notify: str, mode: str, kind: ReturnedKind) -> str:
    """The rule for what came back."""
    asked = notify.split(",") if notify else []
    if mode == "never" or asked == ["NEVER"]:
        return ""
    if kind is ReturnedKind.BOUNCE:
        return "failed" if "FAILURE" in asked or (not asked and mode == "always") else ""
    word = {ReturnedKind.DELAY: "DELAY", ReturnedKind.SUCCESS: "SUCCESS"}.get(kind, "")
    return {"DELAY": "delayed", "SUCCESS": "delivered"}[word] if word in asked else ""


@pytest.mark.parametrize(
    ("notify", "mode", "kind"), list(itertools.product(NOTIFY, MODES, ReturnedKind)), ids=str
)
def test_what_came_back_is_told_to_who_asked(notify: str, mode: str, kind: ReturnedKind) -> None:
    of, about = notices(mode), job(notify)
    assert about.letter
    action = told(notify, mode, kind)
    message, delivery = about.letter.message, about.delivery
    assert of.wants_returned(kind, message, delivery) is bool(action)
    if action:
        said = ReturnedRecipient("x@y.test", code=550, enhanced="5.1.1", text="gone", host="mx.y.test")
        notice = of.for_returned(kind, message, delivery, RAW, said, START + 9)
        assert notice is not None
        assert f"Action: {action}\r\n".encode() in notice.content
        assert b"Final-Recipient: rfc822; ann@good.test" in notice.content
        assert b"Remote-MTA: dns; mx.y.test" in notice.content
        assert (notice.message.sender, notice.deliveries[0].recipient) == ("", "bounce@shop.test")


def test_nobody_is_told_about_mail_from_the_null_sender() -> None:
    about = job("FAILURE", sender="")
    assert about.letter
    assert not notices("always").wants_returned(ReturnedKind.BOUNCE, about.letter.message, about.delivery)
