"""One outgoing SMTP connection: a socket driven by a `ClientEngine`.

The hot path (a letter on a connection that is open already) is plain callbacks: one write for the envelope,
one for the content, one future for the result. Only the opening with its TLS handshake is a coroutine, in
`opening`.

Public: Connection, Owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Protocol, cast

from posthouse.model.message import Outgoing, SmtpResult
from posthouse.net.timeouts import Deadline
from posthouse.smtp.client import ClientEngine
from posthouse.smtp.steps import Broken, ClientEvent, Finished, Ready, Step, WantsContent

_HIGH_WATER = 262_144  # octets in the transport's buffer before a large letter waits


class Owner(Protocol):
    """Who lends connections out: told when one begins, when one may be lent again, and when one is gone."""

    def connection_begun(self, connection: Connection) -> None: ...

    def connection_idle(self, connection: Connection) -> None: ...

    def connection_gone(self, connection: Connection) -> None: ...


class Connection(asyncio.BufferedProtocol):
    """`key` is the owner's name for what this connection can be used for. `policy` says which TLS policy held
    and why, for results; `tls` is version and cipher, "" in clear, and `tls_fault` what was wrong with TLS, a
    result type of RFC 8460 4.3. `labels`: mx, address and source of its results; `port` is that of the mx.
    `limits` comes from `Timeouts.by_step`; `block_s` is the time for each part of a large letter. `buffer`
    may be shared by all connections of one loop: what is in it is used up at once. (A plain Protocol would
    cost a fresh 256 KB buffer for each read under TLS, 20 µs, on uvloop.) `idle_s`: how long it waits for the
    next letter; may be set at any time."""

    __slots__ = (
        "_block_s", "_buffer", "_deadline", "_early", "_is_paused", "_is_retired", "_is_upgrading",
        "_letters_max", "_limits", "_loop", "_may_finish", "_opening", "_owner", "_pending", "_step",
        "_transport", "engine", "idle_s", "key", "labels", "policy", "port", "tls", "tls_fault",
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
        self.tls = ""
        self.tls_fault = ""
        self._loop = asyncio.get_running_loop()
        self.engine = engine
        self._owner = owner
        self.labels = labels
        self.port = 25
        self._limits = limits
        self.idle_s = limits[Step.IDLE]
        self._block_s = block_s
        self._buffer = buffer
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Future[ClientEvent] | None = self._loop.create_future()
        self._pending: asyncio.Future[Finished] | None = None
        self._may_finish: Callable[[], bool] = _never
        self._letters_max = 1
        self._step = Step.GREETING
        self._deadline = Deadline(self._loop, self._late)
        self._is_paused = self._is_upgrading = self._is_retired = False
        self._early: list[bytes] = []

    # --- opening: what `opening.open_connection` does with it -------------------------------------------

    async def opening_event(self) -> ClientEvent:
        """What the engine says next; the connection is dropped when nobody waits for it any more."""
        assert self._opening is not None
        try:
            return await self._opening
        except asyncio.CancelledError:
            self.abort()
            raise

    def opened(self) -> None:
        """The opening is over, well or not: from now on events are those of letters."""
        self._opening = None

    def begin_upgrade(self) -> asyncio.Transport:
        """The transport in clear, on which hands are shaken now."""
        assert self._transport is not None
        self._opening = self._loop.create_future()
        # from here on `buffer_updated` may run on the decrypted stream before `start_tls` has returned
        self._is_upgrading = True
        return self._transport

    def take_upgraded(self, transport: asyncio.Transport) -> bool:
        """Use the encrypted transport; False when the connection was lost meanwhile."""
        self._is_upgrading = False
        if self.engine.step is Step.CLOSED:
            return False
        self._transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        return True

    def tls_started(self, tls: str) -> None:
        """Go on under `tls`, version and cipher."""
        self.tls = tls
        self.engine.tls_started(tls)
        for data in self._early:
            self.engine.receive(data)
        self._early.clear()
        self._pump()

    def tls_failed(self, why: str, fault: str = "") -> None:
        """The end of an upgrade; `fault` for `tls_fault`."""
        self.tls_fault = fault
        self.engine.tls_failed(why)
        self._pump()

    # --- using ----------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """May take a letter now."""
        return self.engine.step is Step.IDLE and not self._is_retired

    @property
    def host(self) -> str:
        """The host's name."""
        return self.labels[0]

    @property
    def promises_tls(self) -> bool:
        """The host offers REQUIRETLS (RFC 8689)."""
        return self.engine.offers.has_requiretls

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
        self.engine.start(outgoing)
        self._pump()
        return future

    def quit(self) -> None:
        """Say good-bye now if idle, else as soon as the letter is through."""
        self._is_retired = True
        if self.engine.step is Step.IDLE:
            self.engine.quit()
            self._pump()

    def abort(self) -> None:
        """Drop the connection without a word; a letter under way gets its result."""
        self.engine.lost("The connection was given up")
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
        self._deadline.expect(self._limits[Step.GREETING])

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self._buffer[:nbytes])
        if self._is_upgrading:
            self._early.append(data)
            return
        self.engine.receive(data)
        self._pump()

    def eof_received(self) -> None:
        return None  # close, then connection_lost

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.engine.lost()
        self._pump()
        self._deadline.cancel()
        self._owner.connection_gone(self)

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._flush()
        # RFC 5321 4.5.3.2.5: each block of data that the host takes gives it new time
        self._deadline.expect(self._block_s if self.engine.has_output else self._limits[self.engine.step])

    # --- between engine and socket --------------------------------------------------------------------

    def _pump(self) -> None:
        """Everything that follows from new bytes or a new letter."""
        engine = self.engine
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
            self._deadline.expect(self._block_s if self._is_paused and engine.has_output else limit_s)

    def _finished(self, event: Finished) -> None:
        self.labelled(event.result)
        future, self._pending = self._pending, None
        if future and not future.done():
            future.set_result(event)
        if self.engine.step is Step.IDLE:
            self._idle()

    def _idle(self) -> None:
        engine = self.engine
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

    def labelled(self, result: SmtpResult) -> SmtpResult:
        """`result` with what is known of the connection."""
        result.mx, result.address, result.source = self.labels
        result.tls = self.tls
        result.policy = self.policy
        return result

    def _flush(self) -> None:
        engine, transport = self.engine, self._transport
        while not self._is_paused and (out := engine.to_send()):
            if transport is None or transport.is_closing():
                return
            transport.writelines(out)

    def _late(self) -> None:
        if self.engine.step is Step.IDLE and self._opening is None:
            self.quit()
        else:
            self.engine.lost("Timed out")
            self._pump()
            if self._transport:
                self._transport.abort()


def _never() -> bool:
    return False
