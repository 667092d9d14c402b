"""Write down what happened, once: state, event and everything that follows from it in one transaction.

The settlement is guarded by owner and attempt (a late result of a worker that lost its lease writes
nothing). While the store is away outcomes wait here and are offered again until they are committed; a
commit in doubt is offered again too, the guard makes the second one harmless. What waited gets new event
ids when it is written (`store.events.append`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from posthouse.crashpoint import crash_point
from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import CommitInDoubt, TryLater
from posthouse.model.message import DeliveryState, Outcome, SmtpResult, Verdict
from posthouse.model.trust import TlsCheck
from posthouse.net.tlsresult import NO_REQUIRED_TLS
from posthouse.observe import Counters
from posthouse.pipeline.letters import Job
from posthouse.pipeline.listing import after_failure
from posthouse.pipeline.notices import Notices
from posthouse.pipeline.outcome_events import outcome_events
from posthouse.pipeline.stops import Stop, stop_event
from posthouse.rules import retry, verdict
from posthouse.store import queue
from posthouse.store.captures import Capture
from posthouse.store.engine import Connection, Store
from posthouse.store.jobs import ARCHIVE, WebJob
from posthouse.store.messages import Accepted
from posthouse.store.queue import Settlement

log = structlog.get_logger()

AGAIN_S = 1.0
_STATE = {
    Verdict.DELIVERED: DeliveryState.DELIVERED,
    Verdict.DEFERRED: DeliveryState.WAITING,
    Verdict.FAILED: DeliveryState.FAILED,
}

NoteChecks = Callable[[str, Sequence[TlsCheck]], None]
"""Takes a recipient domain and how the connections for it fared."""


def _not_counted(domain: str, checks: Sequence[TlsCheck]) -> None:
    """For a house that sends no TLS reports."""


# what was required of TLS and never had: says more than that time is over
_EXPIRED = {"4.7.5": "5.7.5", "4.7.10": "5.7.10", "4.7.30": "5.7.30"}
_ARCHIVE_LIFE_S = 2 * 86400.0


class Recorder:
    """Turns results into outcomes and outcomes into committed facts."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        schedule: retry.Schedule,
        notices: Notices,
        counters: Counters,
        note_checks: NoteChecks = _not_counted,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._schedule = schedule
        self._notices = notices
        self._counters = counters
        self._note_checks = note_checks
        self._random = random.Random()  # noqa: S311 (spreads retries; guards nothing)

    def judge(self, job: Job, result: SmtpResult, reason: str = "") -> Outcome:
        """What the result means for this delivery now: delivered, a time to try again, or the end.

        `reason`: our own word where the result is of our own making (DNS, expiry, lost content).
        """
        judged = verdict.judge_result(result)
        word = reason or judged.reason
        outcome = Outcome(
            judged.verdict, result.code, result.enhanced, result.text, word, 0.0, judged.backs_off_site
        )
        if judged.verdict is Verdict.DEFERRED:
            self._plan_retry(job, outcome)
        elif word == "expired" and job.delivery.last_text.startswith(NO_REQUIRED_TLS):
            outcome.enhanced = _EXPIRED["4.7.10"]
        return outcome

    def record(
        self,
        job: Job,
        result: SmtpResult,
        outcome: Outcome,
        done: Callable[[], None],
        *,
        copy: bytes = b"",
        archive: bytes = b"",
        was_tried: bool = True,
    ) -> None:
        """Commit the outcome; `done()` when it is on disk (or fenced). `copy`: keep it as captured mail;
        `archive`: the octets that were delivered, to be handed to the sender's archive. `was_tried`: False
        does not count as an attempt."""
        self._counters.add(outcome.verdict.value)
        if result.checks:
            self._note_checks(job.delivery.domain, result.checks)
        settlement = self._settlement(job, result, outcome, copy, archive)
        settlement.was_tried = was_tried
        self._offer(settlement, done)

    def record_stop(
        self, job: Job, stop: Stop, done: Callable[[], None], jobs: Sequence[WebJob] = ()
    ) -> None:
        """Commit that a delivery does not begin, with things to do on the web; `done()` as in `record`."""
        assert job.letter is not None
        delivery = job.delivery
        self._counters.add(stop.kind.value)
        event = stop_event(self._ids.new(), self._clock.now(), job.letter.message, delivery, stop)
        settlement = Settlement(
            delivery_id=delivery.id,
            owner=delivery.owner,
            attempt=delivery.attempt,
            state=stop.state,
            due_at=delivery.due_at,
            code=stop.code or delivery.last_code,
            text=stop.text or delivery.last_text,
            events=[event],
            jobs=list(jobs),
        )
        self._offer(settlement, done)

    def _plan_retry(self, job: Job, outcome: Outcome) -> None:
        delivery = job.delivery
        retry_at = retry.next_attempt(
            self._schedule,
            delivery.attempt,
            now=self._clock.now(),
            expires_at=delivery.expires_at,
            jitter=self._random.random(),
            reason=outcome.reason,
        )
        if retry_at is not None:
            outcome.retry_at = retry_at
            return
        # RFC 5321 4.5.4.1: the end of the retry time is a permanent failure; the last reply stays readable.
        outcome.verdict, outcome.reason = Verdict.FAILED, "expired"
        outcome.text = f"delivery time expired; last reply: {outcome.code} {outcome.text}"
        outcome.code, outcome.enhanced = 554, _EXPIRED.get(outcome.enhanced, "5.4.7")

    def _settlement(
        self, job: Job, result: SmtpResult, outcome: Outcome, copy: bytes, archive: bytes
    ) -> Settlement:
        delivery = job.delivery
        now = self._clock.now()
        capture = None
        if copy:
            sender = job.letter.message.sender if job.letter else ""
            by = job.letter.message.credential_id if job.letter else ""
            capture = Capture(
                delivery.id,
                delivery.message_id,
                now,
                sender,
                delivery.recipient,
                copy,
                delivery.account_id,
                by,
            )
        return Settlement(
            delivery_id=delivery.id,
            owner=delivery.owner,
            attempt=delivery.attempt,
            state=_STATE[outcome.verdict],
            due_at=outcome.retry_at,
            code=outcome.code,
            text=outcome.text,
            events=outcome_events(job, result, outcome, now, self._ids.new, copy=copy),
            follow_up=self._notice(job, result, outcome, now),
            capture=capture,
            jobs=[self._archive_job(job, archive, now)] if archive else [],
            # what a test asks for must not stop real mail later
            suppressions=[] if result.is_pretended else after_failure(job, outcome, now),
        )

    def _notice(self, job: Job, result: SmtpResult, outcome: Outcome, now: float) -> Accepted | None:
        try:
            return self._notices.for_outcome(job, result, outcome, now)
        except Exception:  # the outcome is the more important of the two
            log.exception("the notice about %s could not be written", job.delivery.id)
            return None

    def _archive_job(self, job: Job, content: bytes, now: float) -> WebJob:
        assert job.letter is not None
        delivery = job.delivery
        return WebJob(
            id=self._ids.new(),
            kind=ARCHIVE,
            account_id=delivery.account_id,
            message_id=delivery.message_id,
            delivery_id=delivery.id,
            url=job.letter.message.options.archive_url,
            content=content,
            due_at=now,
            expires_at=now + _ARCHIVE_LIFE_S,
        )

    def _offer(self, settlement: Settlement, done: Callable[[], None]) -> None:
        def settled(written: Any, error: BaseException | None) -> None:
            if isinstance(error, CommitInDoubt) and not settlement.was_tried:
                done()  # offered again it might settle the next take; `Custody.reclaim` finds what was lost
                return
            if isinstance(error, TryLater | CommitInDoubt):
                loop.call_later(AGAIN_S, self._offer, settlement, done)
                return
            if error is not None:
                log.error("outcome of %s could not be recorded whole", settlement.delivery_id, exc_info=error)
                loop.call_later(AGAIN_S, self._offer, _bare(settlement), done)
                return
            if not written:
                log.warning("late result of %s was fenced: another worker has it", settlement.delivery_id)
            crash_point("record.after_commit")
            done()

        loop = asyncio.get_running_loop()
        self._store.submit(_settle, settlement, settled)


def _bare(settlement: Settlement) -> Settlement:
    """The same end without what the store may have choked on, at last without its events: a poor story is
    better than a letter that is sent again and again."""
    known = {"code": settlement.code, "attempt": settlement.attempt}
    events = [replace(event, data=known) for event in settlement.events if event.data != known]
    return replace(settlement, text="", events=events, follow_up=None, capture=None, jobs=[], suppressions=[])


def _settle(conn: Connection, items: list[Settlement]) -> list[bool]:
    written = queue.settle(conn, items)
    crash_point("record.before_commit")
    return written
