"""A worker's blocks: recipients reserved in the store ahead of their letters, which are counted in memory.

A block is a piece of one limit's present window. Small while its limit is nearly used up or the worker sends
little, it grows to what the worker sends in two to four seconds, and is filled up when half of it is gone:
then the store's row is touched about once a second and not once a letter. What a worker holds and does not
use goes back within seconds, and when it ends; what a killed worker held stays used until the window ends. So
no window is ever overfull, and what is refused although there was room is at most a block for each worker
(docs/decisions/022).

Everything here runs on the loop. Each account has at most one exchange with the store under way and a queue
of letters that wait for it: accounts do not wait for each other, and the number of waiting letters is bounded
by the connections that they came in on.

Public: Blocks, Grant.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Protocol

import structlog

from posthouse.model.clock import Clock
from posthouse.model.errors import CommitInDoubt, PosthouseError
from posthouse.pipeline.quota import Denied, Part, exchange, refusal
from posthouse.rules.limits import Allowance, Limit
from posthouse.store.connection import Connection
from posthouse.store.trouble import Trouble
from posthouse.store.trouble import refusal as store_refusal

log = structlog.get_logger()

MOST = 1000  # of a block
SWEEP_S = 1.0
IDLE_S = 3.0  # what nobody used for so long goes back
_QUICK_S = 1.0  # a block of which half is gone within that time is followed by one of twice its size
_AHEAD = 8  # blocks of that size are filled up before they are empty, so that no letter waits for it
_KNOWN_S = 1.0  # how long the store's "no" is believed
_FORGET_S = 60.0
_LOOKED_AT = 500  # waiting letters that a block is made large enough for


class Writing(Protocol):
    """The part of `store.engine.Store` that blocks need."""

    def write(self, fn: Callable[[Connection, list[Any]], Any], item: Any) -> asyncio.Future[Any]: ...


@dataclass(slots=True, eq=False)
class Block:
    """What this worker holds of a limit's window, and what it knows of the rest. Times but the window's are
    monotonic. `size`: up to which it is filled; `left`: what the store had at the last "no"."""

    scope: str
    window: int
    begins_at: float
    ends_at: float
    most: int
    held: int = 0
    size: int = 1
    got_at: float = 0.0
    used_at: float = 0.0
    left: int = 0
    denied_at: float = -_KNOWN_S

    @property
    def is_low(self) -> bool:
        """Is it time to fill it up?"""
        return self.held * 2 < self.size >= _AHEAD

    def holds(self, limit: Limit, now: float) -> bool:
        """Is it of this limit, as it is set now, and of the present window?"""
        return self.begins_at <= now < self.ends_at and self.most == limit.most


@dataclass(frozen=True, slots=True)
class Grant:
    """A letter's recipients, counted in these blocks."""

    blocks: Sequence[Block]

    def give_back(self, count: int) -> None:
        """They are not sent after all."""
        for block in self.blocks:
            block.held += count


Then = Callable[[Grant | None, BaseException | None], None]
"""Called with a grant; with an error; or with neither: it must be judged in the store, letter by letter."""


@dataclass(slots=True)
class _Waiting:
    allowance: Allowance
    count: int
    then: Then


@dataclass(slots=True)
class _Full:
    """When a letter looked at all windows of an allowance last (monotonic), and until when they are full."""

    looked_at: float
    until: float = 0.0


@dataclass(slots=True, eq=False)
class _Account:
    """`leaving`: (scope, window) -> what is to be given back. `full`: see `Blocks.full_until`."""

    blocks: dict[str, Block] = field(default_factory=dict)
    waiting: deque[_Waiting] = field(default_factory=deque)
    leaving: Counter[tuple[str, int]] = field(default_factory=Counter)
    full: dict[Allowance, _Full] = field(default_factory=dict)
    exchanging: asyncio.Future[Any] | None = None


class Blocks:
    """The blocks of one worker."""

    def __init__(self, store: Writing, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    # Letters

    def take(self, account_id: str, allowance: Allowance, count: int, then: Then) -> None:
        """Count a letter's recipients against its limits, in all or in none. HOT where there are limits.

        Errors: TryLater (a limit that has nothing left, or the store cannot be asked).
        """
        account = self._accounts.get(account_id)
        if account is None:
            account = self._accounts[account_id] = _Account()
        if not account.waiting:
            grant = self._taken(account, allowance, count)
            if grant is not None:
                then(grant, None)
                if account.exchanging is None:
                    self._fill_up(account, grant)
                return
        account.waiting.append(_Waiting(allowance, count, then))
        self._serve(account)

    def full_until(self, account_id: str, allowance: Allowance) -> float:
        """Until when all windows of these limits are known to be full of mail that waits; 0: look.

        One letter a second is told to look: mail that waited may have been cancelled.
        """
        account = self._accounts.get(account_id)
        full = account.full.get(allowance) if account else None
        monotonic = self._clock.monotonic()
        if full is None or monotonic - full.looked_at >= _KNOWN_S:
            if full is not None:
                full.looked_at = monotonic
            return 0.0
        return full.until

    def note_full(self, account_id: str, allowance: Allowance, until: float, known: float) -> None:
        """Mail was put into the first windows with room; the last of them holds this instant, 0: it is the
        present one. `known`: what `full_until` had told it."""
        account = self._accounts.get(account_id)
        if account is None:
            return
        full = account.full.setdefault(allowance, _Full(self._clock.monotonic()))
        if not known:
            full.until = until
        elif known <= full.until:  # else somebody looked meanwhile and found room before that
            full.until = max(full.until, until)

    def _taken(self, account: _Account, allowance: Allowance, count: int) -> Grant | None:
        now = self._clock.now()
        blocks: list[Block] = []
        for limit in allowance.limits:
            block = account.blocks.get(limit.scope)
            if block is None or block.held < count or not block.holds(limit, now):
                return None
            blocks.append(block)
        used_at = self._clock.monotonic()
        for block in blocks:
            block.held -= count
            block.used_at = used_at
        return Grant(blocks)

    def _serve(self, account: _Account) -> None:
        """Answer waiting letters, the oldest first, until one needs the store."""
        while account.waiting and account.exchanging is None:
            first = account.waiting[0]
            grant = self._taken(account, first.allowance, first.count)
            short = None if grant else self._known_short(account, first)
            if grant is None and short is None:
                self._ask(account, first)
                continue
            account.waiting.popleft()
            first.then(grant, self._refused(short, first) if short else None)

    def _known_short(self, account: _Account, letter: _Waiting) -> tuple[Limit, Block] | None:
        """A limit of which the store said just now that it has no room for this letter."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        for limit in letter.allowance.limits:
            block = account.blocks.get(limit.scope)
            if block is None or not block.holds(limit, now) or monotonic - block.denied_at >= _KNOWN_S:
                continue
            if letter.count > block.held + block.left:
                return limit, block
        return None

    def _refused(self, short: tuple[Limit, Block], letter: _Waiting) -> PosthouseError | None:
        """None: the store must look which recipients really go, or when there is room for them."""
        limit, block = short
        if letter.allowance.waits or block.left or block.held or letter.count > limit.most:
            return None
        return refusal(limit, 1, self._clock.now())

    # The store

    def _ask(self, account: _Account, first: _Waiting) -> None:
        now = self._clock.now()
        demand: Counter[str] = Counter()
        for letter in islice(account.waiting, _LOOKED_AT):
            for limit in letter.allowance.limits:
                demand[limit.scope] += letter.count
        wanted = {}
        for limit in first.allowance.limits:
            block = self._block(account, limit, now)
            need = first.count - block.held
            if need > 0:
                hoped = demand[limit.scope] - block.held
                wanted[block.scope, block.window] = (need, hoped, block.size, block.held, block.most)
        if wanted:
            self._exchange(account, wanted)

    def _fill_up(self, account: _Account, grant: Grant) -> None:
        wanted = {
            (block.scope, block.window): (0, 0, block.size, block.held, block.most)
            for block in grant.blocks
            if block.is_low
        }
        if wanted:
            self._exchange(account, wanted)

    def _block(self, account: _Account, limit: Limit, now: float) -> Block:
        """The block of the present window under the limit as it is set now, empty if it is new."""
        block = account.blocks.get(limit.scope)
        if block is not None and block.begins_at <= now < block.ends_at:
            if block.most != limit.most:
                self._leave(account, block)
                block.most, block.denied_at = limit.most, -_KNOWN_S
            return block
        if block is not None and now < block.begins_at:  # the clock was put back
            self._leave(account, block)
        window = limit.span.window(now)
        ends_at = limit.span.begins_at(window + 1)
        new = Block(limit.scope, window, limit.span.begins_at(window), ends_at, limit.most)
        new.size = block.size if block is not None else 1
        account.blocks[limit.scope] = new
        return new

    def _leave(self, account: _Account, block: Block) -> None:
        if block.held:
            account.leaving[block.scope, block.window] += block.held
            block.held = 0

    def _exchange(self, account: _Account, wanted: Mapping[tuple[str, int], tuple[int, ...]]) -> None:
        leaving, account.leaving = account.leaving, Counter()
        parts = [
            Part(*key, leaving[key], *wanted.get(key, ())) for key in sorted(wanted.keys() | leaving.keys())
        ]
        account.exchanging = self._store.write(exchange, parts)
        account.exchanging.add_done_callback(partial(self._exchanged, account, parts))

    def _exchanged(self, account: _Account, parts: Sequence[Part], future: asyncio.Future[Any]) -> None:
        account.exchanging = None
        error = future.exception()
        if error is not None:
            self._failed(account, parts, error)
            return
        answer = future.result()
        monotonic = self._clock.monotonic()
        for place, part in enumerate(parts):
            block = account.blocks.get(part.scope)
            if block is None or block.window != part.window:
                continue
            if not isinstance(answer, Denied):
                self._filled(block, part, answer[place], monotonic)
            elif answer.scope == part.scope:
                block.left, block.denied_at, block.used_at = answer.left, monotonic, monotonic
        self._serve(account)

    def _filled(self, block: Block, part: Part, count: int, monotonic: float) -> None:
        if not part.most:
            return  # nothing was asked for
        block.held += count
        is_quick = monotonic - block.got_at < _QUICK_S
        if not part.need and count < part.size - part.held:
            block.size = max(block.held, 1)  # there is little left: smaller blocks from now on
        else:
            block.size = min(max(block.size, count) * 2, MOST) if is_quick else max(block.size // 2, 1)
        block.got_at = block.used_at = monotonic

    def _failed(self, account: _Account, parts: Sequence[Part], error: BaseException) -> None:
        """Nothing was exchanged, or nobody knows: then it stays used, which is the safe side."""
        if isinstance(error, CommitInDoubt):
            error = store_refusal(Trouble.AWAY)  # the letters themselves are certainly not stored
        else:
            for part in parts:
                if part.back:
                    account.leaving[part.scope, part.window] += part.back
        waiting, account.waiting = account.waiting, deque()
        for letter in waiting:
            letter.then(None, error)

    # Giving back

    async def run(self) -> None:
        """Give back what is not used, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep()

    def sweep(self) -> None:
        """Give back what nobody used for some seconds, forget what is over."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        for account_id, account in list(self._accounts.items()):
            if account.exchanging is None:
                self._tidy(account, now, monotonic)
                if not account.blocks and not account.full and account.exchanging is None:
                    del self._accounts[account_id]

    def _tidy(self, account: _Account, now: float, monotonic: float) -> None:
        for block in list(account.blocks.values()):
            if monotonic - block.used_at >= IDLE_S:
                self._leave(account, block)
            if now >= block.ends_at or monotonic - block.used_at >= _FORGET_S:
                del account.blocks[block.scope]
        account.full = {limits: full for limits, full in account.full.items() if full.until > now}
        if account.leaving:
            self._exchange(account, {})

    async def close(self) -> None:
        """Give everything back, as far as the store can be reached: nobody takes any more."""
        await self._answers()
        for account in self._accounts.values():
            for block in account.blocks.values():
                self._leave(account, block)
            if account.leaving:
                self._exchange(account, {})
        for error in await self._answers():
            if isinstance(error, BaseException):
                log.warning("parts of limits could not be given back", cause=str(error))
                return

    async def _answers(self) -> list[Any]:
        pending = [account.exchanging for account in self._accounts.values() if account.exchanging]
        return await asyncio.gather(*pending, return_exceptions=True)
