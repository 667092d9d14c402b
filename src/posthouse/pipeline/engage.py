"""What recipients ask of the pages behind their mail: to leave lists and to come back.

The tracking door has checked the token; here its delivery is looked up, and what changes is written down with
its event in one transaction. Asking twice changes nothing more and makes no second event. Opens and clicks
have a way of their own (`visits`).

Public: Engagement, Visitor, Found, GLOBAL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from posthouse.model.clock import Clock, Ids
from posthouse.model.event import Event, EventKind
from posthouse.model.labels import labels
from posthouse.model.message import Delivery, Message
from posthouse.model.options import read_recipient_options
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import events, messages, queue, suppressions
from posthouse.store.connection import Connection
from posthouse.store.engine import Store
from posthouse.store.writer import runs_apart

GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asked, as far as it may be kept: client address, User-Agent, `rules.machines`' word, what the field
    says (`rules.user_agents`), and the time zone of the address ("" for unknown)."""

    address: str = ""
    agent: str = ""
    machine: str = ""
    client: dict[str, str] = field(default_factory=dict)
    time_zone: str = ""

    def as_data(self) -> dict[str, Any]:
        """As events carry it, but for machine and zone."""
        return {"client_ip": self.address, "user_agent": self.agent, "client": self.client}


@dataclass(frozen=True, slots=True)
class Found:
    """The copy that a link belongs to. `left`: the scopes that its recipient has left: "" all mail of the
    domain, `global` all of the account, `tag:NAME`, `group:NUMBER`."""

    message: Message
    delivery: Delivery
    left: frozenset[str] = frozenset()

    @property
    def copy_of(self) -> str:
        """Of a blind copy: the recipient whose mail it repeats, else ""."""
        return read_recipient_options(self.delivery.personal).copy_of

    @property
    def address(self) -> str:
        """Whose links these are."""
        return self.copy_of or self.delivery.recipient


@dataclass(frozen=True, slots=True)
class _Wish:
    """One change of the lists: `event` is for the scopes of it that change anything."""

    found: Found
    scopes: Sequence[str]
    leaves: bool
    events: Sequence[tuple[Event, Sequence[str]]]
    at: float
    detail: str


class Engagement:
    """Reads and changes what recipients decide."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    async def find(self, delivery_id: str) -> Found | None:
        """The copy of that id; None when it is unknown. Raises what the store raises."""
        found: Found | None = await self._store.read(_find, delivery_id)
        return found

    async def unsubscribed(self, found: Found, scopes: Sequence[str], visitor: Visitor) -> None:
        """Put the recipient on the lists of these scopes (see `Found`) and say so. Raises what the store
        raises."""
        await self._change(found, scopes, visitor, EventKind.UNSUBSCRIBED)

    async def resubscribed(self, found: Found, scopes: Sequence[str], visitor: Visitor) -> None:
        """Take the recipient off the lists of these scopes, as far as it left by itself: bounces and
        complaints stay. Raises what the store raises."""
        await self._change(found, scopes, visitor, EventKind.RESUBSCRIBED)

    async def _change(self, found: Found, scopes: Sequence[str], visitor: Visitor, kind: EventKind) -> None:
        if not scopes:
            return
        now = self._clock.now()
        by = f"by link from {visitor.address}" if visitor.address else "by link"
        noted = [(self._event(found, kind, visitor, part, now), part) for part in _parts(scopes)]
        wish = _Wish(found, scopes, kind is EventKind.UNSUBSCRIBED, noted, now, by)
        await self._store.write(_change_all, wish)

    def _event(
        self, found: Found, kind: EventKind, visitor: Visitor, scopes: Sequence[str], now: float
    ) -> Event:
        message, delivery = found.message, found.delivery
        data: dict[str, Any] = {**visitor.as_data(), "scopes": list(scopes)}
        if scopes[0].startswith("group:"):
            data["group"] = int(scopes[0].removeprefix("group:"))
        return Event(
            id=self._ids.new(),
            kind=kind,
            at=now,
            account_id=message.account_id,
            domain=message.domain,
            message_id=message.id,
            delivery_id=delivery.id,
            recipient=found.address,
            data=data | labels(message.options, delivery.personal),
        )


def _parts(scopes: Sequence[str]) -> list[list[str]]:
    """An event for each group, one for all the rest: services tell of groups one by one."""
    groups = [[scope] for scope in scopes if scope.startswith("group:")]
    rest = [scope for scope in scopes if not scope.startswith("group:")]
    return [*groups, rest] if rest else groups


def _find(conn: Connection, delivery_id: str) -> Found | None:
    delivery = queue.find_delivery(conn, delivery_id)
    message = messages.load_message(conn, delivery.message_id) if delivery else None
    if not message or not delivery:
        return None
    found = Found(message, delivery)
    return Found(message, delivery, frozenset(_rows(conn, found)))


def _rows(conn: Connection, found: Found) -> dict[str, list[Suppression]]:
    """Why the recipient left by itself, by scope."""
    rows: dict[str, list[Suppression]] = {}
    for row in suppressions.find(conn, [(found.message.account_id, found.address)]):
        if row.kind is SuppressionKind.UNSUBSCRIBE and row.domain in ("", found.message.domain):
            rows.setdefault(row.scope or ("" if row.domain else GLOBAL), []).append(row)
    return rows


@runs_apart  # it holds deliveries
def _change_all(conn: Connection, wishes: list[_Wish]) -> list[None]:
    # one after the other, or two workers that are asked at once would both find that nobody had left; and in
    # one order for all: no deadlock between two that do this at once
    for delivery_id in sorted({wish.found.delivery.id for wish in wishes}):
        queue.lock_delivery(conn, delivery_id)
    for wish in wishes:
        before = _rows(conn, wish.found)
        changed = [scope for scope in wish.scopes if (scope in before) != wish.leaves]
        if wish.leaves:
            suppressions.add(conn, [_row(wish, scope) for scope in changed])
        else:
            _remove(conn, [row for scope in changed for row in before[scope]])
        events.append(conn, _with_scopes(wish.events, changed))
    return [None] * len(wishes)


def _remove(conn: Connection, rows: Sequence[Suppression]) -> None:
    for row in rows:
        suppressions.remove(
            conn, row.account_id, row.address, kind=row.kind, domain=row.domain, scope=row.scope
        )


def _with_scopes(found: Sequence[tuple[Event, Sequence[str]]], changed: Sequence[str]) -> list[Event]:
    """The events of what has changed: they name nothing else."""
    kept: list[Event] = []
    for event, part in found:
        event.data["scopes"] = [scope for scope in part if scope in changed]
        if event.data["scopes"]:
            kept.append(event)
    return kept


def _row(wish: _Wish, scope: str) -> Suppression:
    message = wish.found.message
    is_wide = scope == GLOBAL or scope.startswith("group:")
    return Suppression(
        account_id=message.account_id,
        address=wish.found.address.lower(),
        kind=SuppressionKind.UNSUBSCRIBE,
        domain="" if is_wide else message.domain,
        scope="" if scope == GLOBAL else scope,
        at=wish.at,
        detail=wish.detail,
    )
