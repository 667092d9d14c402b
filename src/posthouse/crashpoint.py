"""Named places at which the crash tests kill this process; in production `crash_point` does nothing.

The environment variable POSTHOUSE_CRASH_AT, read once at import, arms it:

- `name` or `name:n`: at the n-th pass (default the first) of that point the process kills itself. A process
  that is started again with the same environment does so again.
- `@/path/of/a/file`: at each pass of any point the file is read. While it holds `name` or `name:n`, passes of
  that point are counted; at the n-th the file is removed and the process killed. So a test can arm one
  point after another without a restart, and a replaced process does not fall again.

Killed means SIGKILL: no handler, no flush, no clean-up runs (faults F2-F4, F8-F11).
"""

from __future__ import annotations

import itertools
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

VARIABLE = "POSTHOUSE_CRASH_AT"


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _split(order: str) -> tuple[str, int]:
    """`name[:n]` -> (name, n); n is at least 1."""
    name, _, count = order.strip().partition(":")
    return name, max(1, int(count)) if count.isdecimal() else 1


def _never(name: str) -> None:
    """Production: the point costs one call."""


def _fixed(order: str) -> Callable[[str], None]:
    wanted, passes = _split(order)
    seen = itertools.count(1)  # its step is atomic: points are passed by several threads

    def point(name: str) -> None:
        if name == wanted and next(seen) == passes:
            _die()

    return point


def _by_file(path: Path) -> Callable[[str], None]:
    seen: Counter[str] = Counter()

    def point(name: str) -> None:
        try:
            order = path.read_text(encoding="ascii")
        except OSError:
            return
        wanted, passes = _split(order)
        if name != wanted:
            return
        seen[order] += 1
        if seen[order] < passes:
            return
        try:
            path.unlink()
        except OSError:
            return  # another process was first: one order kills once
        _die()

    return point


def _bound(setting: str) -> Callable[[str], None]:
    """The function that a setting of POSTHOUSE_CRASH_AT asks for."""
    if not setting:
        return _never
    return _by_file(Path(setting[1:])) if setting.startswith("@") else _fixed(setting)


crash_point: Callable[[str], None] = _bound(os.environ.get(VARIABLE, ""))
