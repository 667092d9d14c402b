"""The blocks of one account in one worker, and the letters that wait for them: what is counted in memory.

Public: AccountBlocks, Block, Grant, Then, Waiting.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from posthouse.model.clock import Clock
from posthouse.rules.limits import Allowance, Limit

_AHEAD = 8  # blocks of that size are filled up before they are empty, so that no letter waits for it
KNOWN_S = 1.0  # how long the store's "no" is believed


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
    denied_at: float = -KNOWN_S

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
class Waiting:
    """A letter that waits for its account's exchange with the store."""

    allowance: Allowance
    count: int
    then: Then


@dataclass(slots=True)
class _Full:
    """When a letter looked at all windows of an allowance last (monotonic), and until when they are full."""

    looked_at: float
    until: float = 0.0


@dataclass(slots=True, eq=False)
class AccountBlocks:
    """`leaving`: (scope, window) -> what is to be given back. `full`: see `full_until`. `exchanging`: the one
    exchange with the store that may be under way."""

    clock: Clock
    blocks: dict[str, Block] = field(default_factory=dict)
    waiting: deque[Waiting] = field(default_factory=deque)
    leaving: Counter[tuple[str, int]] = field(default_factory=Counter)
    full: dict[Allowance, _Full] = field(default_factory=dict)
    exchanging: asyncio.Future[Any] | None = None

    def taken(self, allowance: Allowance, count: int) -> Grant | None:
        """Count the recipients in each limit's block; None where one holds too few."""
        now = self.clock.now()
        blocks: list[Block] = []
        for limit in allowance.limits:
            block = self.blocks.get(limit.scope)
            if block is None or block.held < count or not block.holds(limit, now):
                return None
            blocks.append(block)
        used_at = self.clock.monotonic()
        for block in blocks:
            block.held -= count
            block.used_at = used_at
        return Grant(blocks)

    def known_short(self, letter: Waiting) -> tuple[Limit, Block] | None:
        """A limit of which the store said just now that it has no room for this letter."""
        now, monotonic = self.clock.now(), self.clock.monotonic()
        for limit in letter.allowance.limits:
            block = self.blocks.get(limit.scope)
            if block is None or not block.holds(limit, now) or monotonic - block.denied_at >= KNOWN_S:
                continue
            if letter.count > block.held + block.left:
                return limit, block
        return None

    def block_of(self, limit: Limit, now: float) -> Block:
        """The block of the present window under the limit as it is set now, empty if it is new."""
        block = self.blocks.get(limit.scope)
        if block is not None and block.begins_at <= now < block.ends_at:
            if block.most != limit.most:
                self.leave(block)
                block.most, block.denied_at = limit.most, -KNOWN_S
            return block
        if block is not None and now < block.begins_at:  # the clock was put back
            self.leave(block)
        window = limit.span.window(now)
        ends_at = limit.span.begins_at(window + 1)
        new = Block(limit.scope, window, limit.span.begins_at(window), ends_at, limit.most)
        new.size = block.size if block is not None else 1
        self.blocks[limit.scope] = new
        return new

    def leave(self, block: Block) -> None:
        """What it holds is to be given back."""
        if block.held:
            self.leaving[block.scope, block.window] += block.held
            block.held = 0

    def full_until(self, allowance: Allowance) -> float:
        """Until when all windows of these limits are known to be full of mail that waits; 0: look.

        One letter a second is told to look: mail that waited may have been cancelled.
        """
        full = self.full.get(allowance)
        monotonic = self.clock.monotonic()
        if full is None or monotonic - full.looked_at >= KNOWN_S:
            if full is not None:
                full.looked_at = monotonic
            return 0.0
        return full.until

    def note_full(self, allowance: Allowance, until: float, known: float) -> None:
        """Mail was put into the first windows with room; the last of them holds this instant, 0: it is the
        present one. `known`: what `full_until` had told it."""
        full = self.full.setdefault(allowance, _Full(self.clock.monotonic()))
        if not known:
            full.until = until
        elif known <= full.until:  # else somebody looked meanwhile and found room before that
            full.until = max(full.until, until)
