"""One cell of the matrix: a fresh target, the load before it, the sink behind it, and the figures of the
run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import dkim  # type: ignore[import-untyped]

from bench.meter import Meter
from bench.posthouse import ROOT, House, free_port


@dataclass(frozen=True, slots=True)
class Cell:
    """What is measured: bytes of text, connections, tls (none, starttls, implicit), the sink's delay.
    `extra` is TOML for Posthouse's settings."""

    size: int
    connections: int
    tls: str = "none"
    messages: int = 10_000
    delay_ms: int = 0
    pipelining: bool = True
    extra: str = ""

    @property
    def title(self) -> str:
        late = f", sink {self.delay_ms} ms late" if self.delay_ms else ""
        line = "" if self.pipelining else ", line by line"
        return f"{self.size / 1024:g} KB, {self.connections} connections, {self.tls}{late}{line}"


@dataclass(slots=True)
class Target:
    """A running mail server that hands everything to the sink. `roots` are its process ids for the meter."""

    name: str
    port: int
    port_tls: int = 0
    auth: str = ""
    roots: list[int] = field(default_factory=list)
    dkim: dict[bytes, bytes] = field(default_factory=dict)


@contextmanager
def fresh_posthouse(sink_port: int, *, store: str = "", extra: str = "") -> Iterator[Target]:
    """A new installation in a temporary folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="posthouse-bench-") as folder:
        house = House(Path(folder) / "house", sink_port, store=store, extra=extra).set_up()
        try:
            house.start()
            yield target_of(house)
        finally:
            house.kill()


def target_of(house: House) -> Target:
    return Target("posthouse", house.port, house.port_tls, house.auth, [house.pid], house.dkim_records())


class SinkProcess:
    """`bench.sink` as a process of its own; `result` waits for its figures."""

    def __init__(self, port: int, messages: int, run: str, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.sink", "-p", str(port), "-n", str(messages), "--run", run, *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        if not self.process.stdout.readline().startswith("listening"):
            raise RuntimeError("the sink did not start")

    def result(self, seconds: float = 1200) -> dict[str, Any]:
        text, _ = self.process.communicate(timeout=seconds)
        return dict(json.loads(text))

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.communicate()


def load(target: Target, cell: Cell, run: str, *words: str) -> dict[str, Any]:
    """Runs the generator against the target; returns its figures."""
    port = target.port_tls if cell.tls == "implicit" else target.port
    command = [sys.executable, "-m", "bench.load", "--target", f"127.0.0.1:{port}", "--run", run]
    command += [
        "-n",
        str(cell.messages),
        "-c",
        str(cell.connections),
        "-s",
        str(cell.size),
        "--tls",
        cell.tls,
    ]
    if target.auth:
        command += ["--auth", target.auth]
    if not cell.pipelining:
        command.append("--no-pipelining")
    done = subprocess.run([*command, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if not done.stdout:
        raise RuntimeError("the load generator failed")
    return dict(json.loads(done.stdout))


def measure(target: Target, cell: Cell, sink_port: int, run: str, dkim_sample: int = 40) -> dict[str, Any]:
    """One run of a cell against a target that is up; the figures as one flat row."""
    with tempfile.TemporaryDirectory(prefix="posthouse-kept-") as kept:
        words = ["--idle", "40", "--delay-ms", str(cell.delay_ms), "--progress"]
        words += ["--keep-every", str(max(1, cell.messages // dkim_sample)), "--keep-dir", kept]
        sink = SinkProcess(sink_port, cell.messages, run, *words)
        try:
            with Meter(target.roots) as meter:
                sent = load(target, cell, run)
                got = sink.result()
        finally:
            sink.stop()
        checked, good = verify(Path(kept), target.dkim)
    return row(target, cell, sent, got, meter) | {"dkim_checked": checked, "dkim_ok": good}


def row(
    target: Target, cell: Cell, sent: dict[str, Any], got: dict[str, Any], meter: Meter
) -> dict[str, Any]:
    span = (got["last_ns"] - sent["first_ns"]) / 1e9 if got["unique"] else 0.0
    accepted = max(1, sent["accepted"])
    tools = sent["cpu_s"] + got["cpu_s"]
    what = {k: v for k, v in asdict(cell).items() if k != "extra"}
    return {
        "target": target.name,
        **what,
        "e2e_per_s": round(got["unique"] / span, 1) if span else 0.0,
        "accept_per_s": sent["accept_per_s"],
        "accept_p50_ms": sent["accept_ms"]["p50"],
        "accept_p99_ms": sent["accept_ms"]["p99"],
        "e2e_p50_ms": got["e2e_ms"]["p50"],
        "e2e_p99_ms": got["e2e_ms"]["p99"],
        "cpu_us_per_msg": round(meter.cpu_s / accepted * 1e6),
        "peak_mb": meter.peak_mb,
        "processes": meter.processes,
        "accepted": sent["accepted"],
        "rejected": sent["rejected"] + sent["errors"],
        "lost": sent["accepted"] - got["unique"],
        "duplicated": got["duplicates"],
        "signed_share": round(got["signed"] / max(1, got["total"]), 4),
        "sink_connections": got["connections"],
        "tools_us_per_msg": round(tools / accepted * 1e6, 1),
        "other_cores": round(max(0.0, meter.other_cpu_s - tools) / meter.wall_s, 2),
        "steal_s": round(meter.steal_s, 2),
        "first_error": sent["first_error"],
    }


def verify(folder: Path, records: dict[bytes, bytes]) -> tuple[int, int]:
    """Checks the kept messages with dkimpy, an independent verifier: (checked, good)."""
    if not records:
        return 0, 0
    files = sorted(folder.glob("*.eml"))

    def answer(name: bytes, timeout: int = 5) -> bytes | None:
        return records.get(name)

    good = 0
    for file in files:
        try:
            good += dkim.verify(file.read_bytes(), dnsfunc=answer)
        except dkim.DKIMException:
            continue
    return len(files), good


def run_cell(cell: Cell, run: str, *, store: str = "") -> dict[str, Any]:
    """The cell against a fresh Posthouse."""
    sink_port = free_port()
    with fresh_posthouse(sink_port, store=store, extra=cell.extra) as target:
        return measure(target, cell, sink_port, run)
