"""The port that takes mail that comes back: without sign-in, to our return paths only.

A connection there begins as one of another server. It may give any sender, also the null one, but only
recipients that we wrote ourselves: return paths, whose signature proves it, and `postmaster` and `abuse` of
the names that return paths have (RFC 2142), for reports that name a letter of ours by themselves. Whoever
signs in is a customer from then on, as on every other port.

Returned mail must never hurt the mail of customers: it gets a part of the memory for letters in arrival, few
connections for one client, and only so many letters are worked on at once; past that it is asked to come
back. Nothing here is answered with mail.

Public: ReturnsSession, ReturnsParts, OpenSession.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from posthouse.doors.budget import BUSY, BodyBudget
from posthouse.doors.session_parts import Answer, Connections
from posthouse.doors.sessions import SubmissionSession
from posthouse.mail.return_path import read_return_path
from posthouse.model.address import Address
from posthouse.model.errors import CommitInDoubt, PosthouseError, Refused
from posthouse.pipeline.returns import Arrived, Returns
from posthouse.rules import policy
from posthouse.smtp.answers import AUTH_REQUIRED
from posthouse.smtp.events import AuthTry, BodyEnd, BodyStart, Event, MailFrom, RcptTo
from posthouse.smtp.replies import Reply
from posthouse.smtp.server import ServerEngine
from posthouse.store.engine import Store

log = structlog.get_logger()

MOST_RECIPIENTS = 10
MOST_CONNECTIONS = 20  # of one client address
MOST_AT_ONCE = 16  # letters of one worker that are read and written down now
MOST_HOPS = 50
_REPORTS_TO = frozenset({"postmaster", "abuse"})
_HEAD_BYTES = 262_144
_RECEIVED = re.compile(rb"^received[ \t]*:", re.I | re.M)

SENDER_OK = Reply(250, "2.1.0", "Sender address accepted")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient address accepted")
GO_ON = Reply(354, "", "Continue")
THANKS = Reply(250, "2.0.0", "Thank you, noted")
NOT_OURS = Reply(
    550, "5.7.1", "Only mail that comes back to us is taken here, and this is no return path of ours"
)
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients")
TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "Too many connections, try again later")
TOO_MUCH = Reply(451, "4.3.2", "Too much returned mail at once, try again in a minute")
CANNOT_NOW = Reply(451, "4.3.0", "cannot take your message now, try again later")


@dataclass(slots=True)
class ReturnsParts:
    """What these connections of one worker share. `key`: of return paths; `is_return_host`: does mail to
    return paths at this domain belong here? `hostname`: ours, where postmaster can be reached too."""

    returns: Returns
    store: Store
    key: bytes
    is_return_host: Callable[[str], bool]
    hostname: str
    budget: BodyBudget
    connections: Connections
    at_work: int = 0

    @property
    def has_room(self) -> bool:
        """The larger part of the memory is for customers."""
        return self.budget.held_bytes * 4 <= self.budget.limit_bytes and self.at_work < MOST_AT_ONCE


class ReturnsSession:
    """One connection of another server."""

    def __init__(self, parts: ReturnsParts, address: str) -> None:
        self._parts = parts
        self._address = address
        self._counted_as = ""
        self._found: list[tuple[str, str]] = []
        self._recipients = 0
        self._work: asyncio.Task[None] | None = None

    def on_event(self, event: Event, answer: Answer) -> Reply | None:
        """As `doors.smtp.Session` says."""
        if isinstance(event, RcptTo):
            return self._recipient(event.address)
        if isinstance(event, MailFrom):
            return self._sender()
        if isinstance(event, BodyEnd):
            return self._letter(event.body, answer)
        if isinstance(event, BodyStart):
            return GO_ON if self._parts.has_room else BUSY
        raise AssertionError(f"no such event here: {event!r}")

    def closed(self) -> None:
        """The connection is gone."""
        if self._counted_as:
            self._parts.connections.leave(self._counted_as)
            self._counted_as = ""

    def _sender(self) -> Reply:
        trouble = self._parts.store.refusal
        if trouble is not None:
            return Reply(trouble.code, trouble.enhanced, trouble.text)
        if not self._counted_as:
            self._counted_as = f"returns {self._address}"
            if self._parts.connections.enter(self._counted_as) > MOST_CONNECTIONS:
                return TOO_MANY_CONNECTIONS
        self._found, self._recipients = [], 0
        return SENDER_OK

    def _recipient(self, address: Address) -> Reply:
        parts = self._parts
        is_report = address.local.lower() in _REPORTS_TO
        is_here = parts.is_return_host(address.domain)
        if not is_here and not (is_report and address.domain == parts.hostname):
            return AUTH_REQUIRED  # most likely a customer who forgot to sign in
        found = read_return_path(parts.key, address.local) if is_here else None
        if found is None and not is_report:
            return NOT_OURS
        if self._recipients >= MOST_RECIPIENTS:
            return TOO_MANY_RECIPIENTS
        self._recipients += 1
        if found is not None:
            self._found.append(found)
        return RECIPIENT_OK

    def _letter(self, body: bytes, answer: Answer) -> Reply | None:
        parts = self._parts
        if parts.at_work >= MOST_AT_ONCE:
            return TOO_MUCH
        try:
            policy.judge_hops(len(_RECEIVED.findall(body[:_HEAD_BYTES].partition(b"\r\n\r\n")[0])), MOST_HOPS)
        except Refused as loop:
            return Reply(loop.code, loop.enhanced, loop.text)
        parts.at_work += 1
        arrived = Arrived(body, tuple(dict.fromkeys(self._found)))
        self._work = asyncio.get_running_loop().create_task(self._take(arrived, answer))
        return None

    async def _take(self, arrived: Arrived, answer: Answer) -> None:
        try:
            reply: Reply | None = await self._taken(arrived)
        finally:
            self._parts.at_work -= 1
        answer(reply)

    async def _taken(self, arrived: Arrived) -> Reply | None:
        """The reply once everything is committed; None: nobody knows whether it is."""
        try:
            await self._parts.returns.take(arrived)
        except PosthouseError as error:
            return Reply(error.code, error.enhanced, error.text)
        except CommitInDoubt:
            log.error("a commit is in doubt: closing the connection of %s without a reply", self._address)
            return None
        except Exception:  # the rim of this letter
            log.exception("returned mail from %s could not be taken", self._address)
            return CANNOT_NOW
        return THANKS


class OpenSession:
    """A connection to the port for both: another server's until it signs in, then a customer's."""

    def __init__(self, engine: ServerEngine, customer: SubmissionSession, server: ReturnsSession) -> None:
        self._engine = engine
        self._customer = customer
        self._server = server

    def on_event(self, event: Event, answer: Answer) -> Reply | None:
        """As `doors.smtp.Session` says."""
        if isinstance(event, AuthTry) or self._engine.is_authenticated:
            return self._customer.on_event(event, answer)
        return self._server.on_event(event, answer)

    def closed(self) -> None:
        """The connection is gone."""
        self._customer.closed()
        self._server.closed()
