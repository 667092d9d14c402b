"""Opens a worker's doors on sockets that the supervisor made, wide or with a word for who comes too early.

A worker that starts while the store is away knows neither accounts nor keys. Its sockets are there already,
so clients would hang in their queues; instead they hear at once that they shall come again: `421 4.3.2` in
place of the greeting, 503 with Retry-After (F20). The same servers go on when the store is there: no socket
is closed and opened anew.

Public: Listening, Doors, away_app.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ssl import SSLContext

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from posthouse.doors.headers import with_headers
from posthouse.doors.serve_http import serve_http
from posthouse.doors.smtp import HANDSHAKE_S, Doorkeeper, Entrance, SmtpDoor

_RETRY = {"Retry-After": "10"}


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that the supervisor opened, and what speaks on it: smtp, smtps, mx (smtp that also takes
    returned mail), http or https."""

    socket: socket.socket
    speaks: str


@dataclass(slots=True)
class Doors:
    """All doors of one worker. `mx`: what stands behind a port for returned mail; `app` answers HTTP, `away`
    while the worker waits for its store; `https` is the TLS of HTTP."""

    listening: Sequence[Listening]
    keeper: Doorkeeper
    mx: Entrance
    app: ASGIApp
    away: ASGIApp
    https: SSLContext
    servers: list[asyncio.Server] = field(default_factory=list)
    http: list[asyncio.Task[None]] = field(default_factory=list)
    is_open: bool = False

    async def open(self, *, is_away: bool = False) -> None:
        """Open them, or only change what is said there."""
        self.keeper.is_away = is_away
        if self.is_open:
            return
        self.is_open = True
        for each in self.listening:
            if each.speaks not in ("http", "https"):
                self.servers.append(await self._smtp(each))
        for speaks, tls in (("http", None), ("https", self.https)):
            if sockets := [each.socket for each in self.listening if each.speaks == speaks]:
                work = serve_http(with_headers(self._answer), sockets, tls)
                self.http.append(asyncio.get_running_loop().create_task(work))

    async def _smtp(self, place: Listening) -> asyncio.Server:
        is_tls = place.speaks == "smtps"
        entrance = self.mx if place.speaks == "mx" else None
        return await asyncio.get_running_loop().create_server(
            functools.partial(SmtpDoor, self.keeper, is_tls=is_tls, entrance=entrance),
            sock=place.socket,
            ssl=self.keeper.tls if is_tls else None,
            ssl_handshake_timeout=HANDSHAKE_S if is_tls else None,
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.away if self.keeper.is_away else self.app)(scope, receive, send)


def away_app(trouble: Callable[[], str]) -> ASGIApp:
    """What is answered at every address that is no API's: 503, and why at `/healthz`."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response: Response
        if Request(scope).url.path == "/healthz":
            response = JSONResponse({"status": "trouble", "trouble": trouble()}, 503, _RETRY)
        else:
            response = PlainTextResponse("Not ready yet, try again in a moment\n", 503, _RETRY)
        await response(scope, receive, send)

    return answer
