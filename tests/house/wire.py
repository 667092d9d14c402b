"""A bare SMTP client that says exactly what it is told, octet by octet.

Public: Answer, Wire.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import Self

TIMEOUT_S = 60.0


def trusting() -> ssl.SSLContext:
    """The server's pair is self-signed; these tests look at the protocol."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Answer(str):
    """A whole reply, lines joined by a line feed; `code` is its number (0: the connection has ended)."""

    @property
    def code(self) -> int:
        return int(self[:3]) if self[:3].isdecimal() else 0


class Wire:
    """A connection to a port of 127.0.0.1. The greeting is read at once unless `greeting` is False.
    `source`: the address of this machine that it comes from."""

    def __init__(self, port: int, *, is_tls: bool = False, greeting: bool = True, source: str = "") -> None:
        self.socket: socket.socket = socket.create_connection(
            ("127.0.0.1", port), timeout=TIMEOUT_S, source_address=(source, 0) if source else None
        )
        self._unread = b""
        if is_tls:
            self.socket = trusting().wrap_socket(self.socket)
        self.greeting = self.read() if greeting else Answer("")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Exactly these octets; a server that has closed is noticed by `read`."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def read(self) -> Answer:
        """The next whole reply, "" when the connection has ended."""
        lines: list[str] = []
        while line := self._line():
            lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
            if line[3:4] != b"-":
                break
        return Answer("\n".join(lines))

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            try:
                data = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLEOFError):
                data = b""
            if not data:
                return b""
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line + b"\n"

    def say(self, line: str) -> Answer:
        """One line and its answer."""
        self.send(line.encode() + b"\r\n")
        return self.read()

    def start_tls(self) -> None:
        assert self.say("STARTTLS").code == 220
        self.upgrade()

    def upgrade(self) -> None:
        """The TLS handshake."""
        self.socket = trusting().wrap_socket(self.socket)

    def sign_in(self, login: str, password: str) -> Answer:
        """EHLO and AUTH PLAIN; the answer to the latter, or to EHLO if that was no 250."""
        hello = self.say("EHLO client.test")
        return hello if hello.code != 250 else self.say(f"AUTH PLAIN {plain(login, password)}")

    def envelope(self, sender: str, recipients: Sequence[str], *, options: str = "") -> None:
        """MAIL, RCPT, DATA; all must be taken."""
        assert self.say(f"MAIL FROM:<{sender}>{options}").code == 250
        for recipient in recipients:
            assert self.say(f"RCPT TO:<{recipient}>").code == 250
        assert self.say("DATA").code == 354


def plain(login: str, password: str) -> str:
    """The initial response of AUTH PLAIN (RFC 4616)."""
    return base64.b64encode(f"\0{login}\0{password}".encode()).decode()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
