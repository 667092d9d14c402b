"""What Tab offers: the real bash asks the real program, as its completion script does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unit.cli.calling import Cli, caller

BASH = shutil.which("bash") or ""
needs_bash = pytest.mark.skipif(not BASH, reason="there is no bash on this machine")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """A command line in a directory with two domains, and `posthouse` on the PATH."""
    call = caller(tmp_path, monkeypatch, capsys)
    program = tmp_path / "bin" / "posthouse"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m posthouse "$@"\n')
    program.chmod(0o755)
    for name in ("example.com", "shop.test"):
        assert call("domain", "add", name, "--assume-verified").code == 0
    return call


def offered(folder: Path, line: str) -> list[str]:
    """What bash would show behind this line, with the script that the program prints for it."""
    source = os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    source["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    program = (
        'eval "$(posthouse --show-completion)"; '
        f"COMP_WORDS=({line} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
        '_posthouse_completion posthouse; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [BASH, "-c", program], cwd=folder, env=source, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@needs_bash
@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("posthouse domain show", {"example.com", "shop.test"}),
        ("posthouse --account", {"default"}),
        ("posthouse queue", {"flush", "hold", "release", "drop"}),
    ],
)
def test_bash_offers_names(house: Cli, tmp_path: Path, line: str, names: set[str]) -> None:
    assert set(offered(tmp_path, line)) >= names


@needs_bash
def test_without_a_store_nothing_is_offered_and_nothing_is_said(house: Cli, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "var")
    assert offered(tmp_path, "posthouse domain show") == []
