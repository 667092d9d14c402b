"""A demonstration that runs, and people who are signed in to it in a real browser.

Public: Demo, running_demo, SIZES.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OWNER, VIEWER = "owner@shop.example", "ben@shop.example"
PASSWORD = "a long password for the walk"
SIZES = {"desktop": {"width": 1280, "height": 860}, "phone": {"width": 390, "height": 844}}
_READY_S = 900.0


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@dataclass(slots=True)
class Demo:
    """`url`: where its pages are; `smtp`: the port for mail; `config`: its settings file for commands."""

    url: str
    smtp: int
    config: Path
    env: dict[str, str]
    passwords: dict[str, str]

    def command(self, *words: str) -> Any:
        """What a command prints with --json: a value for each line."""
        done = subprocess.run(
            [sys.executable, "-m", "posthouse", *words, "--config", str(self.config), "--json"],
            env=self.env, capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def sign_in(self, page: Any, email: str = OWNER) -> None:
        """Sign in with the browser; the first time a password is chosen."""
        page.goto(f"{self.url}/sign-in")
        page.fill("#email", email)
        page.fill("#password", self.passwords[email])
        with page.expect_navigation():
            page.click("button")
        if page.locator("#again").count():
            page.fill("#password", PASSWORD)
            page.fill("#again", PASSWORD)
            with page.expect_navigation():
                page.click("button")
            self.passwords[email] = PASSWORD
        page.wait_for_url("**/accounts/**")


@contextmanager
def running_demo(folder: Path, *words: str) -> Iterator[Demo]:
    """`posthouse demo` with these options, in a folder of its own and on ports of its own."""
    smtp, smtps, http = _free_ports(3)
    env = os.environ | {
        "POSTHOUSE_SMTP__LISTEN": f"127.0.0.1:{smtp}",
        "POSTHOUSE_SMTP__LISTEN_TLS": f"127.0.0.1:{smtps}",
        "POSTHOUSE_HTTP__LISTEN": f"127.0.0.1:{http}",
        "POSTHOUSE_TRACKING__URL": f"http://127.0.0.1:{http}",
        "POSTHOUSE_RETURNS__PORT": str(smtp),
    }
    with (folder / "demo.log").open("w") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "posthouse", "demo", "--json", *words],
            cwd=folder, env=env, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            assert line, (folder / "demo.log").read_text()
            facts = json.loads(line)
            config = folder / "var" / "demo" / "posthouse.toml"
            demo = Demo(f"http://127.0.0.1:{http}", smtp, config, env, {OWNER: facts["owner_password"]})
            (reset,) = demo.command("person", "reset", VIEWER)
            demo.passwords[VIEWER] = reset["password"]
            yield demo
        finally:
            running.terminate()
            running.wait(60)
            if running.stdout is not None:
                running.stdout.close()
