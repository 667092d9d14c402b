"""A fresh Posthouse of its own in a folder: settings, domain, user, `serve`; for benches and tests.

It is driven only by its public ends: settings file, command line, ports, signals.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.meter import tree

ROOT = Path(__file__).resolve().parent.parent
DOMAIN = "lab.test"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody holds at this instant."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Returns when the condition holds; raises TimeoutError naming `what`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def greets(port: int) -> bool:
    """True when an SMTP greeting comes from that port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as s:
        s.settimeout(2)
        return s.recv(200).startswith(b"220")
    return False


class House:
    """One installation. `store` is a database address, "" for SQLite in the folder; mail for every domain
    goes to `route_port` on 127.0.0.1, that for the domains of `routes` to theirs. `extra` is TOML added to
    the settings, `env` is added to the environment."""

    def __init__(
        self,
        folder: Path,
        route_port: int,
        *,
        store: str = "",
        routes: dict[str, int] | None = None,
        extra: str = "",
        env: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.route_port = route_port
        self.config = folder / "posthouse.toml"
        self.log = folder / "serve.log"
        self.port, self.port_tls, self.port_http = free_port(), free_port(), free_port()
        self.store = store or f"sqlite:///{folder / 'posthouse.db'}"
        self.env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **(env or {})}
        self.program = "posthouse"  # the module that `serve` is a command of
        self.login = self.password = ""
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(self._settings({**(routes or {}), "*": route_port}) + extra)

    def _settings(self, routes: dict[str, int]) -> str:
        lines = "".join(
            f'[[delivery.route]]\ndomain = "{domain}"\nhost = "127.0.0.1"\nport = {port}\n\n'
            for domain, port in routes.items()
        )
        return (
            f'[store]\nurl = "{self.store}"\n\n[smtp]\nhostname = "mail.{DOMAIN}"\n'
            f'listen = ["127.0.0.1:{self.port}"]\nlisten_tls = ["127.0.0.1:{self.port_tls}"]\n\n'
            f'[http]\nlisten = ["127.0.0.1:{self.port_http}"]\n\n'
            f"{lines}"
        )

    # -- command line

    def cli(self, *words: str, check: bool = True) -> str:
        """Output of `posthouse WORDS --config …`; raises RuntimeError with its words when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "posthouse", *words, "--config", str(self.config)],
            cwd=self.folder,
            env={k: v for k, v in self.env.items() if k != "POSTHOUSE_CRASH_AT"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        if check and done.returncode:
            raise RuntimeError(f"posthouse {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def cli_json(self, *words: str) -> list[Any]:
        """The JSON values that `posthouse WORDS --json` prints: one, or one a line."""
        text = self.cli(*words, "--json").strip()
        with contextlib.suppress(json.JSONDecodeError):
            value = json.loads(text)
            return value if isinstance(value, list) else [value]
        return [json.loads(line) for line in text.splitlines() if line]

    def set_up(self) -> House:
        """Makes the domain lab.test and its user postmaster."""
        self.cli("domain", "add", DOMAIN, "--assume-verified")
        user = self.cli_json("user", "add", f"postmaster@{DOMAIN}")[0]
        self.login, self.password = user["login"], user["password"]
        return self

    def twin(self, folder: Path) -> House:
        """A second machine of the same installation: the same store and keys, its own ports."""
        other = House(folder, self.route_port, store=self.store)
        shutil.copytree(self.folder / "var", folder / "var")
        other.login, other.password = self.login, self.password
        return other

    @property
    def auth(self) -> str:
        return f"{self.login}:{self.password}"

    def dkim_records(self) -> dict[bytes, bytes]:
        """DNS name with final dot -> TXT value of each DKIM key of the domain, found in `domain show`."""
        found: dict[bytes, bytes] = {}
        for name, value in _pairs(self.cli_json("domain", "show", DOMAIN)):
            if "_domainkey" in name and "p=" in value:
                found[name.encode().rstrip(b".") + b"."] = value.replace('" "', "").strip('"').encode()
        return found

    # -- process

    def start(self, seconds: float = 30) -> House:
        """Starts `serve` and waits for its greeting."""
        self.spawn()
        wait_for(self._is_up, seconds, f"posthouse did not start, see {self.log}:\n{self.log_tail()}")
        return self

    def spawn(self, wrap: Sequence[str] = ()) -> None:
        """Starts `serve` in a process group of its own, without waiting."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*wrap, sys.executable, "-m", self.program, "serve", "--config", str(self.config)],
                cwd=self.folder,
                env=self.env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _is_up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"posthouse ended with {self.process.returncode}:\n{self.log_tail()}")
        return greets(self.port)

    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def pids(self) -> list[int]:
        """The supervisor and everything below it."""
        return tree([self.pid]) if self.process is not None and self.process.poll() is None else []

    def workers(self) -> list[int]:
        return self.pids()[1:]

    def stop(self, seconds: float = 40) -> int:
        """SIGTERM, then waits; returns the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(seconds)

    def kill(self) -> None:
        """SIGKILL to the whole process group, at once."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _pairs(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Every (name, text) in a JSON value: keys with their texts, and `name`/`value` twins of record lists."""
    if isinstance(value, dict):
        own = str(value.get("name") or value.get("host") or "")
        texts = [(own or k, v) for k, v in value.items() if isinstance(v, str)]
        texts += [(k, v) for k, v in value.items() if isinstance(v, str)]
        return texts + [pair for k, v in value.items() for pair in _pairs(v, k)]
    if isinstance(value, list):
        return [pair for item in value for pair in _pairs(item, name)]
    return []
