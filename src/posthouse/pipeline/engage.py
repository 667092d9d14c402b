"""What recipients do with a delivered copy: opens, clicks, unsubscribes. Each becomes an event.

The tracking door has checked the token; here its delivery is looked up and the fact written down. A copy that
the server made (a blind copy) shows its owner's links, but what its reader does says nothing about the
recipient and is not recorded.

Public: Engagement, Visitor, Found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from posthouse.model.clock import Clock, Ids
from posthouse.model.event import Event, EventKind
from posthouse.model.labels import labels
from posthouse.model.message import Delivery, Message
from posthouse.model.options import read_recipient_options
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import events, messages, queue, suppressions
from posthouse.store.engine import Connection, Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asked: client address and User-Agent, cut short."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Found:
    """The copy that a link belongs to."""

    message: Message
    delivery: Delivery

    @property
    def copy_of(self) -> str:
        """Of a blind copy: the recipient whose mail it repeats, else ""."""
        return read_recipient_options(self.delivery.personal).copy_of

    @property
    def address(self) -> str:
        """Whose links these are."""
        return self.copy_of or self.delivery.recipient


class Engagement:
    """Writes down what the tracking door sees. `zone_of` tells the time zone of a client address, "" for
    unknown."""

    def __init__(
        self, *, store: Store, clock: Clock, ids: Ids, zone_of: Callable[[str], str] = lambda address: ""
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._zone_of = zone_of

    async def find(self, delivery_id: str) -> Found | None:
        """The copy of that id; None when it is unknown. Raises what the store raises."""
        found: Found | None = await self._store.read(_find, delivery_id)
        return found

    async def opened(self, delivery_id: str, visitor: Visitor) -> None:
        await self._note(delivery_id, EventKind.OPENED, visitor, {})

    async def clicked(self, delivery_id: str, visitor: Visitor, url: str, place: dict[str, Any]) -> None:
        """`place`: index and part of the link."""
        detail: dict[str, Any] = {"url": url, "url_offset": place}
        if zone := self._zone_of(visitor.address):
            detail["time_zone"] = zone
        await self._note(delivery_id, EventKind.CLICKED, visitor, detail)

    async def unsubscribed(self, found: Found, scopes: list[str], visitor: Visitor) -> None:
        """Put the recipient on the lists of these scopes ("" all mail of the domain, `global` all of the
        account, `tag:NAME`, `group:NUMBER`) and say so, in one transaction. Raises what the store raises."""
        now = self._clock.now()
        rows = [self._row(found, scope, visitor, now) for scope in scopes]
        event = self._event(found, EventKind.UNSUBSCRIBED, visitor, {"scopes": scopes}, now)
        await self._store.write(_unsubscribe, (rows, event))

    def _row(self, found: Found, scope: str, visitor: Visitor, now: float) -> Suppression:
        is_wide = scope == "global" or scope.startswith("group:")
        return Suppression(
            account_id=found.message.account_id,
            address=found.address.lower(),
            kind=SuppressionKind.UNSUBSCRIBE,
            domain="" if is_wide else found.message.domain,
            scope="" if scope == "global" else scope,
            at=now,
            detail=f"by link from {visitor.address}",
        )

    async def _note(
        self, delivery_id: str, kind: EventKind, visitor: Visitor, detail: dict[str, Any]
    ) -> None:
        try:
            found = await self.find(delivery_id)
            if found is None or found.copy_of:
                return
            event = self._event(found, kind, visitor, detail, self._clock.now())
            await self._store.write(events.append_each, event)
        except Exception as error:  # the visitor has got the answer: a lost open is better than a broken link
            log.warning("an event of a link was lost", kind=kind.value, error=str(error))

    def _event(
        self, found: Found, kind: EventKind, visitor: Visitor, detail: dict[str, Any], now: float
    ) -> Event:
        message, delivery = found.message, found.delivery
        data: dict[str, Any] = {"client_ip": visitor.address, "user_agent": visitor.agent, **detail}
        data |= labels(message.options, delivery.personal)
        return Event(
            id=self._ids.new(),
            kind=kind,
            at=now,
            account_id=message.account_id,
            domain=message.domain,
            message_id=message.id,
            delivery_id=delivery.id,
            recipient=delivery.recipient,
            data=data,
        )


def _find(conn: Connection, delivery_id: str) -> Found | None:
    delivery = queue.find_delivery(conn, delivery_id)
    message = messages.load_message(conn, delivery.message_id) if delivery else None
    return Found(message, delivery) if message and delivery else None


def _unsubscribe(conn: Connection, items: list[tuple[list[Suppression], Event]]) -> list[None]:
    suppressions.add(conn, [row for rows, _ in items for row in rows])
    events.append(conn, [event for _, event in items])
    return [None] * len(items)
