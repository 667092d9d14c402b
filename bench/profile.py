"""The profile: microseconds of CPU a message of each step beside its budget, taken from a running Posthouse.

    python -m bench.profile [-n 6000]

The headline cell runs against `bench.profiled`, a Posthouse with stop-watches. `allowed` is the budget of
the design, `floor` what was measured as possible on its machine. The last row is everything outside the
watched functions: event loop, sockets, tasks, kernel.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.cells import Cell, SinkProcess, load, target_of
from bench.posthouse import House, free_port
from bench.profiled import STEPS, VARIABLE

# CPU microseconds per 10 KB message: (floor, allowed)
BUDGET: dict[str, tuple[float, float]] = {
    "accept: protocol, envelope checks, limits": (36, 110),
    "header scan, options, ids, Received": (10, 60),
    "store: statements of acceptance": (34, 70),
    "store: begin and commit, both groups": (0, 0),
    "queue hand-over": (2, 20),
    "sign: canonicalise and hash": (22, 55),
    "sign: RSA-2048": (255, 265),
    "deliver on a reused connection": (32, 100),
    "completion and events": (20, 60),
}


def table(messages: int = 6000) -> list[dict[str, Any]]:
    """One row per step, then the rest and the sum."""
    counts, accepted = _watched_run(messages)
    cost_us = counts["cost_ns"] / 1000
    rows, watched, overhead = [], 0.0, 0.0
    for step, names in STEPS.items():
        known = [name for name in names if name in counts["own_ns"]]
        calls = sum(counts["calls"][name] for name in known) / accepted
        gross = sum(counts["own_ns"][name] for name in known) / 1000 / accepted
        own = max(0.0, gross - calls * cost_us)
        watched, overhead = watched + own, overhead + gross - own
        floor, allowed = BUDGET[step]
        rows.append(_row(step, own, floor, allowed, round(calls, 2)))
    total = counts["cpu_s"] * 1e6 / accepted - overhead
    rows.append(_row("rest: loop, sockets, tasks, kernel", total - watched, 0, 0, 0))
    rows.append(_row("sum", total, 410, 740, 0))
    if counts["missing"]:
        print(f"not found, their time is in the rest: {', '.join(counts['missing'])}", file=sys.stderr)
    return rows


def _row(step: str, us: float, floor: float, allowed: float, calls: float) -> dict[str, Any]:
    return {"step": step, "us": round(us, 1), "floor": floor, "allowed": allowed, "calls_per_msg": calls}


def _watched_run(messages: int) -> tuple[dict[str, Any], int]:
    """The counts of the worker and the number of messages it took."""
    sink_port = free_port()
    with tempfile.TemporaryDirectory(prefix="posthouse-profile-") as folder:
        file = Path(folder) / "profile.json"
        house = House(Path(folder) / "house", sink_port, env={VARIABLE: str(file)}).set_up()
        house.program = "bench.profiled"
        sink = SinkProcess(sink_port, messages, "profile", "--idle", "30")
        try:
            house.start()
            sent = load(target_of(house), Cell(10240, 20, messages=messages), "profile")
            sink.result()
            house.stop()
            return json.loads(file.read_text()), max(1, sent["accepted"])
        finally:
            sink.stop()
            house.kill()


def as_text(rows: list[dict[str, Any]]) -> str:
    """The table for people."""
    lines = [f"{'step':42} {'us':>7} {'floor':>7} {'allowed':>8} {'calls':>6}"]
    for r in rows:
        floor, allowed, calls = r["floor"] or "", r["allowed"] or "", r["calls_per_msg"] or ""
        lines.append(f"{r['step']:42} {r['us']:7.1f} {floor:>7} {allowed:>8} {calls:>6}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="where the time of a message goes")
    parser.add_argument("-n", "--messages", type=int, default=6000)
    print(as_text(table(parser.parse_args().messages)))


if __name__ == "__main__":
    main()
