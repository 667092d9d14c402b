"""The ledger: what was handed in and what arrived, each line on disk before the next step is taken.

A line is `monotonic-ns kind id detail…`. Kinds of the injector: sent (before MAIL; detail: recipients),
acked, refused (detail: code), aborted (the final dot was never sent), doubt (dot sent, no reply read).
Kinds of the receiving host: got (before its 250; detail: recipient, verdict on the bytes, Message-ID),
done (after it), dropped (closed on purpose instead of a reply). Kinds of the driver: fault and fault-end
(id: its name), up.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fact:
    """One line; `at` in seconds of the monotonic clock."""

    at: float
    kind: str
    id: str
    detail: tuple[str, ...]


class Ledger:
    """Appends facts to a file and keeps them in memory for the checker."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: list[Fact] = []
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def note(self, kind: str, id: str, *detail: str) -> Fact:
        """Writes and syncs one fact; returns after it is durable."""
        now = time.monotonic_ns()
        os.write(self._file, " ".join((str(now), kind, id, *detail)).encode() + b"\n")
        os.fdatasync(self._file)
        fact = Fact(now / 1e9, kind, id, detail)
        self.facts.append(fact)
        return fact

    def close(self) -> None:
        os.close(self._file)


def read_ledger(path: Path) -> list[Fact]:
    """The facts of a file, for a look after the run."""
    facts = []
    for line in path.read_text().splitlines():
        at, kind, id, *detail = line.split(" ")
        facts.append(Fact(int(at) / 1e9, kind, id, tuple(detail)))
    return facts
