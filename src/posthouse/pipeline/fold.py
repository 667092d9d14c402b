"""What follows from events: counters, and posts to those who want to be told.

Each bundle of the outbox is taken in the transaction of its effects. Nothing here talks to anybody.

Public: Effect, Fold, fold, fold_each, count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from posthouse.crashpoint import crash_point
from posthouse.model.event import Event
from posthouse.rules.metrics import MOST_NAMES, OTHER_NAMES, is_by_people, renamed, seen_names, sums_of
from posthouse.store import engaged, events, outbox, tallies, tally_names
from posthouse.store.connection import Connection
from posthouse.store.engine import Store
from posthouse.store.writer import runs_apart

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
            await self._store.write(fold_each, self._effects)


def fold(conn: Connection, effects: Sequence[Effect]) -> int:
    """Take some bundles and let every effect happen; how many events. For write transactions."""
    found = events.load(conn, outbox.take(conn, _BUNDLES))
    for effect in effects:
        effect(conn, found)
    crash_point("events.fold")
    return len(found)


@runs_apart  # all workers add to the counters of one account: nothing else may be held meanwhile
def fold_each(conn: Connection, items: Sequence[Sequence[Effect]]) -> list[int]:
    """`fold` as a writing function."""
    return [fold(conn, effects) for effects in items]


def count(conn: Connection, found: Sequence[Event]) -> None:
    """The effect that counts. Several may count at once: each does engaged, names, counters in that order."""
    personal = [event for event in found if is_by_people(event)]
    firsts = engaged.note(conn, personal) if personal else set()
    sums = sums_of(found, firsts)
    names = tally_names.admit(conn, seen_names(sums), MOST_NAMES, OTHER_NAMES)
    tallies.add(conn, renamed(sums, names))
