"""Opens and clicks on their way to the store: the visitor never waits for it, and it may be away.

What the tracking door saw waits here for a second, so that many links of one mail followed at once are known
for what they are, and is written in groups. While the store is away it waits longer; past the bound the
oldest is lost, and counted. What a worker has not written yet dies with it: these are no acknowledged mail.

One copy keeps `MOST_OF_COPY` opens and as many clicks; further ones are counted and forgotten, so nobody can
fill the store by asking for one picture again and again.

Public: Visits, Visit, MOST_WAITING, MOST_OF_COPY, HOLD_S, FLUSH_S.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import CommitInDoubt, TryLater
from posthouse.model.event import Event, EventKind
from posthouse.model.labels import labels
from posthouse.model.options import read_recipient_options
from posthouse.observe import Counters
from posthouse.pipeline.engage import Visitor
from posthouse.pipeline.facts import event_of
from posthouse.rules.machines import MANY_WITHIN_S, SCANNER, in_bursts, is_too_soon
from posthouse.store import events, visits
from posthouse.store.connection import Connection
from posthouse.store.engine import Store
from posthouse.store.visits import Known

log = structlog.get_logger()

MOST_WAITING = 20_000
MOST_OF_COPY = 100
HOLD_S = MANY_WITHIN_S
FLUSH_S = 0.25
_GROUP = 200
_MOST_FULL = 10_000


@dataclass(slots=True)
class Visit:
    """An open or a click. `machine`: one of `rules.machines`, "" for a person; `data`: what its event says
    beside that; `link`: the number of the link."""

    kind: EventKind
    delivery_id: str
    at: float
    machine: str
    data: dict[str, Any] = field(default_factory=dict)
    link: int = 0

    @property
    def key(self) -> tuple[str, EventKind]:
        return self.delivery_id, self.kind


class Visits:
    """The visits that one worker has seen. All but the store's part happens on the loop."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids, counters: Counters) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._counters = counters
        self._waiting: deque[Visit] = deque()
        self._of_copy: Counter[tuple[str, EventKind]] = Counter()
        self._full: OrderedDict[tuple[str, EventKind], None] = OrderedDict()
        self._in_doubt: list[Event] = []
        self._flushing: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def opened(self, delivery_id: str, visitor: Visitor) -> None:
        """The pixel of this copy was asked for."""
        data = visitor.as_data()
        self.note(Visit(EventKind.OPENED, delivery_id, self._clock.now(), visitor.machine, data))

    def clicked(self, delivery_id: str, visitor: Visitor, url: str, index: int, part: str) -> None:
        """The link number `index` was followed to `url`; it stood in the part "html" or "text"."""
        data = visitor.as_data() | {"url": url, "url_offset": {"index": index, "type": part}}
        if visitor.time_zone:
            data["time_zone"] = visitor.time_zone
        self.note(Visit(EventKind.CLICKED, delivery_id, self._clock.now(), visitor.machine, data, index))

    def note(self, visit: Visit) -> None:
        """Take it in; never waits, never fails."""
        key = visit.key
        if key in self._full or self._of_copy[key] >= MOST_OF_COPY:
            self._counters.add("visits_ignored")
            return
        if len(self._waiting) >= MOST_WAITING:
            self._drop_oldest()
        self._waiting.append(visit)
        self._of_copy[key] += 1

    async def flush(self) -> None:
        """Write down what has waited long enough. Raises what the store raises; then nothing is lost, nor
        when it is cancelled: the work goes on."""
        self._flushing = asyncio.ensure_future(self._flush(self._clock.now() - HOLD_S))
        await asyncio.shield(self._flushing)

    async def flush_all(self) -> None:
        """Write down everything: the worker leaves."""
        if self._flushing is not None:
            await asyncio.gather(self._flushing, return_exceptions=True)
        await self._flush(self._clock.now())

    async def _flush(self, until: float) -> None:
        await self._write_doubtful()
        self._mark_bursts()
        while group := self._take(until):
            try:
                await self._settle(group)
            except TryLater:
                self._waiting.extendleft(reversed(group))
                raise
            except Exception as error:  # one that can never be written must not hold up all others
                log.exception("opens and clicks are lost", cause=str(error), count=len(group))
                self._counters.add("visits_lost", len(group))
            for visit in group:
                self._forget(visit)

    async def _settle(self, group: Sequence[Visit]) -> None:
        known: dict[str, Known] = await self._store.read(
            visits.look_up, [visit.delivery_id for visit in group], MOST_OF_COPY
        )
        found = self._events(group, known)
        if not found:
            return
        try:
            await self._store.write(_append, found)
        except CommitInDoubt:  # they may be there: under these ids they are looked for, later
            self._in_doubt += found

    async def _write_doubtful(self) -> None:
        if not self._in_doubt:
            return
        there = await self._store.read(events.load, [event.id for event in self._in_doubt])
        known = {event.id for event in there}
        missing = [event for event in self._in_doubt if event.id not in known]
        for event in missing:
            event.id = self._ids.new()  # whoever follows the log by ids must not have passed it
        await self._store.write(_append, missing)
        self._in_doubt = []

    def _take(self, until: float) -> list[Visit]:
        """The first visits that are ready, in the order in which they came."""
        group: list[Visit] = []
        while self._waiting and self._waiting[0].at <= until and len(group) < _GROUP:
            group.append(self._waiting.popleft())
        return group

    def _mark_bursts(self) -> None:
        """Many links of one copy within a second: no person."""
        clicks: defaultdict[str, list[Visit]] = defaultdict(list)
        for visit in self._waiting:
            if visit.kind is EventKind.CLICKED:
                clicks[visit.delivery_id].append(visit)
        for of_copy in clicks.values():
            for place in in_bursts([(visit.at, visit.link) for visit in of_copy]):
                of_copy[place].machine = of_copy[place].machine or SCANNER

    def _events(self, group: Sequence[Visit], known: dict[str, Known]) -> list[Event]:
        """A copy that the server made (a blind copy) shows its owner's links; what its reader does says
        nothing about the recipient and is not recorded."""
        kept: Counter[tuple[str, EventKind]] = Counter()
        found: list[Event] = []
        for visit in group:
            copy = known.get(visit.delivery_id)
            if copy is None or read_recipient_options(copy.delivery.personal).copy_of:
                continue
            if copy.visits[visit.kind] + kept[visit.key] >= MOST_OF_COPY:
                self._close(visit.key)
                continue
            kept[visit.key] += 1
            found.append(self._event(visit, copy))
        return found

    def _event(self, visit: Visit, copy: Known) -> Event:
        message, delivery = copy.message, copy.delivery
        machine = visit.machine
        if not machine and copy.delivered_at is not None and is_too_soon(visit.at, copy.delivered_at):
            machine = SCANNER
        data = {**visit.data, "machine": machine, **labels(message.options, delivery.personal)}
        return event_of(self._ids.new(), visit.kind, visit.at, message, delivery, data)

    def _forget(self, visit: Visit) -> None:
        self._of_copy[visit.key] -= 1
        if self._of_copy[visit.key] <= 0:
            del self._of_copy[visit.key]

    def _drop_oldest(self) -> None:
        self._forget(self._waiting.popleft())
        if not self._counters.total("visits_lost"):
            log.warning("opens and clicks are lost: too many wait for the store", waiting=MOST_WAITING)
        self._counters.add("visits_lost")

    def _close(self, key: tuple[str, EventKind]) -> None:
        """This copy has enough of them: the next ones need not even wait."""
        self._counters.add("visits_ignored")
        self._full[key] = None
        if len(self._full) > _MOST_FULL:
            self._full.popitem(last=False)


def _append(conn: Connection, items: list[list[Event]]) -> list[None]:
    events.append(conn, [event for found in items for event in found])
    return [None] * len(items)
