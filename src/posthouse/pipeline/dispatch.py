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
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

import structlog

from posthouse.crashpoint import crash_point
from posthouse.model.clock import Clock
from posthouse.model.message import Delivery, Outcome, Phase, Site, SmtpResult, Verdict
from posthouse.net.dns import DnsTrouble, Resolver
from posthouse.pipeline.capture import capture
from posthouse.pipeline.custody import Custody
from posthouse.pipeline.deliver import Deliverer, end_without_network, was_never_begun
from posthouse.pipeline.letters import Job
from posthouse.pipeline.memory import MemoryBound
from posthouse.pipeline.outcome import Recorder
from posthouse.pipeline.rests import Reactions
from posthouse.pipeline.sitebook import SiteBook
from posthouse.pipeline.sites import Place, SiteQueue
from posthouse.pipeline.sources import Sources
from posthouse.pipeline.stops import Stop

log = structlog.get_logger()

_UNRESOLVED_ROOM = 4
_MOST_RESTS = 10_000
_DNS_REST_S = 5.0  # as long the resolver would only repeat the trouble
_BROKEN_AGAIN_S = 300.0
_BROKEN = "internal trouble; will be tried again"


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
    ) -> None:
        self._clock = clock
        self._resolver = resolver
        self._deliverer = deliverer
        self._recorder = recorder
        self.bound = bound
        self._custody = custody
        self.sites = sites
        self._reactions = reactions
        self._sources = sources
        self._captures = captures
        self._hands_over = hands_over
        self._may_start = may_start
        self._loop = asyncio.get_running_loop()
        self._unresolved: dict[str, list[Job]] = {}
        self._dns_rests: dict[str, float] = {}
        self._timers: set[str] = set()  # names of sites that will be pumped in a moment
        self._tasks: set[asyncio.Task[None]] = set()
        self._searches: set[asyncio.Task[None]] = set()
        self._hungry = asyncio.Event()
        self._quiet = asyncio.Event()
        self.has_backlog = True  # the store may hold what is due; the fetcher knows
        self.is_stopping = False

    # -- the hand-over from acceptance ---------------------------------------------------------------

    def admits(self, deliveries: Sequence[Delivery]) -> bool:
        """May these go straight to delivery once committed? Else they wait in the store."""
        return self._hands_over and all(
            self.place_of(delivery.domain).room >= len(deliveries) for delivery in deliveries
        )

    def begin(self, jobs: Sequence[Job]) -> None:
        """Take charge of deliveries that are marked as ours: each is carried, settled or given back."""
        for job in jobs:
            crash_point("deliver.taken")
            self._custody.add(job)
            site = None if self._captures else self._resolver.cached_site(job.delivery.domain)
            sending = self.sites.find(site.name) if site else None
            job.is_proven = sending.is_proven if sending else self._captures
            self.bound.add(job.size_bytes, job.is_proven)
            try:
                self._place(job, site)
            except Exception:  # the rim of this job: the others of the batch go on
                self._broke(job)

    def stop_job(self, job: Job, stop: Stop) -> None:
        """Take charge of a delivery that is marked as ours and must not begin: only its end is written."""
        self._custody.add(job)
        self.bound.add(job.size_bytes, job.is_proven)
        self._recorder.record_stop(job, stop, lambda: self._recorded(job))

    def forget_troubles(self, site_name: str = "") -> None:
        """An operator says: try again now, everywhere or at one site. Rests and cached answers of DNS end."""
        now = self._clock.monotonic()
        for sending in self.sites.all():
            if site_name in ("", sending.site.name):
                sending.forget_trouble(now)
        self._dns_rests.clear()
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
        """Begin nothing new, give back what was not begun, let conversations end and outcomes be recorded."""
        self.is_stopping = True
        deadline = self._loop.time() + grace_s
        for sending in self.sites.all():
            self._give_back(sending.drain())
        for domain in list(self._unresolved):
            self._give_back(self._unresolved.pop(domain))
        for task in self._searches:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        if self.bound.jobs:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self._quiet.wait()
        late = list(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, *self._searches, return_exceptions=True)

    def place_of(self, domain: str) -> Place:
        """Where jobs for this domain would go, and how many more memory and shaping admit there."""
        if self.is_stopping:
            return Place("", 0, False)
        if self._captures:
            return Place("", self.bound.room(True), True)
        room = self.bound.room(False)
        site = self._resolver.cached_site(domain)
        if site is None:
            return Place(f"?{domain}", min(room, self._unresolved_room(domain)), False)
        sending = self.sites.find(site.name)
        if sending is None:
            most = 0 if self.sites.is_suspended(site.name) else _UNRESOLVED_ROOM
            return Place(site.name, min(room, most), False)
        is_proven = sending.is_proven
        if is_proven:
            room = self.bound.room(True)
        return Place(site.name, min(room, sending.room(self._clock.monotonic())), is_proven)

    def _unresolved_room(self, domain: str) -> int:
        if self._dns_rests.get(domain, 0.0) > self._clock.monotonic():
            return 0
        return max(0, _UNRESOLVED_ROOM - len(self._unresolved.get(domain, ())))

    # -- where jobs go ------------------------------------------------------------

    def _place(self, job: Job, site: Site | None) -> None:
        if self.is_stopping:
            self._give_back([job])
            return
        end = end_without_network(job, self._clock.now())
        if end:
            self._settle(job, end.result, self._recorder.judge(job, end.result, end.reason))
            return
        if self._captures or job.is_test:
            self._spawn(self._capture(job), self._tasks)
            return
        if site is None:
            self._wait_for_dns(job)
            return
        sending = self.sites.of(site)
        sending.add(job)
        self._pump(sending)

    def share_with(self, workers: Sequence[str]) -> None:
        """The live workers of the installation, this one among them: limits of sites are theirs together."""
        for sending in self.sites.share_with(workers):
            self._pump(sending)

    def reshape(self, names: Iterable[str] | None = None) -> None:
        """Other limits hold for these sites, or for all; more may be due, or less."""
        for sending in self.sites.reshape(names):
            self._pump(sending)
        self.wake()

    def _wait_for_dns(self, job: Job) -> None:
        domain = job.delivery.domain
        if domain in self._unresolved:
            self._unresolved[domain].append(job)
            return
        self._unresolved[domain] = [job]
        self._spawn(self._resolve(domain), self._searches)

    async def _resolve(self, domain: str) -> None:
        try:
            sending = self.sites.of(await self._resolver.site_for(domain))
        except DnsTrouble as trouble:
            self._unreachable(domain, trouble)
            return
        except Exception:
            for job in self._unresolved.pop(domain, []):
                self._broke(job)
            return
        for job in self._unresolved.pop(domain, []):
            sending.add(job)
        self._pump(sending)

    def _unreachable(self, domain: str, trouble: DnsTrouble) -> None:
        """Settle what waited; while the trouble is temporary, more of that domain is not taken for a moment:
        else a million letters for it would be tried one after another."""
        if not trouble.is_permanent:
            if len(self._dns_rests) >= _MOST_RESTS:
                self._dns_rests.clear()
            self._dns_rests[domain] = self._clock.monotonic() + _DNS_REST_S
        result = SmtpResult(Phase.DNS, trouble.code, trouble.enhanced, trouble.text)
        for job in self._unresolved.pop(domain, []):
            self._settle(job, result, self._recorder.judge(job, result, trouble.reason))

    # -- carrying ------------------------------------------------------------

    def _pump(self, sending: SiteQueue) -> None:
        """Start what may start; see that somebody looks again at the rest, or give it back."""
        now = self._clock.monotonic()
        if self.is_stopping or not self._may_start():
            self._give_back(sending.drain())
            return
        while job := sending.next_job(now):
            self._spawn(self._carry(job, sending), self._tasks)
        if not len(sending.waiting):
            return
        wait_s = sending.wait_s(now)
        if sending.rests(now):
            self._give_back(sending.drain())
        elif wait_s and sending.site.name not in self._timers:  # else: the end of an active one pumps
            self._timers.add(sending.site.name)
            self._loop.call_later(max(wait_s, 0.01), self._ring, sending.site.name)

    def _ring(self, site_name: str) -> None:
        self._timers.discard(site_name)
        if sending := self.sites.find(site_name):
            self._pump(sending)

    async def _carry(self, job: Job, sending: SiteQueue) -> None:
        site, limits = sending.site, sending.limits
        job.site = site.name
        try:
            source = self._sources.pick(job, site)
            if source is None:
                turn = await self._sources.turn(job, site, self._clock.now())
                if turn.waits is not None:
                    sending.active -= 1
                    self._settle(job, *turn.waits, was_tried=False)
                    self._pump(sending)
                    return
                source = turn.source
            result = await self._deliverer.attempt(job, site, source, limits)
            outcome = self._recorder.judge(job, result)
            self._sources.note(source, site.name, outcome)
            archive = await self._archived(job, result)
        except asyncio.CancelledError:  # going down: the rows are released when this worker is buried
            sending.active -= 1
            self._let_go(job)
            raise
        except Exception:
            sending.active -= 1
            self._broke(job)
        else:
            is_stopped = job.stop or self.is_stopping or not self._may_start()
            if is_stopped and was_never_begun(result):
                sending.active -= 1
                self._withdraw(job)
            else:
                sending.finished(result, outcome, self._clock.monotonic())
                self._react(sending, source, result, outcome)
                self._settle(job, result, outcome, archive=archive)
        self._pump(sending)

    def _react(self, sending: SiteQueue, source: str, result: SmtpResult, outcome: Outcome) -> None:
        """What the site said may hold for more than this letter."""
        if result.is_delivered or result.phase is Phase.LOCAL:
            return
        if self._reactions.to(sending.site.name, source, result, outcome):
            self.sites.reshape([sending.site.name])

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
            self._recorder.record_stop(job, job.stop, lambda: self._recorded(job))
        else:
            self._give_back([job])

    async def _capture(self, job: Job) -> None:
        """Nothing leaves this machine."""
        try:
            kept = await capture(job, self._deliverer, self._recorder.judge, self._clock.now())
        except asyncio.CancelledError:
            self._let_go(job)
            raise
        except Exception:
            self._broke(job)
            return
        self._settle(job, kept.result, kept.outcome, copy=kept.copy)

    def _broke(self, job: Job) -> None:
        """A bug or a broken key met this job: say so in the log, and try again in a while."""
        log.exception("delivery %s broke", job.delivery.id)
        result = SmtpResult(Phase.LOCAL, 451, "4.3.0", _BROKEN)
        pause_s = _BROKEN_AGAIN_S * min(job.delivery.attempt, 12)
        retry_at = self._clock.now() + pause_s
        self._settle(job, result, Outcome(Verdict.DEFERRED, 451, "4.3.0", _BROKEN, "local", retry_at))

    # -- letting go ------------------------------------------------------------

    def _settle(
        self,
        job: Job,
        result: SmtpResult,
        outcome: Outcome,
        *,
        copy: bytes = b"",
        archive: bytes = b"",
        was_tried: bool = True,
    ) -> None:
        def done() -> None:
            self._recorded(job)

        self._recorder.record(job, result, outcome, done, copy=copy, archive=archive, was_tried=was_tried)

    def _recorded(self, job: Job) -> None:
        self._let_go(job)
        if self.has_backlog:
            self._hungry.set()

    def _give_back(self, jobs: Sequence[Job]) -> None:
        """Taken but never begun: back to waiting, as if it had not been taken."""
        for job in jobs:
            self._let_go(job)
            self._custody.give_back(job.delivery)

    def _let_go(self, job: Job) -> None:
        self._custody.remove(job.delivery)
        self.bound.remove(job.size_bytes, job.is_proven)
        if self.is_stopping and not self.bound.jobs:
            self._quiet.set()

    def _spawn(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        task = self._loop.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
