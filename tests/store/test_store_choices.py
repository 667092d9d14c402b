"""What recipients ask for, by two workers at once (D-08)."""

from __future__ import annotations

import asyncio

from posthouse.model.clock import Ids, SystemClock
from posthouse.model.event import EventKind
from posthouse.pipeline.engage import Engagement, Visitor
from posthouse.store import events, messages
from posthouse.store.connection import Connection
from posthouse.store.engine import open_store
from posthouse.store.events import EventQuery
from store.letters import letter


async def test_D_08_an_unsubscribe_that_two_workers_are_asked_for_at_once_is_one(
    store_url: str, conn: Connection
) -> None:
    item = letter("ann@one.test")
    with conn.transaction():
        messages.add_accepted(conn, [item])
    loop, clock = asyncio.get_running_loop(), SystemClock()
    stores = [open_store(store_url, loop) for _ in range(2)]
    workers = [Engagement(store=store, clock=clock, ids=Ids(clock)) for store in stores]
    found = [await worker.find(item.deliveries[0].id) for worker in workers]
    for _ in range(20):
        await asyncio.gather(
            *[
                worker.unsubscribed(one, [""], Visitor())
                for worker, one in zip(workers, found, strict=True)
                if one
            ]
        )
        await asyncio.gather(
            *[
                worker.resubscribed(one, [""], Visitor())
                for worker, one in zip(workers, found, strict=True)
                if one
            ]
        )
    for store in stores:
        await store.close()
    for kind in (EventKind.UNSUBSCRIBED, EventKind.RESUBSCRIBED):
        query = EventQuery(message_id=item.message.id, kinds=(kind,), limit=100)
        assert len(events.search(conn, query)) == 20
