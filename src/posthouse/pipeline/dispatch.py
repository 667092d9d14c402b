"""Choose what to send now, and keep it moving.

Two questions, two queues (KumoMTA's cut): the store knows *when* a delivery is due, in lanes; a `SiteQueue`
in memory knows *how fast* its site may be fed. Jobs reach a site's queue from two sides: straight from
acceptance (`begin`, the bounded hand-over) and from the store (`fetch.Fetcher`, at least once a second).

Why nobody waits for a dead destination: a lane whose site rests is not taken at all, a site that has not
proven itself gets few places in memory, and lanes and accounts take turns both when rows are taken and when
a site's next job is chosen.

What is only one job's matter stands elsewhere: the wait for its site in `site_search`, its attempt in
`carry`, its coming into memory and leaving it in `charge`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any

from posthouse.crashpoint import crash_point
from posthouse.model.clock import Clock
from posthouse.model.lane import is_scanned, lane_parts
from posthouse.model.message import Delivery, Site
from posthouse.net.dns import Resolver
from posthouse.pipeline.carry import Carrier
from posthouse.pipeline.charge import Charge
from posthouse.pipeline.custody import Custody
from posthouse.pipeline.deliver import Deliverer, end_without_network
from posthouse.pipeline.letters import Job
from posthouse.pipeline.memory import MemoryBound
from posthouse.pipeline.outcome import Recorder
from posthouse.pipeline.rests import Reactions
from posthouse.pipeline.site_search import UNRESOLVED_ROOM, SiteSearch
from posthouse.pipeline.sitebook import SiteBook
from posthouse.pipeline.sites import Place, SiteQueue
from posthouse.pipeline.sources import Sources
from posthouse.pipeline.spam_check import Checked, SpamCheck
from posthouse.pipeline.stops import Stop

_SCANNER = "!scanner"  # no site has such a name


class Dispatcher:
    """The deliveries of one worker between store and sites."""

    def __init__(
        self,
        *,
        clock: Clock,
        resolver: Resolver,
        deliverer: Deliverer,
        recorder: Recorder,
        bound: MemoryBound,
        custody: Custody,
        sites: SiteBook,
        reactions: Reactions,
        sources: Sources,
        captures: bool,
        hands_over: bool,
        may_start: Callable[[], bool],
        spam_check: SpamCheck | None = None,
    ) -> None:
        self._clock = clock
        self._resolver = resolver
        self.bound = bound
        self.sites = sites
        self._captures = captures
        self._hands_over = hands_over
        self._may_start = may_start
        self._spam_check = spam_check
        self._loop = asyncio.get_running_loop()
        self._timers: set[str] = set()  # names of sites that will be pumped in a moment
        self._tasks: set[asyncio.Task[None]] = set()
        self._hungry = asyncio.Event()
        self.has_backlog = True  # the store may hold what is due; the fetcher knows
        self.is_stopping = False
        self._charge = Charge(
            clock=clock, recorder=recorder, bound=bound, custody=custody, was_recorded=self._look_again
        )
        self._search = SiteSearch(
            clock=clock, resolver=resolver, sites=sites, charge=self._charge, found=self._pump
        )
        self._carrier = Carrier(
            clock=clock,
            deliverer=deliverer,
            recorder=recorder,
            charge=self._charge,
            sites=sites,
            reactions=reactions,
            sources=sources,
            may_go_on=self._may_go_on,
        )

    # -- the hand-over from acceptance ---------------------------------------------------------------

    def admits(self, deliveries: Sequence[Delivery]) -> bool:
        """May these go straight to delivery once committed? Else they wait in the store."""
        return self._hands_over and all(
            # the scanner's few places are given in turn, from the store
            self.place_of(each.domain).room >= len(deliveries) and not self._is_scanned(each.lane)
            for each in deliveries
        )

    def begin(self, jobs: Sequence[Job]) -> None:
        """Take charge of deliveries that are marked as ours: each is carried, settled or given back."""
        for job in jobs:
            crash_point("deliver.taken")
            site = None if self._captures else self._resolver.cached_site(job.delivery.domain)
            sending = self.sites.find(site.name) if site else None
            job.is_proven = sending.is_proven if sending else self._captures
            self._charge.take(job)
            try:
                self._place(job, site)
            except Exception:  # the rim of this job: the others of the batch go on
                self._charge.broke(job)

    def stop_job(self, job: Job, stop: Stop) -> None:
        """Take charge of a delivery that is marked as ours and must not begin: only its end is written."""
        self._charge.take(job)
        self._charge.stop(job, stop)

    def forget_troubles(self, site_name: str = "") -> None:
        """An operator says: try again now, everywhere or at one site. Rests and cached answers of DNS end."""
        now = self._clock.monotonic()
        for sending in self.sites.all():
            if site_name in ("", sending.site.name):
                sending.forget_trouble(now)
        self._search.forget_troubles()
        self.wake()

    def share_with(self, workers: Sequence[str]) -> None:
        """The live workers of the installation, this one among them: limits of sites are theirs together."""
        for sending in self.sites.share_with(workers):
            self._pump(sending)

    def reshape(self, names: Iterable[str] | None = None) -> None:
        """Other limits hold for these sites, or for all; more may be due, or less."""
        for sending in self.sites.reshape(names):
            self._pump(sending)
        self.wake()

    def wake(self) -> None:
        """Something is due in the store: look there soon, and again whenever a job is done."""
        self.has_backlog = True
        self._hungry.set()

    async def hungry(self, most_s: float) -> None:
        """Wait until something may be due or memory has room, at most `most_s` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self._hungry.wait()
        self._hungry.clear()

    async def stop(self, grace_s: float) -> None:
        """Begin nothing new, give back what was not begun, let conversations end and outcomes be recorded."""
        self.is_stopping = True
        deadline = self._loop.time() + grace_s
        for sending in self.sites.all():
            self._charge.give_back(sending.drain())
        self._search.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._charge.empty()
        late = list(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, self._search.stopped(), return_exceptions=True)

    def place_of(self, domain: str) -> Place:
        """Where jobs for this domain would go, and how many more memory and shaping admit there."""
        if self.is_stopping:
            return Place("", 0, False)
        if self._captures:
            return Place("", self.bound.room(True), True)
        room = self.bound.room(False)
        site = self._resolver.cached_site(domain)
        if site is None:
            return Place(f"?{domain}", min(room, self._search.room(domain)), False)
        sending = self.sites.find(site.name)
        if sending is None:
            most = 0 if self.sites.is_suspended(site.name) else UNRESOLVED_ROOM
            return Place(site.name, min(room, most), False)
        is_proven = sending.is_proven
        if is_proven:
            room = self.bound.room(True)
        return Place(site.name, min(room, sending.room(self._clock.monotonic())), is_proven)

    def place_of_lane(self, lane: str) -> Place:
        """The same for jobs of a lane. What is scanned first shares the scanner's room, where its site has
        any."""
        place = self.place_of(lane_parts(lane)[1])
        if self._spam_check is None or not is_scanned(lane) or not place.room:
            return place
        return Place(_SCANNER, self._spam_check.room, place.is_proven)

    def _is_scanned(self, lane: str) -> bool:
        return self._spam_check is not None and is_scanned(lane)

    # -- where jobs go ------------------------------------------------------------

    def _place(self, job: Job, site: Site | None) -> None:
        if self.is_stopping:
            self._charge.give_back([job])
            return
        end = end_without_network(job, self._clock.now())
        if end:
            self._charge.settle_unsent(job, end.result, end.reason)
            return
        if self._spam_check is not None and self._spam_check.wants(job):
            self._spawn(self._checked(job, self._spam_check.check(job)))
            return
        self._send(job, site)

    async def _checked(self, job: Job, check: Awaitable[Checked]) -> None:
        """It is scored first; where it then goes may be known better by now."""
        try:
            found = await check
            if found.stop is not None:
                self._charge.stop(job, found.stop, found.jobs)
            elif found.waits is not None:
                self._charge.settle(job, *found.waits, was_tried=False)
            elif not self._may_go_on():
                self._charge.give_back([job])
            else:
                self._send(job, None if self._captures else self._resolver.cached_site(job.delivery.domain))
        except asyncio.CancelledError:
            self._charge.let_go(job)
            raise
        except Exception:
            self._charge.broke(job)
        self._look_again()

    def _send(self, job: Job, site: Site | None) -> None:
        if self._captures or job.is_test:
            self._spawn(self._carrier.capture(job))
            return
        if site is None:
            self._search.add(job)
            return
        sending = self.sites.of(site)
        sending.add(job)
        self._pump(sending)

    # -- carrying ------------------------------------------------------------

    def _pump(self, sending: SiteQueue) -> None:
        """Start what may start; see that somebody looks again at the rest, or give it back."""
        now = self._clock.monotonic()
        if not self._may_go_on():
            self._charge.give_back(sending.drain())
            return
        while job := sending.next_job(now):
            self._spawn(self._carry(job, sending))
        if not len(sending.waiting):
            return
        wait_s = sending.wait_s(now)
        if sending.rests(now):
            self._charge.give_back(sending.drain())
        elif wait_s and sending.site.name not in self._timers:  # else: the end of an active one pumps
            self._timers.add(sending.site.name)
            self._loop.call_later(max(wait_s, 0.01), self._ring, sending.site.name)

    def _ring(self, site_name: str) -> None:
        self._timers.discard(site_name)
        if sending := self.sites.find(site_name):
            self._pump(sending)

    async def _carry(self, job: Job, sending: SiteQueue) -> None:
        await self._carrier.carry(job, sending)
        self._pump(sending)

    def _may_go_on(self) -> bool:
        return not self.is_stopping and self._may_start()

    def _look_again(self) -> None:
        if self.has_backlog:
            self._hungry.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
