"""Fair turns for the processes that write one SQLite file.

SQLite's own lock is not fair: a writer that comes straight back finds the lock free while the others sleep in
the busy handler, and so a busy worker starves the command line for seconds. Two advisory locks beside the
file make a queue: whoever wants to write takes `<db>-turn`, then `<db>-hold`, then gives `-turn` back. A
writer that comes straight back finds `-turn` taken by the one who waits for `-hold`, and queues behind it.

The turnstile is courtesy, not safety: SQLite's own lock still guards the file. So a process that is stopped
while it holds the turnstile delays the others by `patience_s`, no longer. The kernel releases the locks of a
process that dies.
"""

from __future__ import annotations

import fcntl
import os
import time

_STEP_S = 0.001
HOLD_S = 0.02  # a busy writer gives the others a turn that often, not after each of its transactions


class Turnstile:
    """One writer's place at the turnstile of `database` (a path). Not for use by two threads at once."""

    def __init__(self, database: str, *, patience_s: float = 10.0) -> None:
        self._patience_s = patience_s
        self._turn = os.open(f"{database}-turn", os.O_CREAT | os.O_RDWR, 0o600)
        self._hold = os.open(f"{database}-hold", os.O_CREAT | os.O_RDWR, 0o600)
        self._entered_at = 0.0
        self.is_inside = False

    def enter(self) -> bool:
        """Wait for our turn; True at once if we still hold it. False: patience ended, go on without it."""
        if self.is_inside:
            return True
        until = time.monotonic() + self._patience_s
        if not _lock(self._turn, until):
            return False
        try:
            self.is_inside = _lock(self._hold, until)
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)
        self._entered_at = time.monotonic()
        if self.is_inside:
            os.utime(self._hold)  # for `held_s`
        return self.is_inside

    def leave(self) -> None:
        """Let the next one in; harmless outside."""
        if self.is_inside:
            self.is_inside = False
            fcntl.flock(self._hold, fcntl.LOCK_UN)

    def share(self) -> None:
        """Leave if we were inside for `HOLD_S`: called between the transactions of a busy writer."""
        if self.is_inside and time.monotonic() - self._entered_at >= HOLD_S:
            self.leave()

    def close(self) -> None:
        """Leave for good."""
        self.is_inside = False
        os.close(self._turn)
        os.close(self._hold)


def held_s(database: str) -> float:
    """How long somebody has been inside, in seconds; 0.0 when nobody is. Keeps the lock for no longer than it
    takes to see that it is free."""
    try:
        hold = os.open(f"{database}-hold", os.O_RDWR)
    except FileNotFoundError:  # nobody ever wrote
        return 0.0
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return max(0.0, time.time() - os.fstat(hold).st_mtime)
    else:
        return 0.0
    finally:
        os.close(hold)


def _lock(descriptor: int, until: float) -> bool:
    """Take the lock before `until` (monotonic)."""
    wait_s = _STEP_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            # polling, because flock has no time-out; the one inside leaves within milliseconds
            time.sleep(wait_s)
            wait_s = min(wait_s * 1.5, 0.005)
        else:
            return True
