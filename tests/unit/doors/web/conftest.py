"""The pages for people without sockets: a browser that speaks to the ASGI application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from browsing import Browser, Headers
from posthouse.doors.throttle import Throttle
from posthouse.doors.web import account, session
from posthouse.doors.web.guard import Guard
from posthouse.doors.web.parts import WebParts
from posthouse.net.board import Board
from posthouse.store.engine import connect, migrate
from unit.desk.entry import Entry


@dataclass
class Web:
    """The application on an `Entry`. `sleeps`: how long wrong answers were held back."""

    entry: Entry
    sleeps: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def sleep(seconds: float) -> None:
            self.sleeps.append(seconds)

        entry = self.entry
        guard = Guard(Throttle(entry.clock, Board(1).row(0)), sleep)
        self.parts = WebParts(entry.entrance, entry.own, entry.installation, guard, "mail.shop.test")
        self.app = Starlette(routes=[*session.routes(self.parts), *account.routes(self.parts)])

    def browser(self, *, address: str = "192.0.2.7", scheme: str = "http", **headers: str | None) -> Browser:
        """A fresh browser; `headers` with underscores for hyphens."""

        async def send(method: str, path: str, given: Headers, body: bytes) -> tuple[int, Headers, str]:
            return await self._ask(method, path, given, body, address, scheme)

        return Browser(send, {name.replace("_", "-"): value for name, value in headers.items()})

    async def _ask(
        self, method: str, path: str, headers: Headers, body: bytes, address: str, scheme: str
    ) -> tuple[int, Headers, str]:
        answer: dict[str, Any] = {"body": b""}

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

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
            "path": where,
            "raw_path": where.encode(),
            "query_string": query.encode(),
            "headers": [
                (name.lower().encode(), value.encode("latin-1"))
                for name, value in [("Host", "mail.shop.test"), *headers]
            ],
            "client": (address, 50000),
            "server": ("mail.shop.test", 80),
            "root_path": "",
        }
        await self.app(scope, receive, send)
        return answer["status"], answer["headers"], answer["body"].decode()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    url = f"sqlite:///{tmp_path}/web.db"
    migrate(url)
    with connect(url) as conn:
        made = Web(Entry(conn))
        yield made
        made.entry.passwords.close()
