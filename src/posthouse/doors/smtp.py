"""The SMTP door: an asyncio protocol around `ServerEngine`.

Bytes go into the engine, its events go to a session, the session's replies go back; this module knows
sockets, TLS, time-outs, back-pressure and connection limits, and nothing of what mail means.

What can go wrong: a client that sends while a reply is pending (its input stays in the engine, reading is
paused past 256 KiB); decrypted bytes that arrive before `start_tls` returns (kept until the swap is done); a
client that trickles (the sweeper closes what is idle or too slow); one that never reads our last words (cut
off after a while); one that closes its sending side and still waits for the reply (it gets it).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Protocol, cast

import structlog

from posthouse.doors.budget import BUSY, BodyBudget
from posthouse.smtp.events import BodyEnd, Event, Junk, Quit, StartTls
from posthouse.smtp.replies import Reply
from posthouse.smtp.server import ServerEngine

log = structlog.get_logger()

HANDSHAKE_S = 30.0
SWEEP_S = 2.0
UNKNOWN_IDLE_S = 120.0
_PAUSE_BYTES = 262_144
_SLOWEST_BYTES_S = 500
_BODY_GRACE_S = 300.0
LINGER_S = 30.0  # for the client to read our last words

IDLE = Reply(421, "4.4.2", "Idle too long, closing")
SLOW = Reply(421, "4.4.2", "Sending too slowly, closing")
SHUTDOWN = Reply(421, "4.3.2", "Shutting down, try again in a moment")
AWAY = Reply(421, "4.3.2", "Mail cannot be taken at the moment, try again in a moment")
CROWDED = Reply(421, "4.7.0", "Too many connections, try again later")
BROKEN = Reply(451, "4.3.0", "Internal trouble, try again later")


class Session(Protocol):
    """What a connection means. `on_event` answers with a reply, or None when `answer` brings it later;
    `closed` is called once, when the connection is gone."""

    def on_event(self, event: Event, answer: Callable[[Reply | None], None]) -> Reply | None: ...

    def closed(self) -> None: ...


@dataclass(slots=True)
class Entrance:
    """What stands behind a kind of port. `make_engine` takes whether TLS is on already, and the client's
    address; `make_session` the engine and the address."""

    make_engine: Callable[[bool, str], ServerEngine]
    make_session: Callable[[ServerEngine, str], Session]


@dataclass(slots=True)
class Doorkeeper:
    """What the connections of one worker share: limits, the budget, who is connected; and what stands
    behind the ports of customers. `is_away`: this worker waits for its store and knows nobody yet."""

    make_engine: Callable[[bool, str], ServerEngine]
    make_session: Callable[[ServerEngine, str], Session]
    tls: SSLContext
    budget: BodyBudget
    idle_s: float
    most: int
    most_per_address: int
    open: set[SmtpDoor] = field(default_factory=set)
    per_address: Counter[str] = field(default_factory=Counter)
    is_draining: bool = False
    is_away: bool = False

    def refusal(self, address: str) -> Reply | None:
        """Why nobody from there is let in now; None: come in."""
        if self.is_draining:
            return SHUTDOWN
        if self.is_away:
            return AWAY
        is_full = len(self.open) >= self.most
        has_many = bool(self.most_per_address) and self.per_address[address] >= self.most_per_address
        return CROWDED if is_full or has_many else None

    async def sweep(self) -> None:
        """Close what is idle or too slow, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now = loop.time()
            for door in list(self.open):
                door.check_time(now)

    async def drain(self, grace_s: float) -> None:
        """Refuse new transactions with 421 and wait until the open ones have ended (SRV-26)."""
        self.is_draining = True
        for door in list(self.open):
            door.leave_if_idle()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace_s
        while self.open and loop.time() < deadline:
            await asyncio.sleep(0.05)
            for door in list(self.open):
                door.leave_if_idle()


class SmtpDoor(asyncio.Protocol):
    """One connection. `is_tls`: from its first byte; the server made for it does the handshake. `entrance`:
    what stands behind its port, unless that is a port of customers."""

    def __init__(self, keeper: Doorkeeper, *, is_tls: bool, entrance: Entrance | None = None) -> None:
        self._keeper = keeper
        self._entrance: Entrance | Doorkeeper = entrance or keeper
        self._is_tls = is_tls
        self._loop = asyncio.get_running_loop()
        self._upgrading = False
        self._waits_for_reply = False
        self._input_paused = self._output_paused = False
        self._is_reading = True
        self._is_half_closed = False
        self._left_at = 0.0  # when we said our last word; 0 before
        self._held = self._committing = 0  # octets in the budget, and of the letter that waits for its commit
        self._in_body = False
        self._body_bytes = 0  # octets that arrived since the present body began
        self._early: list[bytes] = []
        self._address = ""
        self._session: Session | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not of asyncio's class
        if self._upgrading:
            return
        peer = self._transport.get_extra_info("peername")
        self._address = str(peer[0]) if peer else "local"
        self._seen_at = self._body_from = self._loop.time()
        self._engine = self._entrance.make_engine(self._is_tls, self._address)
        refusal = self._keeper.refusal(self._address)
        self._keeper.open.add(self)
        self._keeper.per_address[self._address] += 1
        if refusal:
            self._engine.close_with(refusal)
            self._flush()
            return
        self._session = self._entrance.make_session(self._engine, self._address)
        self._engine.start()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        if self not in self._keeper.open:
            return
        self._keeper.open.discard(self)
        self._keeper.per_address[self._address] -= 1
        if not self._keeper.per_address[self._address]:
            del self._keeper.per_address[self._address]
        self._keeper.budget.held_bytes -= self._held
        self._held = 0
        if self._session:
            self._session.closed()

    def data_received(self, data: bytes) -> None:
        if self._upgrading:
            self._early.append(data)
            return
        self._seen_at = self._loop.time()
        if self._in_body:
            self._body_bytes += len(data)
        self._engine.receive(data)
        if not self._waits_for_reply:
            self._pump()
        self._weigh()

    def eof_received(self) -> bool:
        """True: keep the connection, a client that half-closes (nc, socat) still wants its reply."""
        self._is_half_closed = self._waits_for_reply and not self._engine.is_tls
        return self._is_half_closed

    def pause_writing(self) -> None:
        """The client does not read its replies: take no more input until it does."""
        self._output_paused = True
        self._set_reading()

    def resume_writing(self) -> None:
        self._output_paused = False
        self._set_reading()

    # -- events ------------------------------------------------------------

    def _pump(self) -> None:
        """Handle events until the engine needs more input or a reply comes later."""
        engine = self._engine
        while (event := engine.next_event()) is not None:
            if isinstance(event, StartTls):
                self._flush()
                self._upgrade()
                return
            if isinstance(event, Quit | Junk):
                break
            if isinstance(event, BodyEnd):
                self._in_body = False
            reply = self._judged(event)
            if reply is None:
                self._waits_for_reply = True
                self._committing = len(event.body) if isinstance(event, BodyEnd) else 0
                break
            engine.reply(reply)
        self._flush()

    def _judged(self, event: Event) -> Reply | None:
        assert self._session is not None  # without one the engine is closed and has no events
        try:
            return self._session.on_event(event, self._answer)
        except Exception:  # the rim of this connection
            log.exception("a session broke", client=self._address)
            return BROKEN

    def _answer(self, reply: Reply | None) -> None:
        """A reply that came later. None: say nothing and close (the commit is in doubt)."""
        self._waits_for_reply = False
        self._committing = 0
        if self._transport.is_closing():
            return
        if reply is None:
            self._transport.abort()
            return
        self._engine.reply(reply)
        self._pump()
        self._weigh()
        if self._is_half_closed and not self._waits_for_reply:
            self._transport.close()

    def _flush(self) -> None:
        data = self._engine.to_send()
        if data:
            self._transport.write(data)
        if self._engine.is_closing:
            self._left_at = self._left_at or self._loop.time()
            self._transport.close()

    def _weigh(self) -> None:
        """Keep the budget and the input buffer bounded."""
        engine = self._engine
        in_body = engine.in_body
        if in_body is not self._in_body:
            self._in_body = in_body
            self._body_from, self._body_bytes = self._loop.time(), 0
        held = engine.unread_bytes + self._committing
        if in_body:
            held += engine.body_bytes
        if held != self._held:
            self._hold(held)
            if in_body and self._keeper.budget.is_exceeded:
                engine.discard_body(BUSY)
                self._hold(engine.unread_bytes + engine.body_bytes)
        if self._waits_for_reply or self._input_paused:
            self._input_paused = self._waits_for_reply and engine.unread_bytes > _PAUSE_BYTES
            self._set_reading()

    def _hold(self, held: int) -> None:
        self._keeper.budget.held_bytes += held - self._held
        self._held = held

    def _set_reading(self) -> None:
        """Read from the client unless it has sent too much ahead or does not read what we say."""
        wanted = not (self._input_paused or self._output_paused)
        if wanted == self._is_reading or self._upgrading:
            return
        self._is_reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    # -- TLS ----------------------------------------------------------------------------------------------

    def _upgrade(self) -> None:
        self._upgrading = True
        self._transport.pause_reading()  # S6: not an octet more is read in clear; start_tls resumes
        self._tls_task = self._loop.create_task(self._start_tls())

    async def _start_tls(self) -> None:
        try:
            transport = await self._loop.start_tls(
                self._transport, self, self._keeper.tls, server_side=True, ssl_handshake_timeout=HANDSHAKE_S
            )
        except Exception as error:  # TLS-7: the connection ends, never falls back
            log.info("TLS handshake with %s failed: %s", self._address, error)
            self._transport.abort()
            # asyncio tells nobody about a connection that is lost during the handshake
            self.connection_lost(None)
            return
        if transport is None or transport.is_closing():
            self.connection_lost(None)
            return
        self._transport = transport
        self._is_reading = True
        self._upgrading = False
        self._engine.tls_started()
        early, self._early = self._early, []
        for data in early:
            self.data_received(data)

    # -- time ------------------------------------------------------------

    def check_time(self, now: float) -> None:
        """Close when idle (421 4.4.2) or when a letter trickles in below 500 bytes a second."""
        if self._left_at:
            if now - self._left_at > LINGER_S:
                self._transport.abort()
            return
        if self._waits_for_reply or self._upgrading:
            return
        engine = self._engine
        idle_s = self._keeper.idle_s if engine.is_authenticated else min(self._keeper.idle_s, UNKNOWN_IDLE_S)
        if now - self._seen_at > idle_s:
            self._leave(IDLE)
        elif self._in_body and now - self._body_from > _BODY_GRACE_S + self._body_bytes / _SLOWEST_BYTES_S:
            self._leave(SLOW)

    def leave_if_idle(self) -> None:
        """During a drain: say goodbye unless a transaction is open."""
        if self._upgrading:
            self._transport.abort()
        elif not self._waits_for_reply and not self._engine.transaction_open:
            self._leave(SHUTDOWN)

    def _leave(self, reply: Reply) -> None:
        self._engine.close_with(reply)
        self._flush()
