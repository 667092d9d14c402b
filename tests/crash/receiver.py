"""The byte-exact receiving host: writes `got` to the ledger before its 250 and `done` after it.

Between the two it waits a little, at random, so that kills hit the moment in which a copy is here and the
other side does not know it yet. It can close instead of answering (F37). Every second connection is offered
CHUNKING, so that kills hit letters on their way by DATA and by BDAT.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random

from crash.ledger import Ledger
from crash.letters import differs, letter_of, number_of

_CHUNKING = b"250-crash.test\r\n250-CHUNKING\r\n"
_EHLO = b"250-crash.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"


class Receiver:
    """Listens on 127.0.0.1; `port` is known after `start`. `drops` is the chance to close after the dot."""

    def __init__(self, ledger: Ledger, seed: int, *, hold_s: float = 0.03, drops: float = 0.0) -> None:
        self.ledger = ledger
        self.seed = seed
        self.hold_s = hold_s
        self.drops = drops
        self.port = 0
        self.arrived: set[str] = set()
        self._offers_chunks = itertools.cycle([True, False])
        self._rng = random.Random(f"receiver {seed}")
        self._sessions: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", port, limit=4_000_000, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for task in self._sessions:
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.IncompleteReadError):
                await self._session(reader, writer)
        except asyncio.CancelledError:
            return  # the test is over
        finally:
            self._sessions.discard(task)
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 crash.test ESMTP\r\n")
        ehlo = _EHLO.replace(b"250-crash.test\r\n", _CHUNKING) if next(self._offers_chunks) else _EHLO
        recipients: list[str] = []
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                recipients.append(line[line.index(b"<") + 1 : line.index(b">")].decode())
            if verb in (b"DATA", b"BDAT"):
                if verb == b"DATA":
                    writer.write(b"354 Go ahead\r\n")
                    received = (await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
                else:  # one chunk, the last: no letter of the campaign is larger
                    received = await reader.readexactly(int(line.split()[1]))
                if not await self._letter(received, writer, recipients):
                    return
                recipients = []
                continue
            if verb in (b"MAIL", b"RSET"):
                recipients = []
            writer.write(
                ehlo if verb == b"EHLO" else b"221 2.0.0 Bye\r\n" if verb == b"QUIT" else b"250 2.0.0 Ok\r\n"
            )
            if verb == b"QUIT":
                return

    async def _letter(self, received: bytes, writer: asyncio.StreamWriter, recipients: list[str]) -> bool:
        """Takes one letter; False when the connection is closed instead of a reply."""
        number = number_of(received)
        letter = letter_of(self.seed, number)
        verdict = differs(received, letter) or "intact"
        if number < 0 or not set(recipients) <= set(letter.recipients):
            verdict = "wrong-recipient"
        for recipient in recipients:
            self.ledger.note("got", letter.name, recipient, verdict, _message_id(received))
            self.arrived.add(recipient)
        if self._rng.random() < self.drops:
            self.ledger.note("dropped", letter.name, *recipients)
            return False
        await asyncio.sleep(self._rng.random() * self.hold_s)
        writer.write(b"250 2.0.0 Ok: taken\r\n")
        await writer.drain()
        for recipient in recipients:
            self.ledger.note("done", letter.name, recipient)
        return True


def _message_id(received: bytes) -> str:
    at = received.lower().find(b"\r\nmessage-id: ")
    return received[at + 14 : received.find(b"\r\n", at + 2)].decode("latin-1") if at >= 0 else "-"
