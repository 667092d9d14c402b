"""Command lines out of a buffer, with bounded memory whatever comes (SRV-1, SRV-4, S9).

A line ends with CRLF and with nothing else. A line over its limit is reported once, as soon as that is
certain; the rest of it is swallowed up to its CRLF, and past a bound it is reported as never ending. What is
reported depends on the octets only, never on how they were cut.

Public: LineReader, LineTrouble.
"""

from __future__ import annotations

from enum import Enum, auto


class LineTrouble(Enum):
    """Why there is no line: too long (go on calling `take`), or so long that the connection should end."""

    TOO_LONG = auto()
    NEVER_ENDS = auto()


class LineReader:
    """Takes lines from the front of a buffer. `discard_bytes` bounds what is swallowed of one line.

    `is_swallowing`: the front of the buffer belongs to a line that was reported as too long.
    """

    def __init__(self, discard_bytes: int) -> None:
        self._discard_bytes = discard_bytes
        self.is_swallowing = False
        self._swallowed = 0

    def take(self, buffer: bytearray, limit: int) -> bytes | LineTrouble | None:
        """The next line without its CRLF; None when more octets are needed.

        `limit` counts the line with its CRLF.
        """
        if self.is_swallowing:
            trouble = self._swallow(buffer)
            if trouble or self.is_swallowing:
                return trouble
        end = buffer.find(b"\r\n", 0, limit)
        if end >= 0:
            line = bytes(buffer[:end])
            del buffer[: end + 2]
            return line
        if len(buffer) < limit:
            return None
        self.is_swallowing = True
        self._swallowed = 0
        return LineTrouble.TOO_LONG

    def _swallow(self, buffer: bytearray) -> LineTrouble | None:
        end = buffer.find(b"\r\n")
        if end >= 0:
            self.is_swallowing = False
            gone = end
            del buffer[: end + 2]
        else:
            gone = len(buffer) - buffer.endswith(b"\r")  # that CR may be half of the line's end
            del buffer[:gone]
        self._swallowed += gone
        return LineTrouble.NEVER_ENDS if self._swallowed > self._discard_bytes else None
