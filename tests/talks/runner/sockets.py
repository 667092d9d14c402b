"""A connection over a real socket, for the same talks against a running server.

Public: SocketConnection.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence

from talks.runner.play import Closed, TalkFailed


class SocketConnection:
    """`names` and `accepted` as in `play.Connection`; `tls` is None where the talk needs none."""

    def __init__(
        self,
        sock: socket.socket,
        names: dict[str, str],
        *,
        tls: ssl.SSLContext | None = None,
        is_tls: bool = False,
        accepted: Callable[[], Sequence[bytes] | None] = lambda: None,
        timeout_s: float = 5.0,
    ) -> None:
        self.names = names
        self._sock = sock
        self._tls = tls
        self._accepted = accepted
        self._unread = b""
        sock.settimeout(timeout_s)
        if is_tls:
            self.start_tls()

    def send(self, data: bytes) -> None:
        # the server may close while we still talk; the next step sees it
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._sock.sendall(data)

    def read_line(self) -> bytes:
        while b"\n" not in self._unread:
            try:
                data = self._sock.recv(65536)
            except TimeoutError:
                raise TalkFailed("no reply came") from None
            except (ConnectionResetError, ssl.SSLEOFError):
                data = b""
            if not data:
                raise Closed
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line + b"\n"

    def start_tls(self) -> None:
        assert self._tls is not None
        self._sock = self._tls.wrap_socket(self._sock, server_hostname="mail.example.test")

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)  # the talk itself asks for real time

    def is_silent(self) -> bool:
        return not self._unread and not select.select([self._sock], [], [], 0.05)[0]

    def accepted(self) -> Sequence[bytes] | None:
        return self._accepted()

    def close(self) -> None:
        self._sock.close()
