"""The demonstration is played: a real worker, whose clock shows the past, sends to the fake internet.

Mail goes in through the HTTP API and out over SMTP; opens, clicks, bounces and complaints come back through
the doors. Only the wall clock is pretended: it jumps from letter to letter.

Public: perform, Played.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby

import aiohttp

from posthouse.app import Parts, build_parts
from posthouse.config import Endpoint, Settings
from posthouse.demo.audience import Audience
from posthouse.demo.cast import BUSY, SITES
from posthouse.demo.letters import form_of
from posthouse.demo.plan import HOURS, WEEK, Letter, Plan
from posthouse.doors.opening import Listening
from posthouse.internet.places import FakeDomain, settled
from posthouse.internet.recorder import Arrival, Recorder
from posthouse.internet.scripts import HOST_SCRIPTS, Act, Deed, HostScript, Step
from posthouse.internet.world import World
from posthouse.model.lane import lane_parts
from posthouse.net.board import Board
from posthouse.pipeline.signing import Signer
from posthouse.store import lanes, workers
from posthouse.store.connection import Connection
from posthouse.store.engine import open_store
from posthouse.worker import WorkerOrder, serve_parts

_WORKER = "demo"
_BUSY_HOURS = 5
_SETTLED_S, _LOOK_S = 20.0, 0.02
# From this hour on letters of so many minutes are sent together: each jump of the clock waits for deliveries,
# and nobody looks at the minutes of an earlier week.
_SLOTS = ((HOURS - 24, 8.0), (HOURS - WEEK, 20.0), (0, 60.0))
_OVERLOADED = HostScript(
    "has too much to do", (Act(Step.RCPT, Deed.SAY, "451 4.7.1 Too many messages from you, try again later"),)
)
Tell = Callable[[int, int], None]


class ShiftedClock:
    """Shows another time than it is; `monotonic` runs as always."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        return time.time() + self.offset

    def go_to(self, at: float) -> None:
        """Never back."""
        self.offset = max(self.offset, at - time.time())


@dataclass(slots=True)
class Played:
    """What was done."""

    sent: int = 0
    refused: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Scene:
    parts: Parts
    clock: ShiftedClock
    world: World
    http: aiohttp.ClientSession
    base: str
    smtp_port: int
    key: str
    refusing: set[str] = field(
        default_factory=lambda: {site.domain for site in SITES if site.script == "defer"}
    )

    async def go_to(self, at: float) -> None:
        """The worker beats for that time first: whose heart has not beaten for half a minute is buried."""
        await self.parts.store.write(workers.beat, (_WORKER, at))
        self.clock.go_to(at)


async def perform(
    settings: Settings, zone: str, key: str, plan: Plan, tell: Tell, *, hours: int = HOURS
) -> Played:
    """Play the last `hours` of two weeks that end now. `zone`: records of the senders' domains; `key`: of the
    account, for its API. `tell` hears how many hours are done, of how many."""
    clock, arrivals = ShiftedClock(), list[Arrival]()
    end = time.time()
    begin = (end // 3600 - hours + 1) * 3600
    clock.offset = begin - end
    async with (
        _world(zone, arrivals, clock) as world,
        _scene(_pretended(settings, world), world, clock, key) as scene,
    ):
        audience = Audience(scene.http, plan.random, clock.now, arrivals)
        played = Played()
        for done in range(hours):
            number, start = HOURS - hours + done, begin + done * 3600
            if number == HOURS - _BUSY_HOURS:
                world.play(f"mx1.{BUSY}", _OVERLOADED)
                scene.refusing.add(BUSY)
            await _hour(scene, plan, number, start, min(end, start + 3600), played)
            await audience.react(scene.base, scene.smtp_port)
            tell(done + 1, hours)
        await scene.go_to(end)
        await _settled(scene)
        await asyncio.sleep(1.5)  # opens and clicks rest for a second before they are written
        return played


def _world(zone: str, arrivals: list[Arrival], clock: ShiftedClock) -> World:
    domains = [FakeDomain(site.domain, "", ((10, HOST_SCRIPTS[site.script]),)) for site in SITES]
    hosts, places, faults = settled(domains)
    recorder = Recorder(on_arrival=arrivals.append, keep=10)
    return World(f"{hosts}\n{zone}", places, faults, recorder=recorder, clock=clock)


def _pretended(settings: Settings, world: World) -> Settings:
    """The same installation with the fake internet around it."""
    delivery = replace(settings.delivery, capture=False, port=world.port, private_networks="allow")
    host, _, port = world.dns_server.rpartition(":")
    dns = replace(settings.dns, servers=(Endpoint(host, int(port)),))
    return replace(settings, delivery=delivery, dns=dns)


async def _hour(scene: _Scene, plan: Plan, number: int, start: float, end: float, played: Played) -> None:
    slot = next(minutes for begin, minutes in _SLOTS if number >= begin)
    for _, group in groupby(plan.hour(number), lambda letter: letter.minute // slot):
        letters = list(group)
        at = start + letters[0].minute * 60
        if at >= end:
            break
        await scene.go_to(at)
        await asyncio.gather(*(_post(scene, letter, played) for letter in letters))
        await _settled(scene)  # before the clock jumps on: a delivery under way would seem to take minutes
    await scene.go_to(end - 1)
    scene.parts.dispatcher.wake()
    await _settled(scene)


async def _post(scene: _Scene, letter: Letter, played: Played) -> None:
    domain = letter.kind.sender.rpartition("@")[2]
    fields = aiohttp.FormData()
    for name, value in form_of(letter).items():
        for each in value if isinstance(value, list) else [value]:
            fields.add_field(name, each)
    auth = aiohttp.BasicAuth("api", scene.key)
    async with scene.http.post(f"{scene.base}/v3/{domain}/messages", data=fields, auth=auth) as answer:
        if answer.status == 200:
            played.sent += 1
        else:
            played.refused.append(await answer.text())


async def _settled(scene: _Scene) -> None:
    """Until nothing is due or on its way any more, or for a while. Sites that refuse may rest, for minutes of
    the true time: what is due there is not waited for."""

    def has_work(conn: Connection) -> bool:
        due = lanes.lanes_due(conn, scene.clock.now(), 2 * len(SITES))
        return any(lane_parts(each.lane)[1] not in scene.refusing for each in due) or any(
            count for state, count in lanes.open_counts(conn).items() if state.value == "taken"
        )

    for _ in range(round(_SETTLED_S / _LOOK_S)):
        if not await scene.parts.store.read(has_work):
            return
        await asyncio.sleep(_LOOK_S)


@asynccontextmanager
async def _scene(settings: Settings, world: World, clock: ShiftedClock, key: str) -> AsyncIterator[_Scene]:
    """A worker with an HTTP door and one for returned mail."""
    stopped, ready = asyncio.Event(), asyncio.Event()
    store = open_store(settings.store.url, asyncio.get_running_loop(), clock=clock)
    parts = build_parts(settings, store, await Signer.open(()), _WORKER, stopped.set, Board(1).row(0), clock)
    http, smtp = _socket(), _socket()
    order = WorkerOrder(_WORKER, [Listening(http, "http"), Listening(smtp, "mx")], Board(1).row(0))
    serving = asyncio.create_task(serve_parts(parts, order, stopped, ready.set))
    await ready.wait()
    async with aiohttp.ClientSession() as session:
        base = f"http://127.0.0.1:{http.getsockname()[1]}"
        yield _Scene(parts, clock, world, session, base, smtp.getsockname()[1], key)
    stopped.set()
    await serving


def _socket() -> socket.socket:
    made = socket.create_server(("127.0.0.1", 0))
    made.setblocking(False)
    return made
