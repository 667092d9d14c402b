"""A spam scanner at the other end of a socket: answers, refuses, says nothing, or floods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from posthouse.net.scanner import Scanner, ScannerTrouble

LETTER = b"Subject: x\r\n\r\n" + b"hello\r\n" * 10
GOOD = b"SPAMD/1.1 0 EX_OK\r\nContent-length: 2\r\nSpam: True ; 7.3 / 5.0\r\n\r\nhi"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def scanner(talk: Talk, timeout_s: float = 20.0) -> AsyncIterator[Scanner]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield Scanner(server.sockets[0].getsockname()[:2], timeout_s)
    server.close()


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.partition(b"Content-length: ")[2].split()[0])
    return head + await reader.readexactly(length)


async def test_SG_09_a_letter_is_scored_while_the_connection_stays_open() -> None:
    asked: list[bytes] = []
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await _request(reader))
        for octet in GOOD:
            writer.write(bytes([octet]))
            await writer.drain()
        await over.wait()

    async with scanner(talk) as it:
        found = await it.scan(LETTER)
        over.set()
    assert (found.score, found.report) == (7.3, "hi")
    assert asked[0].endswith(LETTER)


async def test_SG_09_a_scanner_may_stand_at_a_path(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(GOOD)
        writer.close()

    server = await asyncio.start_unix_server(talk, str(tmp_path / "spamd.sock"))
    assert (await Scanner(str(tmp_path / "spamd.sock"), 20).scan(LETTER)).score == 7.3
    server.close()


async def _floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"X: y\r\n" * 10_000)
        await writer.drain()


async def _hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SPAMD/1.0 74 IO error\r\n")
    await reader.read()


async def _says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize(
    ("talk", "text"),
    [
        (_floods, "no answer of a spam scanner: X: y"),
        (_hangs_up, "spam scanner"),
        (_refuses, "the spam scanner says: 74 IO error"),
        (_says_nothing, "the spam scanner did not answer within 0.2 s"),
    ],
)
async def test_SG_09_trouble_is_told_in_a_line(talk: Talk, text: str) -> None:
    async with scanner(talk, 0.2 if talk is _says_nothing else 20.0) as it:
        with pytest.raises(ScannerTrouble) as told:
            await it.scan(LETTER)
    assert text in str(told.value) and "\n" not in str(told.value)


async def test_SG_09_nobody_is_there(tmp_path: Path) -> None:
    with pytest.raises(ScannerTrouble, match="cannot be reached"):
        await Scanner(str(tmp_path / "nothing"), 5).scan(LETTER)
