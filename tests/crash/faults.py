"""The faults: each strikes once and returns when the house lives again. Names are those of the fault
matrix."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from crash.scene import Scene, until

POINTS = (
    "accept.before_commit",  # F2
    "accept.after_commit",  # F3
    "deliver.taken",  # F8
    "deliver.before_send",  # F8
    "deliver.before_dot",  # F8, F9
    "deliver.after_reply",  # F10
    "record.before_commit",  # F10
    "record.after_commit",  # F11
    "events.fold",  # F11, F12: the consumer of the log
)

Fault = Callable[[Scene], Awaitable[None]]


def _gone(pid: int) -> bool:
    """True when no process has that id, or only its remains wait to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _signal(pid: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, what)


def at_point(name: str, passes: int = 0) -> Fault:
    """The worker kills itself at a named point of the code; 0 draws the pass by lot."""

    async def strike(scene: Scene) -> None:
        count = passes or (1 if name == "events.fold" else scene.rng.randint(1, 25))
        workers = scene.house.workers()
        new = scene.order.with_suffix(".new")
        new.write_text(f"{name}:{count}")
        new.rename(scene.order)
        if not await until(lambda: not scene.order.exists(), 15.0):
            scene.order.unlink(missing_ok=True)
            raise TimeoutError(f"point {name} was not passed {count} times in 15 s")
        async with scene.fault(name):
            await until(lambda: any(_gone(pid) for pid in workers), 5.0)
        await scene.recovered()

    return strike


async def kill_worker(scene: Scene) -> None:
    """F1-F4, F8: one worker, at any moment."""
    await until(scene.house.workers, 10.0)  # the supervisor pauses after early deaths
    victim = scene.rng.choice(scene.house.workers())
    async with scene.fault("worker"):
        _signal(victim, signal.SIGKILL)
        await until(lambda: _gone(victim), 5.0)
    await scene.recovered()


async def kill_supervisor(scene: Scene) -> None:
    """The supervisor alone: its workers see their pipe close, drain and leave; a new one starts at once."""
    victim = scene.house.pid
    orphans = scene.house.workers()
    async with scene.fault("supervisor"):
        _signal(victim, signal.SIGKILL)
        assert scene.house.process is not None
        await asyncio.to_thread(scene.house.process.wait)
    await scene.restart()
    if not await until(lambda: all(_gone(pid) for pid in orphans), 40.0):
        raise TimeoutError(f"workers {orphans} outlived their supervisor by 40 s")
    await scene.recovered()


async def kill_all(scene: Scene) -> None:
    """F15: supervisor and workers in one blow, then a restart."""
    async with scene.fault("everything"):
        await asyncio.to_thread(scene.house.kill)
    await scene.restart()
    await scene.recovered()


async def kill_with_a_queue(scene: Scene) -> None:
    """F15, R6: the receiving host is away, mail gathers, everything dies; the next process delivers it."""
    await scene.receiver.stop()
    await asyncio.sleep(0.7)
    async with scene.fault("everything"):
        await asyncio.to_thread(scene.house.kill)
    await asyncio.to_thread(scene.house.cli, "queue", "flush", "--all")
    await scene.receiver.start(scene.receiver.port)
    await scene.restart()
    await scene.recovered()


async def terminate(scene: Scene) -> None:
    """F16: an orderly stop is no excuse for a duplicate, so it is not noted as a fault."""
    scene.ledger.note("calm", "SIGTERM")
    scene.faults["SIGTERM"] = scene.faults.get("SIGTERM", 0) + 1
    await asyncio.to_thread(scene.house.stop, 30.0)
    await scene.restart()
    await scene.recovered()


def freeze(seconds: float) -> Fault:
    """F17: one worker stands still, then goes on as if nothing had happened. Only the moment in which it
    stops excuses a second copy: what it does later must be fenced."""

    async def strike(scene: Scene) -> None:
        victim = scene.rng.choice(scene.house.workers())
        async with scene.fault("frozen"):
            _signal(victim, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        _signal(victim, signal.SIGCONT)
        await scene.recovered()

    return strike


def freeze_house(seconds: float) -> Fault:
    """F17, F62: a whole machine stands still while its twin takes over, then goes on with a lease it has
    lost."""

    async def strike(scene: Scene) -> None:
        twin = scene.house.twin(scene.folder / "twin")
        await asyncio.to_thread(twin.start)
        try:
            await scene.recovered()
            async with scene.fault("machine frozen"):
                os.killpg(scene.house.pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
            os.killpg(scene.house.pid, signal.SIGCONT)
            await scene.recovered(60.0)
        finally:
            await asyncio.to_thread(twin.stop)

    return strike


def database_down(seconds: float) -> Fault:
    """F20, F21: PostgreSQL stops as in a power cut and comes back later."""

    async def strike(scene: Scene) -> None:
        assert scene.postgres is not None
        async with scene.fault("database"):
            await asyncio.to_thread(scene.postgres.stop, "immediate")
            await asyncio.sleep(seconds)
            await asyncio.to_thread(scene.postgres.start)
        await scene.recovered()

    return strike


def write_errors(seconds: float) -> Fault:
    """F23, F24 without any privilege: no file of the house may grow any more for a while (EFBIG on write)."""

    async def strike(scene: Scene) -> None:
        pids = scene.house.pids()
        async with scene.fault("write errors"):
            for pid in pids:
                _limit_files(pid, 4096)
            await asyncio.sleep(seconds)
            _limit_files(scene.house.pid, None)  # first, so that nobody inherits it any more
            for pid in {*pids, *scene.house.pids()}:  # who was born meanwhile has it
                _limit_files(pid, None)
        await scene.recovered()

    return strike


def _limit_files(pid: int, size: int | None) -> None:
    with contextlib.suppress(ProcessLookupError):
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def sync_errors(seconds: float) -> Fault:
    """F24: every fsync and fdatasync of the workers fails with EIO for a while (needs strace and its
    rights)."""

    async def strike(scene: Scene) -> None:
        words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]
        words += ["-e", "inject=fsync,fdatasync:error=EIO"]
        for pid in scene.house.workers():
            words += ["-p", str(pid)]
        async with scene.fault("sync errors"):
            strace = await asyncio.create_subprocess_exec(*words)
            await asyncio.sleep(seconds)
            if strace.returncode is None:
                strace.terminate()
            status = await strace.wait()
        if status not in (0, -signal.SIGTERM, 128 + signal.SIGTERM):
            raise RuntimeError(f"strace ended with {status}")
        await scene.recovered()

    return strike
