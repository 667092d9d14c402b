"""What stands against a delivery before it begins: a list of addresses, or a batch that was stopped.

Asked twice: in the transaction that accepts a letter, and when a delivery is taken from the store, where it
may have waited for days.

Public: Stop, Stops, suppressed, read_stops, stop_event, ending.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from posthouse.model.event import Event, EventKind
from posthouse.model.labels import labels
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.model.options import read_recipient_options
from posthouse.model.suppression import Suppression
from posthouse.pipeline.facts import event_of
from posthouse.rules.suppression import BY_FAILURES, DROPS, Drop, judge_suppressions
from posthouse.store import allowed, batches, suppressions
from posthouse.store.connection import Connection

Listed = Mapping[tuple[str, str], list[Suppression]]
"""Rows of the lists by account id and lower-case address."""


@dataclass(frozen=True, slots=True)
class Stop:
    """What becomes of a delivery instead of an attempt, and the event that says so. `facts`: what the event
    tells besides."""

    state: DeliveryState
    kind: EventKind
    reason: str
    code: int = 0
    enhanced: str = ""
    text: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def dropped(drop: Drop) -> Stop:
    return Stop(DeliveryState.DROPPED, EventKind.DROPPED, drop.reason, drop.code, drop.enhanced, drop.text)


@dataclass(frozen=True, slots=True)
class Stops:
    """What the store said about some deliveries. `statuses`: of their batches; `allowed`: what the allow list
    says of those that are listed for failures."""

    listed: Listed
    statuses: Mapping[batches.Pair, str]
    allowed: frozenset[allowed.Entry] = frozenset()

    def of(self, message: Message, delivery: Delivery) -> Stop | None:
        """None: it may begin."""
        if self.listed and is_judged(message):
            for address in addresses(delivery):
                rows = self.listed.get((message.account_id, address))
                drop = self._drop(message, address, rows) if rows else None
                if drop:
                    return dropped(drop)
        if not message.batch_id:
            return None
        return _BY_STATUS.get(self.statuses.get((message.account_id, message.batch_id), ""))

    def _drop(self, message: Message, address: str, rows: list[Suppression]) -> Drop | None:
        is_allowed = allowed.allows(self.allowed, message.account_id, address, message.domain)
        return judge_suppressions(rows, message.domain, message.options, is_allowed=is_allowed)


_BY_STATUS = {
    batches.PAUSED: Stop(DeliveryState.HELD, EventKind.HELD, "batch"),
    batches.CANCELLED: Stop(DeliveryState.CANCELLED, EventKind.CANCELLED, "batch"),
}


def is_judged(message: Message) -> bool:
    """Reports of our own go to the sender whatever lists say."""
    return bool(message.credential_id)


def addresses(delivery: Delivery) -> list[str]:
    """Whose lists count: the recipient's, and for a blind copy also those of whom it is a copy."""
    found = [delivery.recipient.lower()]
    if '"copy_of"' in delivery.personal:
        found.append(read_recipient_options(delivery.personal).copy_of.lower())
    return found


def suppressed(
    conn: Connection, asked: Iterable[tuple[Message, Sequence[Delivery]]]
) -> tuple[Listed, frozenset[allowed.Entry]]:
    """Rows about the recipients of these letters, and what the allow list says of them. One cheap question
    when the lists are empty; the allow list is asked only about those that are listed for failures."""
    if suppressions.is_empty(conn):
        return {}, frozenset()
    pairs = [
        (message.account_id, address)
        for message, deliveries in asked
        if is_judged(message)
        for delivery in deliveries
        for address in addresses(delivery)
    ]
    found: defaultdict[tuple[str, str], list[Suppression]] = defaultdict(list)
    for row in suppressions.find(conn, pairs):
        if row.kind in DROPS:
            found[row.account_id, row.address].append(row)
    failed = [pair for pair, rows in found.items() if any(row.kind in BY_FAILURES for row in rows)]
    return found, allowed.find(conn, failed) if failed else frozenset()


def read_stops(conn: Connection, asked: Sequence[tuple[Message, Sequence[Delivery]]]) -> Stops:
    """For deliveries that were taken from the store; a reading function."""
    in_batches = {(message.account_id, message.batch_id) for message, _ in asked if message.batch_id}
    statuses = batches.stopped(conn, in_batches) if in_batches else {}
    listed, entries = suppressed(conn, asked)
    return Stops(listed, statuses, entries)


def ending(acceptance: Event, stop: Stop) -> Event:
    """The acceptance of what is dropped at once says so: some services tell of one of the two only."""
    if stop.kind is not EventKind.DROPPED:
        return acceptance
    return replace(acceptance, data=acceptance.data | {"dropped": stop.reason})


def stop_event(event_id: str, at: float, message: Message, delivery: Delivery, stop: Stop) -> Event:
    data = labels(message.options, delivery.personal)
    data["reason"] = stop.reason
    if stop.code:
        data |= {"code": stop.code, "enhanced": stop.enhanced, "text": stop.text}
    data |= stop.facts
    if stop.reason == "batch":
        data["batch_id"] = message.batch_id
    return event_of(event_id, stop.kind, at, message, delivery, data)
