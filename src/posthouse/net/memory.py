"""Remembering for a while: hosts whose TLS is broken, addresses that do not answer.

Public: Memory.
"""

from __future__ import annotations

from posthouse.model.clock import Clock


class Memory:
    """A set of (name, port) that forgets each member `span_s` seconds after it was last added; at most
    `size` members, the oldest go first."""

    def __init__(self, clock: Clock, span_s: float, size: int = 10_000) -> None:
        self._clock = clock
        self._span_s = span_s
        self._size = size
        self._until: dict[tuple[str, int], float] = {}

    def __contains__(self, member: tuple[str, int]) -> bool:
        until = self._until.get(member)
        if until is None:
            return False
        if until <= self._clock.monotonic():
            del self._until[member]
            return False
        return True

    def __len__(self) -> int:
        return len(self._until)

    def add(self, member: tuple[str, int]) -> None:
        """Remember `member` from now on."""
        self._until.pop(member, None)  # not kept in place: the order is the age
        self._until[member] = self._clock.monotonic() + self._span_s
        while len(self._until) > self._size:
            del self._until[next(iter(self._until))]

    def discard(self, member: tuple[str, int]) -> None:
        """Forget `member`."""
        self._until.pop(member, None)
