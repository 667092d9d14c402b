"""The connection of a receiving host: buffer, replies, ends, and STARTTLS in all its good and bad forms.

`Wire` knows nothing of commands; `conversation` builds on it.

Public: `Wire`.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

from posthouse.internet.scripts import Tls

if TYPE_CHECKING:
    from posthouse.internet.hosts import Host

_MOST_BYTES = 256 * 1024 * 1024
_ENHANCED = re.compile(r"(?m)^([245][0-9][0-9][ -])[245]\.[0-9]{1,3}\.[0-9]{1,3} ")
_NO_TLS = b"\x16\x03\x03\x00\x04oops and more that is no handshake\r\n"


class Wire(asyncio.Protocol):
    """One connection. `is_waiting`: nothing is read from the buffer until a late reply or a handshake."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._script = host.script
        self._buffer = bytearray()
        self._out: list[bytes] = []
        self._is_waiting = False
        self._is_closing = False
        self._is_deaf = False  # answers whatever comes with bytes that are no TLS
        self._handshake: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._session = self._host.recorder.open(
            self._host.name, self._host.address, f"{peer[0]}:{peer[1]}", self._host.now()
        )
        self._host.connections.add(self)
        self._opened()
        self._flush()

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            return
        if self._is_deaf:
            self._transport.write(_NO_TLS)
            return
        self._buffer += data
        if len(self._buffer) > _MOST_BYTES:
            self.end("dropped")
            return
        self._advance()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_closing = True
        self._host.connections.discard(self)
        self._host.recorder.ended(self._session, "lost")

    def end(self, how: str) -> None:
        """Drop the connection without another word."""
        self._host.recorder.ended(self._session, how)
        self._flush()
        self._is_closing = True
        if self._handshake is not None:
            self._handshake.cancel()
        self._transport.abort()

    def _opened(self) -> None:
        """Say the greeting."""
        raise NotImplementedError

    def _next(self) -> bool:
        """Take one command or content from the buffer; False: it needs more bytes."""
        raise NotImplementedError

    def _forget(self) -> None:
        """RFC 3207 4.2: after the handshake nothing said before it counts."""
        raise NotImplementedError

    def _advance(self) -> None:
        while self._buffer and not (self._is_waiting or self._is_closing) and self._next():
            pass
        self._flush()

    def _say(self, reply: str) -> None:
        if "ENHANCEDSTATUSCODES" not in self._script.extensions:
            reply = _ENHANCED.sub(r"\1", reply)
        self._write(reply.encode() + b"\r\n")

    def _write(self, data: bytes) -> None:
        for line in data[:4000].decode("utf-8", "backslashreplace").splitlines():
            self._session.note("S: " + line)
        self._out.append(data)

    def _flush(self) -> None:
        if self._out and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _close(self, how: str) -> None:
        self._host.recorder.ended(self._session, how)
        self._flush()
        self._is_closing = True
        self._transport.close()

    def _violated(self, what: str) -> None:
        self._host.recorder.violations.append(f"session {self._session.number}, {self._host.name}: {what}")

    def _starttls(self) -> None:
        if "STARTTLS" not in self._script.extensions or self._session.tls:
            self._violated("STARTTLS that is not offered")
            self._say("503 5.5.1 STARTTLS is not offered")
            return
        if self._buffer:
            self._violated("bytes sent in clear behind STARTTLS")
            self._buffer.clear()
        kind = self._script.tls
        if kind is Tls.REFUSED:
            self._say("454 4.7.0 TLS not available now")
            return
        self._say("220 2.0.0 Ready to start TLS")
        match kind:
            case Tls.DROP:
                self._close("dropped")
            case Tls.GARBAGE:
                self._is_deaf = True
            case Tls.HANG:
                self._is_waiting = True
            case _:
                if kind is Tls.INJECT:
                    self._say("250 2.0.0 This line was not said by the host")
                # Paused before the 220 leaves: the handshake's first bytes are not for this protocol.
                self._transport.pause_reading()
                self._flush()
                self._handshake = asyncio.get_running_loop().create_task(self._shake_hands(kind))

    async def _shake_hands(self, kind: Tls) -> None:
        self._is_waiting = True
        try:
            upgraded = await asyncio.get_running_loop().start_tls(
                self._transport,
                self,
                self._host.certificates.context(self._host.name, kind),
                server_side=True,
                ssl_handshake_timeout=60,
            )
        except OSError as error:  # ssl.SSLError, a reset, the time-out
            self._session.note(f"S: (handshake failed: {type(error).__name__})")
            self.connection_lost(None)
            return
        if upgraded is None or self._is_closing:
            return
        self._transport = upgraded
        cipher = upgraded.get_extra_info("cipher")
        self._session.tls = f"{cipher[1]} {cipher[0]}"
        self._session.note(f"S: (TLS: {self._session.tls})")
        self._forget()
        self._is_waiting = False
        self._advance()
