"""The memory that letters in arrival may fill, over all connections of a worker.

A letter is in memory until its commit. Past three quarters of the budget new letters are asked to come back
(452 at DATA); past all of it the letter that asks for more is swallowed and answered 452. Nothing that was
acknowledged is touched.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.smtp.replies import Reply

BUSY = Reply(452, "4.3.1", "Too much mail at once; try again in a minute")


@dataclass(slots=True)
class BodyBudget:
    limit_bytes: int
    held_bytes: int = 0

    @property
    def admits_new(self) -> bool:
        return self.held_bytes * 4 <= self.limit_bytes * 3

    @property
    def is_exceeded(self) -> bool:
        return self.held_bytes > self.limit_bytes
