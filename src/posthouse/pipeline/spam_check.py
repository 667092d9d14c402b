"""Mail whose sender wants it scored for spam: once for all copies that say the same, before anything else.

What is over its limit is dropped. What could not be scored waits for the scanner, and leaves unchecked, with
a word about it, when it has waited long enough: a scanner that is away stops no mail for good (decision 062).
The scanner has few places, so few letters wait here for it; the rest wait in the store, in lanes of their
own.

Public: SpamCheck, Checked, Scan, SCAN_BYTES.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

import structlog

from posthouse.mail.render import CannotRender
from posthouse.mail.spam_report import form
from posthouse.mail.tokens import Links
from posthouse.mail.unmarked import unmarked
from posthouse.model.clock import Clock, Ids
from posthouse.model.event import EventKind
from posthouse.model.message import DeliveryState, Message, Outcome, Phase, SmtpResult, Verdict
from posthouse.net.scanner import ScannerTrouble
from posthouse.net.spamd import Answer
from posthouse.pipeline.charge import BROKEN
from posthouse.pipeline.letters import Job
from posthouse.pipeline.stops import Stop
from posthouse.store.jobs import SPAM_REPORT, WebJob

log = structlog.get_logger()

SCAN_BYTES = 512 * 1024  # scanners leave larger letters alone, too: spam is small
_AT_ONCE = 4  # spamd starts five children unless told otherwise
_MOST_HELD = 4 * _AT_ONCE
_MOST_SCORES = 2000
_REST_S = 10.0  # nobody else waits for a scanner that has just failed
_LEAST_PAUSE_S, _MOST_PAUSE_S = 10.0, 300.0
_REPORT_LIFE_S = 2 * 86400.0
_LONGEST_REPORT = 4000  # characters of an event
_WAITS = "waits for a look at spam: "


class Scan(Protocol):
    """`net.scanner.Scanner`."""

    async def scan(self, content: bytes) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Checked:
    """What becomes of a job: it goes on, unless there is a `stop` (with things to do on the web) or it
    `waits`: what is written of one that is to come again."""

    stop: Stop | None = None
    jobs: tuple[WebJob, ...] = ()
    waits: tuple[SmtpResult, Outcome] | None = None


@dataclass(slots=True)
class _Found:
    """`trouble` not "": there is no score; `cannot_be`: the copy cannot even be made. `is_reported`: the
    sender gets the report already."""

    score: float = 0.0
    report: str = ""
    trouble: str = ""
    cannot_be: bool = False
    is_reported: bool = False


GO_ON = Checked()


class SpamCheck:
    """For one worker. `wait_s`: how long a letter waits for a scanner that does not answer."""

    def __init__(
        self,
        *,
        scanner: Scan,
        clock: Clock,
        ids: Ids,
        links_of: Callable[[Message], Links],
        wait_s: float,
    ) -> None:
        self._scanner = scanner
        self._clock = clock
        self._ids = ids
        self._links_of = links_of
        self._wait_s = wait_s
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._held = 0
        self._scores: OrderedDict[tuple[str, bytes], asyncio.Future[_Found]] = OrderedDict()
        self._rests_until = 0.0
        self._trouble = ""

    @property
    def room(self) -> int:
        """How many more jobs may come."""
        return max(0, _MOST_HELD - self._held)

    def wants(self, job: Job) -> bool:
        """Does its sender ask for it, and has it not been let through before?"""
        if job.letter is None or not job.letter.message.options.spam_limit:
            return False
        delivery = job.delivery
        # another host has answered: it went through here
        return not delivery.last_code or delivery.last_text.startswith((_WAITS, BROKEN))

    def check(self, job: Job) -> Awaitable[Checked]:
        """Ask, or wait for who asks about the same text; the job takes room from now on. What is awaited
        raises nothing of the scanner's."""
        self._held += 1
        return self._checked(job)

    async def _checked(self, job: Job) -> Checked:
        assert job.letter is not None
        try:
            if len(job.letter.content) > SCAN_BYTES:
                job.notes += ("not scanned for spam: it is too large",)
                return GO_ON
            found = await self._found(job)
        finally:
            self._held -= 1
        if found.cannot_be:
            return GO_ON  # whoever makes the copy says so
        if found.trouble:
            return self._unscored(job, found.trouble)
        job.spam_score = round(found.score, 2)
        if found.score <= job.letter.message.options.spam_limit:
            return GO_ON
        return Checked(_stop(job.letter.message, found), self._report(job, job.letter.message, found))

    async def _found(self, job: Job) -> _Found:
        """One question for all copies of a message with the same own values."""
        known = (job.delivery.message_id, blake2b(job.delivery.personal.encode(), digest_size=16).digest())
        answer = self._scores.get(known)
        if answer is not None:
            return await asyncio.shield(answer)
        answer = self._scores[known] = asyncio.get_running_loop().create_future()
        found = _Found(trouble="it was interrupted")
        try:
            found = await self._ask(job)
        finally:
            answer.set_result(found)
            if found.trouble:
                self._scores.pop(known, None)
            while len(self._scores) > _MOST_SCORES:
                self._scores.popitem(last=False)
        return found

    async def _ask(self, job: Job) -> _Found:
        if self._clock.monotonic() < self._rests_until:
            return _Found(trouble=self._trouble)
        if self._places.locked() and self._clock.now() >= self._patience_ends(job):
            return _Found(trouble="the spam scanner has too much to do")
        async with self._places:
            try:
                answer = await self._scanner.scan(self._text(job))
            except CannotRender:
                return _Found(cannot_be=True)
            except ScannerTrouble as error:
                self._rests_until = self._clock.monotonic() + min(_REST_S, self._wait_s / 5)
                self._trouble = str(error)
                log.warning("a letter could not be scanned: %s", error)
                return _Found(trouble=self._trouble)
        self._rests_until = 0.0
        return _Found(answer.score, answer.report)

    def _text(self, job: Job) -> bytes:
        assert job.letter is not None
        message = job.letter.message
        links = self._links_of(message)
        return unmarked(job.letter.content, message, job.delivery, job.copy_options, links)

    # -- what follows ------------------------------------------------------------

    def _unscored(self, job: Job, trouble: str) -> Checked:
        now, until = self._clock.now(), self._patience_ends(job)
        if now >= until:
            job.notes += (f"sent without a look at spam: {trouble}",)
            return GO_ON
        pause_s = min(max(self._wait_s / 5, _LEAST_PAUSE_S), _MOST_PAUSE_S)
        text = f"{_WAITS}{trouble}"
        result = SmtpResult(Phase.LOCAL, 451, "4.3.2", text)
        retry_at = min(now + pause_s, until)
        return Checked(
            waits=(result, Outcome(Verdict.DEFERRED, 451, "4.3.2", text, "spam-scanner", retry_at))
        )

    def _patience_ends(self, job: Job) -> float:
        """Counted from when it was to leave; at the latest in the middle of its time."""
        assert job.letter is not None
        message = job.letter.message
        life_s = message.options.deliver_within_s or message.expires_at - message.accepted_at
        return job.delivery.expires_at - life_s + min(self._wait_s, life_s / 2)

    def _report(self, job: Job, message: Message, found: _Found) -> tuple[WebJob, ...]:
        """The post to the sender: one for all copies with this score."""
        if not message.options.spam_url or found.is_reported:
            return ()
        found.is_reported = True
        now, delivery = self._clock.now(), job.delivery
        report = WebJob(
            id=self._ids.new(),
            kind=SPAM_REPORT,
            account_id=delivery.account_id,
            message_id=delivery.message_id,
            delivery_id=delivery.id,
            url=message.options.spam_url,
            content=form(message, delivery.recipient, self._text(job), found.score, found.report),
            due_at=now,
            expires_at=now + _REPORT_LIFE_S,
        )
        return (report,)


def _stop(message: Message, found: _Found) -> Stop:
    text = f"Spam Content: the score is {found.score:.1f}, the limit {message.options.spam_limit:g}"
    facts: dict[str, Any] = {"spam_score": round(found.score, 2)}
    if found.report:
        facts["report"] = found.report[:_LONGEST_REPORT]
    return Stop(DeliveryState.DROPPED, EventKind.DROPPED, "spam", 550, "5.7.1", text, facts)
