"""The page about our own API: every command of docs/api.md is run, and says what the page shows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench.posthouse import free_port

from house.test_first_domain import Block, Shell, blocks_of, has_shown

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text()
_PATIENCE_S = 40.0
_LOOKS = re.compile(r"\$API/(events|account|inbox)|curl -sSN")


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def folder(tmp_path: Path, port: int) -> Iterator[Path]:
    """The directory of the page's first terminal, where `posthouse dev` runs."""
    with serving(tmp_path, environment(port)):
        yield tmp_path


@contextmanager
def serving(folder: Path, given: dict[str, str]) -> Iterator[None]:
    """`posthouse dev` in that directory."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    program = programs / "posthouse"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m posthouse "$@"\n')
    program.chmod(0o755)
    log = folder / "dev.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [str(program), "dev"],
            cwd=folder, env=given, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            end = time.monotonic() + _PATIENCE_S
            while "Posthouse is ready" not in log.read_text():
                assert process.poll() is None and time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            yield
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(40)


def environment(port: int) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": str(ROOT / "src"),
        "POSTHOUSE_SMTP__LISTEN": f"127.0.0.1:{free_port()}",
        "POSTHOUSE_SMTP__LISTEN_TLS": f"127.0.0.1:{free_port()}",
        "POSTHOUSE_HTTP__LISTEN": f"127.0.0.1:{port}",
    }


def test_the_commands_of_the_page_say_what_it_shows(folder: Path, port: int) -> None:
    blocks = blocks_of(PAGE)
    assert blocks[0].commands == ".venv/bin/posthouse dev"
    shell = Shell(folder, environment(port))
    try:
        for block in blocks[1:]:
            take(shell, Block(block.commands.replace("8025", str(port)), block.shown))
    finally:
        shell.close()


def take(shell: Shell, block: Block) -> None:
    """Run a block; again, if it only looks, until it says what the page shows."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        said = shell.run(block.commands)
        lacking = has_shown(block.shown, said)
        if not lacking:
            return
        looks = _LOOKS.search(block.commands) and "-d '" not in block.commands
        assert looks and time.monotonic() < end, (
            f"{block.commands}\n--- does not say: {lacking}\n--- but:\n{said}"
        )
