"""Bring due deliveries from the store into the dispatcher, fairly.

Once a second, and whenever memory runs low, the lanes that are due are listed (a walk over an index, one step
a lane) and each gets a share of the room: accounts in turn, an account's lanes in turn, never more than the
lane's site can use. A lane whose site rests gets nothing, so a million messages for a dead destination cost
one index step a second.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import structlog

from posthouse.model.clock import Clock
from posthouse.model.message import Delivery
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.pipeline.letters import Job, Loaded, RecentLetters
from posthouse.rules.plan import lane_parts
from posthouse.store import leftovers, messages, queue
from posthouse.store.engine import Store
from posthouse.store.queue import LaneDue, TakeOrder

log = structlog.get_logger()

POLL_S = 1.0
PAUSE_S = 0.02  # however often it is woken: the store is not asked more than 50 times a second in vain
LANES = 100_000
_MANY_LANES = 1_000
_LANES_FRESH_S = 0.5
_MOST_A_LANE = 500
_MOST_A_PASS = 1_000


@dataclass(frozen=True, slots=True)
class Share:
    lane: str
    count: int


def shares(lanes: Sequence[LaneDue], room_of: Callable[[str], int], room: int) -> list[Share]:
    """Divide `room` among lanes: one place at a time, accounts in turn, their lanes in turn.

    `room_of(domain)` bounds what a lane may get. Lane names are `domain|account|class`.
    """
    left = {due.lane: min(room_of(lane_parts(due.lane)[0]), _MOST_A_LANE) for due in lanes}
    counts: dict[str, int] = defaultdict(int)
    turns = [lane for lane in _in_turn(lanes) if left[lane] > 0]
    while room > 0 and turns:
        step = max(1, room // len(turns))
        for lane in turns:
            given = min(step, left[lane], room)
            counts[lane] += given
            left[lane] -= given
            room -= given
        turns = [lane for lane in turns if left[lane] > 0]
    return [Share(lane, count) for lane, count in counts.items() if count]


def _in_turn(lanes: Iterable[LaneDue]) -> Iterator[str]:
    """Accounts in turn, within an account its lanes by age of what is due."""
    by_account: dict[str, list[LaneDue]] = defaultdict(list)
    for due in sorted(lanes, key=lambda due: due.due_at):
        by_account[lane_parts(due.lane)[1]].append(due)
    for row in zip_longest(*by_account.values()):
        yield from (due.lane for due in row if due)


class Fetcher:
    """The loop that feeds one worker's dispatcher from the store."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        dispatcher: Dispatcher,
        worker_id: str,
        letters: RecentLetters,
        may_start: Callable[[], bool],
    ) -> None:
        self._store = store
        self._clock = clock
        self._dispatcher = dispatcher
        self._worker_id = worker_id
        self._letters = letters
        self._may_start = may_start
        self._lanes: list[LaneDue] = []
        self._lanes_at = 0.0

    async def run(self) -> None:
        """Fetch until cancelled: at least once a second, at once while more is due and there is room."""
        while True:
            if not await self.fetch():
                await self._dispatcher.hungry(POLL_S)
                await asyncio.sleep(PAUSE_S)

    async def fetch(self) -> bool:
        """One pass. True: something was taken, look again at once."""
        if not self._may_start() or self._store.is_away:
            return False
        try:
            return await self._pass()
        except Exception as error:
            log.warning("fetching due mail failed: %s", error)
            return False

    async def _pass(self) -> bool:
        room = min(self._dispatcher.bound.room(True), _MOST_A_PASS)
        if not room:
            return False
        lanes = await self._lanes_due()
        self._dispatcher.has_backlog = bool(lanes)
        orders = shares(lanes, self._dispatcher.room_for, room)
        if not orders:
            return False
        now = self._clock.now()
        answers = await asyncio.gather(
            *[
                self._store.write(queue.take, TakeOrder(o.lane, o.count, self._worker_id, now))
                for o in orders
            ],
            return_exceptions=True,  # what one order got must be begun although another failed
        )
        deliveries = [each for answer in answers if not isinstance(answer, BaseException) for each in answer]
        await self._begin(deliveries)
        return bool(deliveries)

    async def _lanes_due(self) -> list[LaneDue]:
        """What is due; where that is very many lanes, the list serves for half a second."""
        now = self._clock.monotonic()
        if len(self._lanes) < _MANY_LANES or now - self._lanes_at > _LANES_FRESH_S:
            self._lanes = await self._store.read(queue.lanes_due, self._clock.now(), LANES)
            self._lanes_at = now
        return self._lanes

    async def _begin(self, deliveries: Sequence[Delivery]) -> None:
        """Load the letters and hand over; if they cannot be read now, the rows go back."""
        try:
            jobs = await self._jobs(deliveries)
        except Exception:
            for delivery in deliveries:
                self._dispatcher.return_row(delivery.id, delivery.attempt)
            raise
        self._dispatcher.begin(jobs)

    async def expire(self, most: int) -> int:
        """End what is past its time although its site rests or its turn never came; how many were taken."""
        order = (self._worker_id, self._clock.now(), most)
        deliveries = await self._store.write(leftovers.take_expired, order)
        await self._begin(deliveries)
        return len(deliveries)

    async def _jobs(self, deliveries: Sequence[Delivery]) -> list[Job]:
        wanted = {d.message_id for d in deliveries if not self._letters.get(d.message_id)}
        if wanted:
            for message, content in (await self._store.read(messages.load_many, sorted(wanted))).values():
                self._letters.put(Loaded(message, content))
        return [Job(delivery, self._letters.get(delivery.message_id)) for delivery in deliveries]
