"""How much mail one worker may hold in memory between commit and delivery.

After its commit a letter may go to delivery straight from memory; that saves reading it back. The bound is
what keeps memory flat when acceptance outruns delivery: what does not fit stays in the store and is taken
later. Sites that have not shown that they take mail quickly get only half of the room, so that any number
of slow or dead destinations leaves place for the quick ones.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class MemoryBound:
    """Deliveries (and their content bytes) in memory, and how many there may be."""

    most_jobs: int
    most_bytes: int
    jobs: int = 0
    held_bytes: int = 0

    def room(self, is_proven: bool) -> int:
        """How many more deliveries for a site of this standing may come in."""
        if self.held_bytes >= self.most_bytes:
            return 0
        most = self.most_jobs if is_proven else self.most_jobs // 2
        return max(0, most - self.jobs)

    def add(self, size_bytes: int) -> None:
        self.jobs += 1
        self.held_bytes += size_bytes

    def remove(self, size_bytes: int) -> None:
        self.jobs -= 1
        self.held_bytes -= size_bytes
