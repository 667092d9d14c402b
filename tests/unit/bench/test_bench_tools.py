"""The bench's own tools: what counts losses and duplicates must be right before its figures mean anything."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from bench.depth import full_rate_after_s
from bench.load import quantile_ms, text_of
from bench.posthouse import ROOT
from bench.sink import Receiver, Sink, Wishes


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.said = b""

    def write(self, data: bytes) -> None:
        self.said += data

    def get_extra_info(self, name: str) -> Any:
        return self

    def setsockopt(self, *words: int) -> None:
        """The socket's side: TCP_NODELAY."""

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.said += b"(closed)"


def letter(run: str, seq: int, text: bytes = b"Hello\r\n..dot\r\n") -> bytes:
    return f"From: a@b\r\nX-Bench-Id: {run} {seq}\r\nX-Bench-Time: 1\r\n\r\n".encode() + text + b".\r\n"


def session(*letters: bytes, rcpt: bytes = b"<u1.0@x>") -> bytes:
    envelope = b"MAIL FROM:<a@b>\r\nRCPT TO:" + rcpt + b"\r\nDATA\r\n"
    return b"EHLO x\r\n" + b"".join(envelope + x for x in letters)


def fed(wishes: Wishes, data: bytes, step: int) -> tuple[Sink, bytes]:
    """A sink that got `data` in pieces of `step` bytes, and what it answered."""
    sink, wire = Sink(wishes), Wire()
    receiver = Receiver(sink)
    receiver.connection_made(wire)  # type: ignore[arg-type]
    for at in range(0, len(data), step):
        receiver.data_received(data[at : at + step])
    return sink, wire.said


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 7, 13, 64, 10_000])
async def test_sink_counts_the_same_however_the_bytes_are_cut(step: int) -> None:
    data = session(letter("r", 0), letter("r", 1), letter("r", 1), letter("other", 2))
    sink, said = fed(Wishes("r", 3), data, step)
    count = sink.count
    assert (count.total, count.unique, count.duplicates, count.foreign) == (4, 2, 1, 1)
    assert said.count(b"250 2.0.0 Ok: taken\r\n") == 4


async def test_sink_tells_recipients_of_one_message_apart() -> None:
    data = session(letter("r", 1), rcpt=b"<u1.0@x>") + session(letter("r", 1), rcpt=b"<u1.1@x>")
    sink, _ = fed(Wishes("r", 4, recipients=2), data, 10_000)
    assert (sink.count.unique, sink.count.duplicates) == (2, 0)


async def test_sink_answers_late_and_in_order() -> None:
    sink, said = fed(Wishes("r", 2, delay_ms=1), session(letter("r", 0), letter("r", 1)), 10_000)
    assert b"taken" not in said
    await asyncio.sleep(0.05)
    assert sink.count.unique == 2


async def test_sink_closes_after_its_cap() -> None:
    _, said = fed(Wishes("r", 3, per_connection=1), session(letter("r", 0), letter("r", 1)), 10_000)
    assert said.endswith(b"421 4.7.0 Enough for one connection\r\n(closed)")


@pytest.mark.parametrize("size", [1, 70, 2048, 10240])
def test_text_has_the_size_and_no_early_end(size: int) -> None:
    text = text_of(size)
    assert abs(len(text) - 5 - size) <= 3
    assert text.index(b"\r\n.\r\n") == len(text) - 5
    assert max(map(len, text.split(b"\r\n"))) <= 76


def test_quantiles_of_nothing_one_and_many() -> None:
    assert quantile_ms([], 0.5) == 0.0
    assert quantile_ms([2_000_000], 0.99) == 2.0
    assert quantile_ms([n * 1_000_000 for n in range(101)], 0.95) == 95.0


def test_full_rate_is_the_first_of_three_steady_seconds() -> None:
    climbing = [1] * 10 + [5] * 10 + [10] * 40
    assert full_rate_after_s(climbing) == (2.0, 100)


@pytest.mark.parametrize("words", [(), ("--no-pipelining",), ("--rate", "400")])
def test_load_and_sink_agree(words: tuple[str, ...]) -> None:
    python = [sys.executable, "-m"]
    sink = subprocess.Popen(
        [*python, "bench.sink", "-p", "0", "-n", "200", "--run", "t"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert sink.stdout is not None
    port = sink.stdout.readline().split()[1]
    load = subprocess.run(
        [*python, "bench.load", "--target", f"127.0.0.1:{port}", "-n", "200", "-c", "5", "--run", "t",
        *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    text, _ = sink.communicate(timeout=30)
    sent, got = json.loads(load.stdout), json.loads(text)
    assert (sent["accepted"], sent["rejected"], sent["errors"]) == (200, 0, 0)
    assert (got["unique"], got["missing"], got["duplicates"], got["end"]) == (200, 0, 0, "complete")
