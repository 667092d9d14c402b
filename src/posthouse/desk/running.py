"""Which process serves an installation: a file with its number, locked for as long as it lives.

The lock, not the number, says that it lives: a number that was left behind by a crash may belong to anybody
by now.

Public: FILE_NAME, mark, tell.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from posthouse.model.errors import Refused, SettingsError

FILE_NAME = "posthouse.pid"
_TRIES, _PAUSE_S = 10, 0.05


def mark(state_dir: Path) -> int:
    """Say that this process serves; the descriptor holds the lock and is to stay open, in no other process.
    -1: the file cannot be written, or another process has it."""
    try:
        held = os.open(state_dir / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        return -1
    for _ in range(_TRIES):  # somebody who just looks holds it for a moment
        with contextlib.suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(held, 0)
            os.pwrite(held, b"%d\n" % os.getpid(), 0)
            return held
        time.sleep(_PAUSE_S)
    os.close(held)
    return -1


def tell(state_dir: Path, signal: int) -> int:
    """Send a signal to the process that serves; its number. Raises Refused when none does."""
    pid = _holder(state_dir / FILE_NAME)
    if not pid:
        text = f"No Posthouse serves {state_dir} on this machine"
        raise Refused(550, "5.5.0", text, reason="not-running")
    try:
        os.kill(pid, signal)
    except PermissionError as error:
        raise SettingsError(f"process {pid} is another user's: run this as the user that serves") from error
    return pid


def _holder(file: Path) -> int:
    """The number in the file if somebody holds its lock, else 0."""
    try:
        with file.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = stream.read(20).strip()
                return int(text) if text.isdigit() else 0
    except FileNotFoundError:
        pass
    return 0
