"""What the client tests share: one running Posthouse, the inbox behind it, and a way to run a real
program."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dkim
import pytest
from bench.posthouse import House

from clients.inbox import Arrival, Inbox

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


@pytest.fixture(scope="session")
def inbox() -> Iterator[Inbox]:
    box = Inbox()
    yield box
    box.close()


@pytest.fixture(scope="session")
def house(inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A Posthouse whose mail goes to the inbox, with the user postmaster@lab.test."""
    running = House(tmp_path_factory.mktemp("clients") / "house", inbox.port).set_up()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def records(house: House) -> dict[bytes, bytes]:
    return house.dkim_records()


Run = Callable[..., str]


@pytest.fixture
def run() -> Run:
    """run(words, stdin=…, env=…) -> everything the program printed; a failure shows its words."""

    def run_program(
        words: Sequence[str | Path], stdin: bytes = b"", env: dict[str, str] | None = None
    ) -> str:
        program = shutil.which(words[0], path=PATH)
        assert program, f"{words[0]} is not installed: run sh tests/clients/install.sh"
        done = subprocess.run(
            [program, *words[1:]],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": PATH, **(env or {})},
            timeout=60,
        )
        text = done.stdout.decode("utf-8", "replace")
        assert done.returncode == 0, f"{words[0]} ended with {done.returncode}:\n{text}"
        return text

    return run_program


@pytest.fixture
def signed(records: dict[bytes, bytes]) -> Callable[[Arrival], bool]:
    """Whether dkimpy accepts the signature of a letter."""
    return lambda arrival: bool(
        dkim.verify(arrival.content, dnsfunc=lambda name, timeout=5: records.get(name))
    )
