"""What follows from events: counters, and posts to those who want to be told.

Each bundle of the outbox is taken in the transaction of its effects. Nothing here talks to anybody.

Public: Effect, Fold, count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from posthouse.crashpoint import crash_point
from posthouse.model.event import Event
from posthouse.rules.metrics import metrics_of
from posthouse.store import events, outbox, tallies
from posthouse.store.connection import Connection
from posthouse.store.engine import Store, each
from posthouse.store.tallies import SPAN_S

FOLD_S = 0.25
_BUNDLES = 8  # 800 events: some ten milliseconds of the writer

Effect = Callable[[Connection, Sequence[Event]], None]
"""Does in the open transaction what follows from events, given in the order of their ids."""


class Fold:
    """The chore of one worker."""

    def __init__(self, store: Store, effects: Sequence[Effect]) -> None:
        self._store = store
        self._effects = effects

    async def go(self) -> None:
        """Work until the outbox is empty, a transaction for each few bundles."""
        while not await self._store.read(outbox.is_empty):
            await self._store.write(each(fold), (self._effects,))


def fold(conn: Connection, effects: Sequence[Effect]) -> int:
    """Take some bundles and let every effect happen; how many events. For write transactions."""
    found = events.load(conn, outbox.take(conn, _BUNDLES))
    for effect in effects:
        effect(conn, found)
    crash_point("events.fold")
    return len(found)


def count(conn: Connection, found: Sequence[Event]) -> None:
    """The effect that counts."""
    counts: Counter[tallies.Key] = Counter()
    for event in found:
        for span, seconds in SPAN_S.items():
            at = int(event.at // seconds)
            for dim, name in (("account", ""), ("domain", event.domain)):
                for metric in metrics_of(event):
                    counts[event.account_id, dim, name, span, at, metric] += 1
    tallies.add(conn, counts)
