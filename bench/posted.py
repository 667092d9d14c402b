"""Mail that comes by HTTP: how much of it one core takes, and what a message costs.

    python -m bench.posted [-n 6000] [-c 20] [--rounds 3] [--ways form,multipart,json,smtp] [--store …]

A letter with 10 KB of HTML over connections that stay open, durable before each answer. The house has one
core, the generator the other. The letters are for an hour later, so that what is counted is acceptance alone;
those by SMTP are due at once, and nothing listens where they should go. The ways take turns, each on a fresh
installation. Prints a line of JSON for each run and at the end the medians.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote_plus

from bench.cells import Cell, load, target_of
from bench.meter import Meter
from bench.newsletter import newsletter
from bench.posthouse import DOMAIN, House, free_port

WAYS = ("form", "multipart", "json", "smtp")
_SIZE = 10_240
_PERSON = "person-0000000@sink.test"
_GOAL_PER_S = 1500
_LATER_S = 3600

Request = Callable[[int], bytes]


def run(way: str, messages: int, connections: int, store: str = "") -> dict[str, Any]:
    """One run on a fresh installation."""
    server, generator = _cores()
    with tempfile.TemporaryDirectory(prefix="posthouse-posted-") as folder:
        house = House(Path(folder) / "house", free_port(), store=store).set_up()
        key = house.cli_json("key", "add", "--full")[0]["key"]
        try:
            with _on(server):
                house.start()
            with _on(generator), Meter([house.pid]) as meter:
                sent = _sent(way, house, key, messages, connections)
        finally:
            house.kill()
    return {
        "way": way,
        **sent,
        "cpu_us_per_msg": round(meter.cpu_s / max(1, sent["accepted"]) * 1e6),
        "peak_mb": meter.peak_mb,
        "other_cores": round(max(0.0, meter.other_cpu_s - sent["tool_cpu_s"]) / meter.wall_s, 2),
    }


def _sent(way: str, house: House, key: str, messages: int, connections: int) -> dict[str, Any]:
    if way == "smtp":
        cell = Cell(_SIZE, connections, messages=messages)
        figures = load(target_of(house), cell, "posted")
        found = {name: figures[name] for name in ("accepted", "accept_per_s", "first_error")}
        return found | {"accept_ms": figures["accept_ms"], "tool_cpu_s": figures["cpu_s"]}
    return asyncio.run(_post(house.port_http, request_of(way, key), messages, connections))


def request_of(way: str, key: str) -> Request:
    """Makes the request number n: each has a recipient of its own."""
    body, kind, path = _body(way)
    basic = base64.b64encode(f"api:{key}".encode()).decode()
    shown = f"Bearer {key}" if way == "json" else f"Basic {basic}"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {shown}\r\nContent-Type: {kind}\r\n"
        f"User-Agent: bench\r\nAccept: */*\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    before, _, after = (head.encode() + body).partition(b"0000000")
    return lambda number: b"%s%07d%s" % (before, number, after)


def _body(way: str) -> tuple[bytes, str, str]:
    html = newsletter(_SIZE, 10)
    sender, subject = f"Orders <orders@{DOMAIN}>", "Grüße: your order"
    if way == "json":
        asked = {
            "personalizations": [{"to": [{"email": _PERSON}]}],
            "from": {"email": f"orders@{DOMAIN}", "name": "Orders"},
            "subject": subject,
            "content": [{"type": "text/html", "value": html}],
            "send_at": int(time.time()) + _LATER_S,
        }
        return json.dumps(asked).encode(), "application/json", "/v3/mail/send"
    fields = {"from": sender, "to": _PERSON, "subject": subject, "html": html}
    fields["o:deliverytime"] = format_datetime(datetime.now(UTC) + timedelta(seconds=_LATER_S))
    path = f"/v3/{DOMAIN}/messages"
    if way == "form":
        pairs = [f"{name}={quote_plus(value, safe='@')}" for name, value in fields.items()]
        return "&".join(pairs).encode(), "application/x-www-form-urlencoded", path
    parts = [
        f'--bound\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, "--bound--\r\n"]).encode(), "multipart/form-data; boundary=bound", path


class _Client(asyncio.Protocol):
    """One connection that stays open: a request, its answer, the next one."""

    def __init__(self, numbers: Iterator[int], request: Request, ended: Callable[[], None]) -> None:
        self.numbers, self.request, self.ended = numbers, request, ended
        self.took: list[float] = []
        self.first_error = ""
        self._said = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._go_on()

    def _go_on(self) -> None:
        number = next(self.numbers, None)
        if number is None:
            self.transport.close()
            return
        self._began = time.perf_counter()
        self.transport.write(self.request(number))

    def data_received(self, data: bytes) -> None:
        self._said += data
        head, blank, body = self._said.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not blank or len(body) < int(length or 0):
            return
        if head[9:10] == b"2":
            self.took.append(time.perf_counter() - self._began)
        else:
            self.first_error = self.first_error or self._said.decode(errors="replace")
        self._said = b""
        self._go_on()

    def connection_lost(self, error: Exception | None) -> None:
        self.ended()


async def _post(port: int, request: Request, messages: int, connections: int) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    numbers = iter(range(messages))
    open_ones, all_over = connections, loop.create_future()

    def ended() -> None:
        nonlocal open_ones
        open_ones -= 1
        if not open_ones and not all_over.done():
            all_over.set_result(None)

    cpu, began = time.process_time(), time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: _Client(numbers, request, ended), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await all_over
    wall = time.perf_counter() - began
    took = sorted(each for client in clients for each in client.took)
    quantiles = {name: took[int(len(took) * share)] for name, share in (("p50", 0.5), ("p99", 0.99)) if took}
    return {
        "accepted": len(took),
        "accept_per_s": round(len(took) / wall, 1),
        "accept_ms": {name: round(value * 1000, 1) for name, value in quantiles.items()},
        "first_error": next((client.first_error for client in clients if client.first_error), ""),
        "tool_cpu_s": time.process_time() - cpu,
    }


def _cores() -> tuple[set[int], set[int]]:
    """One core for the house, the others for us."""
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others) or {first}


@contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    """This process, and those that it starts meanwhile, on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def medians(rows: list[dict[str, Any]], ways: list[str]) -> list[dict[str, Any]]:
    """For each way the median rate and cost, and the best rate of the rounds."""
    found = []
    for way in ways:
        mine = [row for row in rows if row["way"] == way]
        rates = [row["accept_per_s"] for row in mine]
        cost = round(median(row["cpu_us_per_msg"] for row in mine))
        found.append({"way": way, "per_s": median(rates), "best_per_s": max(rates), "cpu_us_per_msg": cost})
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="what mail by HTTP costs")
    parser.add_argument("-n", type=int, default=6000, help="letters a run")
    parser.add_argument("-c", type=int, default=20, help="connections")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", default=",".join(WAYS), help=f"comma-separated: {', '.join(WAYS)}")
    parser.add_argument("--store", default="", help="database address; default: a fresh SQLite file each")
    a = parser.parse_args()
    ways = a.ways.split(",")
    rows = []
    for _ in range(a.rounds):
        for way in ways:
            rows.append(run(way, a.n, a.c, a.store))
            print(json.dumps(rows[-1]), flush=True)
    for row in medians(rows, ways):
        print(json.dumps({"kind": "posted", "goal_per_s": _GOAL_PER_S, **row}), flush=True)
    return 0 if all(row["accepted"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
