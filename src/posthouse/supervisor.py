"""Starts the workers of one machine, replaces what dies or falls silent, reloads, stops.

The supervisor opens the listening sockets, forks workers that inherit them, and does nothing else: no mail
passes through it. Each worker holds a pipe in both directions: it reports a byte every few seconds, and
reads the end of the file when the supervisor is gone, whereupon it drains and leaves.

Signals: TERM and INT drain and stop (a second one kills). HUP reads the settings again, starts new workers
and drains the old ones: sockets that stay are never closed, so nobody is refused meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from posthouse.config import Settings, is_sqlite, worker_count
from posthouse.desk import running
from posthouse.desk.first_start import FirstOwner, make_owner
from posthouse.doors.opening import Listening
from posthouse.model.clock import Ids, SystemClock
from posthouse.model.errors import SettingsError
from posthouse.net.board import NOT_SHARED, Board
from posthouse.startup import kept, open_all, open_new, prove
from posthouse.store import workers
from posthouse.store.engine import connect, migrate, serving_lock
from posthouse.worker import WorkerOrder, run_worker

log = structlog.get_logger()

SILENT_S = 30.0
STOP_S = 32.0
_SHORT_LIFE_S = 10.0
_LONGEST_PAUSE_S = 5.0
_KILLED_S = 5.0  # a process that waits for a disk that does not answer cannot be killed

Ready = Callable[[], None]
Greet = Callable[[FirstOwner], None]
Reread = Callable[[], Settings]


@dataclass(slots=True)
class Child:
    """One worker process. `row`: its part of the board. `ended_by_us`: it was told to leave, do not replace
    it. `dead`: the workers that it shall bury."""

    worker_id: str
    pid: int
    pipe: int
    started_at: float
    heard_at: float
    place: int = 0
    row: int = NOT_SHARED
    dead: list[str] = field(default_factory=list)
    is_ready: bool = False
    ended_by_us: bool = False


@dataclass(slots=True)
class _Wishes:
    """What signals asked for since the last look."""

    stop: int = 0
    reload: bool = False


@dataclass(slots=True)
class Supervisor:
    settings: Settings
    listening: list[Listening]
    ready: Ready | None = None
    board: Board = field(default_factory=lambda: Board(0))
    children: dict[int, Child] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)
    wishes: _Wishes = field(default_factory=_Wishes)
    ids: Ids = field(default_factory=lambda: Ids(SystemClock()))
    short_lives: int = 0
    start_at: float = 0.0
    reread: Reread | None = None
    state_dir: Path | None = None
    pid_file: int = -1

    def run(self) -> int:
        """Until told to stop; 0 when all workers left by themselves, 1 when one had to be killed."""
        wake_fd = self._listen_to_signals()
        if self.state_dir:
            self.pid_file = running.mark(self.state_dir)
        while not self.wishes.stop:
            if self.wishes.reload:
                self._reload()
            missing = worker_count(self.settings) - sum(
                not child.ended_by_us for child in self.children.values()
            )
            for _ in range(missing):
                if time.monotonic() >= self.start_at:
                    self._start_child()
            self._watch(wake_fd, 0.2 if missing > 0 else 1.0)
        return self._stop(wake_fd)

    # -- children ------------------------------------------------------------

    def _start_child(self) -> None:
        ours, theirs = socket.socketpair()
        worker_id = self.ids.new()
        taken = {child.place for child in self.children.values() if not child.ended_by_us}
        place = next(number for number in range(len(taken) + 1) if number not in taken)
        row = self.board.free_row({child.row for child in self.children.values()})
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            pid = os.fork()
        except OSError as error:  # no memory, no process left: the workers that live go on
            ours.close()
            theirs.close()
            self.start_at = time.monotonic() + _LONGEST_PAUSE_S
            log.error("a worker cannot be started", cause=str(error), pause_s=_LONGEST_PAUSE_S)
            return
        dead, self.dead = self.dead, []
        if pid == 0:
            ours.close()
            if self.pid_file >= 0:
                os.close(self.pid_file)  # its lock says that the supervisor lives
            for child in self.children.values():
                with contextlib.suppress(OSError):
                    os.close(child.pipe)
            order = WorkerOrder(worker_id, self.listening, self.board.row(row), dead, place)
            os._exit(self._in_child(theirs, order))
        theirs.close()
        now = time.monotonic()
        self.children[pid] = Child(worker_id, pid, ours.detach(), now, now, place, row, dead)

    def _in_child(self, pipe: socket.socket, order: WorkerOrder) -> int:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        try:
            run_worker(self.settings, order, pipe)
        except BaseException:  # whatever it is: a child never goes on with its parent's work
            log.exception("a worker failed")
            return 1
        return 0

    def _watch(self, wake_fd: int, most_s: float) -> None:
        """Wait for signals, reports and deaths; kill what is silent."""
        pipes = {child.pipe: child for child in self.children.values()}
        readable, _, _ = select.select([wake_fd, *pipes], [], [], most_s)
        for fd in readable:
            if fd == wake_fd:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake_fd, 4096)
            elif data := _read(fd):
                self._heard(pipes[fd], data)
        self._reap()
        now = time.monotonic()
        for child in self.children.values():
            if now - child.heard_at > SILENT_S:
                log.error("worker is silent; killing it", pid=child.pid)
                child.heard_at = now
                os.kill(child.pid, signal.SIGKILL)

    def _heard(self, child: Child, data: bytes) -> None:
        child.heard_at = time.monotonic()
        if b"R" in data and not child.is_ready:
            child.is_ready = True
            if self.ready:
                self.ready()
                self.ready = None

    def _reap(self) -> None:
        while self.children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            child = self.children.pop(pid, None)
            if child:
                self._buried(child, os.waitstatus_to_exitcode(status))

    def _buried(self, child: Child, code: int) -> None:
        os.close(child.pipe)
        self.board.clear(child.row)
        self.dead.append(child.worker_id)
        if not child.is_ready:  # it may have ended before it buried them
            self.dead += child.dead
        if child.ended_by_us:
            return
        lived_s = time.monotonic() - child.started_at
        self.short_lives = self.short_lives + 1 if lived_s < _SHORT_LIFE_S else 0
        pause_s = min(_LONGEST_PAUSE_S, 0.1 * 2 ** min(self.short_lives, 10)) if self.short_lives > 1 else 0.0
        self.start_at = time.monotonic() + pause_s
        log.error("a worker ended and is replaced", pid=child.pid, code=code, pause_s=pause_s)

    # -- signals ------------------------------------------------------------

    def _listen_to_signals(self) -> int:
        """Handlers only note the wish; the pipe wakes `select`."""
        read_fd, write_fd = os.pipe()
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)
        signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._noted)
        signal.signal(signal.SIGINT, self._noted)
        signal.signal(signal.SIGHUP, self._noted)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        return read_fd

    def _noted(self, number: int, _: object) -> None:
        if number == signal.SIGHUP:
            self.wishes.reload = True
        else:
            self.wishes.stop += 1

    def _reload(self) -> None:
        """New workers take over the sockets; the old ones drain."""
        self.wishes.reload = False
        if self.reread is not None:
            self._take_settings(self.reread)
        log.info("reloading: new workers start, old ones drain")
        self._tell_to_leave()

    def _take_settings(self, reread: Reread) -> None:
        """All new settings that can be taken without a restart, or none of them."""
        try:
            fresh = kept(self.settings, reread())
            prove(fresh)
            listening = open_new(self.listening, self.settings, fresh)
        except SettingsError as error:
            log.error("the new settings cannot be used; the old ones stay", cause=str(error))
            return
        except Exception:  # the rim: whatever is wrong in a file, mail goes on
            log.exception("the new settings cannot be used; the old ones stay")
            return
        still = [door.socket for door in listening]
        for door in self.listening:
            if door.socket not in still:
                door.socket.close()  # closed for good once the old workers have drained
        self.settings, self.listening = fresh, listening

    def _tell_to_leave(self) -> None:
        for child in self.children.values():
            if not child.ended_by_us:
                child.ended_by_us = True
                with contextlib.suppress(OSError):
                    os.write(child.pipe, b"S")

    def _stop(self, wake_fd: int) -> int:
        for door in self.listening:
            door.socket.close()  # once the workers closed theirs, who knocks is refused, not left waiting
        self._tell_to_leave()
        deadline = time.monotonic() + STOP_S
        while self.children and time.monotonic() < deadline and self.wishes.stop < 2:
            self._watch(wake_fd, 0.2)
        return self._kill_the_rest()

    def _kill_the_rest(self) -> int:
        """1 if there was somebody to kill. Waits for their end: they hold the sockets and the store's lock,
        which whoever starts next wants."""
        killed = list(self.children)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + _KILLED_S
        while self.children and time.monotonic() < deadline:
            time.sleep(0.01)
            self._reap()
        return 1 if killed else 0


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 4096)
    except OSError:
        return b""


def run(
    settings: Settings, ready: Ready | None = None, greet: Greet | None = None, reread: Reread | None = None
) -> int:
    """Serve until a signal says stop. `ready` is called once, when the first worker's doors are open; `greet`
    gets the owner that is made at the first start of all (without it none is made); `reread` yields the
    settings as they are when HUP comes (without it they never change).

    Returns the exit code. Raises SettingsError and StoreError before anything is started.
    """
    prove(settings)
    lock = serving_lock(settings.store.url)  # held by us and inherited: one Posthouse per SQLite file
    migrate(settings.store.url)
    if greet:
        _greet_first_owner(settings, greet)
    # workers that drain still hold a row beside those that take over; a reload may ask for more of them
    most = max(worker_count(settings), os.cpu_count() or 1)
    supervisor = Supervisor(settings, open_all(settings), ready, Board(2 * most + 2))
    supervisor.reread, supervisor.state_dir = reread, settings.state_dir
    supervisor.dead = dead_workers(settings)
    try:
        return supervisor.run()
    finally:
        if lock is not None:
            os.close(lock)


def _greet_first_owner(settings: Settings, greet: Greet) -> None:
    with connect(settings.store.url) as conn:
        owner = make_owner(conn, Ids(SystemClock()), time.time(), settings.smtp.hostname)
    if owner:
        greet(owner)


def dead_workers(settings: Settings) -> list[str]:
    """Registered workers of this machine whose process is gone: their deliveries are free at once.

    On SQLite all of them: the serving lock says that nobody else is there.
    """
    here = socket.gethostname()
    with connect(settings.store.url) as conn:
        known = workers.live(conn, 0.0)
    if is_sqlite(settings.store.url):
        return [worker.id for worker in known]
    return [worker.id for worker in known if worker.host == here and _is_gone(worker.pid)]


def _is_gone(pid: int) -> bool:
    """No such process, or one that has ended and that nobody has asked for yet (proc(5): Z, X)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return True
    return stat.rpartition(b")")[2].split()[0] in (b"Z", b"X")
