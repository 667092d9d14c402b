"""What the client engine has to say: commands at once, large content in slices.

A letter of 50 MB must not lie in a socket's buffer as a whole: the owner of the connection takes as much as
the socket likes, and the engine knows whether the final dot was handed out (MX-12).

Public: Outbox, SLICE.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

SLICE = 262_144  # octets of content handed out at once


class Outbox:
    """Bytes waiting to be written, in order."""

    __slots__ = ("_now", "_slices")

    def __init__(self) -> None:
        self._now: list[bytes | memoryview] = []
        self._slices: deque[memoryview] = deque()

    def __bool__(self) -> bool:
        return bool(self._now or self._slices)

    def add(self, data: bytes) -> None:
        """Something short, to be written with the next `take`."""
        self._now.append(data)

    def add_content(self, pieces: Iterable[bytes | memoryview]) -> None:
        """A letter; large pieces are sliced, without a copy, and all that follows them waits as well."""
        for piece in pieces:
            if len(piece) <= SLICE and not self._slices:
                self._now.append(piece)
            else:
                view = memoryview(piece)
                self._slices.extend(view[at : at + SLICE] for at in range(0, len(piece), SLICE))

    def take(self) -> list[bytes | memoryview]:
        """What to write now: all that is short, and one slice of a large body."""
        if self._slices:
            self._now.append(self._slices.popleft())
        elif not self._now:
            return []
        out, self._now = self._now, []
        return out

    def clear(self) -> None:
        """Forget everything: the rest of a letter must not leave."""
        self._now.clear()
        self._slices.clear()
