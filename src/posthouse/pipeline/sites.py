"""One receiving site in memory: what waits for it, what runs, and how much it may be asked to bear.

A site is the set of MX hosts (all domains hosted at one place share it). The rules are pure and live in
`rules.shaping`, `rules.window` and `rules.fairness`; this object only holds their state and the jobs, and
tells people what it sees (`seen`).
"""

from __future__ import annotations

from itertools import islice
from typing import Any, NamedTuple

from posthouse.model.message import Outcome, Phase, Site, SmtpResult
from posthouse.pipeline.letters import Job
from posthouse.pipeline.replies import Replies
from posthouse.rules.fairness import FairQueue
from posthouse.rules.site_limits import Limits
from posthouse.rules.window import Bucket, Window

_LEAST_ROOM = 4
_PROVEN_SUCCESSES = 20
_RATE_SPAN_S = 1.0
_LONGEST_WAIT_S = 1.0  # what may not start sooner waits in the store, not in memory
_MOST_DOMAINS, _MOST_DOMAINS_SHOWN = 200, 20
_NEVER = float("-inf")


class Place(NamedTuple):
    """Where a domain's jobs would go: all domains with the same `site` share its `room`."""

    site: str
    room: int
    is_proven: bool


class SiteQueue:
    """Jobs for one site and the permission to start them. `origin` says where its limits stand."""

    def __init__(self, site: Site, limits: Limits, now: float, origin: str = "") -> None:
        self.site = site
        self.limits = limits
        self.origin = origin
        self.active = 0
        self.window = Window(limits)
        self.suspended_until = _NEVER
        self.waiting: FairQueue[Job] = FairQueue()
        self.domains: dict[str, None] = {}  # recipients' domains as they came: bounded, for people
        self.replies = Replies()
        self.spoke_at = now
        self._bucket = Bucket(limits.messages_per_second, now) if limits.messages_per_second else None
        self._successes = 0
        self._rate = 0.0
        self._span_from, self._span_count = now, 0

    def shape(self, limits: Limits, most: int, now: float) -> None:
        """Other limits, or another share of them, from now on; what was learned stays. The rate is shared as
        the connections are."""
        self.limits = limits
        self.window.set_most(most)
        part = most / limits.connections
        rate = limits.messages_per_second * part
        if not limits.messages_per_second:
            self._bucket = None
        elif not self._bucket:
            self._bucket = Bucket(rate, now) if rate else None
        elif rate:  # without a share nothing starts anyway
            self._bucket.set_rate(rate, now)

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
        allowed = self._allowed(now)
        if not allowed or (self._bucket and self.rests(now)):
            return 0
        wanted = max(_LEAST_ROOM, 2 * allowed, int(self._rate))
        return max(0, wanted - len(self.waiting) - self.active)

    def rests(self, now: float) -> bool:
        """True when no job may start for a while: suspended, trouble, no share of the limit, or a very slow
        rate."""
        return self._allowed(now) == 0 or self.wait_s(now) > _LONGEST_WAIT_S

    def _allowed(self, now: float) -> int:
        return 0 if now < self.suspended_until else self.window.allowed(now)

    def add(self, job: Job) -> None:
        delivery = job.delivery
        self.waiting.add(delivery.account_id, delivery.lane, job)
        if delivery.domain not in self.domains and len(self.domains) < _MOST_DOMAINS:
            self.domains[delivery.domain] = None

    def next_job(self, now: float) -> Job | None:
        """The next job that may start now, or None."""
        if not len(self.waiting) or self.active >= self._allowed(now):
            return None
        if self._bucket and not self._bucket.take(now):
            return None
        self.active += 1
        return self.waiting.pop()

    def wait_s(self, now: float) -> float:
        """Seconds until `next_job` may answer again for a reason of time alone; 0: no such reason."""
        resting = max(self.window.rests_until, self.suspended_until) - now
        if resting > 0:
            return resting
        return self._bucket.wait_s(now) if self._bucket else 0.0

    def finished(self, result: SmtpResult, outcome: Outcome, now: float) -> None:
        """One conversation ended: learn from it."""
        self.spoke_at = now
        was_full = self.active >= self.window.allowed(now)
        self.active -= 1
        if result.connection_failed or outcome.backs_off_site:
            self.window.trouble(now)
            # a site that was quick and died must not fill the memory with what waits for its probe
            self._successes, self._rate = 0, 0.0
            self._span_from, self._span_count = now, 0
        elif _has_spoken(result):
            self.window.success(now, was_saturated=was_full)
        if result.is_delivered:
            self._successes += 1
            self._count(now)
            self.replies.note_taken(now)
        elif result.phase is not Phase.LOCAL:
            self.replies.note(result, now)

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

    def seen(self, now: float, wall: float) -> dict[str, Any]:
        """What to show of this site; `now` of the steps' clock is `wall` of the calendar's. Empty values are
        left out, instants are of the calendar. All domains are shown of a suspended site only, because the
        queue tells of each that its mail waits for that."""
        ahead = wall - now
        most = _MOST_DOMAINS if now < self.suspended_until else _MOST_DOMAINS_SHOWN
        limits, window = self.limits, self.window
        shown: dict[str, Any] = {
            "origin": self.origin,
            "limits": {name: getattr(limits, name) for name in Limits.__dataclass_fields__},
            "active": self.active,
            "waiting": len(self.waiting),
            "width": window.width,
            "share": window.most,
            "is_probing": window.is_probing,
            "rests_until": round(window.rests_until + ahead, 3) if now < window.rests_until else 0,
            "wait_s": round(self._bucket.wait_s(now), 3) if self._bucket else 0,
            "domains": sorted(islice(self.domains, most)),
            "more_domains": max(0, len(self.domains) - most),
            **self.replies.seen(ahead),
        }
        return {key: value for key, value in shown.items() if value or key in ("active", "waiting")}

    def _count(self, now: float) -> None:
        self._span_count += 1
        span = now - self._span_from
        if span >= _RATE_SPAN_S:
            self._rate = self._span_count / span
            self._span_from, self._span_count = now, 0


def _has_spoken(result: SmtpResult) -> bool:
    """The site said something: not we, nor DNS; nor did a TLS policy forbid to ask any of its hosts."""
    if result.phase in (Phase.LOCAL, Phase.DNS):
        return False
    return bool(result.code and (result.address or result.phase is not Phase.STARTTLS))
