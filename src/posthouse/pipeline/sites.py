"""One receiving site in memory: what waits for it, what runs, and how much it may be asked to bear.

A site is the set of MX hosts (all domains hosted at one place share it). The rules are pure and live in
`rules.shaping` and `rules.fairness`; this object only holds their state and the jobs.
"""

from __future__ import annotations

from typing import NamedTuple

from posthouse.model.message import Outcome, Phase, Site, SmtpResult
from posthouse.pipeline.letters import Job
from posthouse.rules.fairness import FairQueue
from posthouse.rules.shaping import Bucket, Limits, Window

_LEAST_ROOM = 4
_PROVEN_SUCCESSES = 20
_RATE_SPAN_S = 1.0
_LONGEST_WAIT_S = 1.0  # what may not start sooner waits in the store, not in memory


class Place(NamedTuple):
    """Where a domain's jobs would go: all domains with the same `site` share its `room`."""

    site: str
    room: int
    is_proven: bool


class SiteQueue:
    """Jobs for one site and the permission to start them."""

    def __init__(self, site: Site, limits: Limits, now: float) -> None:
        self.site = site
        self.limits = limits
        self.active = 0
        self.window = Window(limits)
        self.waiting: FairQueue[Job] = FairQueue()
        self._bucket = Bucket(limits.messages_per_second, now) if limits.messages_per_second else None
        self._successes = 0
        self._rate = 0.0
        self._span_from, self._span_count = now, 0

    @property
    def is_proven(self) -> bool:
        """The site has taken mail lately: it may fill more of the memory (see MemoryBound)."""
        return self._successes >= _PROVEN_SUCCESSES

    @property
    def is_idle(self) -> bool:
        return not self.active and not len(self.waiting)

    def room(self, now: float) -> int:
        """How many more jobs it makes sense to hold for this site: two for each allowed conversation, or
        what it took in the last second, whichever is more; none while it rests."""
        allowed = self.window.allowed(now)
        if not allowed or (self._bucket and self.rests(now)):
            return 0
        wanted = max(_LEAST_ROOM, 2 * allowed, int(self._rate))
        return max(0, wanted - len(self.waiting) - self.active)

    def rests(self, now: float) -> bool:
        """True when no job may start for a while: trouble, no share of the limit, or a very slow rate."""
        return not self.window.allowed(now) or self.wait_s(now) > _LONGEST_WAIT_S

    def add(self, job: Job) -> None:
        self.waiting.add(job.delivery.account_id, job.delivery.lane, job)

    def next_job(self, now: float) -> Job | None:
        """The next job that may start now, or None."""
        if not len(self.waiting) or self.active >= self.window.allowed(now):
            return None
        if self._bucket and not self._bucket.take(now):
            return None
        self.active += 1
        return self.waiting.pop()

    def wait_s(self, now: float) -> float:
        """Seconds until `next_job` may answer again for a reason of time alone; 0: no such reason."""
        resting = self.window.rests_until - now
        if resting > 0:
            return resting
        return self._bucket.wait_s(now) if self._bucket else 0.0

    def finished(self, result: SmtpResult, outcome: Outcome, now: float) -> None:
        """One conversation ended: learn from it."""
        was_full = self.active >= self.window.allowed(now)
        self.active -= 1
        if result.connection_failed or outcome.backs_off_site:
            self.window.trouble(now)
            # a site that was quick and died must not fill the memory with what waits for its probe
            self._successes, self._rate = 0, 0.0
            self._span_from, self._span_count = now, 0
        elif result.code and result.phase is not Phase.LOCAL:
            self.window.success(now, was_saturated=was_full)
        if result.is_delivered:
            self._successes += 1
            self._count(now)

    def forget_trouble(self, now: float) -> None:
        """End a rest early; a site without trouble keeps what it has learned."""
        if self.window.rests_until > now:
            self.window = Window(self.limits, self.window.most)

    def drain(self) -> list[Job]:
        """Take out everything that waits (to give it back to the store)."""
        jobs = []
        while len(self.waiting):
            jobs.append(self.waiting.pop())
        return jobs

    def _count(self, now: float) -> None:
        self._span_count += 1
        span = now - self._span_from
        if span >= _RATE_SPAN_S:
            self._rate = self._span_count / span
            self._span_from, self._span_count = now, 0
