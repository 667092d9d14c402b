"""The transaction that accepts letters, and what it decides: who is on a list, what is over a limit, which
batches were stopped.

A call answers for itself: one that is refused does not hurt the others of the group. Letters that nothing
stands against, nearly all, are written as they came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from posthouse.crashpoint import crash_point
from posthouse.model.clock import beside
from posthouse.model.errors import PosthouseError, TryLater
from posthouse.model.event import Event
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.pipeline.quota import Place, reserve, spread
from posthouse.pipeline.stops import Stop, Stops, ending, stop_event, suppressed
from posthouse.rules.limits import Allowance, for_room
from posthouse.store import batches, messages, quotas
from posthouse.store.answered import Answered, claim, forget
from posthouse.store.connection import Connection
from posthouse.store.messages import Accepted
from posthouse.store.writer import runs_apart

OPEN = (DeliveryState.WAITING, DeliveryState.TAKEN, DeliveryState.HELD)


@dataclass(slots=True)
class Candidate:
    """Letters before they are judged: one, or those of a call, which are written together or not at all.

    `reports`: mail to the sender that is written with them. `allowance`: the limits that they must fit into,
    None when there are none or they were counted already (`blocks`); `full_until`: when they may have room
    again, as far as is known. `claim`: the answer to the call, for those who ask again.
    """

    letters: Sequence[Accepted]
    reports: Sequence[Accepted] = ()
    allowance: Allowance | None = None
    full_until: float = 0.0
    claim: Answered | None = None

    @property
    def first(self) -> Message:
        return self.letters[0].message


Answer = Sequence[Accepted] | Answered | PosthouseError | None
"""What was written instead of the candidate's own; the answer that a call like this one had before, or a
refusal: nothing was written; None: as it came."""


def admit(conn: Connection, items: Sequence[Candidate]) -> list[Answer]:
    """Write letters with all that belongs to them. HOT; a writing function, and may be run again."""
    letters = [letter for item in items for letter in item.letters]
    listed, entries = suppressed(conn, [(letter.message, letter.deliveries) for letter in letters])
    stops = Stops(listed, _statuses(conn, letters), entries)
    answers: list[Answer] = [None] * len(items)
    is_any_stopped = bool(stops.listed or stops.statuses)
    judged = [
        place
        for place, item in enumerate(items)
        if is_any_stopped or item.allowance or item.claim is not None
    ]
    # in one order for all: no deadlock between two that count at once
    for account_id in sorted({item.first.account_id for item in items if item.allowance}):
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
    if item.claim is not None and (earlier := claim(conn, item.claim)):
        return earlier
    judged = [_Judged(letter, list(letter.deliveries), list(letter.events)) for letter in item.letters]
    for letter in judged:
        letter.stop(stops)
    if item.allowance:
        refusal = _count(conn, item, judged)
        if refusal:
            if item.claim is not None:
                forget(conn, item.claim.id)
            return refusal
    if all(letter.deliveries == letter.accepted.deliveries for letter in judged):
        return None
    return [letter.as_written for letter in judged]


@dataclass(slots=True)
class _Judged:
    """A letter on the way to what is written of it. `going`: places of deliveries that nothing stops."""

    accepted: Accepted
    deliveries: list[Delivery]
    events: list[Event]
    going: list[int] = field(default_factory=list)

    def stop(self, stops: Stops) -> None:
        message = self.accepted.message
        acceptances = {event.delivery_id: place for place, event in enumerate(self.events)}
        for place, delivery in enumerate(self.deliveries):
            if delivery.state not in OPEN:
                continue
            stop = stops.of(message, delivery)
            if stop is None:
                self.going.append(place)
                continue
            self.deliveries[place] = _stopped(delivery, stop)
            # sorts right behind its acceptance, whatever else happens in that millisecond
            acceptance = acceptances[delivery.id]
            event_id = beside(self.events[acceptance].id)
            self.events[acceptance] = ending(self.events[acceptance], stop)
            self.events.append(stop_event(event_id, message.accepted_at, message, delivery, stop))

    @property
    def as_written(self) -> Accepted:
        return Accepted(self.accepted.message, self.accepted.content, self.deliveries, self.events)


def _count(conn: Connection, item: Candidate, judged: Sequence[_Judged]) -> PosthouseError | None:
    """Count the recipients that remain; move those deliveries that have to wait."""
    allowance, now = item.allowance, item.first.accepted_at
    going = [(letter, place) for letter in judged for place in letter.going]
    assert allowance is not None
    if not going:
        return None
    if not allowance.waits:
        return reserve(conn, allowance.limits, len(going), now)
    places = spread(conn, allowance.limits, len(going), now, item.full_until)
    if places is None:
        text = "Too many recipients: mail that waits for its turn already takes up the limits of weeks"
        return TryLater(452, "4.5.3", text, reason="rate-limit")
    why = for_room(allowance.limits)
    for (letter, place), due_at in zip(going, _due_times(places), strict=True):
        letter.deliveries[place] = _moved(letter.deliveries[place], due_at, why)
    return None


def _due_times(places: Sequence[Place]) -> Iterator[float]:
    for place in places:
        for number in range(place.count):
            yield place.at + number * place.step_s


def _statuses(conn: Connection, letters: Sequence[Accepted]) -> dict[batches.Pair, str]:
    """Of the batches that get more mail; {} when none of them was stopped."""
    found = [letter.message for letter in letters if letter.message.batch_id]
    if not found:
        return {}
    pairs = [(message.account_id, message.batch_id) for message in found]
    statuses = batches.enter(conn, pairs, found[0].accepted_at)
    return {pair: status for pair, status in statuses.items() if status != batches.GOING}


def _written(items: Sequence[Candidate], answers: Sequence[Answer]) -> list[Accepted]:
    written: list[Accepted] = []
    for item, answer in zip(items, answers, strict=True):
        if isinstance(answer, PosthouseError | Answered):
            continue
        written += item.letters if answer is None else answer
        written += item.reports
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
