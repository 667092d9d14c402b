"""Signing beside the loop: letters go in batches to processes that do nothing else (`signing_child`).

A child has at most two batches, so it never waits for the next one and none piles up behind it. When a
child dies, is stuck for half a minute or speaks nonsense, its letters go to the others, and to a thread of
this process when none is left; the mail goes on, only slower, until the worker is replaced.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from socket import socket
from typing import cast

import msgspec
import structlog
from cryptography.hazmat.primitives import serialization

from posthouse.mail.dkim import SigningKey
from posthouse.mail.render import Prepared, finish
from posthouse.pipeline.signing_child import Answers, Batch, KeyText, Task, frame

log = structlog.get_logger()

BATCH = 8
STUCK_S = 30.0  # a batch takes milliseconds
_DEPTH = 2
_BATCH_BYTES = 1024 * 1024

Finished = tuple[bytes, bytes]


@dataclass(slots=True)
class _Work:
    prepared: Prepared
    keys: Sequence[SigningKey]
    now: int
    done: asyncio.Future[Finished]

    def settle(self, result: Finished | Exception) -> None:
        if self.done.done():
            return
        if isinstance(result, Exception):
            self.done.set_exception(result)
        else:
            self.done.set_result(result)


class CannotSign(Exception):
    """The signing process could not sign this letter; the text says why."""


class Signer:
    """`await sign(prepared, keys, now)` -> (head, body) of the finished letter. Made by `open`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._children: list[_Child] = []
        self._waiting: deque[_Work] = deque()
        self._flush_planned = False

    @classmethod
    async def open(cls, pipes: Sequence[socket]) -> Signer:
        """A signer with one child behind each pipe (`signing_child.start_child`)."""
        signer = cls()
        for pipe in pipes:
            await signer.loop.create_unix_connection(lambda: _Child(signer), sock=pipe)
        return signer

    def sign(self, prepared: Prepared, keys: Sequence[SigningKey], now: float) -> asyncio.Future[Finished]:
        """Queue one letter; the future carries what `mail.render.finish` returns or raises."""
        done: asyncio.Future[Finished] = self.loop.create_future()
        work = _Work(prepared, keys, int(now), done)
        if not keys:
            work.settle(finish(prepared, (), work.now))
            return done
        self._waiting.append(work)
        if not self._flush_planned:
            self._flush_planned = True
            self.loop.call_soon(self.flush)  # what else arrives in this turn of the loop comes along
        return done

    def close(self) -> None:
        """End the children; letters still waiting are never signed."""
        for child in self._children:
            child.close()

    def flush(self) -> None:
        """Give waiting letters to children that have room."""
        self._flush_planned = False
        if not self._children:
            self._sign_here()
            return
        while self._waiting:
            child = min(self._children, key=lambda child: len(child.batches))
            if len(child.batches) >= _DEPTH:
                return
            child.send(self._next_batch())

    def joined(self, child: _Child) -> None:
        self._children.append(child)

    def lost(self, child: _Child) -> None:
        """A child is gone: what it had is signed elsewhere."""
        self._children.remove(child)
        unsigned = [work for batch in child.batches for work in batch]
        if unsigned or not child.is_closing:
            log.error("a signing process ended", unsigned=len(unsigned), left=len(self._children))
        self._waiting.extendleft(reversed(unsigned))
        self.flush()

    def _next_batch(self) -> list[_Work]:
        """Up to 8 letters, fewer when they are large or when another child has nothing to do."""
        idle = sum(not child.batches for child in self._children) or 1
        share = min(BATCH, -(-len(self._waiting) // idle))
        batch: list[_Work] = []
        size = 0
        while self._waiting and len(batch) < share and size < _BATCH_BYTES:
            batch.append(self._waiting.popleft())
            size += _travelling(batch[-1].prepared)
        return batch

    def _sign_here(self) -> None:
        """No child is left."""
        while self._waiting:
            work = self._waiting.popleft()
            self.loop.run_in_executor(None, finish, work.prepared, work.keys, work.now).add_done_callback(
                partial(_copy_outcome, work)
            )


def _travelling(prepared: Prepared) -> int:
    """The octets of a letter that go through the pipe: a body whose hash is known does not."""
    return len(prepared.head) if prepared.body_hash else len(prepared.body)


def _copy_outcome(work: _Work, future: asyncio.Future[Finished]) -> None:
    error = future.exception()
    work.settle(cast(Exception, error) if error else future.result())


@dataclass(eq=False, slots=True)
class _Child(asyncio.Protocol):
    """The worker's end of one pipe. `batches` are the letters out with it, oldest first."""

    signer: Signer
    batches: deque[list[_Work]] = field(default_factory=deque)
    is_closing: bool = False
    _transport: asyncio.Transport | None = None
    _moved_at: float = 0.0  # when it was last seen to work, or to have nothing to do
    _is_watched: bool = False
    _known: dict[SigningKey, int] = field(default_factory=dict)
    _input: bytearray = field(default_factory=bytearray)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.signer.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.signer.lost(self)

    def send(self, batch: list[_Work]) -> None:
        """Hand over a batch; what cannot travel fails here, so that nobody waits for it."""
        try:
            content = self._written(batch)
        except Exception as error:
            for work in batch:
                work.settle(error)
            return
        assert self._transport is not None
        if not self.batches:
            self._moved_at = self.signer.loop.time()
        self.batches.append(batch)
        self._transport.write(content)
        if not self._is_watched:
            self._is_watched = True
            self.signer.loop.call_later(STUCK_S, self._watch)

    def _watch(self) -> None:
        self._is_watched = False
        if not self.batches or self.is_closing or self._transport is None:
            return
        left_s = self._moved_at + STUCK_S - self.signer.loop.time()
        if left_s > 0:
            self._is_watched = True
            self.signer.loop.call_later(left_s, self._watch)
        else:
            log.error("a signing process is stuck", unsigned=sum(map(len, self.batches)))
            self._transport.abort()

    def _written(self, batch: list[_Work]) -> bytes:
        new: list[KeyText] = []
        tasks = [
            Task(
                work.prepared.head,
                b"" if work.prepared.body_hash else work.prepared.body,
                [self._number(key, new) for key in work.keys],
                work.now,
                work.prepared.body_hash,
            )
            for work in batch
        ]
        return frame(Batch(new, tasks))

    def data_received(self, data: bytes) -> None:
        buffer = self._input
        buffer += data
        while len(buffer) >= 4:
            end = 4 + int.from_bytes(buffer[:4], "big")
            if len(buffer) < end:
                return
            answers = _decode(bytes(buffer[4:end]))
            del buffer[:end]
            self._answered(answers)

    def close(self) -> None:
        self.is_closing = True
        if self._transport:
            self._transport.close()

    def _answered(self, answers: Answers) -> None:
        if len(answers) != len(self.batches[0]):
            raise ValueError("a signing process answered another batch")  # ends this pipe: see `lost`
        self._moved_at = self.signer.loop.time()
        for work, answer in zip(self.batches.popleft(), answers, strict=True):
            if answer.trouble:
                work.settle(CannotSign(answer.trouble))
            else:
                work.settle((b"%b%b\r\n" % (answer.signatures, work.prepared.head), work.prepared.body))
        self.signer.flush()

    def _number(self, key: SigningKey, new: list[KeyText]) -> int:
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self._known)
            new.append(KeyText(number, key.domain, key.selector, key.algorithm, _der(key)))
        return number


_decode = msgspec.msgpack.Decoder(Answers).decode


def _der(key: SigningKey) -> bytes:
    return key.private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
