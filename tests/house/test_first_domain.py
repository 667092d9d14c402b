"""The walk of docs/first-domain.md: every command is run, and says what the page shows (D-01, D-02)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bench.posthouse import free_port

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "first-domain.md").read_text()
_PATIENCE_S = 40.0
_END = "the-end-of-a-block"


@dataclass(frozen=True, slots=True)
class Block:
    """Commands of the page, and the lines that it shows of their answer."""

    commands: str
    shown: tuple[str, ...]

    @property
    def only_looks(self) -> bool:
        """May be asked again until the answer is the page's: what it tells of happens by itself."""
        return all(re.match(r"posthouse domain (list|verify)|posthouse events|grep", line)
                   for line in self.commands.splitlines())  # fmt: skip


def blocks_of(page: str) -> list[Block]:
    found: list[Block] = []
    for kind, body in re.findall(r"^```(\w+)\n(.*?)^```$", page, re.M | re.S):
        if kind == "sh":
            found.append(Block(body.rstrip("\n"), ()))
        else:
            assert kind == "text", f"a block of {kind}"
            found[-1] = Block(found[-1].commands, tuple(body.splitlines()))
    return found


def has_shown(shown: tuple[str, ...], said: str) -> str:
    """The first line of the page that is not in the answer, in order; "" when all are. `…` is anything,
    blanks are alike, a line may begin within one of the answer's."""
    lines = iter(said.splitlines())
    for wanted in shown:
        pieces = [re.escape(piece) for piece in re.split(r"\s*…\s*", wanted.strip())]
        pattern = re.sub(r"(\\ )+", r"\\s+", ".*".join(pieces))
        if not any(re.search(pattern, line) for line in lines):
            return wanted
    return ""


class Shell:
    """One bash for the whole walk, as a reader has one: functions and variables stay."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "--norc"], cwd=folder, env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, commands: str) -> str:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{commands}\necho {_END}\n")
        self.process.stdin.flush()
        said: list[str] = []
        for line in self.process.stdout:
            if line.strip() == _END:
                return "".join(said)
            said.append(line)
        raise AssertionError(f"the shell ended: {''.join(said)}")

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(10)
        assert self.process.stdout
        self.process.stdout.close()


@dataclass(slots=True)
class Walk:
    """A directory that looks like the source directory after `make install`, and ports that are free."""

    folder: Path
    env: dict[str, str]
    port: int

    def text(self, commands: str) -> str:
        """The page's commands with our port in the place of the page's."""
        return commands.replace("2525", str(self.port))


@pytest.fixture
def walk(tmp_path: Path) -> Walk:
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    program = programs / "posthouse"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m posthouse "$@"\n')
    program.chmod(0o755)
    port = free_port()
    env = os.environ | {
        "PYTHONPATH": f"{ROOT / 'src'}",
        "POSTHOUSE_SMTP__LISTEN": f"127.0.0.1:{port}",
        "POSTHOUSE_SMTP__LISTEN_TLS": f"127.0.0.1:{free_port()}",
        "POSTHOUSE_HTTP__LISTEN": f"127.0.0.1:{free_port()}",
    }
    return Walk(tmp_path, env, port)


@pytest.fixture
def started(walk: Walk) -> Iterator[Walk]:
    """`posthouse dev --internet`, as the page's first terminal has it."""
    out = (walk.folder / "dev.log").open("w+")
    process = subprocess.Popen(
        [str(walk.folder / ".venv/bin/posthouse"), "dev", "--internet"],
        cwd=walk.folder, env=walk.env, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + _PATIENCE_S
        while "Posthouse is ready" not in (walk.folder / "dev.log").read_text():
            said = (walk.folder / "dev.log").read_text()
            assert process.poll() is None and time.monotonic() < end, said
            time.sleep(0.05)
        yield walk
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(40)
        out.close()


def test_D_01_D_02_the_walk_of_the_first_domain(started: Walk) -> None:
    blocks = blocks_of(PAGE)
    assert [block.commands for block in blocks[:2]] == ["make install", ".venv/bin/posthouse dev --internet"]
    assert re.search(r"^install:", (ROOT / "Makefile").read_text(), re.M)
    shell = Shell(started.folder, started.env)
    try:
        for block in blocks[2:]:
            take(shell, block, started)
    finally:
        shell.close()


def take(shell: Shell, block: Block, walk: Walk) -> None:
    """Run a block until it says what the page shows; once, unless it only looks."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        said = shell.run(walk.text(block.commands))
        assert "Traceback" not in said, said
        lacking = has_shown(block.shown, said)
        if not lacking:
            return
        log = (walk.folder / "dev.log").read_text()[-2000:]
        assert block.only_looks and time.monotonic() < end, (
            f"{block.commands}\n--- does not say: {lacking}\n--- but:\n{said}\n--- log:\n{log}"
        )


def test_the_page_shows_the_sentences_that_posthouse_says() -> None:
    """The table of mistakes quotes the rules."""
    rules = "".join(path.read_text() for path in (ROOT / "src/posthouse/rules").glob("*.py"))
    table = PAGE.partition("## Common mistakes")[2].partition("\n## ")[0]
    quoted = re.findall(r"^\| `([^`]+)`", table, re.M)
    assert len(quoted) > 10
    for sentence in quoted:
        pieces = re.split(r"\s*…\s*|\b2\b|\b10\b", sentence)
        for piece in pieces:
            assert piece.strip() in rules, sentence
