"""Moves by the command line, in this process, from fake services and from files.

Public: Move, mover, books, rows_of, came, there.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from unit.cli.calling import Answer, Cli, caller

Move = Callable[..., dict[str, Any]]
CHANGING = {"mark", "nudge", "schema_step"}  # hints and counters that looking moves on


def mover(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[Cli, Move]:
    """The command line in a folder, and `move(service, *words, code=0)`, which gives the report."""
    monkeypatch.setenv("POSTHOUSE_DELIVERY__POST_PRIVATE_NETWORKS", "allow")
    call = caller(folder, monkeypatch, capsys)

    def move(*words: str, code: int = 0) -> dict[str, Any]:
        answer: Answer = call("import", *words, "--json")
        assert answer.code == code, (answer.out, answer.err)
        return dict(json.loads(answer.out))

    return call, move


def books(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the store."""
    path = folder / "var" / "posthouse.db"
    with closing(sqlite3.connect(path)) as conn:
        names = [row[0] for row in conn.execute("select name from sqlite_master where type = 'table'")]
        return {
            name: sorted(conn.execute(f'select * from "{name}"'), key=repr)
            for name in names
            if name not in CHANGING
        }


def rows_of(call: Cli, *words: str) -> list[dict[str, Any]]:
    answer = call(*words, "--json")
    assert answer.code == 0, answer.err
    return answer.rows


def came(report: dict[str, Any]) -> dict[str, int]:
    return {kind: count["came"] for kind, count in report["counts"].items() if count["came"]}


def there(report: dict[str, Any]) -> dict[str, int]:
    return {kind: count["there"] for kind, count in report["counts"].items() if count["there"]}
