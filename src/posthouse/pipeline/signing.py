"""Signing beside the loop: letters go to threads in batches, because RSA is half of all CPU.

`cryptography` releases the interpreter's lock while it signs, so one thread per core keeps all cores busy;
handing over one letter at a time would cost 50 us each, a batch of eight costs that once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from posthouse.mail.dkim import SigningKey
from posthouse.mail.render import Prepared, finish

BATCH = 8

Finished = tuple[bytes, bytes]
_Work = tuple[Prepared, Sequence[SigningKey], int, "asyncio.Future[Finished]"]


class Signer:
    """`await sign(prepared, keys, now)` -> (head, body) of the finished letter."""

    def __init__(self, threads: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sign")
        self._free = threads
        self._waiting: deque[_Work] = deque()
        self._flush_planned = False

    def sign(self, prepared: Prepared, keys: Sequence[SigningKey], now: float) -> asyncio.Future[Finished]:
        future: asyncio.Future[Finished] = self._loop.create_future()
        self._waiting.append((prepared, keys, int(now), future))
        if not self._flush_planned and self._free:
            self._flush_planned = True
            self._loop.call_soon(self._flush)
        return future

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _flush(self) -> None:
        self._flush_planned = False
        while self._free and self._waiting:
            share = max(1, min(BATCH, len(self._waiting) // self._free))
            batch = [self._waiting.popleft() for _ in range(share)]
            self._free -= 1
            self._pool.submit(self._work, batch)

    def _work(self, batch: list[_Work]) -> None:
        results: list[Finished | BaseException] = []
        for prepared, keys, now, _ in batch:
            try:
                results.append(finish(prepared, keys, now))
            except Exception as error:
                results.append(error)
        self._loop.call_soon_threadsafe(self._done, batch, results)

    def _done(self, batch: list[_Work], results: list[Finished | BaseException]) -> None:
        self._free += 1
        for (_, _, _, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._flush()
