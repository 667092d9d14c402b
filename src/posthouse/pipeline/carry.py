"""One job carried to its site, or kept on this machine, and everything that follows from what came of it.

Public: Carrier.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from posthouse.model.clock import Clock
from posthouse.model.message import Outcome, Phase, SmtpResult
from posthouse.pipeline.capture import capture
from posthouse.pipeline.charge import Charge
from posthouse.pipeline.deliver import Deliverer, was_never_begun
from posthouse.pipeline.letters import Job
from posthouse.pipeline.outcome import Recorder
from posthouse.pipeline.rests import Reactions
from posthouse.pipeline.sitebook import SiteBook
from posthouse.pipeline.sites import SiteQueue
from posthouse.pipeline.sources import Sources

log = structlog.get_logger()


class Carrier:
    """`may_go_on`: False when what was not begun is to be given back."""

    def __init__(
        self,
        *,
        clock: Clock,
        deliverer: Deliverer,
        recorder: Recorder,
        charge: Charge,
        sites: SiteBook,
        reactions: Reactions,
        sources: Sources,
        may_go_on: Callable[[], bool],
    ) -> None:
        self._clock = clock
        self._deliverer = deliverer
        self._recorder = recorder
        self._charge = charge
        self._sites = sites
        self._reactions = reactions
        self._sources = sources
        self._may_go_on = may_go_on

    async def carry(self, job: Job, sending: SiteQueue) -> None:
        """One attempt; `sending` counts the job as active until this returns or raises."""
        site, limits = sending.site, sending.limits
        job.site = site.name
        try:
            source = self._sources.pick(job, site)
            if source is None:
                turn = await self._sources.turn(job, site, self._clock.now())
                if turn.waits is not None:
                    sending.active -= 1
                    self._charge.settle(job, *turn.waits, was_tried=False)
                    return
                source = turn.source
            result = await self._deliverer.attempt(job, site, source, limits)
            outcome = self._recorder.judge(job, result)
            self._sources.note(source, site.name, outcome)
            archive = await self._archived(job, result)
        except asyncio.CancelledError:  # going down: the rows are released when this worker is buried
            sending.active -= 1
            self._charge.let_go(job)
            raise
        except Exception:
            sending.active -= 1
            self._charge.broke(job)
            return
        is_stopped = job.stop or not self._may_go_on()
        if is_stopped and was_never_begun(result):
            sending.active -= 1
            self._withdraw(job)
            return
        sending.finished(result, outcome, self._clock.monotonic())
        self._react(sending, source, result, outcome)
        self._charge.settle(job, result, outcome, archive=archive)

    async def capture(self, job: Job) -> None:
        """Nothing leaves this machine."""
        try:
            kept = await capture(job, self._deliverer, self._recorder.judge, self._clock.now())
        except asyncio.CancelledError:
            self._charge.let_go(job)
            raise
        except Exception:
            self._charge.broke(job)
            return
        self._charge.settle(job, kept.result, kept.outcome, copy=kept.copy)

    async def _archived(self, job: Job, result: SmtpResult) -> bytes:
        """What the sender's archive gets: the octets that were taken, b"" for nothing.

        The deliverer makes a job's copy once, so this is that very copy.
        """
        if not result.is_delivered or job.letter is None or not job.letter.message.options.archive_url:
            return b""
        try:
            outgoing = await self._deliverer.outgoing(job)
        except Exception:  # it was delivered: sending it again would be worse than no archive copy
            log.exception("the archive copy of %s was lost", job.delivery.id)
            return b""
        return outgoing.head + outgoing.body

    def _withdraw(self, job: Job) -> None:
        if job.stop:
            self._charge.stop(job, job.stop)
        else:
            self._charge.give_back([job])

    def _react(self, sending: SiteQueue, source: str, result: SmtpResult, outcome: Outcome) -> None:
        """What the site said may hold for more than this letter."""
        if result.is_delivered or result.phase is Phase.LOCAL:
            return
        if self._reactions.to(sending.site.name, source, result, outcome):
            self._sites.reshape([sending.site.name])
