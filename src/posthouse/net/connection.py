"""One outgoing SMTP connection: a socket driven by a `ClientEngine`.

The hot path (a letter on a connection that is open already) is plain callbacks: one write for the envelope,
one for the content, one future for the result. Only the opening with its TLS handshake is a coroutine.
One timer serves all time-outs: it is moved only when a deadline comes nearer, else it looks, when it
fires, whether the deadline has moved away.

Public: Connection, Timeouts, Judge.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from posthouse.model.message import Outgoing, Phase, SmtpResult
from posthouse.net.handshake import fault_of, presented_chain, reason_of
from posthouse.smtp.client import ClientEngine
from posthouse.smtp.steps import Broken, ClientEvent, Finished, Ready, Step, WantsContent, own_words

# The presented chain (DER, the host's own certificate first) -> "" when it will do, else why not.
Judge = Callable[[Sequence[bytes]], str]

_SLACK_S = 0.002  # timers may fire a tick early
_HIGH_WATER = 262_144  # octets in the transport's buffer before a large letter waits


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a host may take, in seconds: RFC 5321 4.5.3.2 (MX-7). Never shorten `final_s` without need:
    whoever gives up before the host has answered the content makes duplicates (4.5.3.2.6)."""

    connect_s: float = 30.0
    greeting_s: float = 300.0
    hello_s: float = 300.0
    starttls_s: float = 120.0
    handshake_s: float = 60.0
    mail_s: float = 300.0
    rcpt_s: float = 300.0
    data_s: float = 120.0
    block_s: float = 180.0
    final_s: float = 600.0
    tidy_s: float = 60.0
    quit_s: float = 5.0

    def by_step(self, idle_s: float) -> dict[Step, float]:
        """What each step may take."""
        return {
            Step.GREETING: self.greeting_s,
            Step.EHLO: self.hello_s,
            Step.HELO: self.hello_s,
            Step.STARTTLS: self.starttls_s,
            Step.HANDSHAKE: self.handshake_s
            + 5.0,  # the handshake has its own limit; this is the net below it
            Step.IDLE: idle_s,
            Step.MAIL: self.mail_s,
            Step.RCPT: self.rcpt_s,
            Step.DATA: self.data_s,
            Step.CONTENT: self.data_s,
            Step.FINAL: self.final_s,
            Step.LONE_DOT: self.tidy_s,
            Step.RSET: self.tidy_s,
            Step.QUIT: self.quit_s,
            Step.CLOSED: self.quit_s,
        }


class Owner(Protocol):
    """Who lends connections out: told when one begins, when one may be lent again, and when one is gone."""

    def connection_begun(self, connection: Connection) -> None: ...

    def connection_idle(self, connection: Connection) -> None: ...

    def connection_gone(self, connection: Connection) -> None: ...


class Connection(asyncio.BufferedProtocol):
    """`key` is the owner's name for what this connection can be used for. `policy` says which TLS policy held
    and why, for results; `tls_fault` what was wrong with TLS, a result type of RFC 8460 4.3. `labels`: mx,
    address and source of its results. `limits` comes from `Timeouts.by_step`; `block_s` is the time for each
    part of a large letter. `buffer` may be shared by all connections of one loop: what is in it is used up at
    once. (A plain Protocol would cost a fresh 256 KB buffer for each read under TLS, 20 µs, on uvloop.)
    `idle_s`: how long it waits for the next letter; may be set at any time."""

    __slots__ = (
        "_block_s", "_buffer", "_deadline", "_early", "_engine", "_is_paused", "_is_retired",
        "_is_upgrading", "_letters_max", "_limits", "_loop", "_may_finish", "_opening",
        "_owner", "_pending", "_step", "_timer", "_timer_at", "_tls", "_transport", "idle_s", "key", "labels",
        "policy", "tls_fault",
    )  # fmt: skip

    def __init__(
        self,
        engine: ClientEngine,
        owner: Owner,
        key: tuple[str, str, str],
        labels: tuple[str, str, str],
        limits: dict[Step, float],
        block_s: float,
        buffer: memoryview,
    ) -> None:
        self.key = key
        self.policy = ""
        self.tls_fault = ""
        self._loop = asyncio.get_running_loop()
        self._engine = engine
        self._owner = owner
        self.labels = labels
        self._limits = limits
        self.idle_s = limits[Step.IDLE]
        self._block_s = block_s
        self._buffer = buffer
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Future[ClientEvent] | None = self._loop.create_future()
        self._pending: asyncio.Future[Finished] | None = None
        self._may_finish: Callable[[], bool] = _never
        self._letters_max = 1
        self._tls = ""
        self._step = Step.GREETING
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._deadline = 0.0
        self._is_paused = self._is_upgrading = self._is_retired = False
        self._early: list[bytes] = []

    # --- opening --------------------------------------------------------------------------------------

    async def open(
        self, context: ssl.SSLContext | None, host_name: str, handshake_s: float, judge: Judge | None = None
    ) -> SmtpResult | None:
        """Wait until the engine is idle. None: it is, and the caller owns the connection. Else why not.

        `judge` looks at the certificates behind the handshake, before another word is said."""
        event = await self._next_opening_event()
        if not isinstance(event, Ready | Broken):
            event = await self._upgrade(context, host_name, handshake_s, judge)
        self._opening = None
        if isinstance(event, Broken | Finished):
            return self._labelled(event.result)
        if self.is_idle:
            return None
        self.quit()
        text = "The connection ended as soon as it was ready"
        return self._labelled(own_words(Phase.EHLO, 0, "4.4.2", text, failed=True))

    async def _next_opening_event(self) -> ClientEvent:
        assert self._opening is not None
        try:
            return await self._opening
        except asyncio.CancelledError:
            self.abort()
            raise

    async def _upgrade(
        self, context: ssl.SSLContext | None, host_name: str, handshake_s: float, judge: Judge | None
    ) -> ClientEvent:
        clear = self._transport
        assert clear is not None and context is not None
        self._opening = self._loop.create_future()
        # from here on `buffer_updated` may run on the decrypted stream before `start_tls` has returned
        self._is_upgrading = True
        try:
            upgraded = await self._loop.start_tls(
                clear, self, context, server_hostname=host_name, ssl_handshake_timeout=handshake_s
            )
        except (OSError, ValueError, RuntimeError) as error:  # SSLError and TimeoutError are OSErrors
            clear.abort()
            self.tls_fault = fault_of(error)
            self._engine.tls_failed(reason_of(error))
            self._pump()
        except asyncio.CancelledError:
            clear.abort()
            raise
        else:
            self._secured(upgraded, judge)
        return await self._next_opening_event()

    def _secured(self, transport: asyncio.Transport | None, judge: Judge | None) -> None:
        self._is_upgrading = False
        if transport is None or self._engine.step is Step.CLOSED:
            self._engine.tls_failed("the connection was lost")
            self._pump()
            return
        self._transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        session = transport.get_extra_info("ssl_object")
        if judge is not None and (complaint := judge(presented_chain(session))):
            self.tls_fault = "validation-failure"
            transport.abort()
            self._engine.tls_failed(complaint)
            self._pump()
            return
        self._tls = f"{session.version()} {session.cipher()[0]}"
        self._engine.tls_started(self._tls)
        for data in self._early:
            self._engine.receive(data)
        self._early.clear()
        self._pump()

    # --- using ----------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """May take a letter now."""
        return self._engine.step is Step.IDLE and not self._is_retired

    @property
    def host(self) -> str:
        """The host's name."""
        return self.labels[0]

    @property
    def tls(self) -> str:
        """Version and cipher, "" in clear."""
        return self._tls

    @property
    def promises_tls(self) -> bool:
        """The host offers REQUIRETLS (RFC 8689)."""
        return self._engine.offers.has_requiretls

    def retire(self) -> None:
        """One letter more at most."""
        self._is_retired = True

    def send(
        self, outgoing: Outgoing, may_finish: Callable[[], bool], letters_max: int
    ) -> asyncio.Future[Finished]:
        """Begin a letter on an idle connection of which the caller is the owner; the result comes by the
        future. Afterwards the connection goes back to its `Owner` or ends by itself."""
        self._pending = future = self._loop.create_future()
        self._may_finish = may_finish
        self._letters_max = letters_max
        self._engine.start(outgoing)
        self._pump()
        return future

    def quit(self) -> None:
        """Say good-bye now if idle, else as soon as the letter is through."""
        self._is_retired = True
        if self._engine.step is Step.IDLE:
            self._engine.quit()
            self._pump()

    def abort(self) -> None:
        """Drop the connection without a word; a letter under way gets its result."""
        self._engine.lost("The connection was given up")
        self._pump()
        if self._transport:
            self._transport.abort()

    # --- asyncio.Protocol -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._owner.connection_begun(self)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER)
        sock = transport.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._expect(self._limits[Step.GREETING])

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self._buffer[:nbytes])
        if self._is_upgrading:
            self._early.append(data)
            return
        self._engine.receive(data)
        self._pump()

    def eof_received(self) -> None:
        return None  # close, then connection_lost

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._engine.lost()
        self._pump()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._owner.connection_gone(self)

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._flush()
        # RFC 5321 4.5.3.2.5: each block of data that the host takes gives it new time
        self._expect(self._block_s if self._engine.has_output else self._limits[self._engine.step])

    # --- between engine and socket --------------------------------------------------------------------

    def _pump(self) -> None:
        """Everything that follows from new bytes or a new letter."""
        engine = self._engine
        while (event := engine.next_event()) is not None:
            if isinstance(event, WantsContent):
                if self._may_finish():
                    engine.allow_content()
                else:
                    engine.withhold_content("Not sent: the right to deliver this letter was lost meanwhile")
            elif isinstance(event, Finished):
                self._finished(event)
            elif self._opening is not None:
                self._opened(event)
            elif isinstance(event, Ready):
                self._idle()
        self._flush()
        step = engine.step
        if step is not self._step:
            self._step = step
            if step is Step.CLOSED and self._transport:
                self._transport.close()  # what is queued is still written
            limit_s = self.idle_s if step is Step.IDLE else self._limits[step]
            self._expect(self._block_s if self._is_paused and engine.has_output else limit_s)

    def _finished(self, event: Finished) -> None:
        self._labelled(event.result)
        future, self._pending = self._pending, None
        if future and not future.done():
            future.set_result(event)
        if self._engine.step is Step.IDLE:
            self._idle()

    def _idle(self) -> None:
        engine = self._engine
        peer_max = engine.offers.mail_max  # RFC 9422: LIMITS MAILMAX
        if (
            self._is_retired
            or engine.letters >= self._letters_max
            or (peer_max and engine.letters >= peer_max)
        ):
            engine.quit()
        else:
            self._owner.connection_idle(self)

    def _opened(self, event: ClientEvent) -> None:
        assert self._opening is not None
        if not isinstance(event, Ready | Broken) and self._transport:
            self._transport.pause_reading()  # TLS-4: not a byte more is read in clear; start_tls resumes
        if not self._opening.done():
            self._opening.set_result(event)

    def _labelled(self, result: SmtpResult) -> SmtpResult:
        result.mx, result.address, result.source = self.labels
        result.tls = self._tls
        result.policy = self.policy
        return result

    def _flush(self) -> None:
        engine, transport = self._engine, self._transport
        while not self._is_paused and (out := engine.to_send()):
            if transport is None or transport.is_closing():
                return
            transport.writelines(out)

    def _expect(self, seconds: float) -> None:
        """The present step must end within `seconds`."""
        self._deadline = deadline = self._loop.time() + seconds
        if self._timer is None or self._timer_at > deadline:
            if self._timer:
                self._timer.cancel()
            self._timer_at = deadline
            self._timer = self._loop.call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        left = self._deadline - self._loop.time()
        if left > _SLACK_S:
            self._expect(left)
        elif self._engine.step is Step.IDLE and self._opening is None:
            self.quit()
        else:
            self._engine.lost("Timed out")
            self._pump()
            if self._transport:
                self._transport.abort()


def _never() -> bool:
    return False
