"""Wrong codes behind a right password: at most ten an hour for a person, over all workers of this machine.

A recovery code counts like a code of the app, and a right one forgives nothing: who knows the password must
not guess on because the person signs in meanwhile. Counted on the board (`net.board`) in windows of six
minutes, the present one and the ten before, so a count that nobody looks after is forgotten by itself.

Public: WrongCodes, Counts.
"""

from __future__ import annotations

from typing import Protocol

from posthouse.model.clock import Clock

_MOST = 10
_WINDOW_S, _EARLIER = 360.0, 10
_MOST_COUNTS = 10_000


class Counts(Protocol):
    """Numbers by name, over all workers of this machine (`net.board.Row`)."""

    def put(self, text: str, count: int) -> None: ...

    def total(self, text: str) -> int: ...


class WrongCodes:
    """What one worker counts, and what all have counted."""

    def __init__(self, clock: Clock, counts: Counts) -> None:
        self._clock = clock
        self._counts = counts
        self._own: dict[str, tuple[int, int]] = {}  # count and window, in the order of the last wrong code

    def note(self, person_id: str) -> None:
        """One more wrong code for this person."""
        window = self._window()
        name = _name(person_id, window)
        count = self._own.pop(name, (0, window))[0] + 1
        self._own[name] = count, window
        self._counts.put(name, count)
        self._forget(window)

    def are_enough(self, person_id: str) -> bool:
        """True: no code of this person is to be looked at now."""
        window = self._window()
        names = [_name(person_id, each) for each in range(window - _EARLIER, window + 1)]
        return sum(map(self._counts.total, names)) >= _MOST

    def _window(self) -> int:
        return int(self._clock.monotonic() / _WINDOW_S)

    def _forget(self, window: int) -> None:
        """The oldest stand in front: drop what counts no more, and what is past the bound."""
        while self._own:
            oldest = next(iter(self._own))
            if len(self._own) <= _MOST_COUNTS and self._own[oldest][1] >= window - _EARLIER:
                return
            del self._own[oldest]
            self._counts.put(oldest, 0)


def _name(person_id: str, window: int) -> str:
    return f"wrong code {person_id} {window}"
