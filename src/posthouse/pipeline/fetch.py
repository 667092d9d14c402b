"""Bring due deliveries from the store into the dispatcher, fairly.

Once a second, and whenever memory runs low, the lanes that are due are listed (a walk over an index, one step
a lane) and each gets a share of the room: accounts in turn, an account's lanes in turn, never more than the
lane's site can use. A lane whose site rests gets nothing, so a million messages for a dead destination cost
one index step a second.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from posthouse.model.clock import Clock
from posthouse.model.lane import lane_parts
from posthouse.model.message import Delivery, Message
from posthouse.pipeline.custody import Custody
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.pipeline.letters import Job, Loaded, RecentLetters
from posthouse.pipeline.sites import Place
from posthouse.pipeline.stops import Stops, read_stops
from posthouse.store import leftovers, messages, queue
from posthouse.store.engine import Connection, Store
from posthouse.store.queue import LaneDue, TakeOrder

log = structlog.get_logger()

POLL_S = 1.0
PAUSE_S = 0.02  # however often it is woken: the store is not asked more than 50 times a second in vain
LANES = 100_000
_MANY_LANES = 1_000
_LANES_FRESH_S = 0.5
_MOST_A_LANE = 500
_MOST_A_PASS = 1_000
_LEAST_BYTES = 4 * 1024 * 1024  # of contents are read even when memory is full: expiry must get on
_FIRST_PART, _LARGEST_PART = 4, 64  # letters read at once


@dataclass(frozen=True, slots=True)
class Share:
    lane: str
    count: int


def shares(
    lanes: Sequence[LaneDue], place_of: Callable[[str], Place], most: int, most_unproven: int
) -> list[Share]:
    """Divide `most` places among lanes: one place at a time, accounts in turn, their lanes in turn.

    Lanes of one site share that site's room, sites that have not proven themselves share `most_unproven`.
    `place_of` takes a lane, `account|domain|class`.
    """
    counts: dict[str, int] = {}
    left: dict[str, int] = {}
    rest = _in_turn(lanes)
    turns: deque[tuple[str, Place]] = deque()
    while most > 0:
        lane = next(rest, None)  # the first turn: no more lanes are looked at than get a place
        if lane is not None:
            place = place_of(lane)
            if place.room <= 0:  # and what shares its name may have room all the same
                continue
            left.setdefault(place.site, place.room)
        elif turns:
            lane, place = turns.popleft()
        else:
            break
        count = counts.get(lane, 0)
        if left[place.site] <= 0 or count >= _MOST_A_LANE or not (place.is_proven or most_unproven > 0):
            continue
        counts[lane] = count + 1
        left[place.site] -= 1
        most -= 1
        most_unproven -= not place.is_proven
        turns.append((lane, place))
    return [Share(lane, count) for lane, count in counts.items()]


def _in_turn(lanes: Iterable[LaneDue]) -> Iterator[str]:
    """Accounts in turn, within an account its lanes by age of what is due."""
    by_account: dict[str, list[LaneDue]] = defaultdict(list)
    for due in sorted(lanes, key=lambda due: due.due_at):
        by_account[lane_parts(due.lane)[0]].append(due)
    turns = deque(map(iter, by_account.values()))
    while turns:
        account = turns.popleft()
        for due in account:
            yield due.lane
            turns.append(account)
            break


class Fetcher:
    """The loop that feeds one worker's dispatcher from the store. `suspended`: ids of the accounts whose mail
    stays where it is."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        dispatcher: Dispatcher,
        worker_id: str,
        letters: RecentLetters,
        custody: Custody,
        may_start: Callable[[], bool],
        suspended: Callable[[], Container[str]] = tuple,
    ) -> None:
        self._store = store
        self._clock = clock
        self._dispatcher = dispatcher
        self._worker_id = worker_id
        self._letters = letters
        self._custody = custody
        self._may_start = may_start
        self._suspended = suspended
        self._typical_bytes = 1
        self._lanes: list[LaneDue] = []
        self._lanes_until = 0.0

    async def run(self) -> None:
        """Fetch until cancelled: at least once a second, at once while more is due and there is room."""
        while True:
            if not await self.fetch():
                await self._dispatcher.hungry(POLL_S)
                await asyncio.sleep(PAUSE_S)

    async def fetch(self) -> bool:
        """One pass. True: something was taken, look again at once."""
        if not self._may_take() or self._store.is_away:
            return False
        try:
            return await self._pass()
        except Exception as error:
            log.warning("fetching due mail failed: %s", error)
            return False

    async def expire(self, most: int) -> int:
        """End what is past its time although its site rests or its turn never came; how many were taken."""
        if not self._may_take():
            return 0
        async with self._custody.taking:
            order = (self._worker_id, self._clock.now(), most)
            deliveries = await self._store.write(leftovers.take_expired, order)
            await self._begin(deliveries)
        return len(deliveries)

    def _may_take(self) -> bool:
        return self._may_start() and not self._dispatcher.is_stopping

    async def _pass(self) -> bool:
        bound = self._dispatcher.bound
        # of letters as large as the last ones were, no more than memory has room for
        room = min(bound.room(True), _MOST_A_PASS, 1 + bound.room_bytes(True) // self._typical_bytes)
        if not bound.room(True):
            return False
        lanes = await self._lanes_due()
        orders = shares(lanes, self._dispatcher.place_of_lane, room, bound.room(False))
        if not orders:
            return False
        async with self._custody.taking:
            deliveries = await self._take(orders)
            await self._begin(deliveries)
        return bool(deliveries)

    async def _lanes_due(self) -> list[LaneDue]:
        """What is due. Where that is very many lanes, only those with room, and the list serves for a while:
        looking at it may take a tenth of the time, a few milliseconds at once."""
        now = self._clock.monotonic()
        if now < self._lanes_until:
            return self._lanes
        lanes = await self._lanes_of_those_who_may()
        self._dispatcher.has_backlog = bool(lanes)
        self._lanes, self._lanes_until = lanes, 0.0
        if len(lanes) >= _MANY_LANES:
            self._lanes = await self._with_room(lanes)
            end = self._clock.monotonic()
            self._lanes_until = end + max(_LANES_FRESH_S, 10 * (end - now))
        return self._lanes

    async def _lanes_of_those_who_may(self) -> list[LaneDue]:
        """Without suspended accounts, however many lanes of theirs have waited longest."""
        now, most = self._clock.now(), LANES
        while True:
            lanes: list[LaneDue] = await self._store.read(queue.lanes_due, now, most)
            suspended = self._suspended()
            going = [due for due in lanes if lane_parts(due.lane)[0] not in suspended] if suspended else lanes
            if going or len(lanes) < most:
                return going
            most *= 4

    async def _with_room(self, lanes: Sequence[LaneDue]) -> list[LaneDue]:
        kept: list[LaneDue] = []
        place_of = self._dispatcher.place_of_lane
        for at in range(0, len(lanes), _MANY_LANES):
            part = lanes[at : at + _MANY_LANES]
            kept += [due for due in part if place_of(due.lane).room > 0]
            await asyncio.sleep(0)
        return kept

    async def _take(self, orders: Sequence[Share]) -> list[Delivery]:
        now = self._clock.now()
        answers = await asyncio.gather(
            *[
                self._store.write(queue.take, TakeOrder(o.lane, o.count, self._worker_id, now))
                for o in orders
            ],
            return_exceptions=True,  # what one order got must be begun although another failed
        )
        troubles = [answer for answer in answers if isinstance(answer, BaseException)]
        if troubles:
            log.warning("%d of %d lanes could not be taken: %s", len(troubles), len(answers), troubles[0])
        return [each for answer in answers if not isinstance(answer, BaseException) for each in answer]

    async def _begin(self, deliveries: Sequence[Delivery]) -> None:
        """Load the letters and hand over; what cannot be read now, or has no room, goes back."""
        try:
            letters, unread = await self._letters_of(deliveries)
            jobs = [
                Job(delivery, letters.get(delivery.message_id))
                for delivery in deliveries
                if delivery.message_id not in unread
            ]
            stops = await self._stops_of(jobs)
        except BaseException:
            for delivery in deliveries:
                self._custody.give_back(delivery)
            raise
        self._begin_jobs(jobs, stops)
        for delivery in deliveries:
            if delivery.message_id in unread:
                self._custody.give_back(delivery)

    def _begin_jobs(self, jobs: Sequence[Job], stops: Stops) -> None:
        """Hand over what may go; what a list or its batch forbids by now ends here."""
        going: list[Job] = []
        for job in jobs:
            stop = stops.of(job.letter.message, job.delivery) if job.letter else None
            if stop is None:
                going.append(job)
            else:
                self._dispatcher.stop_job(job, stop)
        self._dispatcher.begin(going)

    async def _stops_of(self, jobs: Sequence[Job]) -> Stops:
        """What came up while the deliveries waited: one look for all."""
        asked = [(job.letter.message, [job.delivery]) for job in jobs if job.letter]
        if not asked:
            return Stops({}, {})
        stops: Stops = await self._store.read(read_stops, asked)
        return stops

    async def _letters_of(self, deliveries: Sequence[Delivery]) -> tuple[dict[str, Loaded], set[str]]:
        """The letters by id (those that the store has lost are missing), and the ids that were not read
        because memory is full."""
        # held here, not looked up again below: the recent ones are bounded and forget under our hands
        letters: dict[str, Loaded] = {}
        wanted: set[str] = set()
        for message_id in {delivery.message_id for delivery in deliveries}:
            if letter := self._letters.get(message_id):
                letters[message_id] = letter
            else:
                wanted.add(message_id)
        if not wanted:
            return letters, set()
        room_bytes = max(_LEAST_BYTES, self._dispatcher.bound.room_bytes(True))
        found, unread = await self._store.read(_load_some, sorted(wanted), room_bytes)
        for message, content in found.values():
            letter = letters[message.id] = Loaded(message, content)
            self._letters.put(letter)
        if found:
            self._typical_bytes = 1 + sum(len(content) for _, content in found.values()) // len(found)
        return letters, unread


def _load_some(
    conn: Connection, message_ids: Sequence[str], most_bytes: int
) -> tuple[dict[str, tuple[Message, bytes]], set[str]]:
    """Letters until their bytes pass `most_bytes`, and the ids that were left out for that reason.

    Sizes show only when a letter is there, so a part is no larger than the letters before it suggest.
    """
    found: dict[str, tuple[Message, bytes]] = {}
    held, at, part = 0, 0, _FIRST_PART
    while at < len(message_ids) and held < most_bytes:
        letters = messages.load_many(conn, message_ids[at : at + part])
        found |= letters
        held += sum(len(content) for _, content in letters.values())
        at += part
        part = max(1, min(_LARGEST_PART, (most_bytes - held) * at // max(1, held)))
    return found, set(message_ids[at:])
