"""Signing beside the loop: letters go to threads in batches, because RSA is half of all CPU.

`cryptography` releases the interpreter's lock while it signs, so one thread per core keeps all cores busy;
handing over one letter at a time would cost 50 us each, a batch of eight costs that once.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Sequence
from queue import SimpleQueue

from posthouse.mail.dkim import SigningKey
from posthouse.mail.render import Prepared, finish

BATCH = 8

Finished = tuple[bytes, bytes]
_Work = tuple[Prepared, Sequence[SigningKey], int, "asyncio.Future[Finished]"]


class Signer:
    """`await sign(prepared, keys, now)` -> (head, body) of the finished letter."""

    def __init__(self, threads: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._batches: SimpleQueue[list[_Work] | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name="sign", daemon=True) for _ in range(threads)]
        self._free = threads
        self._waiting: deque[_Work] = deque()
        self._flush_planned = False
        for thread in self._threads:
            thread.start()

    def sign(self, prepared: Prepared, keys: Sequence[SigningKey], now: float) -> asyncio.Future[Finished]:
        """Queue one letter; the future carries what `mail.render.finish` returns or raises."""
        future: asyncio.Future[Finished] = self._loop.create_future()
        self._waiting.append((prepared, keys, int(now), future))
        if not self._flush_planned and self._free:
            self._flush_planned = True
            self._loop.call_soon(self._flush)  # what else arrives in this turn of the loop comes along
        return future

    def close(self) -> None:
        """End the threads behind their present batch; letters still waiting are never signed."""
        for _ in self._threads:
            self._batches.put(None)

    def _flush(self) -> None:
        self._flush_planned = False
        while self._free and self._waiting:
            share = max(1, min(BATCH, len(self._waiting) // self._free))
            batch = [self._waiting.popleft() for _ in range(share)]
            self._free -= 1
            self._batches.put(batch)

    def _run(self) -> None:
        while (batch := self._batches.get()) is not None:
            results = [_finished(work) for work in batch]
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._done, batch, results)

    def _done(self, batch: list[_Work], results: list[Finished | Exception]) -> None:
        self._free += 1
        for (_, _, _, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._flush()


def _finished(work: _Work) -> Finished | Exception:
    prepared, keys, now, _ = work
    try:
        return finish(prepared, keys, now)
    except Exception as error:  # the rim of this job: its waiter gets it
        return error
