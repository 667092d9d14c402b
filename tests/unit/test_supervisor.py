"""The supervisor with made-up workers: what it starts, replaces, kills, reloads and how it stops.

It runs in a process of its own; workers tell what they did in a file, one JSON object a line.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from patience import Watch
from posthouse import supervisor
from posthouse.config import Settings
from posthouse.doors.opening import Listening
from posthouse.model.errors import SettingsError
from posthouse.net.listen import open_socket, server_tls
from posthouse.store import workers
from posthouse.store.engine import connect, migrate
from posthouse.supervisor import Supervisor, dead_workers
from posthouse.worker import WorkerOrder

Work = Callable[[WorkerOrder, socket.socket, Callable[..., None]], None]


def until(condition: Callable[[], Any], what: str, seconds: float = 8.0) -> Any:
    """Wait for a true value and give it back; `seconds` are those of a machine with room (`patience`)."""
    watch = Watch()
    while not (found := condition()):
        assert not watch.is_over(seconds), f"{what}: not within {seconds} s"
        time.sleep(0.01)
    return found


# -- workers -----------------------------------------------------------------------------------------------


def report(pipe: socket.socket, word: bytes) -> None:
    """Tell the supervisor; whether it still lives is learned by reading."""
    with suppress(BrokenPipeError, ConnectionResetError):
        pipe.send(word)


def good(order: WorkerOrder, pipe: socket.socket, say: Callable[..., None]) -> None:
    """Is ready, and leaves when told or alone."""
    report(pipe, b"R")
    while True:
        pipe.settimeout(0.05)
        try:
            word = pipe.recv(1)
        except TimeoutError:
            report(pipe, b".")
            continue
        except ConnectionResetError:  # the supervisor was killed with a report unread
            word = b""
        say("left", told=word.decode())
        return


def talkative(order: WorkerOrder, pipe: socket.socket, say: Callable[..., None]) -> None:
    """Writes down each report of its life."""
    report(pipe, b"R")
    while True:
        pipe.settimeout(0.05)
        try:
            pipe.recv(1)
        except TimeoutError:
            report(pipe, b".")
            say("alive")
            continue
        say("left")
        return


def ends(order: WorkerOrder, pipe: socket.socket, say: Callable[..., None]) -> None:
    """Ends before it was ready."""


def crashes(order: WorkerOrder, pipe: socket.socket, say: Callable[..., None]) -> None:
    pipe.send(b"R")
    os.kill(os.getpid(), signal.SIGKILL)


def leaves_by_exit(order: WorkerOrder, pipe: socket.socket, say: Callable[..., None]) -> None:
    raise SystemExit(3)


def silent(order: WorkerOrder, pipe: socket.socket, say: Callable[..., None]) -> None:
    """Hangs: is ready, and never says a word again."""
    pipe.send(b"R")
    signal.pause()


def deaf(order: WorkerOrder, pipe: socket.socket, say: Callable[..., None]) -> None:
    """Reports and does not leave."""
    pipe.send(b"R")
    while True:
        time.sleep(0.05)
        pipe.send(b".")


@dataclass
class Run:
    """A supervisor in a process of its own."""

    pid: int
    book: Path
    code: int | None = None
    lines: list[dict[str, Any]] = field(default_factory=list)

    def told(self, what: str = "started") -> list[dict[str, Any]]:
        """What workers (or the supervisor) wrote down so far."""
        text = self.book.read_text() if self.book.exists() else ""
        self.lines = [json.loads(line) for line in text.splitlines()]
        return [line for line in self.lines if line["what"] == what]

    def wait(self, count: int, what: str = "started", seconds: float = 8.0) -> list[dict[str, Any]]:
        return cast(
            list[dict[str, Any]],
            until(
                lambda: found if len(found := self.told(what)) >= count else None, f"{count} {what}", seconds
            ),
        )

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self, seconds: float = 8.0) -> int:
        """Its exit code (negative: the signal), once it is gone."""

        def gone() -> bool:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            return bool(pid)

        if self.code is None:
            until(gone, "the end of the supervisor", seconds)
        assert self.code is not None
        return self.code

    def clean_up(self) -> None:
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.end()
        for line in self.told():
            with suppress(ProcessLookupError):
                os.kill(line["pid"], signal.SIGKILL)


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    runs: list[Run] = []

    def begin(
        *works: Work, count: int = 1, listening: list[Listening] | None = None, **constants: Any
    ) -> Run:
        """The n-th worker does `works[n]`, all behind the last one the same."""
        book = tmp_path / f"book{len(runs)}"
        pid = os.fork()
        if pid == 0:
            _supervise(book, works, count, listening or [], constants)
        runs.append(Run(pid, book))
        return runs[-1]

    yield begin
    for run in runs:
        run.clean_up()


def _supervise(
    book: Path, works: tuple[Work, ...], count: int, listening: list[Listening], constants: dict[str, Any]
) -> None:
    """In the child process: never returns."""
    code = 99
    try:

        def say(what: str, **more: Any) -> None:
            line = {"what": what, "pid": os.getpid(), "at": time.monotonic(), **more}
            with book.open("a") as file:
                file.write(json.dumps(line) + "\n")

        def run_worker(_: Settings, order: WorkerOrder, pipe: socket.socket) -> None:
            with book.open("a") as turn:  # workers begin at the same time: one after another, please
                fcntl.flock(turn, fcntl.LOCK_EX)
                number = book.read_text().count('"started"')
                say("started", id=order.worker_id, dead=list(order.dead), place=order.place)
            works[min(number, len(works) - 1)](order, pipe, say)

        fork = constants.pop("fork", None)
        if fork:
            os.fork = fork(os.fork)
        for name, value in constants.items():
            assert hasattr(supervisor, name)
            setattr(supervisor, name, value)
        supervisor.run_worker = run_worker  # type: ignore[assignment]
        supervisor.worker_count = lambda _: count  # type: ignore[assignment]
        code = Supervisor(cast(Settings, None), listening, lambda: say("ready")).run()
    finally:
        os._exit(code)


# -- starting and replacing --------------------------------------------------------------------------------


def test_it_starts_as_many_as_wanted_and_says_once_that_it_is_ready(start: Start) -> None:
    run = start(good, count=3)
    first = run.wait(3)
    run.wait(1, "ready")
    run.signal(signal.SIGTERM)
    assert run.end() == 0
    assert len(run.told()) == 3 and len({line["id"] for line in first}) == 3
    assert sorted(line["place"] for line in first) == [0, 1, 2]
    assert len(run.told("ready")) == 1
    assert [line["told"] for line in run.told("left")] == ["S", "S", "S"]


@pytest.mark.parametrize(("work", "lives"), [(ends, 4), (crashes, 3), (leaves_by_exit, 3)])
def test_what_dies_is_replaced_with_growing_pauses(start: Start, work: Work, lives: int) -> None:
    """F1, F6. A worker that cannot live must not eat the machine."""
    run = start(work)
    begun = [line["at"] for line in run.wait(lives)]
    pauses = [later - earlier for earlier, later in itertools.pairwise(begun)]
    least = (0.0, 0.4, 0.8)
    assert all(least[n] <= pause < least[n] + 2 for n, pause in enumerate(pauses)), pauses
    run.signal(signal.SIGTERM)
    assert run.end() == 0


def test_a_replacement_is_told_who_died_and_takes_the_place(start: Start) -> None:
    run = start(good, crashes, good, count=2)
    _, crashed, fresh = run.wait(3)
    assert fresh["dead"] == [crashed["id"]]
    assert fresh["place"] == crashed["place"]
    assert fresh["at"] - crashed["at"] < 1, "the first death is answered at once"


def test_the_dead_are_not_forgotten_by_a_replacement_that_dies_itself(start: Start) -> None:
    """Nobody has released their deliveries yet."""
    run = start(crashes, ends, ends, good, _LONGEST_PAUSE_S=0.1)
    started = run.wait(4)
    assert started[3]["dead"] and set(started[3]["dead"]) == {line["id"] for line in started[:3]}


def test_who_lived_long_is_replaced_without_a_pause(start: Start) -> None:
    run = start(crashes, _SHORT_LIFE_S=0.0)
    begun = [line["at"] for line in run.wait(6)]
    assert begun[-1] - begun[0] < 3


def test_a_machine_without_room_for_a_process_keeps_the_workers_that_live(start: Start) -> None:
    def fork_of(fork: Callable[[], int]) -> Callable[[], int]:
        calls: list[int] = []

        def sometimes() -> int:
            calls.append(1)
            if 2 <= len(calls) <= 4:
                raise BlockingIOError(11, "Resource temporarily unavailable")
            return fork()

        return sometimes

    run = start(good, count=2, fork=fork_of, _LONGEST_PAUSE_S=0.1)
    run.wait(2)
    run.signal(signal.SIGTERM)
    assert run.end() == 0
    assert len(run.told("left")) == 2


def test_a_silent_worker_is_killed_and_replaced_a_reporting_one_is_not(start: Start) -> None:
    """F7: hanging is worse than dying."""
    run = start(silent, talkative, SILENT_S=0.4)
    hung, fresh = run.wait(2)
    assert 0.3 < fresh["at"] - hung["at"] < 4
    assert fresh["dead"] == [hung["id"]]
    until(lambda: not _lives(hung["pid"]), "the end of the silent one")
    run.wait(12, "alive")  # longer than a silence may be
    assert len(run.told()) == 2


def _lives(pid: int) -> bool:
    """A process, and not only what is left of it until somebody asks."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


# -- stopping and reloading --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(start: Start, number: int) -> None:
    """F16."""
    run = start(good)
    run.wait(1, "ready")
    run.signal(number)
    assert run.end() == 0
    assert [line["told"] for line in run.told("left")] == ["S"]


def test_the_ports_are_closed_while_it_drains(start: Start) -> None:
    door = open_socket("127.0.0.1", 0, "smtp.listen")
    address = door.getsockname()
    run = start(deaf, listening=[Listening(door, "smtp")], STOP_S=0.5)
    run.wait(1, "ready")
    door.close()
    socket.create_connection(address, 2).close()
    run.signal(signal.SIGTERM)
    assert run.end() == 1
    with pytest.raises(OSError):
        socket.create_connection(address, 2)


def test_who_does_not_leave_in_time_is_killed(start: Start) -> None:
    run = start(good, deaf, count=2, STOP_S=0.5)
    run.wait(2)
    run.wait(1, "ready")
    run.signal(signal.SIGTERM)
    assert run.end() == 1
    for line in run.told():
        until(lambda line=line: not _lives(line["pid"]), "the end of the workers")  # type: ignore[misc]
    assert len(run.told("left")) == 1


def test_a_second_signal_does_not_wait(start: Start) -> None:
    run = start(deaf)
    [worker] = run.wait(1)
    run.wait(1, "ready")
    run.signal(signal.SIGTERM)
    began = time.monotonic()
    while run.code is None and time.monotonic() - began < 8:
        run.signal(signal.SIGTERM)  # signals of one kind may melt into one
        with suppress(AssertionError):
            run.end(0.2)
    assert run.code == 1
    until(lambda: not _lives(worker["pid"]), "the end of the worker")


def test_hup_starts_new_workers_and_lets_the_old_ones_leave(start: Start) -> None:
    run = start(good)
    run.wait(1, "ready")
    for count in (2, 3):
        run.signal(signal.SIGHUP)
        run.wait(count)
        run.wait(count - 1, "left")
    until(lambda: not _lives(run.told()[0]["pid"]), "the end of the first")
    assert len(run.told()) == 3, "who was sent home is not replaced"
    run.signal(signal.SIGTERM)
    assert run.end() == 0


def test_hup_does_not_wait_for_the_old_ones(start: Start) -> None:
    run = start(deaf, good, STOP_S=0.3)
    run.wait(1, "ready")
    run.signal(signal.SIGHUP)
    old, new = run.wait(2)
    assert _lives(old["pid"]) and _lives(new["pid"])
    run.signal(signal.SIGTERM)
    assert run.end() == 1


def test_workers_leave_when_the_supervisor_is_killed(start: Start) -> None:
    """F5: nobody stays behind without a master."""
    run = start(good, count=2)
    run.wait(2)
    run.signal(signal.SIGKILL)
    assert run.end() == -signal.SIGKILL
    left = run.wait(2, "left")
    assert [line["told"] for line in left] == ["", ""]


def test_a_worker_ignores_the_terminals_signals(start: Start) -> None:
    """Ctrl-C goes to the whole group; only the supervisor says when to leave."""
    run = start(talkative)
    [worker] = run.wait(1)
    run.wait(1, "ready")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(worker["pid"], number)
    run.wait(len(run.told("alive")) + 3, "alive")
    assert run.told("left") == []


# -- who is dead -------------------------------------------------------------------------------------------


@dataclass
class _Store:
    url: str


@dataclass
class _Settings:
    store: _Store


def test_on_sqlite_every_registered_worker_is_dead(tmp_path: Path) -> None:
    """The serving lock is ours: nobody else can be there."""
    url = f"sqlite:///{tmp_path}/posthouse.db"
    migrate(url)
    with connect(url) as conn, conn.transaction():
        for name, pid in (("a", os.getpid()), ("b", 1 << 22)):
            workers.register(conn, workers.Worker(name, "elsewhere", pid, 1.0, 1.0))
    assert sorted(dead_workers(cast(Settings, _Settings(_Store(url))))) == ["a", "b"]


def test_elsewhere_only_who_has_no_process_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/posthouse.db"
    migrate(url)
    here = socket.gethostname()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    try:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody asked for it
        with connect(url) as conn, conn.transaction():
            for name, host, pid in (
                ("lives", here, os.getpid()),
                ("gone", here, 1 << 22),
                ("ended", here, ended.pid),
                ("another machine's", "there", 1 << 22),
            ):
                workers.register(conn, workers.Worker(name, host, pid, 1.0, 1.0))
        monkeypatch.setattr(supervisor, "is_sqlite", lambda _: False)
        assert sorted(dead_workers(cast(Settings, _Settings(_Store(url))))) == ["ended", "gone"]
    finally:
        ended.wait()


# -- ports -------------------------------------------------------------------------------------------------


def test_a_port_is_open_before_anybody_serves_it() -> None:
    door = open_socket("127.0.0.1", 0, "smtp.listen")
    with door, socket.create_connection(door.getsockname(), 2):
        assert not door.getblocking() and door.get_inheritable()


def test_a_taken_port_is_told_with_its_setting() -> None:
    door = open_socket("127.0.0.1", 0, "smtp.listen")
    with door:
        port = door.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"http\.listen: cannot listen on 127\.0\.0\.1:{port}: "):
            open_socket("127.0.0.1", port, "http.listen")


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("192.0.2.1", 0), ("no such host", 0)])
def test_an_address_that_cannot_be(host: str, port: int) -> None:
    with pytest.raises(SettingsError, match=r"smtp\.listen: cannot listen on "):
        open_socket(host, port, "smtp.listen")


def test_a_wrong_certificate_is_told_with_its_setting(tmp_path: Path) -> None:
    wrong = tmp_path / "cert.pem"
    wrong.write_text("not a certificate")
    for cert in (wrong, tmp_path / "missing.pem"):
        with pytest.raises(SettingsError, match=r"smtp\.tls_cert and smtp\.tls_key: .* are no usable pair"):
            server_tls(cert, cert)
