"""A worker's pipeline in miniature: the real store and parts, with made-up DNS, hosts, keys and time.

Public: World, open_world, letter, principal, refusing, until, site, delivered, unreachable.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blank_store import make_store
from posthouse.mail.dkim import SigningKey
from posthouse.mail.render import Prepared, finish
from posthouse.model.account import (
    ACCOUNT_DEFAULTS,
    DEFAULTS,
    AccountSettings,
    DomainSettings,
    Principal,
)
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.message import Host, Outgoing, Phase, Recipient, Site, SmtpResult, Submission
from posthouse.model.warmup import Warming
from posthouse.net.dns import DnsTrouble
from posthouse.observe import Counters
from posthouse.pipeline.blocks import Blocks
from posthouse.pipeline.custody import Custody
from posthouse.pipeline.deliver import Deliverer
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.pipeline.fetch import Fetcher
from posthouse.pipeline.letters import RecentLetters
from posthouse.pipeline.links import throwaway_links
from posthouse.pipeline.memory import MemoryBound
from posthouse.pipeline.notices import Notices
from posthouse.pipeline.outcome import Recorder
from posthouse.pipeline.rests import Reactions, Rests
from posthouse.pipeline.sitebook import SiteBook
from posthouse.pipeline.sources import Sources
from posthouse.pipeline.spam_check import Scan, SpamCheck
from posthouse.pipeline.submit import Intake
from posthouse.pipeline.warmup import Ledger
from posthouse.rules.automations import Automation
from posthouse.rules.limits import account_limits, allowance_of, domain_limits
from posthouse.rules.retry import BUILT_IN
from posthouse.rules.shaping import Limits, SiteRule
from posthouse.store.engine import Store, each, open_store

ME = "worker-1"
RAW = b"From: me@shop.test\r\nSubject: x\r\n\r\nhello\r\n"
_numbers = itertools.count(1)


def site(name: str) -> Site:
    """One host."""
    return Site(name, (Host(f"mx.{name}", 10, ("127.0.0.9",), 25),))


def delivered(*_: object) -> SmtpResult:
    return SmtpResult(Phase.DONE, 250, "2.0.0", "taken")


def unreachable(*_: object) -> SmtpResult:
    return SmtpResult(Phase.CONNECT, 0, "4.4.1", "connection refused", connection_failed=True)


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait until the condition holds, or fail."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.002)


class FakeResolver:
    """`sites` by domain: a Site, or what to raise. A domain is known once it was asked for, or from the start
    when `knows_all`. While `gate` is cleared nobody gets an answer."""

    def __init__(self) -> None:
        self.sites: dict[str, Site | Exception] = {}
        self.known: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()
        self.forgotten = 0

    def cached_site(self, domain: str) -> Site | None:
        found = self._found(domain)
        return found if domain in self.known and isinstance(found, Site) else None

    async def site_for(self, domain: str) -> Site:
        self.asked[domain] += 1
        await self.gate.wait()
        found = self._found(domain)
        if isinstance(found, Exception):
            raise DnsTrouble(*found.args) if isinstance(found, DnsTrouble) else found
        self.known.add(domain)
        return found

    def forget(self) -> None:
        self.known.clear()
        self.forgotten += 1

    def _found(self, domain: str) -> Site | Exception:
        return self.sites.get(domain) or site(domain)


Answer = Callable[[Outgoing], SmtpResult]


class FakeCourier:
    """What each domain's host says; a coroutine function may make it wait. `sent` is in order of the end."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[Outgoing], SmtpResult | Awaitable[SmtpResult]]] = {}
        self.sent: list[str] = []
        self.begun: list[str] = []
        self.active = 0
        self.most_active = 0
        self.contents: list[bytes] = []
        self.sources: list[str] = []

    async def send(
        self,
        site: Site,
        source: str,
        outgoing: Outgoing,
        *,
        messages_per_connection: int = 100,
        idle_s: float | None = None,
        may_finish: Callable[[], bool],
    ) -> SmtpResult:
        self.begun.append(outgoing.recipient)
        self.sources.append(source)
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        try:
            answer = self.answers.get(outgoing.recipient.rpartition("@")[2], delivered)(outgoing)
            result = answer if isinstance(answer, SmtpResult) else await answer
            if not may_finish():
                return SmtpResult(Phase.DATA, 0, "4.3.0", "not sent")
        finally:
            self.active -= 1
        self.sent.append(outgoing.recipient)
        self.contents.append(outgoing.head + outgoing.body)
        return result


class FakeSigner:
    """Signs at once, without a key. `fails`: so many signatures go wrong first."""

    def __init__(self) -> None:
        self.fails = 0
        self.count = 0

    def sign(
        self, prepared: Prepared, keys: Sequence[SigningKey], now: float
    ) -> asyncio.Future[tuple[bytes, bytes]]:
        future: asyncio.Future[tuple[bytes, bytes]] = asyncio.get_running_loop().create_future()
        self.count += 1
        if self.fails:
            self.fails -= 1
            future.set_exception(RuntimeError("the key is broken"))
        else:
            future.set_result(finish(prepared, (), int(now)))
        return future


@dataclass
class FakeEstate:
    """Who has which address. `owners`: address -> account, "" for everybody's; others are everybody's too."""

    version: int = 1
    owners: dict[str, str] = field(default_factory=dict)
    warmups: dict[str, Warming] = field(default_factory=dict)

    def owns_ip(self, account_id: str, ip: str) -> bool:
        return self.owners.get(ip, "") in ("", account_id)

    def is_anothers(self, account_id: str, ip: str) -> bool:
        return not self.owns_ip(account_id, ip)

    def dedicated(self, account_id: str) -> tuple[str, ...]:
        return tuple(ip for ip, owner in self.owners.items() if owner == account_id)

    def warming(self, ip: str) -> Warming | None:
        return self.warmups.get(ip)


@dataclass
class World:
    """One worker. `holds` is its lease, `suspended` the accounts that may not send."""

    path: Path
    store: Store
    clock: FakeClock
    ids: Ids
    resolver: FakeResolver
    courier: FakeCourier
    signer: FakeSigner
    counters: Counters
    recorder: Recorder
    ledger: Ledger
    estate: FakeEstate
    custody: Custody
    dispatcher: Dispatcher
    fetcher: Fetcher
    intake: Intake
    rests: Rests
    holds: bool = True
    suspended: set[str] = field(default_factory=set)
    receipts: list[Any] = field(default_factory=list)

    async def accept(self, *recipients: str, **changes: Any) -> str:
        """Hand a letter in and wait for its commit; the message's id. Raises what acceptance says."""
        account = changes.pop("account", "acc")
        template = changes.pop("template", None)
        submission = letter(self.ids, *recipients, **changes)
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def told(receipt: Any, error: BaseException | None) -> None:
            self.receipts.append(receipt)
            done.set_exception(error) if error else done.set_result(receipt)

        self.intake.accept(submission, principal(account), told, template)
        return str((await done).message_id)

    def intake_soon(self, recipient: str) -> None:
        """Hand a letter in without waiting; `receipts` tells the end, None for an error."""
        submission = letter(self.ids, recipient)
        self.intake.accept(submission, principal(), lambda receipt, _: self.receipts.append(receipt))

    def rows(self, where: str = "1=1") -> list[dict[str, Any]]:
        """Deliveries as the file has them."""
        with sqlite3.connect(self.path) as conn:
            conn.row_factory = sqlite3.Row
            rows = [dict(row) for row in conn.execute(f"select * from delivery where {where} order by id")]
        conn.close()
        return rows

    def states(self) -> Counter[str]:
        return Counter(row["state"] for row in self.rows())

    def events(self) -> Counter[str]:
        conn = sqlite3.connect(self.path)
        found = Counter(row[0] for row in conn.execute("select kind from event"))
        conn.close()
        return found

    def facts(self, *kinds: str) -> list[dict[str, Any]]:
        """Events of these kinds in order: their data, with `kind` and `recipient`."""
        conn = sqlite3.connect(self.path)
        rows = conn.execute("select kind, recipient, data from event order by id").fetchall()
        conn.close()
        return [{**json.loads(data), "kind": kind, "to": to} for kind, to, data in rows if kind in kinds]

    async def written(self) -> None:
        """Everything submitted so far is committed and told."""
        await self.store.write(each(_nothing), ())

    async def fetch_all(self, passes: int = 100) -> None:
        """Fetch until nothing more is taken."""
        for _ in range(passes):
            if not await self.fetcher.fetch():
                return
            await self.written()
        raise AssertionError("fetching does not come to an end")

    def is_empty(self) -> bool:
        """Nothing in memory, nothing counted."""
        bound = self.dispatcher.bound
        counts = (bound.jobs, bound.held_bytes, bound.unproven_jobs, bound.unproven_bytes)
        return counts == (0, 0, 0, 0) and len(self.custody) == 0

    async def at_rest(self, seconds: float = 5.0) -> None:
        """Wait until nothing is in memory."""
        await until(self.is_empty, seconds)


def refusing(
    world: World, error: Exception, times: int = 1, *, holds: bool = False, only: Any = None
) -> Callable[..., None]:
    """A `Store.submit` that fails `times` times. `holds`: the work is done all the same (a commit in doubt).
    `only`: this writing function alone."""
    submit = world.store.submit
    left = times

    def wrong(fn: Any, item: Any, done: Any) -> None:
        nonlocal left
        if not left or (only is not None and fn is not only):
            submit(fn, item, done)
            return
        left -= 1
        if holds:
            submit(fn, item, lambda *_: done(None, error))
        else:
            asyncio.get_running_loop().call_soon(done, None, error)

    return wrong


def _nothing(_: object) -> None:
    """A job of the writer that only takes its turn."""


def letter(
    ids: Ids, *recipients: str, raw: bytes = RAW, held_for: str = "", notify: str = "", **more: Any
) -> Submission:
    people = more.pop("people", None)
    named = recipients or ("ann@good.test",)
    wanted = people or [Recipient(each, each.rpartition("@")[2], notify) for each in named]
    sender = more.pop("sender", "bounce@shop.test")
    return Submission(ids.new(), sender, wanted, raw, "x", f"<{next(_numbers)}@x>", held_for=held_for, **more)


def principal(account: str = "acc") -> Principal:
    return Principal(account, "dom", "shop.test", "us", True, "cred", "app@shop.test")


def _spam_check(scanner: Scan | None, clock: FakeClock, ids: Ids) -> SpamCheck | None:
    if scanner is None:
        return None
    return SpamCheck(scanner=scanner, clock=clock, ids=ids, links_of=throwaway_links(), wait_s=900.0)


@asynccontextmanager
async def open_world(
    folder: Path,
    *,
    limits: Limits | None = None,
    bound: MemoryBound | None = None,
    captures: bool = False,
    hands_over: bool = True,
    mode: str = "asked",
    recent_bytes: int = 1 << 20,
    worker_id: str = ME,
    domain_settings: DomainSettings = DEFAULTS,
    account_settings: AccountSettings = ACCOUNT_DEFAULTS,
    over_limit: str = "refuse",
    sources: Sequence[str] = (),
    automations: Sequence[Automation] = (),
    scanner: Scan | None = None,
) -> AsyncIterator[World]:
    """A worker on the store in `folder`, which is made when it is not there."""
    path = folder / "posthouse.db"
    url = f"sqlite:///{path}"
    make_store(url)
    loop = asyncio.get_running_loop()
    store = open_store(url, loop)
    clock = FakeClock()
    ids = Ids(clock)
    resolver, courier, signer, counters = FakeResolver(), FakeCourier(), FakeSigner(), Counters()
    notices = Notices(ids=ids, hostname="mail.example.com", mode=mode)
    recorder = Recorder(
        store=store, clock=clock, ids=ids, schedule=BUILT_IN, notices=notices, counters=counters
    )
    custody = Custody(store, worker_id)
    ledger, estate = Ledger(store, clock), FakeEstate()
    rests = Rests()
    rule = SiteRule("default", (), limits or Limits(), "built in: [default]")
    world: World
    deliverer = Deliverer(
        clock=clock,
        signer=signer,  # type: ignore[arg-type]
        courier=courier,  # type: ignore[arg-type]
        keys_of=lambda domain, account_id: [],
        may_finish=lambda: world.holds,
    )
    dispatcher = Dispatcher(
        clock=clock,
        resolver=resolver,  # type: ignore[arg-type]
        deliverer=deliverer,
        recorder=recorder,
        bound=bound or MemoryBound(200, 8 << 20),
        custody=custody,
        sites=SiteBook(clock=clock, rule_of=lambda _: rule, rests=rests, worker_id=worker_id),
        reactions=Reactions(store=store, clock=clock, rests=rests, automations=lambda: automations),
        sources=Sources(estate, sources, ledger, rests.avoided),
        captures=captures,
        hands_over=hands_over,
        may_start=lambda: world.holds,
        spam_check=_spam_check(scanner, clock, ids),
    )
    fetcher = Fetcher(
        store=store,
        clock=clock,
        dispatcher=dispatcher,
        worker_id=worker_id,
        letters=RecentLetters(recent_bytes),
        custody=custody,
        may_start=lambda: world.holds,
        suspended=lambda: world.suspended,
    )
    blocks = Blocks(store, clock)
    intake = Intake(
        store=store,
        clock=clock,
        ids=ids,
        hand_over=dispatcher,
        worker_id=worker_id,
        expire_s=432_000,
        counters=counters,
        blocks=blocks,
        allowance_of=lambda account, domain: allowance_of(
            domain_limits(account, domain, domain_settings)
            + account_limits(account, account_settings, account_settings.starts_at),
            account_settings,
            over_limit,
        ),
        notices=notices,
    )
    world = World(
        path,
        store,
        clock,
        ids,
        resolver,
        courier,
        signer,
        counters,
        recorder,
        ledger,
        estate,
        custody,
        dispatcher,
        fetcher,
        intake,
        rests,
    )
    try:
        yield world
    finally:
        await dispatcher.stop(0.0)
        await store.close()
