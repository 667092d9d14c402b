"""Jobs whose domain has no site yet: they wait here while the resolver asks, a question for each domain.

While DNS answers with temporary trouble, no more of that domain is taken for a moment: else a million
letters for it would be tried one after another.

Public: SiteSearch, UNRESOLVED_ROOM.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from posthouse.model.clock import Clock
from posthouse.model.message import Phase, SmtpResult
from posthouse.net.dns import DnsTrouble, Resolver
from posthouse.pipeline.charge import Charge
from posthouse.pipeline.letters import Job
from posthouse.pipeline.sitebook import SiteBook
from posthouse.pipeline.sites import SiteQueue

UNRESOLVED_ROOM = 4  # jobs in memory for a domain or site that we know nothing about
DNS_REST_S = 5.0  # as long the resolver would only repeat the trouble
_MOST_RESTS = 10_000


class SiteSearch:
    """`found` is told of each site whose queue got jobs from here."""

    def __init__(
        self,
        *,
        clock: Clock,
        resolver: Resolver,
        sites: SiteBook,
        charge: Charge,
        found: Callable[[SiteQueue], None],
    ) -> None:
        self._clock = clock
        self._resolver = resolver
        self._sites = sites
        self._charge = charge
        self._found = found
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, list[Job]] = {}
        self._rests: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def room(self, domain: str) -> int:
        """How many more jobs of this domain may wait here."""
        if self._rests.get(domain, 0.0) > self._clock.monotonic():
            return 0
        return max(0, UNRESOLVED_ROOM - len(self._waiting.get(domain, ())))

    def add(self, job: Job) -> None:
        domain = job.delivery.domain
        if domain in self._waiting:
            self._waiting[domain].append(job)
            return
        self._waiting[domain] = [job]
        task = self._loop.create_task(self._search(domain))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget_troubles(self) -> None:
        """Domains that rest may be asked for again; so may those in the resolver's memory."""
        self._rests.clear()
        self._resolver.forget()

    def stop(self) -> None:
        """Give back what waits, and search no more."""
        for domain in list(self._waiting):
            self._charge.give_back(self._waiting.pop(domain))
        for task in self._tasks:
            task.cancel()

    async def stopped(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _search(self, domain: str) -> None:
        try:
            sending = self._sites.of(await self._resolver.site_for(domain))
        except DnsTrouble as trouble:
            self._unreachable(domain, trouble)
            return
        except Exception:
            for job in self._waiting.pop(domain, []):
                self._charge.broke(job)
            return
        for job in self._waiting.pop(domain, []):
            sending.add(job)
        self._found(sending)

    def _unreachable(self, domain: str, trouble: DnsTrouble) -> None:
        if not trouble.is_permanent:
            if len(self._rests) >= _MOST_RESTS:
                self._rests.clear()
            self._rests[domain] = self._clock.monotonic() + DNS_REST_S
        result = SmtpResult(Phase.DNS, trouble.code, trouble.enhanced, trouble.text)
        for job in self._waiting.pop(domain, []):
            self._charge.settle_unsent(job, result, trouble.reason)
