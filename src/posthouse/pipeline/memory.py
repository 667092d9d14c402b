"""How much mail one worker may hold in memory between commit and delivery.

After its commit a letter may go to delivery straight from memory; that saves reading it back. The bound is
what keeps memory flat when acceptance outruns delivery: what does not fit stays in the store and is taken
later. Sites that have not shown that they take mail quickly together get only half of the room, so that any
number of slow or dead destinations leaves place for the quick ones.

What goes wrong without the third rule, `_LARGEST_SHARE`: one letter of 50 MB for a host that reads 10 KB a
second would fill the room for an hour, and nobody's mail would leave.
"""

from __future__ import annotations

from dataclasses import dataclass

_LARGEST_SHARE = 8  # one letter counts at most an eighth of the bytes, however large it is


@dataclass(slots=True)
class MemoryBound:
    """Deliveries (and their content bytes) in memory, and how many there may be. `unproven_…`: the part of
    both that is for sites which have not proven themselves."""

    most_jobs: int
    most_bytes: int
    jobs: int = 0
    held_bytes: int = 0
    unproven_jobs: int = 0
    unproven_bytes: int = 0

    def room(self, is_proven: bool) -> int:
        """How many more deliveries for sites of this standing may come in."""
        if not self.room_bytes(is_proven):
            return 0
        room = self.most_jobs - self.jobs
        if not is_proven:
            room = min(room, self.most_jobs // 2 - self.unproven_jobs)
        return max(0, room)

    def room_bytes(self, is_proven: bool) -> int:
        """How many more content bytes they may bring; the letter that passes the limit still comes in."""
        room = self.most_bytes - self.held_bytes
        if not is_proven:
            room = min(room, self.most_bytes // 2 - self.unproven_bytes)
        return max(0, room)

    def add(self, size_bytes: int, is_proven: bool) -> None:
        self._count(1, size_bytes, is_proven)

    def remove(self, size_bytes: int, is_proven: bool) -> None:
        """With the same values as at `add`."""
        self._count(-1, size_bytes, is_proven)

    def _count(self, sign: int, size_bytes: int, is_proven: bool) -> None:
        counted = sign * min(size_bytes, self.most_bytes // _LARGEST_SHARE)
        self.jobs += sign
        self.held_bytes += counted
        if not is_proven:
            self.unproven_jobs += sign
            self.unproven_bytes += counted
