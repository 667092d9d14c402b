"""The transaction that accepts letters, and what it decides: who is on a list, what is over a limit, which
batches were stopped.

A letter answers for itself: one that is refused does not hurt the others of the group. Letters that nothing
stands against, nearly all, are written as they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from posthouse.crashpoint import crash_point
from posthouse.model.clock import beside
from posthouse.model.errors import PosthouseError
from posthouse.model.message import Delivery, DeliveryState
from posthouse.pipeline.quota import Allowance, reserve, spread
from posthouse.pipeline.stops import Stop, Stops, stop_event, suppressed
from posthouse.store import batches, messages
from posthouse.store.connection import Connection
from posthouse.store.messages import Accepted

_OPEN = (DeliveryState.WAITING, DeliveryState.TAKEN, DeliveryState.HELD)


@dataclass(slots=True)
class Candidate:
    """A letter before it is judged. `allowance` None: its domain has no limits. `report`: mail to the sender
    that is written with it."""

    accepted: Accepted
    allowance: Allowance | None = None
    report: Accepted | None = None


Answer = Accepted | PosthouseError | None
"""What was written instead of the candidate's own; a refusal, nothing was written; None: as it came."""


class Admission:
    """`over_limit`: "refuse" or "queue". `admit` runs in the store's writers."""

    def __init__(self, over_limit: str) -> None:
        self._over_limit = over_limit

    def admit(self, conn: Connection, items: Sequence[Candidate]) -> list[Answer]:
        """Write letters with all that belongs to them. HOT; a writing function, and may be run again."""
        asked = [(item.accepted.message, item.accepted.deliveries) for item in items]
        stops = Stops(suppressed(conn, asked), _statuses(conn, items))
        answers: list[Answer] = [None] * len(items)
        # in one order for all: no deadlock between two that count at once
        for place in sorted(range(len(items)), key=lambda place: items[place].accepted.message.domain):
            item = items[place]
            if stops.listed or stops.statuses or item.allowance:
                answers[place] = self._judged(conn, item, stops)
        messages.add_accepted(conn, _written(items, answers))
        crash_point("accept.before_commit")
        return answers

    def _judged(self, conn: Connection, item: Candidate, stops: Stops) -> Answer:
        accepted = item.accepted
        message = accepted.message
        deliveries = list(accepted.deliveries)
        events = list(accepted.events)
        accepted_ids = {event.delivery_id: event.id for event in events}
        going: list[int] = []
        for place, delivery in enumerate(deliveries):
            if delivery.state not in _OPEN:
                continue
            stop = stops.of(message, delivery)
            if stop is None:
                going.append(place)
                continue
            deliveries[place] = _stopped(delivery, stop)
            # sorts right behind its acceptance, whatever else happens in that millisecond
            event_id = beside(accepted_ids[delivery.id])
            events.append(stop_event(event_id, message.accepted_at, message, delivery, stop))
        if item.allowance and going:
            refusal = self._count(conn, item.allowance, message.accepted_at, deliveries, going)
            if refusal:
                return refusal
        if deliveries == accepted.deliveries:
            return None
        return Accepted(message, accepted.content, deliveries, events)

    def _count(
        self, conn: Connection, allowance: Allowance, now: float, deliveries: list[Delivery], going: list[int]
    ) -> PosthouseError | None:
        """Count the recipients that remain; move those in `deliveries` that have to wait."""
        refusal = reserve(conn, allowance, len(going), now)
        if refusal is None or self._over_limit != "queue":
            return refusal
        rest = iter(going)
        for at, count in spread(conn, allowance, len(going), now):
            for _ in range(count):
                place = next(rest)
                deliveries[place] = _moved(deliveries[place], at)
        return None


def _statuses(conn: Connection, items: Sequence[Candidate]) -> dict[batches.Pair, str]:
    """Of the batches that get more mail; {} when none of them was stopped."""
    found = [item.accepted.message for item in items if item.accepted.message.batch_id]
    if not found:
        return {}
    pairs = [(message.account_id, message.batch_id) for message in found]
    statuses = batches.enter(conn, pairs, found[0].accepted_at)
    return {pair: status for pair, status in statuses.items() if status != batches.GOING}


def _written(items: Sequence[Candidate], answers: Sequence[Answer]) -> list[Accepted]:
    written: list[Accepted] = []
    for item, answer in zip(items, answers, strict=True):
        if isinstance(answer, PosthouseError):
            continue
        written.append(answer or item.accepted)
        if item.report:
            written.append(item.report)
    return written


def _stopped(delivery: Delivery, stop: Stop) -> Delivery:
    """Never taken, as far as the row is concerned."""
    return replace(delivery, state=stop.state, owner="", attempt=0, last_code=stop.code, last_text=stop.text)


def _moved(delivery: Delivery, at: float) -> Delivery:
    """Due when there is room, unless it is due later anyway."""
    late_s = at - delivery.due_at
    if late_s <= 0:
        return delivery
    state = DeliveryState.WAITING if delivery.state is DeliveryState.TAKEN else delivery.state
    return replace(
        delivery, state=state, owner="", attempt=0, due_at=at, expires_at=delivery.expires_at + late_s
    )
