"""A campaign: load, and one fault after another drawn from a seed, then the reckoning."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.posthouse import House

from crash.checker import Finding
from crash.faults import (
    POINTS,
    Fault,
    at_point,
    kill_all,
    kill_supervisor,
    kill_worker,
    terminate,
)
from crash.postgres import Postgres
from crash.scene import Scene


@dataclass(frozen=True, slots=True)
class Outcome:
    """`recovery_s`: seconds from the end of each fault to the first sign of life, sorted;
    `longest_s` of them on a machine with room (`patience`)."""

    finding: Finding
    recovery_s: list[float]
    longest_s: float
    faults: dict[str, int]
    refusals: dict[str, int]

    @property
    def kills(self) -> int:
        return sum(n for name, n in self.faults.items() if name != "SIGTERM")

    def summary(self) -> str:
        p95 = self.recovery_s[int(0.95 * (len(self.recovery_s) - 1))] if self.recovery_s else 0.0
        struck = ", ".join(f"{name} {n}" for name, n in sorted(self.faults.items()))
        replies = "; ".join(f"{n} x {text}" for text, n in sorted(self.refusals.items()))
        return (
            f"{self.finding.summary()}\n"
            f"  recovery p95 {p95:.2f} s, longest {max(self.recovery_s, default=0):.2f} s\n"
            f"  faults: {struck}\n  refusals: {replies or 'none'}"
        )


def short_plan() -> list[Fault]:
    """Every named point once, and each way of killing. The supervisor pauses longer after each early death
    of a worker, so a full restart comes after every few."""
    points = [at_point(name) for name in POINTS]
    return [
        *points[:3],
        kill_all,
        *points[3:6],
        kill_supervisor,
        *points[6:9],
        kill_all,
        kill_worker,
        terminate,
    ]


def long_plan(seed: int, kills: int) -> Iterator[Fault]:
    """`kills` kills: two fifths everything at once (F15), the rest points, workers and supervisors; an
    orderly stop now and then."""
    rng = random.Random(f"plan {seed}")
    for number in range(kills):
        if number % 50 == 49:
            yield terminate
        draw = rng.random()
        if draw < 0.4:
            yield kill_all
        elif draw < 0.8:
            yield at_point(POINTS[number % len(POINTS)])
        elif draw < 0.95:
            yield kill_worker
        else:
            yield kill_supervisor


async def campaign(
    folder: Path,
    seed: int,
    plan: Iterator[Fault] | list[Fault],
    *,
    postgres: Postgres | None = None,
    rate: float = 200.0,
    drops: float = 0.0,
    house_type: type[House] = House,
    progress: Callable[[Scene], None] = lambda scene: None,
) -> Outcome:
    """Runs the plan under load and returns what the checker found."""
    async with Scene(folder, seed, rate=rate, postgres=postgres, drops=drops, house_type=house_type) as scene:
        await scene.recovered()
        scene.recovery_s.clear()
        scene.quiet_recovery_s.clear()
        for number, strike in enumerate(plan):
            await asyncio.sleep(scene.rng.uniform(0.05, 0.6))
            await strike(scene)
            if number % 25 == 24:
                await scene.read_events()
            progress(scene)
        finding = await scene.judged()
    longest_s = max(scene.quiet_recovery_s, default=0.0)
    return Outcome(finding, sorted(scene.recovery_s), longest_s, scene.faults, scene.injector.refusals)
