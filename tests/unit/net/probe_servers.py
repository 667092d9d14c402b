"""Small SMTP servers with faults, for tests of the tester. Each speaks one script.

Public: Script, serving, trusted, context, HOST, EHLO.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from posthouse.internet.certificates import Certificates
from posthouse.internet.scripts import Tls

EHLO = b"250-mx.test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"
HOST = "localhost"


@dataclass
class Script:
    """`replies` by the beginning of a command in upper case; other commands get a 250. `hears`: what came."""

    greeting: bytes = b"220 mx.test ESMTP\r\n"
    replies: Mapping[str, bytes] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    begins_with_tls: bool = False
    hangs_up: bool = False
    hears: list[bytes] = field(default_factory=list)

    def reply(self, line: bytes) -> bytes:
        word = line.decode("latin-1").upper()
        given = next((text for start, text in self.replies.items() if word.startswith(start)), None)
        if given is not None:
            return given
        usual = {"EHLO": EHLO, "DATA": b"354 go on\r\n", "AUTH": b"235 welcome\r\n", "QUIT": b"221 bye\r\n"}
        return next((text for start, text in usual.items() if word.startswith(start)), b"250 fine\r\n")


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[int]:
    """The port of a server on the loopback interface."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _talk(script, reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.transport.abort()

    tls = script.tls if script.begins_with_tls else None
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await server.wait_closed()


async def _talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if script.hangs_up:
        return
    writer.write(script.greeting)
    while line := await reader.readline():
        script.hears.append(line)
        answer = script.reply(line)
        writer.write(answer)
        await writer.drain()
        if line.upper().startswith(b"STARTTLS") and answer.startswith(b"220") and script.tls:
            await writer.start_tls(script.tls)
        elif answer.startswith(b"354"):
            script.hears.append(await reader.readuntil(b"\r\n.\r\n"))
            writer.write(script.reply(b"CONTENT"))
        elif line.upper().startswith(b"QUIT"):
            return


@cache
def authority() -> Certificates:
    return Certificates()


def trusted(folder: Path) -> Path:
    """The file of the authority behind the good certificates."""
    path = folder / "authority.pem"
    path.write_bytes(authority().authority_pem)
    return path


def context(kind: Tls = Tls.GOOD) -> ssl.SSLContext:
    return authority().context(HOST, kind)
