"""Runs the ASGI application on sockets that are open already, inside the worker's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from posthouse.doors.http_connection import MOST_CONNECTIONS, HttpConnection

KEEP_ALIVE_S = 15
HANDSHAKE_S = 30.0


class _Server(uvicorn.Server):
    """uvicorn on our sockets, without its signal handlers: signals belong to the supervisor."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's own, but that a handshake may not take a minute."""
        await self.lifespan.startup()
        loop, tls = asyncio.get_running_loop(), self.config.ssl
        make = partial(
            HttpConnection, config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        self.servers = [
            await loop.create_server(
                make,
                sock=each,
                ssl=tls,
                backlog=self.config.backlog,
                ssl_handshake_timeout=HANDSHAKE_S if tls else None,
            )
            for each in sockets or ()
        ]
        self.started = True


async def serve_http(
    app: ASGIApp, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None = None
) -> None:
    """Serve until cancelled; with `tls` nothing is said in clear."""
    config = uvicorn.Config(
        app,
        http=HttpConnection,
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    config.load()
    config.ssl = tls  # uvicorn itself would read files, and know one certificate only
    server = _Server(config)
    server.servers = []
    try:
        await server.serve(sockets=list(sockets))
    finally:
        for each in server.servers:
            each.close()
