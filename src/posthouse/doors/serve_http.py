"""Runs the ASGI application on sockets that are open already, inside the worker's own loop."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

KEEP_ALIVE_S = 15
MOST_CONNECTIONS = 1000


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals belong to the supervisor."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_http(
    app: ASGIApp, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None = None
) -> None:
    """Serve until cancelled; with `tls` nothing is said in clear."""
    config = uvicorn.Config(
        app,
        http="httptools",
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
    await _Server(config).serve(sockets=list(sockets))
