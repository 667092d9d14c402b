"""A worker's doors while it waits for its store, and after: on real sockets, each of its kinds."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from posthouse.doors.budget import BodyBudget
from posthouse.doors.opening import Doors, Listening, away_app
from posthouse.doors.smtp import AWAY, Doorkeeper
from posthouse.net.listen import server_tls
from posthouse.smtp.events import Limits
from posthouse.smtp.replies import Reply
from posthouse.smtp.server import ServerEngine
from unit.doors.lobby import certificate, client_tls, on_both_loops, until

KINDS = ("smtp", "smtps", "mx", "http", "https")
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"


class Nobody:
    """Behind the ports of customers: sessions without a word to say."""

    def on_event(self, *_: Any) -> Reply | None:
        return None

    def closed(self) -> None: ...


def engine(is_tls: bool, _: str) -> ServerEngine:
    return ServerEngine(
        "mail.example.test",
        Limits(),
        offers_tls=not is_tls,
        is_tls=is_tls,
        auth="always",
        requires_auth=True,
        bare_line_ends="normalize",
    )


def closed_doors() -> Doors:
    tls = server_tls(*certificate())
    keeper = Doorkeeper(engine, lambda *_: Nobody(), tls, BodyBudget(1 << 20), 300.0, 100, 0)
    places = [Listening(socket.create_server(("127.0.0.1", 0)), kind) for kind in KINDS]
    app = PlainTextResponse("at your service")
    return Doors(places, keeper, keeper, app, away_app(lambda: "no store"), tls)  # type: ignore[arg-type]


async def heard(doors: Doors, kind: str, words: bytes = b"") -> bytes:
    """All that a client hears, or what comes first from who does not close."""
    [place] = [each for each in doors.listening if each.speaks == kind]
    tls: ssl.SSLContext | None = client_tls() if kind in ("smtps", "https") else None
    reader, writer = await asyncio.open_connection("127.0.0.1", PORTS[place], ssl=tls)
    try:
        writer.write(words)
        return await reader.read() if words or doors.keeper.is_away else await reader.readline()
    finally:
        writer.transport.abort()


PORTS: dict[Listening, int] = {}


async def close(doors: Doors) -> None:
    for server in doors.servers:
        server.close()
    for task in doors.http:
        task.cancel()
    await asyncio.gather(*doors.http, return_exceptions=True)
    for each in doors.listening:
        each.socket.close()
    for door in list(doors.keeper.open):
        door._transport.abort()
    await until(lambda: not doors.keeper.open)
    await asyncio.sleep(0.005)  # transports say good-bye a turn later


@on_both_loops
async def test_F20_who_knocks_while_the_store_is_away_hears_to_come_again_and_later_is_let_in() -> None:
    doors = closed_doors()
    PORTS.update({each: each.socket.getsockname()[1] for each in doors.listening})
    await doors.open(is_away=True)
    try:
        for kind in ("smtp", "smtps", "mx"):
            assert (await heard(doors, kind)).startswith(b"421 4.3.2 "), kind
        for kind in ("http", "https"):
            said = await heard(doors, kind, REQUEST)
            assert said.startswith(b"HTTP/1.1 503 ") and b"retry-after: 10\r\n" in said.lower(), kind
            assert json.loads(said.partition(b"\r\n\r\n")[2])["trouble"] == "no store"
        servers = list(doors.servers)
        await doors.open()
        assert doors.servers == servers, "the same sockets go on: nobody is refused meanwhile"
        for kind in ("smtp", "smtps", "mx"):
            assert (await heard(doors, kind)).startswith(b"220 "), kind
        for kind in ("http", "https"):
            assert (await heard(doors, kind, REQUEST)).endswith(b"at your service")
    finally:
        await close(doors)


def test_F20_a_worker_that_leaves_says_so_even_before_its_store_was_there() -> None:
    keeper = Doorkeeper(engine, lambda *_: Nobody(), None, BodyBudget(1), 1.0, 1, 0)  # type: ignore[arg-type]
    keeper.is_away = True
    assert keeper.refusal("192.0.2.1") is AWAY
    keeper.is_draining = True
    assert "Shutting down" in str(keeper.refusal("192.0.2.1"))


@pytest.mark.parametrize("path", ["/", "/sign-in", "/c/token", "/accounts/a"])
async def test_F20_every_page_can_be_asked_for_again(path: str) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    await away_app(lambda: "")(scope, None, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 503
    assert (b"retry-after", b"10") in sent[0]["headers"]
