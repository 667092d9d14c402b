"""Answers that stay open: how many there may be, and that they end when the worker leaves.

Public: Streams, HeldStream.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from posthouse.doors.api.answers import Problem

MOST = 200
MOST_PER_KEY = 5


class Streams:
    """Those of one worker."""

    def __init__(self, most: int = MOST, most_per_key: int = MOST_PER_KEY) -> None:
        self._most = most
        self._most_per_key = most_per_key
        self._open: Counter[str] = Counter()
        self._ended = asyncio.Event()

    @contextmanager
    def place(self, credential_id: str) -> Iterator[None]:
        """One more while the block runs. Raises Problem (429, 503)."""
        if self._ended.is_set():
            raise Problem(503, "leaving", "This server is stopping; connect again", retry_s=1.0)
        if self._open.total() >= self._most or self._open[credential_id] >= self._most_per_key:
            text = f"There are too many open streams; a key may have {self._most_per_key}"
            raise Problem(429, "too-many-streams", text, retry_s=10.0)
        self._open[credential_id] += 1
        try:
            yield
        finally:
            self._open[credential_id] -= 1
            if not self._open[credential_id]:
                del self._open[credential_id]

    async def pause(self, seconds: float) -> bool:
        """Wait; True when the worker leaves and all should end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)
        return self._ended.is_set()

    def close(self) -> None:
        """Let all end within moments."""
        self._ended.set()


class HeldStream(StreamingResponse):
    """Gives its place back however it ends."""

    def __init__(
        self, lines: AsyncIterator[bytes], held: ExitStack, *, kind: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(lines, media_type=kind, headers=headers)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await super().__call__(scope, receive, send)
