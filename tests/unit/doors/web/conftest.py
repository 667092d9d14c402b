"""The pages for people without sockets: a browser that speaks to the ASGI application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import Route

from blank_store import make_store
from browsing import Browser, Headers
from posthouse.doors.throttle import Throttle
from posthouse.doors.web import account, session
from posthouse.doors.web.guard import Guard
from posthouse.doors.web.parts import WebParts
from posthouse.net.board import Board
from posthouse.store.engine import connect
from unit.desk.entry import Entry
from unit.doors.web.asgi import ask


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
        # in place of the dashboard: who is in stands on their own page
        first = Route("/accounts", lambda _: RedirectResponse("/account", 303))
        self.app = Starlette(routes=[*session.routes(self.parts), *account.routes(self.parts), first])

    def browser(self, *, address: str = "192.0.2.7", scheme: str = "http", **headers: str | None) -> Browser:
        """A fresh browser; `headers` with underscores for hyphens."""

        async def send(method: str, path: str, given: Headers, body: bytes) -> tuple[int, Headers, str]:
            return await ask(self.app, method, path, given, body, address=address, scheme=scheme)

        return Browser(send, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    url = f"sqlite:///{tmp_path}/web.db"
    make_store(url)
    with connect(url) as conn:
        made = Web(Entry(conn))
        yield made
        made.entry.passwords.close()
