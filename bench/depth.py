"""The deep queue: fill it while the sink is down, kill, restart, drain; beside it the same with an almost
empty queue.

Figures: accept rate of the first and the last tenth; drain rate of a short queue and of the deep one;
after the restart the time to the first delivery and to the full rate (the first of three seconds in a row
that reach 90 % of the middle rate).
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.cells import Cell, SinkProcess, Target, load, target_of
from bench.meter import Meter
from bench.posthouse import House, free_port

Tell = Callable[[str], None]


def full_rate_after_s(per_tenth: list[int]) -> tuple[float, float]:
    """(seconds from the first arrival until the full rate, that rate in messages a second)."""
    seconds = [sum(per_tenth[i : i + 10]) for i in range(0, len(per_tenth) - 9, 10)]
    if len(seconds) < 3:
        return 0.0, float(sum(per_tenth)) * 10 / max(1, len(per_tenth))
    usual = statistics.median(seconds)
    for at in range(len(seconds) - 2):
        if min(seconds[at : at + 3]) >= 0.9 * usual:
            return float(at), usual
    return float(len(seconds)), usual


def fill(target: Target, cell: Cell, run: str, parts: int, tell: Tell) -> list[dict[str, Any]]:
    """Sends the cell's messages in `parts` equal runs; returns the figures of each."""
    each = cell.messages // parts
    one = Cell(cell.size, cell.connections, messages=each)
    results = []
    for part in range(parts):
        results.append(load(target, one, run, "--first", str(part * each)))
        tell(f"queued {(part + 1) * each}, accept {results[-1]['accept_per_s']}/s")
    return results


def drain(house: House, sink_port: int, run: str, messages: int, restart: bool) -> dict[str, Any]:
    """Makes everything due, opens the sink, with or without a kill and restart before; waits until all is
    there."""
    if restart:
        house.kill()
    house.cli("queue", "flush", "--all", check=False)
    sink = SinkProcess(sink_port, messages, run, "--idle", "60", "--progress")
    try:
        began = time.monotonic()
        if restart:
            house.start()
        else:
            house.cli("queue", "flush", "--all", check=False)
        with Meter([house.pid]) as meter:
            got = sink.result()
    finally:
        sink.stop()
    span = (got["last_ns"] - got["first_ns"]) / 1e9
    first = got["first_ns"] / 1e9 - began
    climb, usual = full_rate_after_s(got["per_tenth_s"])
    return {
        "messages": messages,
        "lost": got["missing"],
        "duplicated": got["duplicates"],
        "drain_per_s": round(got["unique"] / span, 1) if span > 0 else 0.0,
        "usual_per_s": round(usual, 1),
        "first_delivery_s": round(first, 2),
        "full_rate_s": round(first + climb, 2),
        "cpu_us_per_msg": round(meter.cpu_s / max(1, got["unique"]) * 1e6),
        "peak_mb": meter.peak_mb,
        "sink_connections": got["connections"],
    }


def run_depth(messages: int, size: int, tell: Tell, *, store: str = "") -> dict[str, Any]:
    """The whole experiment on one installation."""
    sink_port = free_port()
    with tempfile.TemporaryDirectory(prefix="posthouse-depth-") as folder:
        house = House(Path(folder) / "house", sink_port, store=store).set_up()
        try:
            house.start()
            target = target_of(house)
            short = max(1000, messages // 20)
            fill(target, Cell(size, 20, messages=short), "short", 1, tell)
            shallow = drain(house, sink_port, "short", short, restart=True)
            tell(f"short queue of {short} drained at {shallow['drain_per_s']}/s")
            target = target_of(house)
            with Meter([house.pid]) as meter:
                filled = fill(target, Cell(size, 20, messages=messages), "deep", 10, tell)
            deep = drain(house, sink_port, "deep", messages // 10 * 10, restart=True)
        finally:
            house.kill()
    rates = [part["accept_per_s"] for part in filled]
    return {
        "queued": messages,
        "size": size,
        "accept_first_tenth_per_s": rates[0],
        "accept_last_tenth_per_s": rates[-1],
        "accept_kept": round(rates[-1] / rates[0], 3) if rates[0] else 0.0,
        "fill_peak_mb": meter.peak_mb,
        "short_queue": shallow,
        "deep_queue": deep,
        "drain_kept": round(deep["drain_per_s"] / shallow["drain_per_s"], 3)
        if shallow["drain_per_s"]
        else 0.0,
    }
