"""Running a real program of another project."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "senders"
NODE = Path(os.environ.get("POSTHOUSE_CLIENTS_DIR", FOLDER.parents[2] / "var" / "clients"))
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"

Run = Callable[..., str]


def run_program(words: Sequence[str | Path], stdin: bytes = b"", env: dict[str, str] | None = None) -> str:
    """Everything the program printed; raises AssertionError with it when the program fails."""
    program = shutil.which(words[0], path=PATH)
    assert program, f"{words[0]} is not installed: run sh tests/clients/install.sh"
    done = subprocess.run(
        [program, *words[1:]],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PATH": PATH, **(env or {})},
        timeout=60,
    )
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, f"{words[0]} ended with {done.returncode}:\n{text}"
    return text
