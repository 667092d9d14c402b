"""Hand delivered copies to the archives that senders named, an HTTP POST of the exact octets each, and
reports to those who want them: of TLS to domains, of spam scores to senders.

A job is written with its event; it is done when the archive answers 2xx, given up on a 406 or
after the last pause of the ladder. A POST that was taken and never settled (we were killed in between) is
made again: its Content is the same.

Public: Archive, Post.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from posthouse.mail.spam_report import form_type
from posthouse.model.clock import Clock
from posthouse.net.httpout import PostResult
from posthouse.observe import Counters
from posthouse.store import jobs
from posthouse.store.engine import Store, each
from posthouse.store.jobs import ARCHIVE, SPAM_REPORT, TLS_REPORT, WebJob

log = structlog.get_logger()

PAUSES_S = (300.0, 600.0, 900.0, 3600.0, 7200.0, 14400.0)
POLL_S = 1.0
AGAIN_S = 1.0
_MOST_AT_ONCE = 4  # each holds a whole letter
_TYPES = {ARCHIVE: "application/mime", TLS_REPORT: "application/tlsrpt+gzip"}  # RFC 8460 5.2
_UNWANTED = 406  # as with webhooks: do not try again


class Post(Protocol):
    """`net.httpout.HttpOut`."""

    async def post(self, url: str, content: bytes, content_type: str) -> PostResult: ...


class Archive:
    """The loop that works through the jobs, for one worker."""

    def __init__(self, *, store: Store, clock: Clock, post: Post, worker_id: str, counters: Counters) -> None:
        self._store = store
        self._clock = clock
        self._post = post
        self._worker_id = worker_id
        self._counters = counters

    async def run(self) -> None:
        """Until cancelled; what is taken then is free again once this worker is buried."""
        while True:
            try:
                done = 0 if self._store.is_away else await self.work()
            except Exception as error:
                log.warning("looking for archive jobs failed: %s", error)
                done = 0
            if not done:
                await asyncio.sleep(POLL_S)

    async def work(self) -> int:
        """Do what is due, a few jobs at once; how many."""
        now = self._clock.now()
        due_at = await self._store.read(jobs.next_job_due)
        if due_at is None or due_at > now:
            return 0
        order = (self._worker_id, now, _MOST_AT_ONCE)
        taken: list[WebJob] = await self._store.write(each(jobs.take_jobs), order)
        await asyncio.gather(*[self._hand_over(job) for job in taken])
        return len(taken)

    async def _hand_over(self, job: WebJob) -> None:
        try:
            result = await self._post.post(job.url, job.content, _type_of(job))
        except Exception as error:  # the rim of this job: it is tried again like any other failure
            log.exception("archive job %s broke", job.id)
            result = PostResult(0, str(error))
        again_at = self._again_at(job, result)
        self._counters.add("archived" if result.is_taken else "archive_failed")
        if again_at is None and not result.is_taken:
            log.warning(
                "a post was given up",
                kind=job.kind,
                message=job.message_id,
                delivery=job.delivery_id,
                url=job.url,
                status=result.status,
                answer=result.text[:200],
            )
        await self._settle(job, again_at, f"{result.status} {result.text}")

    def _again_at(self, job: WebJob, result: PostResult) -> float | None:
        """None: there is nothing more to do."""
        if result.is_taken or result.status == _UNWANTED or job.attempt > len(PAUSES_S):
            return None
        at = self._clock.now() + PAUSES_S[job.attempt - 1]
        return at if at < job.expires_at else None

    async def _settle(self, job: WebJob, again_at: float | None, text: str) -> None:
        """Until it is written: a job that stays ours without being worked on would stay for ever."""
        order = (job.id, self._worker_id, again_at, text)
        while True:
            try:
                await self._store.write(each(jobs.settle_job), order)
            except Exception as error:
                log.warning("an archive job could not be settled: %s", error)
                await asyncio.sleep(AGAIN_S)
            else:
                return


def _type_of(job: WebJob) -> str:
    return form_type(job.content) if job.kind == SPAM_REPORT else _TYPES[job.kind]
