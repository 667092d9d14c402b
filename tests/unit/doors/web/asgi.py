"""One request into an ASGI application, as a browser sends it."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp

from browsing import Headers
from posthouse.doors.headers import with_headers


async def ask(
    app: ASGIApp,
    method: str,
    path: str,
    headers: Headers,
    body: bytes,
    *,
    address: str = "192.0.2.7",
    scheme: str = "http",
    host: str = "mail.shop.test",
) -> tuple[int, Headers, str]:
    """Status, headers and text of the answer."""
    answer: dict[str, Any] = {"body": b""}
    unread = [body]

    async def receive() -> dict[str, object]:
        if not unread:  # the client waits for the answer and says nothing more
            await asyncio.get_running_loop().create_future()
        return {"type": "http.request", "body": unread.pop(), "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer["status"] = message["status"]
            answer["headers"] = [(name.decode(), value.decode()) for name, value in message["headers"]]
        else:
            answer["body"] += message.get("body", b"")

    where, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": unquote(where, "utf-8", "replace"),
        "raw_path": where.encode(),
        "query_string": query.encode(),
        "headers": [
            (name.lower().encode(), value.encode("latin-1")) for name, value in [("Host", host), *headers]
        ],
        "client": (address, 50000),
        "server": (host, 80),
        "root_path": "",
    }
    await with_headers(app)(scope, receive, send)
    return answer["status"], answer["headers"], answer["body"].decode()
