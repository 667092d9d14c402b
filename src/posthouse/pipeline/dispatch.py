"""Choose what to send now, and keep it moving.

Two questions, two queues (KumoMTA's cut): the store knows *when* a delivery is due, in lanes; a `SiteQueue`
in memory knows *how fast* its site may be fed. Jobs reach a site's queue from two sides: straight from
acceptance (`begin`, the bounded hand-over) and from the store (`_fetch`, at least once a second).

Why nobody waits for a dead destination: a lane whose site rests is not taken at all, a site that has not
proven itself gets few places in memory, and lanes and accounts take turns both when rows are taken and when
a site's next job is chosen.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from posthouse.crashpoint import crash_point
from posthouse.model.clock import Clock
from posthouse.model.message import Delivery, Outcome, Phase, Site, SmtpResult
from posthouse.net.dns import DnsTrouble, Resolver
from posthouse.pipeline.deliver import Deliverer, end_without_network
from posthouse.pipeline.letters import Job
from posthouse.pipeline.memory import MemoryBound
from posthouse.pipeline.outcome import Recorder
from posthouse.pipeline.sites import SiteQueue
from posthouse.rules.shaping import share
from posthouse.store import queue
from posthouse.store.engine import Store

log = structlog.get_logger()

_UNRESOLVED_ROOM = 4
_IDLE_SITES = 10_000
_AGAIN_S = 1.0

MakeSite = Callable[[Site, float], SiteQueue]


class Dispatcher:
    """The deliveries of one worker between store and sites."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        resolver: Resolver,
        deliverer: Deliverer,
        recorder: Recorder,
        bound: MemoryBound,
        make_site: MakeSite,
        sources: Sequence[str],
        captures: bool,
        may_start: Callable[[], bool],
        worker_id: str,
    ) -> None:
        self._store = store
        self._clock = clock
        self._resolver = resolver
        self._deliverer = deliverer
        self._recorder = recorder
        self.bound = bound
        self._make_site = make_site
        self._sources = sources
        self._captures = captures
        self._may_start = may_start
        self._worker_id = worker_id
        self._workers = [worker_id]
        self._loop = asyncio.get_running_loop()
        self.holding: set[str] = set()  # ids of all deliveries in memory
        self._sites: dict[str, SiteQueue] = {}
        self._unresolved: dict[str, list[Job]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._hungry = asyncio.Event()
        self.has_backlog = True  # the store may hold what is due; the fetcher knows
        self._stopping = False

    # -- the hand-over from acceptance ---------------------------------------------------------------

    def admits(self, deliveries: Sequence[Delivery]) -> bool:
        """May these go straight to delivery once committed? Else they wait in the store."""
        return not self._stopping and all(
            self.room_for(delivery.domain) >= len(deliveries) for delivery in deliveries
        )

    def begin(self, jobs: Sequence[Job]) -> None:
        """Take charge of deliveries that are marked as ours."""
        for job in jobs:
            crash_point("deliver.taken")
            self.bound.add(job.size_bytes)
            self.holding.add(job.delivery.id)
            self._place(job)

    def forget_troubles(self) -> None:
        """An operator says: try again now. Rests and cached answers of DNS end."""
        now = self._clock.monotonic()
        for sending in self._sites.values():
            sending.forget_trouble(now)
        self._resolver.forget()
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
        """Begin nothing new, let conversations end, give back what was not begun."""
        self._stopping = True
        for sending in self._sites.values():
            self._give_back(sending.drain())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        late = list(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def room_for(self, domain: str) -> int:
        """How many more jobs for this domain's site memory and shaping admit."""
        site = self._resolver.cached_site(domain)
        if site is None:
            waiting = len(self._unresolved.get(domain, ()))
            return min(self.bound.room(False), max(0, _UNRESOLVED_ROOM - waiting))
        sending = self._sites.get(site.name)
        if sending is None:
            return min(self.bound.room(False), _UNRESOLVED_ROOM)
        return min(self.bound.room(sending.is_proven), sending.room(self._clock.monotonic()))

    # -- where jobs go ------------------------------------------------------------

    def _place(self, job: Job) -> None:
        if self._stopping:
            self._give_back([job])
            return
        end = end_without_network(job, self._clock.now())
        if end:
            self._settle(job, end.result, self._recorder.judge(job, end.result, end.reason))
            return
        if self._captures:
            self._spawn(self._capture(job))
            return
        site = self._resolver.cached_site(job.delivery.domain)
        if site is None:
            self._wait_for_dns(job)
            return
        sending = self._site_queue(site)
        sending.add(job)
        self._pump(sending)

    def _site_queue(self, site: Site) -> SiteQueue:
        sending = self._sites.get(site.name)
        if sending is None:
            if len(self._sites) >= _IDLE_SITES:
                self._forget_idle_sites()
            sending = self._sites[site.name] = self._make_site(site, self._clock.monotonic())
            self._give_share(sending)
        sending.site = site  # the freshest order of equal hosts and addresses
        return sending

    def share_with(self, workers: Sequence[str]) -> None:
        """The live workers of the installation, this one among them: limits of sites are theirs together."""
        if list(workers) != self._workers and self._worker_id in workers:
            self._workers = list(workers)
            for sending in self._sites.values():
                self._give_share(sending)

    def _give_share(self, sending: SiteQueue) -> None:
        limit = sending.limits.connections
        sending.window.set_most(share(limit, sending.site.name, self._workers, self._worker_id))

    def _forget_idle_sites(self) -> None:
        now = self._clock.monotonic()
        for name, sending in list(self._sites.items()):
            if sending.is_idle and sending.window.rests_until <= now:
                del self._sites[name]

    def _wait_for_dns(self, job: Job) -> None:
        domain = job.delivery.domain
        if domain in self._unresolved:
            self._unresolved[domain].append(job)
            return
        self._unresolved[domain] = [job]
        self._spawn(self._resolve(domain))

    async def _resolve(self, domain: str) -> None:
        try:
            site = await self._resolver.site_for(domain)
        except DnsTrouble as trouble:
            result = SmtpResult(Phase.DNS, trouble.code, trouble.enhanced, trouble.text)
            for job in self._unresolved.pop(domain, []):
                self._settle(job, result, self._recorder.judge(job, result, trouble.reason))
            return
        except Exception:
            log.exception("resolving %s failed", domain)
            self._give_back(self._unresolved.pop(domain, []))
            return
        sending = self._site_queue(site)
        for job in self._unresolved.pop(domain, []):
            sending.add(job)
        self._pump(sending)

    # -- carrying ------------------------------------------------------------

    def _pump(self, sending: SiteQueue) -> None:
        now = self._clock.monotonic()
        if self._stopping or not self._may_start():
            self._give_back(sending.drain())
            return
        while job := sending.next_job(now):
            self._spawn(self._carry(job, sending))
        if len(sending.waiting) and not sending.active:
            self._later(sending, sending.wait_s(now))

    def _later(self, sending: SiteQueue, wait_s: float) -> None:
        """Nothing runs that would pump this site again: give back what rests long, else wait a moment."""
        if wait_s > 1.0 or not sending.window.allowed(self._clock.monotonic()):
            self._give_back(sending.drain())
        else:
            self._loop.call_later(max(wait_s, 0.01), self._pump, sending)

    async def _carry(self, job: Job, sending: SiteQueue) -> None:
        try:
            result = await self._deliverer.attempt(
                job, sending.site, self._source(sending), sending.limits.messages_per_connection
            )
        except asyncio.CancelledError:
            sending.active -= 1
            raise
        except Exception:
            log.exception("delivery %s broke", job.delivery.id)
            result = SmtpResult(Phase.LOCAL, 451, "4.3.0", "internal trouble; will be tried again")
        if self._was_never_begun(result):
            sending.active -= 1
            self._give_back([job])
            return
        outcome = self._recorder.judge(job, result)
        sending.finished(result, outcome, self._clock.monotonic())
        self._settle(job, result, outcome)
        self._pump(sending)

    def _was_never_begun(self, result: SmtpResult) -> bool:
        """We stopped it ourselves, before the content: shutting down, or the lease is lost."""
        return not result.code and (self._stopping or not self._may_start())

    async def _capture(self, job: Job) -> None:
        """Nothing leaves this machine: the finished copy is kept and counts as delivered, code 650."""
        outgoing = await self._deliverer.outgoing(job)
        result = SmtpResult(
            Phase.DONE, 250, "2.0.0", "captured: kept on this machine, not sent", mx="captured"
        )
        outcome = self._recorder.judge(job, result)
        outcome.code = 650
        self._settle(job, result, outcome, outgoing.head + outgoing.body)

    def _source(self, sending: SiteQueue) -> str:
        return self._sources[hash(sending.site.name) % len(self._sources)] if self._sources else ""

    def _settle(self, job: Job, result: SmtpResult, outcome: Outcome, copy: bytes = b"") -> None:
        self._recorder.record(job, result, outcome, lambda: self._recorded(job), copy)

    def _recorded(self, job: Job) -> None:
        self._let_go(job)
        if self.has_backlog:
            self._hungry.set()

    def _give_back(self, jobs: Sequence[Job]) -> None:
        """Taken but never begun: back to waiting, as if it had not been taken."""
        for job in jobs:
            self._let_go(job)
            self.return_row(job.delivery.id, job.delivery.attempt)

    def return_row(self, delivery_id: str, attempt: int) -> None:
        """Put a row that this worker has taken back to waiting; repeated until the store took it."""

        def returned(_: object, error: BaseException | None) -> None:
            if error is not None:
                self._loop.call_later(_AGAIN_S, self.return_row, delivery_id, attempt)

        self._store.submit(queue.give_back, (delivery_id, self._worker_id, attempt), returned)

    def _let_go(self, job: Job) -> None:
        self.bound.remove(job.size_bytes)
        self.holding.discard(job.delivery.id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
