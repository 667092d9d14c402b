"""What follows from events for receivers of posts: an item for each event and hook that wants it, in the
transaction that takes the event out of the outbox. So each event gets its items exactly once.

Public: Enqueue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from posthouse.model.clock import Clock
from posthouse.model.event import Event
from posthouse.model.hook import Hook, HookForm
from posthouse.rules.hooks import life_s
from posthouse.store import hook_queue, hooks
from posthouse.store.connection import Connection
from posthouse.store.hook_queue import HookItem


class Enqueue:
    """A `pipeline.fold.Effect`. Without any hook it is one read of one row a transaction."""

    def __init__(self, forms: Mapping[str, HookForm], clock: Clock) -> None:
        self._forms = forms
        self._clock = clock

    def __call__(self, conn: Connection, found: Sequence[Event]) -> None:
        wanting: defaultdict[str, list[Hook]] = defaultdict(list)
        for hook in hooks.subscribers(conn, {event.account_id for event in found}):
            if hook.dialect in self._forms:
                wanting[hook.account_id].append(hook)
        if not wanting:
            return
        # a life counts from now: what was not folded in time (a store that was away) has its tries too
        now = self._clock.now()
        hook_queue.enqueue(
            conn,
            [
                self._item(hook, event, now)
                for event in found
                for hook in wanting.get(event.account_id, ())
                if wants(hook, event)
            ],
        )

    def _item(self, hook: Hook, event: Event, now: float) -> HookItem:
        form = self._forms[hook.dialect]
        return HookItem(hook.id, event.id, event.at + form.linger_s, now + life_s(form))


def wants(hook: Hook, event: Event) -> bool:
    return event.kind in hook.kinds and hook.domain in ("", event.domain)
