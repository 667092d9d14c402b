"""Mail that came back: found out what it is about, written down once, before its sender reads 250.

A letter names its delivery by the return path that it was sent to; one to postmaster or abuse must name it
inside (`report_names`). What follows is one transaction with a row that can be written only once for each
delivery and fact: who was killed half-way sends or is sent the letter again, and nothing happens twice (F13).

A bounce of a delivery that has not ended is asked to come later: our own commit is on its way, or the copy
was one whose reply we never saw. One of a delivery that has ended otherwise changes nothing.

Public: Returns, Arrived.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import structlog

from posthouse.crashpoint import crash_point
from posthouse.mail.return_path import BOUNCE, UNSUBSCRIBE
from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import Refused, TryLater
from posthouse.model.event import Event, EventKind
from posthouse.model.labels import labels
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.model.returned import Returned, ReturnedKind, ReturnedRecipient
from posthouse.model.suppression import Suppression
from posthouse.observe import Counters
from posthouse.pipeline import listing
from posthouse.pipeline.engage import Engagement, Visitor
from posthouse.pipeline.facts import event_of
from posthouse.pipeline.forwards import Forwards
from posthouse.pipeline.notices import Notices
from posthouse.pipeline.report_names import ReportNames
from posthouse.rules.listing import complained, listed
from posthouse.rules.returns import Deed, deed_of, said_about, scopes_of
from posthouse.store import events, firsts, messages, queue
from posthouse.store.engine import Connection, Store, each
from posthouse.store.messages import Accepted

log = structlog.get_logger()

MOST_READ_BYTES = 2 * 1024 * 1024  # the parts that say something stand in front
_OPEN = frozenset({DeliveryState.WAITING, DeliveryState.TAKEN, DeliveryState.HELD})
_UNREAD = Returned(ReturnedKind.OTHER)

Read = Callable[[bytes], Returned]
"""What a letter says, with reasons and classes; in any thread."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A letter and the return paths that it was sent to: (kind, delivery id); none for a report to
    postmaster or abuse."""

    raw: bytes
    paths: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _About:
    """The delivery that a letter is about."""

    message: Message
    delivery: Delivery


@dataclass(slots=True)
class _Fact:
    """What is written down, if nothing of the kind `once` is there for the delivery."""

    delivery_id: str
    once: str
    events: list[Event] = field(default_factory=list)
    rows: list[Suppression] = field(default_factory=list)
    letters: list[Accepted] = field(default_factory=list)


class Returns:
    """Takes returned mail of one worker. `wake`: new mail of ours is in the store."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        read: Read,
        names: ReportNames,
        notices: Notices,
        forwards: Forwards,
        engagement: Engagement,
        counters: Counters,
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._read = read
        self._names = names
        self._notices = notices
        self._forwards = forwards
        self._engagement = engagement
        self._counters = counters
        self._wake = wake
        # one thread: a flood of returned mail never takes more than its share of the interpreter
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="returned mail")

    async def take(self, arrived: Arrived) -> None:
        """Everything that follows from a letter is committed when this returns. Raises Refused for a report
        that names no letter of ours, TryLater, CommitInDoubt."""
        loop = asyncio.get_running_loop()
        returned = await loop.run_in_executor(self._reader, self._understood, arrived.raw)
        self._counters.add("returned", labels=(("kind", returned.kind.value),))
        paths = arrived.paths
        if not paths:
            paths = tuple((BOUNCE, named) for named in await self._names.find(arrived.raw, returned))
        if not paths:
            raise _nameless()
        facts = [fact for path in paths if (fact := await self._fact(arrived.raw, returned, *path))]
        if not facts:
            return
        has_letters = await self._store.write(each(_write), (facts,))
        crash_point("returns.after_commit")
        if has_letters:
            self._wake()

    def _understood(self, raw: bytes) -> Returned:
        try:
            return self._read(raw[:MOST_READ_BYTES])
        except Exception:  # the rim of this letter: it would come again and again for days
            log.exception("a returned letter could not be read")
            return _UNREAD

    async def _fact(self, raw: bytes, returned: Returned, path_kind: str, delivery_id: str) -> _Fact | None:
        deed = deed_of(returned.kind, to_unsubscribe=path_kind == UNSUBSCRIBE)
        if deed is Deed.NOTHING:
            return None
        if deed is Deed.UNSUBSCRIBE:
            await self._unsubscribe(delivery_id)
            return None
        about: _About | None = await self._store.read(_find, delivery_id)
        if about is None:  # older than events are kept
            self._counters.add("returned_too_late")
            return None
        if deed is Deed.COMPLAINT:
            return self._complaint(raw, returned, about)
        if about.delivery.state in _OPEN:
            raise TryLater(451, "4.3.0", "This delivery has not ended yet, come back later", reason="open")
        if about.delivery.state is not DeliveryState.DELIVERED:
            return None
        if deed is Deed.BOUNCE:
            return await self._bounce(returned, about)
        return await self._told(returned, about)

    async def _bounce(self, returned: Returned, about: _About) -> _Fact:
        now, said = self._clock.now(), said_about(returned, about.delivery.recipient)
        detail = {
            "code": said.code,
            "enhanced": said.enhanced,
            "text": said.text,
            "reason": said.reason,
            "bounce_class": said.bounce_class.value,
            "mx": said.host,
        }
        if said.address.lower() not in ("", about.delivery.recipient.lower()):
            detail["reported_recipient"] = said.address
        rows = listed(
            about.message,
            about.delivery,
            reason=said.reason,
            at=now,
            text=said.text,
            code=said.code,
            enhanced=said.enhanced,
            bounce_class=said.bounce_class,
        )
        notice = await self._notice(ReturnedKind.BOUNCE, about, said, now)
        return self._once("bounced", EventKind.BOUNCED, about, detail, now, rows, notice)

    def _complaint(self, raw: bytes, returned: Returned, about: _About) -> _Fact:
        now = self._clock.now()
        detail = {"feedback_type": returned.feedback_type, "text": returned.subject}
        rows = complained(about.message, about.delivery, at=now, text=returned.feedback_type)
        letter = self._forwards.complaint(about.message, about.delivery, raw, now)
        return self._once("complained", EventKind.COMPLAINED, about, detail, now, rows, letter)

    async def _told(self, returned: Returned, about: _About) -> _Fact | None:
        """The next host reports to us what the author asked for."""
        said = said_about(returned, about.delivery.recipient)
        notice = await self._notice(returned.kind, about, said, self._clock.now())
        if notice is None:
            return None
        return _Fact(about.delivery.id, f"told {returned.kind.value}", letters=[notice])

    async def _notice(
        self, kind: ReturnedKind, about: _About, said: ReturnedRecipient, now: float
    ) -> Accepted | None:
        """For an author who wants to be told by mail."""
        if not self._notices.wants_returned(kind, about.message, about.delivery):
            return None
        content: bytes | None = await self._store.read(messages.load_content, about.message.id)
        return self._notices.for_returned(kind, about.message, about.delivery, content or b"", said, now)

    def _once(
        self,
        word: str,
        kind: EventKind,
        about: _About,
        detail: dict[str, Any],
        now: float,
        rows: list[Suppression],
        letter: Accepted | None,
    ) -> _Fact:
        message, delivery = about.message, about.delivery
        data = {key: value for key, value in detail.items() if value not in ("", 0)}
        event = event_of(
            self._ids.new(), kind, now, message, delivery, data | labels(message.options, delivery.personal)
        )
        return _Fact(delivery.id, word, [event], rows, [letter] if letter else [])

    async def _unsubscribe(self, delivery_id: str) -> None:
        """Asking twice changes nothing more."""
        found = await self._engagement.find(delivery_id)
        if found is not None:
            await self._engagement.unsubscribed(found, scopes_of(found.message), Visitor("", ""))


def _nameless() -> Refused:
    return Refused(
        550,
        "5.7.1",
        "Only reports about a letter of ours are taken here; this one holds neither its Return-Path nor its "
        "List-Unsubscribe nor its Message-ID with the recipient",
        reason="nameless",
    )


def _find(conn: Connection, delivery_id: str) -> _About | None:
    delivery = queue.find_delivery(conn, delivery_id)
    message = messages.load_message(conn, delivery.message_id) if delivery else None
    if delivery is None or message is None:
        return None
    return _About(message, delivery)


def _write(conn: Connection, facts: Sequence[_Fact]) -> bool:
    """Did letters of ours come of it?"""
    has_letters = False
    # one order for all: no deadlock between two that write at once
    for fact in sorted(facts, key=lambda fact: (fact.delivery_id, fact.once)):
        event_id = fact.events[0].id if fact.events else ""
        if not firsts.note(conn, fact.delivery_id, fact.once, event_id):
            continue
        if fact.rows:
            listing.put(conn, fact.rows)
        events.append(conn, fact.events)
        if fact.letters:
            messages.add_accepted(conn, fact.letters)
            has_letters = True
    crash_point("returns.before_commit")
    return has_letters
