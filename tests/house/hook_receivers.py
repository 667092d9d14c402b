"""Receivers of posts, good and bad, in threads of this process.

Public: Receivers, Got.
"""

from __future__ import annotations

import http.server
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from house.house import until
from patience import stalled_s


@dataclass(frozen=True, slots=True)
class Got:
    """One post: the ids of its events in the native form, when it came (`stalled`: by the count of
    `patience` too), as which user."""

    path: str
    event_id: str
    body: dict[str, Any]
    at: float
    stalled: float
    user: str


@dataclass
class Receivers:
    """The beginning of a path says how it answers: /hangs/… after `release`, /500/…, /301/…, /410/… so,
    /huge/… 500 with more than anybody reads, /down/… 503 while `is_down`; anything else 204. With `tls` it
    shows a certificate that nobody trusts."""

    tls: ssl.SSLContext | None = None
    is_down: bool = True
    posts: list[Got] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        receivers = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                user = self.headers.get("Authorization", "")
                word = self.path.split("/")[1]
                event_id = self.headers.get("webhook-id", "")
                receivers.posts.append(Got(self.path, event_id, body, time.time(), stalled_s(), user))
                if word == "hangs":
                    receivers.release.wait(29)
                status = {"500": 500, "301": 301, "410": 410, "huge": 500}.get(word, 204)
                if word == "down" and receivers.is_down:
                    status = 503
                self._answer(word, status)

            def _answer(self, word: str, status: int) -> None:
                size = 64 * 1024 * 1024 if word == "huge" else 0
                self.send_response(status)
                if status == 301:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(size))
                self.end_headers()
                try:
                    for _ in range(size // 65536):
                        self.wfile.write(b"x" * 65536)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                """Silence."""

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Silence: a hasty client is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="receivers")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{host}:{self.port}{path}"

    def to(self, path: str) -> list[Got]:
        return [each for each in list(self.posts) if each.path == path]

    def got(self, path: str, count: int, seconds: float = 20) -> list[Got]:
        """Wait for posts of so many different events to this path; all of its posts."""
        until(
            lambda: len({each.event_id for each in self.to(path)}) >= count,
            seconds,
            f"{count} events at {path}",
        )
        return self.to(path)
