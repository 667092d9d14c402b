"""What following mail costs: the main job plain, with opens and clicks tracked, and with a webhook besides.

    python -m bench.followed [-n 12000] [--rounds 3] [--store postgresql://…]

10 KB letters of HTML with ten links over 20 connections; the three ways take turns, each on a fresh
installation, so that a machine that is busy with other things treats them alike. Prints a line of JSON for
each run and at the end the medians: the rate as a share of the plain one, and the CPU that came on top.
Besides, measured alone in one thread: events and their counters (`writing` what a message's two events cost
in the transaction that writes them, `following` what is done with them a moment later).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.cells import Cell, SinkProcess, load, row, target_of
from bench.meter import Meter
from bench.posthouse import DOMAIN, ROOT, House, free_port, wait_for
from posthouse.model.clock import Ids, SystemClock
from posthouse.model.event import Event, EventKind
from posthouse.pipeline.fold import count, fold
from posthouse.store import events, outbox
from posthouse.store.connection import Connection
from posthouse.store.engine import connect, migrate

WAYS = ("plain", "tracked", "followed")
_EVENTS = 8_000
_GROUP = 16


@contextmanager
def receiver(port: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.hooksink", "-p", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if not process.stdout.readline().startswith("listening"):
        raise RuntimeError("the receiver of webhooks did not start")
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate()


def run_way(way: str, messages: int, run: str, store: str = "") -> dict[str, Any]:
    """One run on a fresh installation; the figures as `bench.cells.row` makes them, and those of the hook."""
    sink_port, hook_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="posthouse-followed-") as folder, receiver(hook_port) as hook:
        env = {"POSTHOUSE_DELIVERY__POST_PRIVATE_NETWORKS": "allow", "POSTHOUSE_HOOKS__PLAIN_HTTP": "allow"}
        house = House(Path(folder) / "house", sink_port, store=store, env=env).set_up()
        if way != "plain":
            base = f"tracking_url=http://127.0.0.1:{house.port_http}"
            house.cli("domain", "set", DOMAIN, base, "track_opens=yes", "track_clicks=html")
        if way == "followed":
            house.cli("hook", "add", f"http://127.0.0.1:{hook_port}/events", "--form", "sendgrid")
        try:
            figures = _measured(house.start(), messages, sink_port, run)
            if way == "followed":
                _wait_for_quiet(house, messages)
        finally:
            house.kill()
        hook.terminate()
        told = json.loads(hook.communicate()[0])
    return {"way": way, **figures, "hook_posts": told["posts"], "hook_events": told["events"]}


def _measured(house: House, messages: int, sink_port: int, run: str) -> dict[str, Any]:
    """CPU is counted until nothing is left to do, so that work which is put off counts too."""
    target, cell = target_of(house), Cell(10240, 20, messages=messages)
    sink = SinkProcess(sink_port, messages, run, "--idle", "60")
    try:
        with Meter(target.roots) as meter:
            sent = load(target, cell, run, "--html")
            got = sink.result()
            _wait_for_quiet(house, messages)
    finally:
        sink.stop()
    return row(target, cell, sent, got, meter)


def _wait_for_quiet(house: House, messages: int) -> None:
    """Until the outbox and what is to be posted are empty."""

    def is_quiet() -> bool:
        with connect(house.store) as conn:
            waiting = conn.script("SELECT count(*) FROM hook_item")[0][0]
            return outbox.is_empty(conn) and not waiting

    wait_for(is_quiet, 120 + messages / 50, "events were not followed up")


# Events and counters alone


def events_alone() -> dict[str, float]:
    """CPU microseconds a message (two events) of writing the events down and of counting them."""
    clock = SystemClock()
    ids = Ids(clock)
    with tempfile.TemporaryDirectory(prefix="posthouse-events-") as folder:
        url = f"sqlite:///{folder}/posthouse.db"
        migrate(url)
        with connect(url) as conn:
            made = [_event(ids.new(), number, clock.now()) for number in range(_EVENTS)]
            writing = _cpu_of(partial(_write, conn, made))
            following = _cpu_of(partial(_follow, conn))
    each = 2e6 / _EVENTS
    return {"writing_us": round(writing * each, 1), "following_us": round(following * each, 1)}


def _cpu_of(work: Any) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def _write(conn: Connection, made: list[Event]) -> None:
    for start in range(0, len(made), _GROUP):
        with conn.transaction():
            events.append(conn, made[start : start + _GROUP])


def _follow(conn: Connection) -> None:
    while not outbox.is_empty(conn):
        with conn.transaction():
            fold(conn, [count])


def _event(event_id: str, number: int, now: float) -> Event:
    kind = EventKind.DELIVERED if number % 2 else EventKind.ACCEPTED
    data = {
        "attempt": 1,
        "code": 250,
        "enhanced": "2.0.0",
        "text": "Ok: taken",
        "mx": "127.0.0.1",
        "phase": "done",
    }
    return Event(
        id=event_id,
        kind=kind,
        at=now,
        account_id="acc",
        domain=DOMAIN,
        message_id=f"m{number // 2}",
        delivery_id=f"m{number // 2}.0000",
        recipient=f"u{number // 2}@rcpt.test",
        data=data if number % 2 else {"size_bytes": 10240},
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="what following mail costs")
    parser.add_argument("-n", "--messages", type=int, default=12_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", default="", help="database address; default: fresh SQLite files")
    a = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for number in range(a.rounds):
        for way in WAYS:
            figures = run_way(way, a.messages, f"{way}{number}", a.store)
            print(json.dumps(figures), flush=True)
            found[way].append(figures)
    rate = {way: median(each["e2e_per_s"] for each in rows) for way, rows in found.items()}
    cpu = {way: median(each["cpu_us_per_msg"] for each in rows) for way, rows in found.items()}
    summary = {
        "per_s": rate,
        "share_of_plain": {way: round(rate[way] / rate["plain"], 3) for way in WAYS},
        "cpu_us": cpu,
        "on_top_us": {way: round(cpu[way] - cpu["plain"]) for way in WAYS},
        **events_alone(),
        "lost": sum(each["lost"] for rows in found.values() for each in rows),
        "hook_events_missing": sum(
            max(0, 2 * each["accepted"] - each["hook_events"]) for each in found["followed"]
        ),
    }
    print(json.dumps(summary))
    return 1 if summary["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
