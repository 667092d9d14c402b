"""The jobs that this worker has in charge: each is taken here once, and leaves once, settled or given back.

Public: Charge, BROKEN.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from posthouse.model.clock import Clock
from posthouse.model.message import Outcome, Phase, SmtpResult, Verdict
from posthouse.pipeline.custody import Custody
from posthouse.pipeline.letters import Job
from posthouse.pipeline.memory import MemoryBound
from posthouse.pipeline.outcome import Recorder
from posthouse.pipeline.stops import Stop
from posthouse.store.jobs import WebJob

log = structlog.get_logger()

BROKEN_AGAIN_S = 300.0
BROKEN = "internal trouble; will be tried again"


class Charge:
    """`bound` counts what is in memory, `custody` knows whose rows they are; `was_recorded` is called
    whenever the end of a job has been committed."""

    def __init__(
        self,
        *,
        clock: Clock,
        recorder: Recorder,
        bound: MemoryBound,
        custody: Custody,
        was_recorded: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._bound = bound
        self._custody = custody
        self._was_recorded = was_recorded
        self._empty = asyncio.Event()

    def take(self, job: Job) -> None:
        """The row is marked as ours; `job.is_proven` stays as it is until the job is let go."""
        self._custody.add(job)
        self._bound.add(job.size_bytes, job.is_proven)

    def settle(
        self,
        job: Job,
        result: SmtpResult,
        outcome: Outcome,
        *,
        copy: bytes = b"",
        archive: bytes = b"",
        was_tried: bool = True,
    ) -> None:
        """Have the outcome written; the job is let go when that is committed."""

        def done() -> None:
            self._recorded(job)

        self._recorder.record(job, result, outcome, done, copy=copy, archive=archive, was_tried=was_tried)

    def settle_unsent(self, job: Job, result: SmtpResult, reason: str) -> None:
        """The end of a job that met no other host; what it means is judged from `result` and `reason`."""
        self.settle(job, result, self._recorder.judge(job, result, reason))

    def stop(self, job: Job, stop: Stop, jobs: Sequence[WebJob] = ()) -> None:
        """The job may not begin any more: only its end is written, with things to do on the web."""
        self._recorder.record_stop(job, stop, lambda: self._recorded(job), jobs)

    def broke(self, job: Job) -> None:
        """A bug or a broken key met this job: say so in the log, and try again in a while."""
        log.exception("delivery %s broke", job.delivery.id)
        result = SmtpResult(Phase.LOCAL, 451, "4.3.0", BROKEN)
        pause_s = BROKEN_AGAIN_S * min(job.delivery.attempt, 12)
        retry_at = self._clock.now() + pause_s
        self.settle(job, result, Outcome(Verdict.DEFERRED, 451, "4.3.0", BROKEN, "local", retry_at))

    def give_back(self, jobs: Sequence[Job]) -> None:
        """Taken but never begun: back to waiting, as if it had not been taken."""
        for job in jobs:
            self.let_go(job)
            self._custody.give_back(job.delivery)

    def let_go(self, job: Job) -> None:
        """Out of memory, whatever becomes of its row."""
        self._custody.remove(job.delivery)
        self._bound.remove(job.size_bytes, job.is_proven)
        if not self._bound.jobs:
            self._empty.set()

    async def empty(self) -> None:
        """Wait until every job has left."""
        while self._bound.jobs:
            self._empty.clear()
            await self._empty.wait()

    def _recorded(self, job: Job) -> None:
        self.let_go(job)
        self._was_recorded()
