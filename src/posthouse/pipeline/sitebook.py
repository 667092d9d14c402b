"""The receiving sites that one worker knows, each with the limits that hold for it now.

Three things change under a site that lives: the rules (a file was edited), what was decided about it for a
while (`Rests`), and how many workers share its limits. Each time its `SiteQueue` is shaped anew and keeps
what it has learned.

Public: SiteBook.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence

from posthouse.model.clock import Clock
from posthouse.model.message import Site
from posthouse.pipeline.rests import Rests
from posthouse.pipeline.sites import SiteQueue
from posthouse.rules.automations import slowed
from posthouse.rules.shaping import SiteRule, share

MOST_SITES = 10_000
_NEVER = float("-inf")


class SiteBook:
    """`rule_of` says which limits a site has without `rests`."""

    def __init__(
        self, *, clock: Clock, rule_of: Callable[[Site], SiteRule], rests: Rests, worker_id: str
    ) -> None:
        self._clock = clock
        self._rule_of = rule_of
        self._rests = rests
        self._worker_id = worker_id
        self._workers = [worker_id]
        self._sites: dict[str, SiteQueue] = {}

    def find(self, name: str) -> SiteQueue | None:
        return self._sites.get(name)

    def all(self) -> list[SiteQueue]:
        return list(self._sites.values())

    def of(self, site: Site) -> SiteQueue:
        """The site's queue, made when it is not there yet."""
        sending = self._sites.get(site.name)
        if sending is None:
            if len(self._sites) >= MOST_SITES:
                self._forget_idle()
            rule = self._rule_of(site)
            sending = SiteQueue(site, slowed(rule.limits, self._rests.of(site.name)), self._clock.monotonic())
            self._sites[site.name] = sending
            self._shape(sending)
        sending.site = site  # the freshest order of equal hosts and addresses
        return sending

    def is_suspended(self, name: str) -> bool:
        return self._rests.suspended_until(name) > self._clock.now()

    def share_with(self, workers: Sequence[str]) -> list[SiteQueue]:
        """The live workers of the installation, this one among them: limits of sites are theirs together.
        Those that have another share now."""
        if list(workers) == self._workers or self._worker_id not in workers:
            return []
        self._workers = list(workers)
        return self.reshape()

    def reshape(self, names: Iterable[str] | None = None) -> list[SiteQueue]:
        """Give these sites (default: all) the limits that hold now; those of them that are known."""
        found = self.all() if names is None else [self._sites[n] for n in names if n in self._sites]
        for sending in found:
            self._shape(sending)
        return found

    def most_active(self, most: int) -> list[SiteQueue]:
        """Those with the most to do, then those that spoke last."""
        return heapq.nlargest(
            most, self._sites.values(), key=lambda s: (s.active + len(s.waiting), s.spoke_at)
        )

    def _shape(self, sending: SiteQueue) -> None:
        name, now = sending.site.name, self._clock.monotonic()
        rule = self._rule_of(sending.site)
        limits = slowed(rule.limits, self._rests.of(name))
        sending.origin = rule.origin
        sending.shape(limits, share(limits.connections, name, self._workers, self._worker_id), now)
        left_s = self._rests.suspended_until(name) - self._clock.now()
        sending.suspended_until = now + left_s if left_s > 0 else _NEVER

    def _forget_idle(self) -> None:
        """Those whose rest has ended or ends soonest: a tenth at least, so that a look is worth its cost."""
        idle = [name for name, sending in self._sites.items() if sending.is_idle]
        idle.sort(key=lambda name: self._sites[name].window.rests_until)
        now = self._clock.monotonic()
        for number, name in enumerate(idle):
            if number >= MOST_SITES // 10 and self._sites[name].window.rests_until > now:
                break
            del self._sites[name]
