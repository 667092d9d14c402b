"""One worker process: start, serve, drain. All workers are alike; they meet only in the store."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.routing import Route

from posthouse.app import Parts, build_parts
from posthouse.config import Settings, worker_count
from posthouse.doors import track
from posthouse.doors.api.services import api_away, api_door
from posthouse.doors.hosts import HostSplit, make_tracking_app
from posthouse.doors.http import make_app
from posthouse.doors.opening import Doors, Listening, away_app
from posthouse.doors.web import account, session
from posthouse.doors.web.dashboard import rim as dashboard
from posthouse.model.clock import SystemClock
from posthouse.model.errors import CommitInDoubt, TryLater
from posthouse.net.board import Row
from posthouse.pipeline.signing import Signer
from posthouse.pipeline.signing_child import start_child
from posthouse.store import queue, workers
from posthouse.store.engine import Connection, each, open_store
from posthouse.store.writer import PROBE_S

log = structlog.get_logger()

DRAIN_S = 25.0
REPORT_S = 5.0
# The writer needs the interpreter's lock back after each statement; at the default of 5 ms it waits that long
# behind a busy loop, and every customer with it.
SWITCH_S = 0.0005
GC_THRESHOLD = (50_000, 20, 50)  # a letter leaves no cycles behind: looking for them can be rare


@dataclass(slots=True)
class WorkerOrder:
    """What the supervisor hands to a worker. `connections`: its row of the board. `dead`: workers of this
    machine that are known to be gone;
    `place`: the smallest number that no other worker of this machine has."""

    worker_id: str
    listening: Sequence[Listening]
    connections: Row
    dead: Sequence[str] = ()
    place: int = 0


def run_worker(settings: Settings, order: WorkerOrder, pipe: socket.socket) -> None:
    """A worker's whole life, in its own process. `pipe`: reports go out; a byte or its end says stop."""
    pipes = take_cores(settings, order.place)
    sys.setswitchinterval(SWITCH_S)
    loop = _new_loop()
    try:
        loop.run_until_complete(_live(settings, order, pipe, pipes))
    finally:
        loop.close()


def take_cores(settings: Settings, place: int) -> list[socket.socket]:
    """Settle this worker on its core and start its signing processes; their pipes.

    A worker's threads share one interpreter lock. Handing it to a thread on another, idle core costs more
    than that core brings: on two cores the worker alone on one of them carried half as much again
    (docs/decisions/008). Only before this process has any other thread.
    """
    cores = sorted(os.sched_getaffinity(0))
    count = worker_count(settings)
    mine = {cores[place % len(cores)]}
    others = set(cores) - mine if settings.pin_workers and count == 1 and len(cores) > 1 else set(cores)
    pipes: list[socket.socket] = []
    for _ in range(max(1, len(cores) // count - 1)):
        pipes.append(start_child(pipes, others))
    if settings.pin_workers and len(cores) > 1:
        os.sched_setaffinity(0, mine)
    return pipes


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # not on this platform: asyncio's own loop does the same, slower
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _live(
    settings: Settings, order: WorkerOrder, pipe: socket.socket, signers: Sequence[socket.socket]
) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    pipe.setblocking(False)

    def told() -> None:
        """The supervisor says stop, or is gone (which is an error where it had unread reports)."""
        try:
            pipe.recv(64)
        except BlockingIOError:
            return
        except OSError:
            pass
        loop.remove_reader(pipe)
        stopped.set()

    def report(word: bytes) -> None:
        with contextlib.suppress(OSError):
            pipe.send(word)

    async def keep_reporting() -> None:
        while True:
            report(b".")
            await asyncio.sleep(REPORT_S)

    loop.add_reader(pipe, told)
    reporting = loop.create_task(keep_reporting())
    try:
        await serve(settings, order, stopped, lambda: report(b"R"), signers)
    finally:
        reporting.cancel()


async def serve(
    settings: Settings,
    order: WorkerOrder,
    stopped: asyncio.Event,
    ready: Callable[[], None],
    signers: Sequence[socket.socket],
) -> None:
    """Serve until `stopped` is set, then drain. `ready` is called when all doors are open."""
    clock = SystemClock()
    store = open_store(settings.store.url, asyncio.get_running_loop(), on_change=_log_store, clock=clock)
    for warning in store.durability_warnings:
        log.error("DURABILITY IS NOT GUARANTEED", warning=warning)
    signer = await Signer.open(signers)
    parts = build_parts(settings, store, signer, order.worker_id, stopped.set, order.connections, clock)
    await serve_parts(parts, order, stopped, ready)


async def serve_parts(
    parts: Parts, order: WorkerOrder, stopped: asyncio.Event, ready: Callable[[], None]
) -> None:
    """The same with parts that are put together already."""
    doors = _doors(parts, order.listening)
    if not await _entered(parts, order, stopped, doors):
        await _leave(parts, doors.servers, doors.http, order.worker_id)
        return
    await doors.open()
    loops = _start_loops(parts, doors, stopped)
    gc.collect()
    gc.freeze()  # what lives as long as the worker need not be looked at again
    gc.set_threshold(*GC_THRESHOLD)
    ready()
    await stopped.wait()
    await _leave(parts, doors.servers, loops, order.worker_id)


def _log_store(cause: str) -> None:
    """One line when the store goes, one when it is back; "" means back."""
    if cause:
        log.error("the store cannot be used; mail is answered 451 until it is back", cause=cause)
    else:
        log.info("the store is back")


async def _entered(parts: Parts, order: WorkerOrder, stopped: asyncio.Event, doors: Doors) -> bool:
    """`_enter`, once the store can be used; False: told to stop before that. Who starts while the store is
    away would else be started again and again, and mail would go on seconds after it is back (F20).
    Meanwhile the doors say so."""
    while not stopped.is_set():
        try:
            await _enter(parts, order)
            return True
        except (TryLater, CommitInDoubt):  # the store's watch has written why
            await doors.open(is_away=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), PROBE_S)
    return False


async def _enter(parts: Parts, order: WorkerOrder) -> None:
    """Register, take back what dead workers held, learn who is who."""
    now = parts.clock.now()
    me = workers.Worker(order.worker_id, socket.gethostname(), os.getpid(), now, now)
    await parts.store.write(each(workers.register), (me,))
    for dead in order.dead:
        released = await parts.store.write(each(_bury), (dead,))
        if released:
            log.info("took back what a dead worker held", worker=dead, deliveries=released)
    await parts.identity.refresh(parts.store)
    if any(door.speaks == "https" for door in order.listening):
        await parts.host_certificates.refresh()


def _doors(parts: Parts, listening: Sequence[Listening]) -> Doors:
    """Closed as yet."""
    waiting = away_app(lambda: parts.store.trouble)
    return Doors(
        listening, parts.keeper, parts.open, _app(parts), api_away(parts.api, waiting), parts.host_tls.context
    )


def _start_loops(parts: Parts, doors: Doors, stopped: asyncio.Event) -> list[asyncio.Task[None]]:
    works: list[Coroutine[Any, Any, None]] = [
        parts.lease.run(),
        parts.identity.follow(parts.store),
        parts.fetcher.run(),
        parts.blocks.run(),
        parts.upkeep.run(),
        parts.archive.run(),
        parts.hooks.run(),
        parts.nudges.run(),
        parts.last_uses.run(),
        parts.site_watch.run(),
        parts.keeper.sweep(),
        parts.certificate.follow(),
    ]
    if any(door.speaks == "https" for door in doors.listening):
        works += [parts.host_tls.follow(), parts.host_certificates.follow()]

    def ended(task: asyncio.Task[None]) -> None:
        """A loop that ends by itself is a bug: stop the worker, the supervisor starts a fresh one."""
        if not task.cancelled() and not stopped.is_set():
            log.error("a loop of this worker ended; stopping", exc_info=task.exception())
            stopped.set()

    loops = [*doors.http, *(asyncio.get_running_loop().create_task(work) for work in works)]
    for task in loops:
        task.add_done_callback(ended)
    return loops


def _app(parts: Parts) -> HostSplit:
    """What the HTTP door answers: at the names of customers' links those alone, elsewhere everything."""
    tracked = track.routes(parts.tracking)
    return HostSplit(
        api_door(parts.api, make_app(parts.status, [*tracked, *_routes(parts)])),
        make_tracking_app(tracked),
        parts.identity.is_tracking_host,
    )


def _routes(parts: Parts) -> list[Route]:
    """The pages for people who run this."""
    return [
        *session.routes(parts.web),
        *account.routes(parts.web),
        *dashboard.routes(parts.web, parts.api),
    ]


async def _leave(
    parts: Parts, servers: Sequence[asyncio.Server], loops: Sequence[asyncio.Task[None]], worker_id: str
) -> None:
    """F16: no new transactions, open ones finish, what was not begun goes back to the store."""
    for server in servers:
        server.close()
    parts.api.streams.close()
    await asyncio.gather(parts.keeper.drain(DRAIN_S), parts.dispatcher.stop(DRAIN_S))
    for task in loops:
        task.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    await parts.blocks.close()
    for write_figures in (parts.warmup.flush, parts.last_uses.write, parts.tracking.visits.flush_all):
        with contextlib.suppress(Exception):  # no mail depends on them
            await write_figures()
    await parts.courier.close()
    await parts.http_out.close()
    if parts.trust is not None:
        await parts.trust.close()
    await parts.resolver.close()
    parts.signer.close()
    parts.passwords.close()
    try:
        await parts.store.write(each(_bury), (worker_id,))
    except (TryLater, CommitInDoubt) as error:  # whoever starts next does it
        log.warning("left without telling the store: %s", error)
    await parts.store.close()


def _bury(conn: Connection, worker_id: str) -> int:
    """Release what a worker that is gone held, and forget it; how many deliveries."""
    released = queue.release_owner(conn, worker_id)
    workers.forget(conn, worker_id)
    return released
