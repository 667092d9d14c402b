"""A batch: one personalised, tracked 50 KB newsletter to 1,000 recipients, several times over.

Measured from the first to the last copy at the sink: once accepted nothing but Posthouse and the sink runs.
Beside the rate: CPU of Posthouse per copy, and what the store holds per recipient beyond the letter itself.
"""

from __future__ import annotations

import smtplib
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from bench.cells import SinkProcess
from bench.meter import Meter
from bench.newsletter import batch_letter
from bench.posthouse import DOMAIN, House, free_port

RECIPIENTS = 1000


def run_batch(messages: int, run: str = "batch") -> dict[str, Any]:
    """`messages` letters to 1,000 recipients each, on a fresh SQLite installation."""
    sink_port = free_port()
    with tempfile.TemporaryDirectory(prefix="posthouse-batch-") as folder:
        house = House(Path(folder) / "house", sink_port).set_up().start()
        words = ("--recipients", str(RECIPIENTS), "--idle", "60")
        sink = SinkProcess(sink_port, messages, run, *words)
        try:
            with Meter([house.pid]) as meter:
                letter_bytes = _submit(house, messages, run)
                got = sink.result()
        finally:
            sink.stop()
            house.kill()
        extra = _stored(house) - letter_bytes
    copies = messages * RECIPIENTS
    span = (got["last_ns"] - got["first_ns"]) / 1e9
    return {
        "messages": messages,
        "copies": copies,
        "lost": got["missing"],
        "duplicated": got["duplicates"],
        "signed": got["signed"],
        "per_s": round(got["unique"] / span, 1) if span > 0 else 0.0,
        "cpu_us_per_copy": round(meter.cpu_s / max(1, got["unique"]) * 1e6),
        "peak_mb": meter.peak_mb,
        "stored_bytes_per_recipient": round(extra / copies),
    }


def _submit(house: House, messages: int, run: str) -> int:
    """Hand the letters over; how many bytes they have."""
    total = 0
    with smtplib.SMTP("127.0.0.1", house.port, timeout=120) as client:
        client.login(house.login, house.password)
        for number in range(messages):
            names = [f"u{number}.{k}@far.test" for k in range(RECIPIENTS)]
            letter = batch_letter(f"news@{DOMAIN}", names, [f"X-Bench-Id: {run} {number}"])
            client.sendmail(f"news@{DOMAIN}", names, letter, ["BODY=8BITMIME"])
            total += len(letter)
    return total


def _stored(house: House) -> int:
    """Bytes of all columns of letters and deliveries."""
    with sqlite3.connect(house.folder / "posthouse.db") as store:
        return sum(_table_bytes(store, name) for name in ("message", "content", "delivery"))


def _table_bytes(store: sqlite3.Connection, table: str) -> int:
    columns = [row[1] for row in store.execute(f"pragma table_info({table})")]
    lengths = " + ".join(f"coalesce(length(cast({name} as blob)), 0)" for name in columns)
    return int(store.execute(f"select coalesce(sum({lengths}), 0) from {table}").fetchone()[0])
