"""Wrong sign-ins per client address: refusals come slower, nobody is locked out (AUT-11)."""

from __future__ import annotations

from posthouse.model.clock import Clock

_FREE_TRIES = 3
_MOST_DELAY_S = 8.0
_FORGET_S = 600.0
_MOST_ADDRESSES = 10_000


class SignIns:
    """Counts failures per address for ten minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wrong: dict[str, tuple[int, float]] = {}

    def delay_s(self, address: str) -> float:
        """How long to hold back the refusal for this address: 0 at first, then doubling up to 8 s."""
        count, at = self._wrong.get(address, (0, 0.0))
        if count <= _FREE_TRIES or self._clock.monotonic() - at > _FORGET_S:
            return 0.0
        return float(min(_MOST_DELAY_S, 0.25 * 2 ** min(10, count - _FREE_TRIES)))

    def failed(self, address: str) -> None:
        if len(self._wrong) >= _MOST_ADDRESSES:
            self._forget_oldest()
        count, at = self._wrong.pop(address, (0, 0.0))
        now = self._clock.monotonic()
        self._wrong[address] = (1 if now - at > _FORGET_S else count + 1, now)

    def succeeded(self, address: str) -> None:
        self._wrong.pop(address, None)

    def _forget_oldest(self) -> None:
        """The dictionary keeps the order of the last failure: its first entries are the oldest."""
        for address in list(self._wrong)[: _MOST_ADDRESSES // 10]:
            del self._wrong[address]
