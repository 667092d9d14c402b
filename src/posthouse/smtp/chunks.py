"""BDAT: octets counted, not searched (RFC 3030 2), read exactly even when they are refused (EXT-6).

A chunk is never allocated ahead of its arrival. Past the size limit, after a refusal, or outside a
transaction the octets are counted and thrown away.

Public: ChunkReader, parse_chunk_argument.
"""

from __future__ import annotations

import re

from posthouse.smtp.replies import Reply

_ARGUMENT = re.compile(r"([0-9]{1,20})(?: +(.*))?\Z", re.DOTALL)


def parse_chunk_argument(argument: str) -> tuple[int, str] | None:
    """`size [LAST]` -> the size and, in upper case, what stands behind it; None: there is no size."""
    match = _ARGUMENT.match(argument)
    return (int(match[1]), (match[2] or "").upper()) if match else None


class ChunkReader:
    """Collects the chunks of one body.

    `open_chunk` announces a chunk, `feed` consumes it from the front of a buffer until `is_complete`.
    `failure` is the reply that dooms the body: set, everything further is swallowed.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.failure: Reply | None = None
        self.is_last = False
        self.chunk_bytes = 0
        self._missing = 0
        self._held = bytearray()

    def open_chunk(self, size: int, *, is_last: bool) -> None:
        """The next `size` octets are a chunk."""
        self.chunk_bytes = self._missing = size
        self.is_last = is_last

    def fail(self, reply: Reply) -> None:
        """Doom the body; an earlier failure stays."""
        self.failure = self.failure or reply
        self._held.clear()

    @property
    def is_complete(self) -> bool:
        """True when the announced chunk has arrived whole."""
        return not self._missing

    @property
    def held_bytes(self) -> int:
        """Octets kept in memory now."""
        return len(self._held)

    @property
    def would_be_too_big(self) -> bool:
        """True when the body with the announced chunk passes the limit."""
        return len(self._held) + self._missing > self.limit

    def feed(self, buffer: bytearray) -> None:
        """Consume as much of the chunk as `buffer` has."""
        if len(buffer) <= self._missing:
            if self.failure is None:
                self._held += buffer
            self._missing -= len(buffer)
            buffer.clear()
            return
        if self.failure is None:
            self._held += memoryview(buffer)[: self._missing]
        del buffer[: self._missing]
        self._missing = 0

    def take_body(self) -> bytes:
        """All octets of all chunks; the reader keeps nothing."""
        body = bytes(self._held)
        self._held.clear()
        return body
