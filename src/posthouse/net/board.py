"""Counters that all workers of one machine share: how many connections does this client have?

The kernel spreads one client's connections over all workers, so no worker knows the number alone. The
supervisor makes the board (anonymous shared memory) before it forks; each worker writes only its own row, and
everybody reads all of them. There is no lock: a reader may be one connection behind, never wrong for longer.

A row is a table of buckets with eight places each; a place holds the hash of a name and its count. The hash
is keyed with a secret of this board, so nobody can choose names that meet in one bucket. Where a ninth name
does meet, it is counted by its own worker only. When a worker dies, the supervisor clears its row.

Public: Board, Row, NOT_SHARED.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections import Counter
from collections.abc import Collection
from hashlib import blake2b

NOT_SHARED = -1

_WAYS = 8
_BUCKETS = 4096
_bucket = struct.Struct(f"<{2 * _WAYS}Q")  # the names, then their counts
_number = struct.Struct("<Q")
_ROW_BYTES = _BUCKETS * _bucket.size


class Board:
    """Shared by a supervisor and its workers. `rows`: how many workers may live at once, those included that
    drain. Memory is taken as it is used, at most half a MiB a row."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._memory = mmap.mmap(-1, max(1, rows) * _ROW_BYTES)
        self._key = os.urandom(16)

    def free_row(self, taken: Collection[int]) -> int:
        """The smallest number that nobody has, or NOT_SHARED when all are in use."""
        return next((number for number in range(self.rows) if number not in taken), NOT_SHARED)

    def clear(self, number: int) -> None:
        """Forget what a worker that is gone had counted."""
        if number != NOT_SHARED:
            self._memory[number * _ROW_BYTES : (number + 1) * _ROW_BYTES] = bytes(_ROW_BYTES)

    def row(self, number: int) -> Row:
        """The row that one worker writes; with NOT_SHARED one that others cannot see."""
        return Row(self, number)

    def name_of(self, text: str) -> int:
        """The 64 bits under which a text is counted; never 0."""
        digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8, key=self._key).digest()
        return _number.unpack(digest)[0] or 1

    def counted_by(self, number: int, name: int) -> int:
        """What one row says about one name."""
        words = _bucket.unpack_from(self._memory, self._place(number, name))
        for way in range(_WAYS):
            if words[way] == name:
                return int(words[_WAYS + way])
        return 0

    def write(self, number: int, name: int, count: int) -> None:
        """Let a row say `count` about a name, if its bucket has room. Only the row's owner calls this."""
        place = self._place(number, name)
        words = _bucket.unpack_from(self._memory, place)
        free = None
        for way in range(_WAYS):
            if words[way] == name:
                free = way
                break
            if free is None and not words[_WAYS + way]:
                free = way
        if free is None:
            return
        if words[free] != name:
            _number.pack_into(self._memory, place + 8 * free, name)
        _number.pack_into(self._memory, place + 8 * (_WAYS + free), count)

    def _place(self, number: int, name: int) -> int:
        return number * _ROW_BYTES + name % _BUCKETS * _bucket.size


class Row:
    """One worker's part of the board; it alone makes this object, once."""

    def __init__(self, board: Board, number: int) -> None:
        self._board = board
        self._number = number
        self._own: Counter[int] = Counter()

    def enter(self, text: str) -> int:
        """Count one more of `text`; how many there are now on this machine."""
        name = self._board.name_of(text)
        self._set(name, self._own[name] + 1)
        return self._total(name)

    def leave(self, text: str) -> None:
        """The reverse of one `enter`."""
        name = self._board.name_of(text)
        self._set(name, self._own[name] - 1)

    def put(self, text: str, count: int) -> None:
        """Let this worker's own count of `text` be this; 0 frees its place."""
        self._set(self._board.name_of(text), count)

    def total(self, text: str) -> int:
        """How many there are on this machine."""
        return self._total(self._board.name_of(text))

    def _set(self, name: int, count: int) -> None:
        if count > 0:
            self._own[name] = count
        else:
            self._own.pop(name, None)
        if self._number != NOT_SHARED:
            self._board.write(self._number, name, max(0, count))

    def _total(self, name: int) -> int:
        board = self._board
        others = [board.counted_by(row, name) for row in range(board.rows) if row != self._number]
        return self._own[name] + sum(others)
