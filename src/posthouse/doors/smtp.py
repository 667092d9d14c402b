"""The SMTP door: an asyncio protocol around `ServerEngine`.

Bytes go into the engine, its events go to a session, the session's replies go back; this module knows
sockets, TLS, time-outs, back-pressure and connection limits, and nothing of what mail means.

What can go wrong: a client that sends while a reply is pending (its input stays in the engine, reading is
paused past 256 KiB); decrypted bytes that arrive before `start_tls` returns (kept until the swap is done); a
client that trickles (the sweeper closes what is idle or too slow).
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
from posthouse.smtp.events import Event, Junk, Quit, StartTls
from posthouse.smtp.replies import Reply
from posthouse.smtp.server import ServerEngine

log = structlog.get_logger()

HANDSHAKE_S = 30.0
SWEEP_S = 2.0
UNKNOWN_IDLE_S = 120.0
_PAUSE_BYTES = 262_144
_SLOWEST_BYTES_S = 500
_BODY_GRACE_S = 300.0

IDLE = Reply(421, "4.4.2", "Idle too long, closing")
SLOW = Reply(421, "4.4.2", "Sending too slowly, closing")
SHUTDOWN = Reply(421, "4.3.2", "Shutting down, try again in a moment")
CROWDED = Reply(421, "4.7.0", "Too many connections, try again later")


class Session(Protocol):
    """What a connection means. `on_event` answers with a reply, or None when `answer` brings it later."""

    def on_event(self, event: Event, answer: Callable[[Reply | None], None]) -> Reply | None: ...


@dataclass(slots=True)
class Doorkeeper:
    """What the connections of one worker share: limits, the budget, who is connected."""

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

    def admits(self, address: str) -> bool:
        if len(self.open) >= self.most:
            return False
        return not self.most_per_address or self.per_address[address] < self.most_per_address

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
    """One connection."""

    def __init__(self, keeper: Doorkeeper, *, is_tls: bool) -> None:
        self._keeper = keeper
        self._is_tls = is_tls
        self._loop = asyncio.get_running_loop()
        self._upgrading = False
        self._waits_for_reply = False
        self._paused = False
        self._held = 0
        self._early: list[bytes] = []
        self._address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not of asyncio's class
        if self._upgrading:
            return
        peer = self._transport.get_extra_info("peername")
        self._address = str(peer[0]) if peer else "local"
        self._seen_at = self._body_from = self._loop.time()
        self._engine = self._keeper.make_engine(self._is_tls, self._address)
        admitted = self._keeper.admits(self._address) and not self._keeper.is_draining
        self._keeper.open.add(self)
        self._keeper.per_address[self._address] += 1
        if not admitted:
            self._engine.close_with(SHUTDOWN if self._keeper.is_draining else CROWDED)
            self._flush()
            return
        self._session = self._keeper.make_session(self._engine, self._address)
        self._engine.start()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._keeper.open.discard(self)
        self._keeper.per_address[self._address] -= 1
        if not self._keeper.per_address[self._address]:
            del self._keeper.per_address[self._address]
        self._keeper.budget.held_bytes -= self._held
        self._held = 0

    def data_received(self, data: bytes) -> None:
        if self._upgrading:
            self._early.append(data)
            return
        self._seen_at = self._loop.time()
        engine = self._engine
        engine.receive(data)
        if not self._waits_for_reply:
            self._pump()
        self._weigh()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        """The client does not read its replies: take no more input until it does."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        if not self._paused:
            self._transport.resume_reading()

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
            reply = self._session.on_event(event, self._answer)
            if reply is None:
                self._waits_for_reply = True
                break
            engine.reply(reply)
        self._flush()

    def _answer(self, reply: Reply | None) -> None:
        """A reply that came later. None: say nothing and close (the commit is in doubt)."""
        self._waits_for_reply = False
        if self._transport.is_closing():
            return
        if reply is None:
            self._transport.abort()
            return
        self._engine.reply(reply)
        self._pump()
        self._weigh()

    def _flush(self) -> None:
        data = self._engine.to_send()
        if data:
            self._transport.write(data)
        if self._engine.is_closing:
            self._transport.close()

    def _weigh(self) -> None:
        """Keep the budget and the input buffer bounded."""
        engine, budget = self._engine, self._keeper.budget
        held = engine.body_bytes
        if held != self._held:
            if not self._held:
                self._body_from = self._seen_at
            budget.held_bytes += held - self._held
            self._held = held
            if budget.is_exceeded and engine.in_body:
                engine.discard_body(BUSY)
        if self._waits_for_reply and engine.unread_bytes > _PAUSE_BYTES:
            self._paused = True
            self._transport.pause_reading()
        elif self._paused:
            self._paused = False
            self._transport.resume_reading()

    # -- TLS ----------------------------------------------------------------------------------------------

    def _upgrade(self) -> None:
        self._upgrading = True
        self._tls_task = self._loop.create_task(self._start_tls())

    async def _start_tls(self) -> None:
        try:
            transport = await self._loop.start_tls(
                self._transport, self, self._keeper.tls, server_side=True, ssl_handshake_timeout=HANDSHAKE_S
            )
        except (OSError, TimeoutError, EOFError) as error:  # TLS-7: the connection ends, never falls back
            log.info("TLS handshake with %s failed: %s", self._address, error)
            self._transport.abort()
            return
        if transport is None:
            return
        self._transport = transport
        self._upgrading = False
        self._engine.tls_started()
        early, self._early = self._early, []
        for data in early:
            self.data_received(data)

    # -- time ------------------------------------------------------------

    def check_time(self, now: float) -> None:
        """Close when idle (421 4.4.2) or when a letter trickles in below 500 bytes a second."""
        if self._waits_for_reply or self._upgrading:
            return
        engine = self._engine
        idle_s = self._keeper.idle_s if engine.is_authenticated else min(self._keeper.idle_s, UNKNOWN_IDLE_S)
        if now - self._seen_at > idle_s:
            self._leave(IDLE)
        elif engine.in_body and now - self._body_from > _BODY_GRACE_S + self._held / _SLOWEST_BYTES_S:
            self._leave(SLOW)

    def leave_if_idle(self) -> None:
        """During a drain: say goodbye unless a transaction is open."""
        if not self._waits_for_reply and not self._upgrading and not self._engine.transaction_open:
            self._leave(SHUTDOWN)

    def _leave(self, reply: Reply) -> None:
        self._engine.close_with(reply)
        self._flush()
