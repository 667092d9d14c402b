"""Running the command line in this process: what it printed, and its exit code."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blank_store import make_store
from posthouse.cli.main import run


@dataclass
class Answer:
    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Cli = Callable[..., Answer]


def forget_store() -> None:
    """As before the first command of all: the directory is empty."""
    shutil.rmtree("var")


def caller(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """`call(*arguments, given=b"")` in that directory, which has an empty store; `given` is its input.
    No trace is ever printed."""
    monkeypatch.chdir(folder)
    make_store(f"sqlite:///{folder}/var/posthouse.db")

    def call(*arguments: str, given: bytes = b"") -> Answer:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Answer(code, captured.out, captured.err)

    return call
