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

`account_blocks` counts; here is the exchange with the store.

Public: Blocks.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Protocol

import structlog

from posthouse.model.clock import Clock
from posthouse.model.errors import CommitInDoubt, PosthouseError
from posthouse.pipeline.account_blocks import AccountBlocks, Block, Grant, Then, Waiting
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
_FORGET_S = 60.0
_LOOKED_AT = 500  # waiting letters that a block is made large enough for


class Writing(Protocol):
    """The part of `store.engine.Store` that blocks need."""

    def write(self, fn: Callable[[Connection, list[Any]], Any], item: Any) -> asyncio.Future[Any]: ...


class Blocks:
    """The blocks of one worker."""

    def __init__(self, store: Writing, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._accounts: dict[str, AccountBlocks] = {}

    # Letters

    def take(self, account_id: str, allowance: Allowance, count: int, then: Then) -> None:
        """Count a letter's recipients against its limits, in all or in none. HOT where there are limits.

        Errors: TryLater (a limit that has nothing left, or the store cannot be asked).
        """
        account = self._accounts.get(account_id)
        if account is None:
            account = self._accounts[account_id] = AccountBlocks(self._clock)
        if not account.waiting:
            grant = account.taken(allowance, count)
            if grant is not None:
                then(grant, None)
                if account.exchanging is None:
                    self._fill_up(account, grant)
                return
        account.waiting.append(Waiting(allowance, count, then))
        self._serve(account)

    def full_until(self, account_id: str, allowance: Allowance) -> float:
        """Until when all windows of these limits are known to be full of mail that waits; 0: look."""
        account = self._accounts.get(account_id)
        return account.full_until(allowance) if account else 0.0

    def note_full(self, account_id: str, allowance: Allowance, until: float, known: float) -> None:
        """Tell the account's blocks, if it has any yet: `AccountBlocks.note_full`."""
        account = self._accounts.get(account_id)
        if account is not None:
            account.note_full(allowance, until, known)

    def _serve(self, account: AccountBlocks) -> None:
        """Answer waiting letters, the oldest first, until one needs the store."""
        while account.waiting and account.exchanging is None:
            first = account.waiting[0]
            grant = account.taken(first.allowance, first.count)
            short = None if grant else account.known_short(first)
            if grant is None and short is None:
                self._ask(account, first)
                continue
            account.waiting.popleft()
            first.then(grant, self._refused(short, first) if short else None)

    def _refused(self, short: tuple[Limit, Block], letter: Waiting) -> PosthouseError | None:
        """None: the store must look which recipients really go, or when there is room for them."""
        limit, block = short
        if letter.allowance.waits or block.left or block.held or letter.count > limit.most:
            return None
        return refusal(limit, 1, self._clock.now())

    # The store

    def _ask(self, account: AccountBlocks, first: Waiting) -> None:
        now = self._clock.now()
        demand: Counter[str] = Counter()
        for letter in islice(account.waiting, _LOOKED_AT):
            for limit in letter.allowance.limits:
                demand[limit.scope] += letter.count
        wanted = {}
        for limit in first.allowance.limits:
            block = account.block_of(limit, now)
            need = first.count - block.held
            if need > 0:
                hoped = demand[limit.scope] - block.held
                wanted[block.scope, block.window] = (need, hoped, block.size, block.held, block.most)
        if wanted:
            self._exchange(account, wanted)

    def _fill_up(self, account: AccountBlocks, grant: Grant) -> None:
        wanted = {
            (block.scope, block.window): (0, 0, block.size, block.held, block.most)
            for block in grant.blocks
            if block.is_low
        }
        if wanted:
            self._exchange(account, wanted)

    def _exchange(self, account: AccountBlocks, wanted: Mapping[tuple[str, int], tuple[int, ...]]) -> None:
        leaving, account.leaving = account.leaving, Counter()
        parts = [
            Part(*key, leaving[key], *wanted.get(key, ())) for key in sorted(wanted.keys() | leaving.keys())
        ]
        account.exchanging = self._store.write(exchange, parts)
        account.exchanging.add_done_callback(partial(self._exchanged, account, parts))

    def _exchanged(self, account: AccountBlocks, parts: Sequence[Part], future: asyncio.Future[Any]) -> None:
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

    def _failed(self, account: AccountBlocks, parts: Sequence[Part], error: BaseException) -> None:
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

    def _tidy(self, account: AccountBlocks, now: float, monotonic: float) -> None:
        for block in list(account.blocks.values()):
            if monotonic - block.used_at >= IDLE_S:
                account.leave(block)
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
                account.leave(block)
            if account.leaving:
                self._exchange(account, {})
        for error in await self._answers():
            if isinstance(error, BaseException):
                log.warning("parts of limits could not be given back", cause=str(error))
                return

    async def _answers(self) -> list[Any]:
        pending = [account.exchanging for account in self._accounts.values() if account.exchanging]
        return await asyncio.gather(*pending, return_exceptions=True)
