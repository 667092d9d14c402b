"""A scene: one Posthouse, the injector before it, the receiving host behind it, and the ledger of all
three."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.posthouse import House, greets, wait_for

from crash.checker import Finding, check
from crash.injector import Injector
from crash.ledger import Ledger
from crash.postgres import Postgres
from crash.receiver import Receiver
from patience import Watch

POLL_S = 0.005


async def until(condition: Callable[[], object], seconds: float) -> bool:
    """True as soon as the condition holds, False when the time is over (`patience`)."""
    watch = Watch()
    while not condition():
        if watch.is_over(seconds):
            return False
        await asyncio.sleep(POLL_S)
    return True


class Scene:
    """`folder` is empty; with `postgres` the store lives there, else in a SQLite file of the folder.

    Use as `async with Scene(…) as scene`: everything runs inside, and nothing is left behind.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        *,
        rate: float = 200.0,
        postgres: Postgres | None = None,
        drops: float = 0.0,
        extra: str = "",
        house_type: type[House] = House,
    ) -> None:
        self.folder = folder
        self.seed = seed
        self.rng = random.Random(f"faults {seed}")
        self.postgres = postgres
        self.ledger = Ledger(folder / "ledger")
        self.receiver = Receiver(self.ledger, seed, drops=drops)
        self.order = folder / "crash-order"
        self.recovery_s: list[float] = []
        self.quiet_recovery_s: list[float] = []
        self.faults: dict[str, int] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self._rate = rate
        self._extra = extra
        self._house_type = house_type

    async def __aenter__(self) -> Scene:
        await self.receiver.start()
        store = self.postgres.url if self.postgres else ""
        env = {"POSTHOUSE_CRASH_AT": f"@{self.order}"}
        self.house = self._house_type(
            self.folder / "house", self.receiver.port, store=store, extra=self._extra, env=env
        )
        await asyncio.to_thread(self.house.set_up)
        await asyncio.to_thread(self.house.start)
        self.injector = Injector(self.ledger, self.house.port, self.house.auth, self.seed, self._rate)
        self._injecting = asyncio.create_task(self.injector.run())
        return self

    async def __aexit__(self, *problem: object) -> None:
        self.injector.stopping = True
        self._injecting.cancel()
        await asyncio.gather(self._injecting, return_exceptions=True)
        await asyncio.to_thread(self.house.kill)
        await self.receiver.stop()
        self.ledger.close()

    # -- faults and what follows them

    @contextlib.asynccontextmanager
    async def fault(self, name: str) -> Any:
        """Notes the beginning and the end of a fault that may excuse a second copy."""
        self.ledger.note("fault", name)
        try:
            yield
        finally:
            self.ledger.note("fault-end", name)
            self.faults[name] = self.faults.get(name, 0) + 1

    async def restart(self) -> None:
        """Starts `serve` again after its end, on the same ports and store."""
        await asyncio.to_thread(self.house.spawn)

    async def recovered(self, seconds: float = 30.0) -> float:
        """Waits for the first arrival or acknowledgement from now on; returns and notes the time it took, by
        the clock and as `patience` counts it."""
        began, watch, seen = time.monotonic(), Watch(), len(self.ledger.facts)

        def moved() -> bool:
            return any(f.kind in ("got", "acked") for f in self.ledger.facts[seen:])

        if not await until(moved, seconds):
            raise TimeoutError(f"no life within {seconds} s after a fault\n{self.house.log_tail()}")
        took = time.monotonic() - began
        self.recovery_s.append(took)
        self.quiet_recovery_s.append(watch.seconds)
        return took

    # -- the end

    async def stop_injecting(self) -> None:
        """No new letters; those under way get their answer."""
        self.injector.stopping = True
        await self._injecting

    async def drained(self, seconds: float = 60.0) -> None:
        """Stops the injector and waits until every acknowledged letter is here and the queue is empty."""
        await self.stop_injecting()
        with contextlib.suppress(FileNotFoundError):
            self.order.unlink()
        wanted = self._acked()
        watch = Watch()
        while not watch.is_over(seconds):
            if wanted <= self.receiver.arrived and await asyncio.to_thread(self._queue_is_empty):
                return
            await asyncio.to_thread(self.house.cli, "queue", "flush", "--all", check=False)
            await until(lambda: wanted <= self.receiver.arrived, 1.0)

    def _acked(self) -> set[str]:
        letters = {f.id: f.detail for f in self.ledger.facts if f.kind == "sent"}
        return {r for f in self.ledger.facts if f.kind == "acked" for r in letters[f.id]}

    def _queue_is_empty(self) -> bool:
        lanes = self.house.cli_json("queue")
        return not any(_numbers(lanes, ("waiting", "taken", "held")))

    async def judged(self, *, reach_s: float = 0.5) -> Finding:
        """Drains, stops the house in order, reads its event log and checks the whole run."""
        await self.drained()
        await asyncio.to_thread(self.house.stop)
        await self.read_events()
        return check(self.ledger.facts, self.events.values(), reach_s=reach_s)

    async def read_events(self) -> None:
        """Adds the latest events to `events`; long runs do it before the command line's limit is reached."""
        for event in await asyncio.to_thread(self.house.cli_json, "events", "--limit", "100000"):
            self.events.setdefault(event["id"], event)

    def wait_up(self, seconds: float = 30.0) -> None:
        """Blocks until the greeting comes."""
        wait_for(lambda: greets(self.house.port), seconds, "greeting after a restart")


def _numbers(value: Any, names: tuple[str, ...]) -> list[int]:
    """Every number under one of these names, however deep."""
    if isinstance(value, dict):
        own = [v for k, v in value.items() if k in names and isinstance(v, int)]
        return own + [n for v in value.values() for n in _numbers(v, names)]
    if isinstance(value, list):
        return [n for item in value for n in _numbers(item, names)]
    return []
