"""A walk over the events of a time, page by page: for what no counter knows.

Public: walk, TooMany, SLACK_S.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from posthouse.doors.api.call import Call
from posthouse.model.event import Event
from posthouse.store.events import EventQuery, find_page

_AT_ONCE, _MOST = 1_000, 200_000  # events a page, and a call
SLACK_S = 5.0
"""How much older than its place in the log an event may be: a walk until an instant goes on so long."""


class TooMany(Exception):
    """There are more events than a call may look at."""


async def walk(call: Call, query: EventQuery, most: int = 0) -> AsyncIterator[Event]:
    """Each event of the query, whatever its `limit` is. `most`: how many may be looked at, 0 for the usual
    number. No transaction is open between pages. Raises TooMany."""
    query = replace(query, limit=_AT_ONCE)
    for _ in range((most or _MOST) // _AT_ONCE):
        page = await call.read(find_page, query)
        for event in page.events:
            yield event
        if page.is_complete:
            return
        query = replace(query, after_id=page.place)
    raise TooMany
