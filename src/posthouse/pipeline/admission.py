"""The transaction that accepts letters, and what it decides: who is on a list, what is over a limit, which
batches were stopped.

A letter answers for itself: one that is refused does not hurt the others of the group. Letters that nothing
stands against, nearly all, are written as they came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from posthouse.crashpoint import crash_point
from posthouse.model.clock import beside
from posthouse.model.errors import PosthouseError, TryLater
from posthouse.model.message import Delivery, DeliveryState
from posthouse.pipeline.quota import Place, reserve, spread
from posthouse.pipeline.stops import Stop, Stops, ending, stop_event, suppressed
from posthouse.rules.limits import Allowance, for_room
from posthouse.store import batches, messages, quotas
from posthouse.store.connection import Connection
from posthouse.store.messages import Accepted
from posthouse.store.writer import runs_apart

OPEN = (DeliveryState.WAITING, DeliveryState.TAKEN, DeliveryState.HELD)


@dataclass(slots=True)
class Candidate:
    """A letter before it is judged. `report`: mail to the sender that is written with it. `allowance`: the
    limits that it must fit into, None when there are none or it was counted already (`blocks`); `full_until`:
    when they may have room again, as far as is known."""

    accepted: Accepted
    report: Accepted | None = None
    allowance: Allowance | None = None
    full_until: float = 0.0


Answer = Accepted | PosthouseError | None
"""What was written instead of the candidate's own; a refusal, nothing was written; None: as it came."""


def admit(conn: Connection, items: Sequence[Candidate]) -> list[Answer]:
    """Write letters with all that belongs to them. HOT; a writing function, and may be run again."""
    asked = [(item.accepted.message, item.accepted.deliveries) for item in items]
    listed, entries = suppressed(conn, asked)
    stops = Stops(listed, _statuses(conn, items), entries)
    answers: list[Answer] = [None] * len(items)
    is_any_stopped = bool(stops.listed or stops.statuses)
    judged = [place for place, item in enumerate(items) if is_any_stopped or item.allowance]
    # in one order for all: no deadlock between two that count at once
    for account_id in sorted({item.accepted.message.account_id for item in items if item.allowance}):
        quotas.in_turn(conn, account_id)
    for place in judged:
        answers[place] = _judged(conn, items[place], stops)
    messages.add_accepted(conn, _written(items, answers))
    crash_point("accept.before_commit")
    return answers


@runs_apart
def admit_counted(conn: Connection, items: Sequence[Candidate]) -> list[Answer]:
    """The same for letters with an allowance: counting makes others wait."""
    return admit(conn, items)


def _judged(conn: Connection, item: Candidate, stops: Stops) -> Answer:
    accepted = item.accepted
    message = accepted.message
    deliveries = list(accepted.deliveries)
    events = list(accepted.events)
    acceptances = {event.delivery_id: place for place, event in enumerate(events)}
    going: list[int] = []
    for place, delivery in enumerate(deliveries):
        if delivery.state not in OPEN:
            continue
        stop = stops.of(message, delivery)
        if stop is None:
            going.append(place)
            continue
        deliveries[place] = _stopped(delivery, stop)
        # sorts right behind its acceptance, whatever else happens in that millisecond
        acceptance = acceptances[delivery.id]
        event_id = beside(events[acceptance].id)
        events[acceptance] = ending(events[acceptance], stop)
        events.append(stop_event(event_id, message.accepted_at, message, delivery, stop))
    if item.allowance and going:
        refusal = _count(conn, item, deliveries, going)
        if refusal:
            return refusal
    if deliveries == accepted.deliveries:
        return None
    return Accepted(message, accepted.content, deliveries, events)


def _count(
    conn: Connection, item: Candidate, deliveries: list[Delivery], going: list[int]
) -> PosthouseError | None:
    """Count the recipients that remain; move those in `deliveries` that have to wait."""
    allowance, now = item.allowance, item.accepted.message.accepted_at
    assert allowance is not None
    if not allowance.waits:
        return reserve(conn, allowance.limits, len(going), now)
    places = spread(conn, allowance.limits, len(going), now, item.full_until)
    if places is None:
        text = "Too many recipients: mail that waits for its turn already takes up the limits of weeks"
        return TryLater(452, "4.5.3", text, reason="rate-limit")
    why = for_room(allowance.limits)
    for place, due_at in zip(going, _due_times(places), strict=True):
        deliveries[place] = _moved(deliveries[place], due_at, why)
    return None


def _due_times(places: Sequence[Place]) -> Iterator[float]:
    for place in places:
        for number in range(place.count):
            yield place.at + number * place.step_s


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
    if delivery.state is stop.state:
        return delivery  # held already, and says what for
    return replace(delivery, state=stop.state, owner="", attempt=0, last_code=stop.code, last_text=stop.text)


def _moved(delivery: Delivery, at: float, why: str) -> Delivery:
    """Due when there is room, unless it is due later anyway."""
    late_s = at - delivery.due_at
    if late_s <= 0:
        return delivery
    moved = replace(delivery, owner="", attempt=0, due_at=at, expires_at=delivery.expires_at + late_s)
    if delivery.state is DeliveryState.TAKEN:
        moved.state = DeliveryState.WAITING
    if not delivery.last_text:  # what is held says what for
        moved.last_text = why
    return moved
