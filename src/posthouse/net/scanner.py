"""Asks a spam scanner what it thinks of a letter: one connection a letter, within bounds of time and size.

The address is the operator's own word, so it may be private. Its answers are not trusted (`spamd`).

Public: Scanner, ScannerTrouble.
"""

from __future__ import annotations

import asyncio

from posthouse.net.spamd import REPORT_MAX, Answer, BadAnswer, read_answer, request

_ANSWER_MAX = REPORT_MAX + 8192
_CHUNK = 16_384


class ScannerTrouble(Exception):
    """There is no score to be had now; the text tells why, in one line."""


class Scanner:
    """`place`: host and port, or the path of a socket; `timeout_s`: for a letter, connecting and all."""

    def __init__(self, place: tuple[str, int] | str, timeout_s: float) -> None:
        self._place = place
        self._timeout_s = timeout_s

    async def scan(self, content: bytes) -> Answer:
        """Raises ScannerTrouble, nothing else."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._ask(content)
        except TimeoutError:
            raise ScannerTrouble(f"the spam scanner did not answer within {self._timeout_s:g} s") from None
        except OSError as error:
            raise ScannerTrouble(f"the spam scanner cannot be reached: {error.strerror or error}") from error
        except BadAnswer as error:
            raise ScannerTrouble(str(error)) from error

    async def _ask(self, content: bytes) -> Answer:
        reader, writer = await self._connected()
        try:
            writer.write(request(content))
            await writer.drain()
            return await _answer(reader)
        finally:
            writer.transport.abort()  # nothing more is of interest, and nothing is to wait for

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._place, str):
            return await asyncio.open_unix_connection(self._place)
        return await asyncio.open_connection(*self._place)


async def _answer(reader: asyncio.StreamReader) -> Answer:
    held = bytearray()
    while True:
        part = await reader.read(_CHUNK)
        held += part
        found = read_answer(bytes(held), not part or len(held) >= _ANSWER_MAX)
        if found is not None:
            return found
