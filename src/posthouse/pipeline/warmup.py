"""A worker's books of the addresses that warm up: what it may still send from them, and what came of it.

The day's share of a site is promised in small blocks by the store, so that all workers on all machines keep
it together. A letter never waits for a promise where a warm address is there: the worker counts down the
block that it has and asks for the next one beside its work. What became of attempts is added up and written
every few seconds; there it shows when a site does not like the address, and the warm-up pauses there.

What can go wrong: a worker that dies takes the rest of its block along; those messages are missing from the
day's share, never too many.

Public: Ledger, FLUSH_S, FINISH_S.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from posthouse.model.clock import Clock
from posthouse.model.message import Verdict
from posthouse.model.warmup import Warmup, read_warmup
from posthouse.rules import warmup as rules
from posthouse.store import warmup as books
from posthouse.store.engine import Connection, Store, each
from posthouse.store.writer import runs_apart

log = structlog.get_logger()

FLUSH_S, FINISH_S = 3.0, 600.0
_AGAIN_S = 5.0  # after trouble with the store
_MOST_HELD = 20_000

Key = tuple[str, str]  # address, site


@dataclass(slots=True)
class _Held:
    """What this worker has for an address at a site: `left` of its block, and from `asks_at` on it may ask
    for more. `is_open`: the plan is over there."""

    warmup: Warmup
    day: int
    left: int = 0
    asks_at: float = 0.0
    is_open: bool = False
    asked: asyncio.Future[None] | None = None
    line_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Ask:
    address: str
    site: str
    warmup: Warmup
    now: float


@dataclass(frozen=True, slots=True)
class _Grant:
    """`count` more messages; the next ask makes sense at `again_at`. `is_open`: no limit any more."""

    count: int
    again_at: float = 0.0
    is_open: bool = False


@dataclass(slots=True)
class _Tally:
    sent: int = 0
    deferred: int = 0
    is_block: bool = False


_Noted = dict[tuple[str, str, int], _Tally]
"""By address, site and day."""


class Ledger:
    """Of one worker. `flush` and `finish` are to be called every `FLUSH_S` and `FINISH_S` seconds."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._held: dict[Key, _Held] = {}
        self._noted: _Noted = {}

    # Shares

    def takes(self, address: str, warmup: Warmup, site: str) -> bool:
        """May one more letter go to the site from this address now? True counts it."""
        held = self._held_for(address, warmup, site)
        if held.is_open:
            return True
        if held.left:
            held.left -= 1
        else:
            self._ask_beside(address, site, held)
            return False
        if not held.left:
            self._ask_beside(address, site, held)  # so that the next letter finds a block
        return True

    async def ask(self, address: str, warmup: Warmup, site: str) -> float:
        """The same, waiting for the store's answer: 0.0 for yes, else when it is this letter's turn. Letters
        that wait get turns one after another, as the site's share grows over the day."""
        while not self.takes(address, warmup, site):
            held = self._held_for(address, warmup, site)
            if held.asked is None:
                return self._turn_at(held)
            await asyncio.shield(held.asked)
        return 0.0

    def _turn_at(self, held: _Held) -> float:
        now = self._clock.now()
        limit = rules.limit_on(held.warmup.plan, rules.plan_day(held.warmup, held.day, ())) or 1
        turn_at = max(held.asks_at, held.line_at, now + 1.0)
        held.line_at = turn_at + rules.DAY_S / limit
        return turn_at

    def _held_for(self, address: str, warmup: Warmup, site: str) -> _Held:
        """Anew with each day and each plan."""
        key, today = (address, site), rules.day_of(self._clock.now())
        held = self._held.get(key)
        if held is None or held.day != today or held.warmup != warmup:
            if len(self._held) >= _MOST_HELD:
                self._held.clear()  # what was promised and is not used is missing from the day's share
            held = self._held[key] = _Held(warmup, today)
        return held

    def _ask_beside(self, address: str, site: str, held: _Held) -> None:
        now = self._clock.now()
        if held.asked is not None or now < held.asks_at:
            return
        held.asked = asyncio.get_running_loop().create_future()
        self._store.submit(_reserve, _Ask(address, site, held.warmup, now), partial(_granted, held, now))

    # Results

    def note(self, address: str, site: str, verdict: Verdict, reason: str) -> None:
        """Count what became of an attempt."""
        weight = rules.weigh(verdict, reason)
        if not (weight.sent or weight.deferred):
            return
        key = (address, site, rules.day_of(self._clock.now()))
        tally = self._noted.get(key)
        if tally is None:
            if len(self._noted) >= _MOST_HELD:  # the store is away for long: figures are lost, no mail
                self._noted.clear()
            tally = self._noted[key] = _Tally()
        tally.sent += weight.sent
        tally.deferred += weight.deferred
        tally.is_block |= weight.is_block

    async def flush(self) -> None:
        """Write what was noted; pause where a site does not like an address."""
        if not self._noted:
            return
        noted, self._noted = self._noted, {}
        now = self._clock.now()
        try:
            paused = await self._store.write(_write_down, (noted, now))
        except BaseException:
            for key, tally in noted.items():
                self._join(key, tally)
            raise
        for (address, site), why in paused.items():
            log.warning("warm-up pauses for a day", address=address, site=site, why=why)
            if held := self._held.get((address, site)):
                held.left, held.asks_at = 0, now + rules.PAUSE_S

    def _join(self, key: tuple[str, str, int], tally: _Tally) -> None:
        """What could not be written is counted with what came meanwhile."""
        newer = self._noted.setdefault(key, tally)
        if newer is not tally:
            newer.sent += tally.sent
            newer.deferred += tally.deferred
            newer.is_block |= tally.is_block

    async def finish(self) -> None:
        """An address whose plan is over at every site is warm from now on."""
        for address in await self._store.write(each(_finish), (rules.day_of(self._clock.now()),)):
            log.info("warm-up is over: the address is warm", address=address)


def _granted(held: _Held, now: float, grant: Any, error: BaseException | None) -> None:
    if error is not None:
        held.asks_at = now + _AGAIN_S
    else:
        held.left += grant.count
        held.asks_at, held.is_open = grant.again_at, grant.is_open
    if held.asked is not None:
        held.asked.set_result(None)
        held.asked = None


@runs_apart
def _reserve(conn: Connection, asks: Sequence[_Ask]) -> list[_Grant]:
    """Blocks of today's shares for one worker; a writing function."""
    grants = {}
    for place in sorted(range(len(asks)), key=lambda place: (asks[place].address, asks[place].site)):
        grants[place] = _reserved(conn, asks[place])  # in one order: rows stay locked
    return [grants[place] for place in range(len(asks))]


def _reserved(conn: Connection, ask: _Ask) -> _Grant:
    today = rules.day_of(ask.now)
    tomorrow = rules.starts_of(today + 1)
    pauses = books.pauses(conn, ask.address, ask.site)
    paused_until = max([until for _, until in pauses], default=0.0)
    if paused_until > ask.now:
        return _Grant(0, min(paused_until, tomorrow))
    plan = ask.warmup.plan
    limit = rules.limit_on(plan, rules.plan_day(ask.warmup, today, [day for day, _ in pauses]))
    if limit is None:
        return _Grant(0, tomorrow, is_open=True)
    taken = books.reserved(conn, ask.address, ask.site, today)
    count = rules.block(limit, plan.burst, taken, ask.now)
    # the guard is the store's: somebody else may have been quicker since we looked
    if not count or not books.reserve(conn, ask.address, ask.site, today, count, taken + count):
        return _Grant(0, rules.free_at(limit, plan.burst, taken, ask.now))
    return _Grant(count, rules.free_at(limit, plan.burst, taken + count, ask.now))


@runs_apart
def _write_down(conn: Connection, items: Sequence[tuple[_Noted, float]]) -> list[dict[Key, str]]:
    """Add up; where the warm-up pauses from now on, and why. A writing function."""
    return [_added(conn, *item) for item in items]


def _added(conn: Connection, noted: _Noted, now: float) -> dict[Key, str]:
    paused: dict[Key, str] = {}
    for (address, site, day), tally in sorted(noted.items()):  # in one order: rows stay locked
        sent, deferred, paused_until = books.note(conn, address, site, day, tally.sent, tally.deferred)
        why = rules.pause_reason(sent, deferred, tally.is_block)
        if why and not paused_until:
            books.pause(conn, address, site, day, now + rules.PAUSE_S, why)
            paused[address, site] = why
    return paused


def _finish(conn: Connection, today: int) -> list[str]:
    """Make the addresses warm whose plan is over at every site."""
    warm: list[str] = []
    running = books.running(conn)
    pauses = books.all_pauses(conn) if running else []
    for address, text in running:
        warmup = read_warmup(text)
        assert warmup is not None
        sites: dict[str, list[int]] = {"": []}
        for of_address, site, day in pauses:
            if of_address == address:
                sites.setdefault(site, []).append(day)
        days = [rules.plan_day(warmup, today, days) for days in sites.values()]
        if rules.limit_on(warmup.plan, min(days)) is None:
            books.set_warmup(conn, address, "")
            warm.append(address)
    return warm
