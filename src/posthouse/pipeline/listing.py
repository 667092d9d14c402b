"""Put addresses on lists by what became of their mail: at once when it fails, later when a bounce or a
complaint comes back, after days when it goes on failing. And take them off again when their time is over.

Public: after_failure, put, list_repeated, Purge, PURGE_S.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from posthouse.model.clock import Clock
from posthouse.model.event import Event, EventKind
from posthouse.model.message import Outcome, Verdict
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.pipeline.letters import Job
from posthouse.rules.listing import (
    OF_THE_MAILBOX,
    SOFT_WITHIN_S,
    bounced_in_the_end,
    is_soft,
    listed,
    repeated,
)
from posthouse.store import events, identity, messages, queue, suppressions
from posthouse.store.connection import Connection
from posthouse.store.engine import Store, each
from posthouse.store.events import EventQuery
from posthouse.store.suppressions import SuppressionQuery

PURGE_S = 6 * 3600.0
_DAY_S = 86400.0
_PAGE = 1_000
_LOOKED_AT = 50  # events of one recipient: bounds what a much-written address costs

put = suppressions.add_found
"""`put(conn, rows)`: what `rules.listing` found, in the event's transaction; the allow list is obeyed."""


def after_failure(job: Job, outcome: Outcome, at: float) -> list[Suppression]:
    """The rows that go with an outcome; none unless it is a final failure."""
    if outcome.verdict is not Verdict.FAILED or job.letter is None:
        return []
    return listed(
        job.letter.message,
        job.delivery,
        reason=outcome.reason,
        at=at,
        text=outcome.text,
        code=outcome.code,
        enhanced=outcome.enhanced,
    )


# Failures that go on


def list_repeated(conn: Connection, found: Sequence[Event]) -> None:
    """The effect (`pipeline.fold`) that lists addresses whose mailbox has been full again and again (BR-6).
    Looks at earlier events only after such a failure."""
    for event in found:
        if (
            event.kind is EventKind.FAILED
            and not event.data.get("pretended")
            and _is_of_mailbox(conn, event)
            and repeated(_failures(conn, event))
        ):
            put(conn, _bounced(conn, event))


def _is_of_mailbox(conn: Connection, event: Event) -> bool:
    """Time that ran out counts as what the host said last."""
    reason = event.data.get("reason")
    if reason != "expired":
        return reason in OF_THE_MAILBOX
    query = EventQuery(
        message_id=event.message_id,
        recipient=event.recipient,
        kinds=(EventKind.DEFERRED,),
        newest_first=True,
        limit=1,
    )
    last = events.search(conn, query)
    return bool(last) and last[0].data.get("reason") in OF_THE_MAILBOX


def _failures(conn: Connection, event: Event) -> list[float]:
    query = EventQuery(
        account_id=event.account_id,
        recipient=event.recipient,
        kinds=(EventKind.FAILED,),
        newest_first=True,
        limit=_LOOKED_AT,
    )
    earlier = [
        each
        for each in events.search(conn, query)
        if event.at - SOFT_WITHIN_S < each.at <= event.at
        and each.domain == event.domain
        and not each.data.get("pretended")
    ]
    return [each.at for each in earlier if _is_of_mailbox(conn, each)]


def _bounced(conn: Connection, event: Event) -> list[Suppression]:
    delivery = queue.find_delivery(conn, event.delivery_id)
    message = messages.load_message(conn, event.message_id)
    if delivery is None or message is None:
        return []
    data = event.data
    return bounced_in_the_end(
        message,
        delivery,
        at=event.at,
        text=str(data.get("text", "")),
        code=int(data.get("code", 0)),
        enhanced=str(data.get("enhanced", "")),
    )


# Purge


class Purge:
    """The chore that lets bounced addresses get mail again, for accounts that want it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def go(self) -> int:
        """How many rows went. Raises what the store raises."""
        gone, now = 0, self._clock.now()
        for account in await self._store.read(identity.list_accounts):
            hard, soft = account.settings.purge_hard_days, account.settings.purge_soft_days
            if hard or soft:
                ends = {
                    False: now - hard * _DAY_S if hard else 0.0,
                    True: now - soft * _DAY_S if soft else 0.0,
                }
                for kind in (SuppressionKind.BOUNCE, SuppressionKind.BLOCK):
                    gone += await self._go_through(account.id, kind, ends)
        return gone

    async def _go_through(self, account_id: str, kind: SuppressionKind, ends: dict[bool, float]) -> int:
        """`ends`: until when soft (True) and hard ones are over. Page by page, a short write each."""
        query = SuppressionQuery(account_id, kind=kind, until=max(ends.values()), limit=_PAGE)
        gone = 0
        while page := await self._store.read(suppressions.listing, query):
            old = [row for row in page if row.at < ends[is_soft(row)]]
            if old:
                await self._store.write(each(suppressions.drop), (old,))
            gone += len(old)
            query = replace(query, after=suppressions.place_of(page[-1]))
        return gone
