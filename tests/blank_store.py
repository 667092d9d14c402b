"""Empty stores of this code's schema, each a copy of one that was made by the steps of the schema.

The steps take fifty milliseconds of work and a dozen syncs of the disk, more than most tests that want a
store; the steps themselves have tests of their own.

Public: make_store, make_database.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

from posthouse.store.engine import engine_of, migrate
from posthouse.store.sqlite import Sqlite


def make_store(url: str) -> None:
    """As `migrate(url)` does where nothing is yet."""
    engine = engine_of(url)
    if isinstance(engine, Sqlite) and not Path(engine.path).exists():
        Path(engine.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_blank_file(), engine.path)
    else:
        migrate(url)


def make_database(server: str, execute: Callable[[str], object]) -> str:
    """The URL of a new database with an empty store. `server`: the URL of its database `postgres`;
    `execute`: runs a statement there."""
    name = f"t{uuid.uuid4().hex}"
    execute(f"create database {name} template {_blank_database(server, execute)}")
    return _url_of(server, name)


@functools.cache
def _blank_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="posthouse-blank-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    migrate(f"sqlite:///{folder}/posthouse.db")
    return folder / "posthouse.db"


_blank_on: set[str] = set()


def _blank_database(server: str, execute: Callable[[str], object]) -> str:
    if server not in _blank_on:
        execute("create database blank")
        migrate(_url_of(server, "blank"))
        _blank_on.add(server)
    return "blank"


def _url_of(server: str, name: str) -> str:
    where, _, options = server.partition("?")
    return f"{where.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")
