"""An SMTP door on a real loopback socket with a made-up session, on both kinds of event loop.

Public: Lobby, open_lobby, Visitor, Visit, on_both_loops, until.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import shutil
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvloop

from posthouse.desk.certificates import ensure_pair
from posthouse.doors.budget import BUSY, BodyBudget
from posthouse.doors.smtp import Doorkeeper, SmtpDoor
from posthouse.net.listen import server_tls
from posthouse.smtp.events import AuthTry, BodyEnd, BodyStart, Event, Limits
from posthouse.smtp.replies import Reply
from posthouse.smtp.server import ServerEngine

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
OK = Reply(250, "2.0.0", "Fine")
ENVELOPE = b"EHLO me.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
LETTER = b"Subject: x\r\n\r\nhello\r\n"


def on_both_loops(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on asyncio's loop and on uvloop; ten seconds at most. What a loop complains about
    (an exception in a callback, a task that nobody waited for) fails it."""

    @pytest.mark.parametrize("new_loop", LOOPS.values(), ids=LOOPS.keys())
    def runs(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        complaints: list[Any] = []

        async def guarded() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
            await asyncio.wait_for(test(), 60)

        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(guarded())
        assert not complaints

    runs.__name__, runs.__doc__ = test.__name__, test.__doc__
    return runs


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait until the condition holds, or fail."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.002)


@functools.cache
def certificate() -> tuple[Path, Path]:
    """A pair for all tests of this process."""
    folder = Path(tempfile.mkdtemp(prefix="posthouse-lobby-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ensure_pair(folder / "cert.pem", folder / "key.pem", "localhost", time.time())
    return folder / "cert.pem", folder / "key.pem"


@functools.cache
def client_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass
class Visit:
    """The session of one connection: it agrees to everything. With `holds` the end of a letter is answered
    by the test (`answer`)."""

    lobby: Lobby
    engine: ServerEngine
    answer: Callable[[Reply | None], None] | None = None
    closings: int = 0

    def closed(self) -> None:
        self.closings += 1

    def on_event(self, event: Event, answer: Callable[[Reply | None], None]) -> Reply | None:
        lobby = self.lobby
        lobby.events.append(event)
        match event:
            case AuthTry(user="broken"):
                raise RuntimeError("a bug")
            case AuthTry(user="slow"):
                self.answer = answer
                return None
            case AuthTry():
                return Reply(235, "2.7.0", "Welcome")
            case BodyStart():
                return Reply(354, "", "Go on") if lobby.keeper.budget.admits_new else BUSY
            case BodyEnd(body):
                if lobby.holds:
                    self.answer = answer
                    return None
                lobby.letters.append(body)
        return OK


@dataclass
class Lobby:
    """A listening door. `letters` are the bodies that were taken."""

    keeper: Doorkeeper
    port: int
    limits: Limits
    needs_auth: bool
    holds: bool = False
    events: list[Event] = field(default_factory=list)
    letters: list[bytes] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    visitors: list[Visitor] = field(default_factory=list)

    def door(self) -> SmtpDoor:
        [door] = self.keeper.open
        return door

    def is_empty(self) -> bool:
        """Nobody is counted anywhere."""
        keeper = self.keeper
        return not keeper.open and not keeper.per_address and keeper.budget.held_bytes == 0

    def seen(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.events)


@asynccontextmanager
async def open_lobby(
    *,
    is_tls: bool = False,
    limits: Limits | None = None,
    budget: int = 1 << 20,
    idle_s: float = 300.0,
    most: int = 100,
    most_per_address: int = 0,
    needs_auth: bool = False,
    handshake_s: float = 5.0,
) -> AsyncIterator[Lobby]:
    lobby: Lobby
    limits = limits or Limits()

    def make_engine(is_tls: bool, _: str) -> ServerEngine:
        return ServerEngine(
            "mail.example.test",
            limits,
            offers_tls=not is_tls,
            is_tls=is_tls,
            auth="always",
            requires_auth=needs_auth,
            bare_line_ends="normalize",
        )

    def make_session(engine: ServerEngine, _: str) -> Visit:
        lobby.visits.append(Visit(lobby, engine))
        return lobby.visits[-1]

    tls = server_tls(*certificate())
    keeper = Doorkeeper(make_engine, make_session, tls, BodyBudget(budget), idle_s, most, most_per_address)
    server = await asyncio.get_running_loop().create_server(
        lambda: SmtpDoor(keeper, is_tls=is_tls),
        "127.0.0.1",
        0,
        ssl=tls if is_tls else None,
        ssl_handshake_timeout=handshake_s if is_tls else None,
    )
    lobby = Lobby(keeper, server.sockets[0].getsockname()[1], limits, needs_auth)
    try:
        yield lobby
    finally:
        server.close()
        for visitor in lobby.visitors:
            visitor.writer.transport.abort()
        for door in list(keeper.open):
            door._transport.abort()
        await until(lobby.is_empty)
        assert all(visit.closings == 1 for visit in lobby.visits)
        await until(lambda: all(visitor.writer.transport.is_closing() for visitor in lobby.visitors))
        await asyncio.sleep(0.005)  # transports say good-bye a turn later


class Visitor:
    """A client that writes octets and reads replies."""

    def __init__(self, lobby: Lobby, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        lobby.visitors.append(self)

    @classmethod
    async def come(
        cls, lobby: Lobby, *, tls: bool = False, greeted: int = 220, address: str = "127.0.0.1"
    ) -> Visitor:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", lobby.port, ssl=client_tls() if tls else None, local_addr=(address, 0)
        )
        visitor = cls(lobby, reader, writer)
        if greeted:
            assert (await visitor.reply())[0] == greeted
        return visitor

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def reply(self) -> tuple[int, str]:
        """One reply: its code, and its last line without it. (0, "") at the end of the connection."""
        while True:
            try:
                line = await self.reader.readline()
            except ConnectionError:
                return 0, ""
            if not line:
                return 0, ""
            if line[3:4] == b" ":
                return int(line[:3]), line[4:].decode().rstrip()

    async def codes(self, count: int) -> list[int]:
        return [(await self.reply())[0] for _ in range(count)]

    async def say(self, *lines: bytes) -> list[int]:
        """Lines one at a time, each with its reply's code."""
        found = []
        for line in lines:
            self.send(line + b"\r\n")
            found.append((await self.reply())[0])
        return found

    async def is_silent(self, seconds: float = 0.05) -> bool:
        """Nothing comes for a moment, and the connection stays."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.reader.read(1)
                return False
        return True

    def leave(self) -> None:
        self.writer.close()
