"""posthouse.crashpoint: kills at the n-th pass, once per order of a file, never without the variable."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from posthouse.crashpoint import crash_point
for name in ("accept.before_commit", "accept.after_commit", "accept.before_commit", "accept.before_commit"):
    crash_point(name)
    print(name, flush=True)
"""


def run(setting: str | None) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k != "POSTHOUSE_CRASH_AT"}
    if setting is not None:
        env["POSTHOUSE_CRASH_AT"] = setting
    return subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("setting", "passed"),
    [
        pytest.param("accept.before_commit", 0, id="first pass when no number is given"),
        pytest.param("accept.after_commit:1", 1, id="another point"),
        pytest.param("accept.before_commit:2", 2, id="second pass of a point"),
    ],
)
def test_kills_at_the_named_pass(setting: str, passed: int) -> None:
    # F2, F3: the process is gone by SIGKILL, nothing after the point has run
    done = run(setting)
    assert done.returncode == -signal.SIGKILL
    assert len(done.stdout.split()) == passed


@pytest.mark.parametrize("setting", [None, "", "no.such.point"])
def test_does_nothing_when_not_armed(setting: str | None) -> None:
    done = run(setting)
    assert done.returncode == 0
    assert len(done.stdout.split()) == 4


def test_an_order_in_a_file_kills_one_process_once(tmp_path: Path) -> None:
    order = tmp_path / "order"
    assert run(f"@{order}").returncode == 0
    order.write_text("accept.before_commit:3")
    first = run(f"@{order}")
    assert first.returncode == -signal.SIGKILL
    assert len(first.stdout.split()) == 3
    assert not order.exists()
    assert run(f"@{order}").returncode == 0
