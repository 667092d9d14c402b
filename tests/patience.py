"""Deadlines that count only the time in which the machine had a processor for everybody.

What is promised within a second is promised on a machine that has room for it. On a crowded one (two houses,
two test processes and two processors are enough) the clock goes on while the house waits for its turn. Linux
counts the time in which some task was ready and had to wait: /proc/pressure/cpu, and /proc/pressure/io for
the disk (https://docs.kernel.org/accounting/psi.html). That time is taken off. Where nobody waits, a second
is a second; where the files are missing, too.

Public: Watch, stalled_s, quiet_s.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

_FILES = (Path("/proc/pressure/cpu"), Path("/proc/pressure/io"))
_MOST = 10  # a deadline is stretched no further: what never comes must fail some day


def stalled_s() -> float:
    """Seconds since the machine's start in which some task had to wait for a processor or the disk."""
    total = 0
    for file in _FILES:
        with contextlib.suppress(OSError):
            some = file.read_text().partition("\n")[0]  # "some avg10=0.00 … total=MICROSECONDS"
            total += int(some.rpartition("=")[2])
    return total / 1e6


def quiet_s(elapsed: float, stalled: float) -> float:
    """The seconds of `elapsed` that count."""
    return max(elapsed - stalled, elapsed / _MOST)


class Watch:
    """A stop watch that starts at once."""

    def __init__(self) -> None:
        self._began, self._stalled = time.monotonic(), stalled_s()

    @property
    def seconds(self) -> float:
        """The seconds that count so far."""
        return quiet_s(time.monotonic() - self._began, stalled_s() - self._stalled)

    def is_over(self, seconds: float) -> bool:
        """Have more than so many passed? Asks the machine only when the clock says so."""
        return time.monotonic() - self._began > seconds and self.seconds > seconds
