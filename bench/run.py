"""`make bench`: matrix, late sink, batch, mail by HTTP, deep queue, peers, profile; one JSON line each.

    python -m bench.run [--quick] [--only matrix,late,batch,posted,depth,peers,profile] [--store postgresql://…]

Writes bench/results/<commit>.json with a description of the machine. Generator, target and sink share the
cores; trust a row only when `other_cores` is under about 0.2.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bench import peers, posted, profile, render
from bench.batch import run_batch
from bench.cells import Cell, measure, run_cell
from bench.depth import run_depth
from bench.meter import machine
from bench.posthouse import ROOT, free_port

PARTS = ("matrix", "late", "batch", "posted", "depth", "peers", "profile")


def matrix(quick: bool) -> list[Cell]:
    """2 and 10 KB, 20 and 100 connections, plain and STARTTLS; the headline cell comes first."""
    if quick:
        return [Cell(10240, 20, messages=4000), Cell(10240, 20, "starttls", messages=3000)]
    return [
        Cell(size, connections, tls, messages=12_000 if tls == "none" else 8000)
        for tls in ("none", "starttls")
        for size in (10240, 2048)
        for connections in (20, 100)
    ]


def late(quick: bool) -> Cell:
    """A sink that answers each message 200 ms late, as a server on another continent does."""
    return Cell(10240, 20, messages=3000 if quick else 12_000, delay_ms=200)


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def emit(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    row = {"kind": kind, **row}
    print(json.dumps(row), flush=True)
    return row


def peer_rows(quick: bool) -> Iterator[dict[str, Any]]:
    """Postfix + OpenDKIM in the headline cell, with both ways of a client: its better one counts."""
    if reason := peers.missing():
        say(f"no peer measured: {reason}")
        return
    for pipelining in (True, False):
        cell = Cell(10240, 20, messages=1500 if quick else 4000, pipelining=pipelining)
        sink_port = free_port()
        say(f"postfix+opendkim: {cell.title}")
        with peers.postfix_with_opendkim(sink_port) as target:
            yield measure(target, cell, sink_port, f"peer{pipelining:d}")


def rows(quick: bool, parts: list[str], store: str) -> Iterator[dict[str, Any]]:
    cells = (matrix(quick) if "matrix" in parts else []) + ([late(quick)] if "late" in parts else [])
    for number, cell in enumerate(cells):
        say(f"{number + 1}/{len(cells)} {cell.title}")
        yield emit("cell", run_cell(cell, f"c{number}", store=store))
    if "batch" in parts:
        say("batch of 1,000 recipients")
        yield emit("batch", run_batch(2 if quick else 10))
        yield emit("render", render.run())
    if "posted" in parts:
        say("mail by HTTP, one core for the house")
        for way in posted.WAYS:
            yield emit("posted", posted.run(way, 2000 if quick else 6000, 20, store))
    if "peers" in parts:
        for row in peer_rows(quick):
            yield emit("peer", row)
    if "depth" in parts:
        say("deep queue")
        yield emit("depth", run_depth(10_000 if quick else 100_000, 2048, say, store=store))
    if "profile" in parts:
        say("profile")
        for step in profile.table():
            yield emit("profile", step)


def commit() -> str:
    """The short name of HEAD, with `-dirty` when the tree differs from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or "no-commit"


def main() -> int:
    parser = argparse.ArgumentParser(description="the bench of Posthouse")
    parser.add_argument("--quick", action="store_true", help="fewer messages and cells: about two minutes")
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, comma-separated: {', '.join(PARTS)}")
    parser.add_argument(
        "--store", default="", help="database address; default: a fresh SQLite file for each cell"
    )
    a = parser.parse_args()
    results = list(rows(a.quick, a.only.split(","), a.store))
    folder = ROOT / "bench" / "results"
    folder.mkdir(exist_ok=True)
    about = {"commit": commit(), "at": datetime.now(UTC).isoformat(timespec="seconds"), "quick": a.quick}
    file = folder / f"{commit()}.json"
    file.write_text(json.dumps({**about, "machine": machine(), "rows": results}, indent=1) + "\n")
    say(f"written: {file.relative_to(ROOT)}")
    bad = [r for r in results if r.get("lost") or r.get("duplicated")]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
