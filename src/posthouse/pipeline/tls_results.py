"""Counts how connections fared against receivers' TLS policies, for the reports of the day.

Counted in memory, written every few seconds: a worker that is killed loses those of a few seconds, which a
statistic bears. What strangers choose (hosts, reasons) is bounded.

Public: TlsResults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from posthouse.model.clock import Clock
from posthouse.model.trust import TlsCheck
from posthouse.rules.tlsrpt import DAY_S
from posthouse.store import tls_results
from posthouse.store.engine import Store, each

_MOST_KINDS = 5_000


class TlsResults:
    """For one worker. `note` is called on the delivery path, `flush` by upkeep."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._counts: Counter[tls_results.Key] = Counter()

    def note(self, domain: str, checks: Sequence[TlsCheck]) -> None:
        """Count the connections of an attempt for a recipient domain."""
        day = int(self._clock.now() // DAY_S)
        for check in checks:
            key = (day, domain, check if check.result else _plain(check))
            if key not in self._counts and len(self._counts) >= _MOST_KINDS:
                key = (day, domain, _plain(check))
            self._counts[key] += 1

    async def flush(self) -> None:
        """Write what was counted since the last time; what cannot be written now is kept."""
        if not self._counts:
            return
        counts, self._counts = self._counts, Counter()
        try:
            await self._store.write(each(tls_results.add), (counts,))
        except BaseException:
            self._counts += counts
            raise


def _plain(check: TlsCheck) -> TlsCheck:
    """Without what differs from host to host: successes are only counted."""
    return replace(check, mx="", address="", source="", reason="")
