"""The file that says which process serves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from posthouse.desk import running
from posthouse.model.errors import Refused


def test_only_a_process_that_lives_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    with pytest.raises(Refused, match="No Posthouse serves"):
        running.tell(tmp_path, signal.SIGHUP)
    held = running.mark(tmp_path)
    assert running.tell(tmp_path, signal.SIGHUP) == os.getpid()
    assert sent == [(os.getpid(), signal.SIGHUP)]
    os.close(held)
    with pytest.raises(Refused, match="No Posthouse serves"):
        running.tell(tmp_path, signal.SIGHUP)
    assert len(sent) == 1, "the number is still in the file, but nobody holds it"


def test_the_first_one_keeps_the_file(tmp_path: Path) -> None:
    held = running.mark(tmp_path)
    assert running.mark(tmp_path) == -1
    assert (tmp_path / running.FILE_NAME).read_text() == f"{os.getpid()}\n"
    os.close(held)
    again = running.mark(tmp_path)
    assert again >= 0
    os.close(again)


def test_a_crash_leaves_a_file_that_nobody_believes(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from posthouse.desk import running; "
        "running.mark(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / running.FILE_NAME).read_text().strip().isdigit()
    with pytest.raises(Refused, match="No Posthouse serves"):
        running.tell(tmp_path, signal.SIGHUP)


def test_where_nothing_can_be_written_there_is_no_file(tmp_path: Path) -> None:
    assert running.mark(tmp_path / "missing") == -1
