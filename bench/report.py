"""Tables for people out of a results file: `python -m bench.report bench/results/<commit>.json` prints
Markdown."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def cells(rows: Sequence[Row]) -> str:
    """One line per cell of the matrix and per peer."""
    heads = [
        "server",
        "load",
        "end to end /s",
        "accept p50 / p99 ms",
        "CPU us/msg",
        "peak MB",
        "lost",
        "twice",
        "DKIM",
    ]
    return table(heads, [_cell(r) for r in rows])


def _cell(r: Row) -> list[Any]:
    load = f"{r['size'] / 1024:g} KB, {r['connections']} conns, {r['tls']}"
    load += f", sink {r['delay_ms']} ms late" if r["delay_ms"] else ""
    load += "" if r["pipelining"] else ", line by line"
    verified = (
        f"{r['dkim_ok']}/{r['dkim_checked']}" if r["dkim_checked"] else f"{r['signed_share']:.0%} signed"
    )
    waits = f"{r['accept_p50_ms']} / {r['accept_p99_ms']}"
    figures = [r["cpu_us_per_msg"], r["peak_mb"], r["lost"], r["duplicated"], verified]
    return [r["target"], load, f"{r['e2e_per_s']:.0f}", waits, *figures]


def depth(r: Row) -> str:
    """The deep queue in a few lines."""
    deep, short = r["deep_queue"], r["short_queue"]
    kept = f"{r['accept_kept']:.0%}"
    return table(
        ["deep queue", "figure"],
        [
            [f"accept, first and last tenth of {r['queued']}, /s",
             f"{r['accept_first_tenth_per_s']} and {r['accept_last_tenth_per_s']} ({kept})"],
            [f"drain of {short['messages']} and of {deep['messages']}, /s",
             f"{short['drain_per_s']} and {deep['drain_per_s']} ({r['drain_kept']:.0%})"],
            ["first delivery after kill and restart, s", deep["first_delivery_s"]],
            ["full rate after kill and restart, s", deep["full_rate_s"]],
            ["peak MB while filling, while draining", f"{r['fill_peak_mb']}, {deep['peak_mb']}"],
            ["lost, twice", f"{deep['lost']}, {deep['duplicated']}"],
        ],
    )  # fmt: skip


def steps(rows: Sequence[Row]) -> str:
    """The profile beside its budget."""
    heads = ["step", "us", "floor", "allowed"]
    return table(heads, [[r["step"], r["us"], r["floor"] or "", r["allowed"] or ""] for r in rows])


def report(results: Row) -> str:
    """Everything of one results file."""
    rows: list[Row] = results["rows"]
    about = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in results["machine"].items())
    parts = [f"Commit {results['commit']}, {results['at']}; {about}."]
    if measured := [r for r in rows if r["kind"] in ("cell", "peer")]:
        parts.append(cells(measured))
    parts += [depth(r) for r in rows if r["kind"] == "depth"]
    if profile := [r for r in rows if r["kind"] == "profile"]:
        parts.append(steps(profile))
    return "\n\n".join(parts)


if __name__ == "__main__":
    print(report(json.loads(Path(sys.argv[1]).read_text())))
