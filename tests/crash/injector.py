"""The injector: hands letters in at a steady rate over several connections and writes down what it was told.

Every letter is sent once, also when nobody knows whether it was taken, so that a second arrival is never
ours. A few transactions leave on purpose in the middle of DATA (F1): nothing of them may ever be sent.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random

from crash.ledger import Ledger
from crash.letters import SENDER, Letter, letter_of

_WAIT_S = 20.0
_GIVES_UP = (OSError, EOFError, TimeoutError, asyncio.IncompleteReadError, ValueError)


class Refusal(Exception):
    """A reply of 4yz or 5yz; the text is the reply."""


class Injector:
    """`rate` letters a second while `running` is set, over `connections` sessions signed in with `auth`."""

    def __init__(
        self, ledger: Ledger, port: int, auth: str, seed: int, rate: float, connections: int = 12
    ) -> None:
        self.ledger = ledger
        self.port = port
        self.auth = base64.b64encode(("\0" + auth.replace(":", "\0", 1)).encode())
        self.seed = seed
        self.rate = rate
        self.connections = connections
        self.next_number = 0
        self.started = 0.0
        self.stopping = False
        self.refusals: dict[str, int] = {}
        self._rng = random.Random(f"injector {seed}")

    async def run(self) -> None:
        """Injects until `stopping` is set."""
        self.started = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for _ in range(self.connections):
                group.create_task(self._keep_going())

    async def _keep_going(self) -> None:
        """One session after another; a lost or refused one is opened again a moment later."""
        while not self.stopping:
            with contextlib.suppress(*_GIVES_UP, Refusal):
                await self._session()
            await asyncio.sleep(0.05)

    async def _turn(self) -> int:
        """Waits for the next letter's moment; after a stop there is no backlog to catch up with."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        due = max(self.started, now - 0.25)
        self.started = due + 1 / self.rate
        number = self.next_number
        self.next_number += 1
        if due > now:
            await asyncio.sleep(due - now)
        return number

    async def _session(self) -> None:
        async with asyncio.timeout(_WAIT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await _reply(reader)
            for command in (b"EHLO injector.crash.test", b"AUTH PLAIN " + self.auth):
                await self._say(reader, writer, command)
            for _ in range(self._rng.choice((1, 5, 50, 1000))):
                if self.stopping:
                    break
                await self._letter(reader, writer, letter_of(self.seed, await self._turn()))
        finally:
            writer.close()
            with contextlib.suppress(*_GIVES_UP):
                await writer.wait_closed()

    async def _say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: bytes) -> None:
        writer.write(command + b"\r\n")
        await _reply(reader)

    async def _letter(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, letter: Letter
    ) -> None:
        """One transaction and its lines in the ledger."""
        self.ledger.note("sent", letter.name, *letter.recipients)
        try:
            await self._envelope(reader, writer, letter)
            stuffed = letter.stuffed()
            if self._rng.random() < 0.02:  # F1: gone in the middle of DATA
                writer.write(stuffed[: self._rng.randrange(len(stuffed) - 5)])
                await writer.drain()
                raise ConnectionAbortedError("left on purpose")
        except Refusal as refusal:
            self._refused(letter, refusal)
            await self._say(reader, writer, b"RSET")
            return
        except BaseException:
            self.ledger.note("aborted", letter.name)
            raise
        try:
            writer.write(stuffed)
            await _reply(reader)
        except Refusal as refusal:
            self._refused(letter, refusal)
        except BaseException:
            self.ledger.note("doubt", letter.name)
            raise
        else:
            self.ledger.note("acked", letter.name)

    async def _envelope(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, letter: Letter
    ) -> None:
        commands = [f"MAIL FROM:<{SENDER}> BODY=8BITMIME"]
        commands += [f"RCPT TO:<{r}>" for r in letter.recipients]
        commands.append("DATA")
        if self._rng.random() < 0.5:  # RFC 2920: one write, then as many replies
            writer.write("".join(f"{c}\r\n" for c in commands).encode())
            for _ in commands:
                await _reply(reader)
            return
        for command in commands:
            await self._say(reader, writer, command.encode())

    def _refused(self, letter: Letter, refusal: Refusal) -> None:
        text = str(refusal)
        self.refusals[text] = self.refusals.get(text, 0) + 1
        self.ledger.note("refused", letter.name, text[:3])


async def _reply(reader: asyncio.StreamReader) -> str:
    """One whole reply, its last line; raises Refusal, EOFError, TimeoutError."""
    async with asyncio.timeout(_WAIT_S):
        while True:
            line = await reader.readline()
            if not line.endswith(b"\n"):
                raise EOFError("the server has closed")
            if line[3:4] != b"-":
                break
    text = line.decode("latin-1").rstrip()
    if text[:1] not in "23":
        raise Refusal(text)
    return text
