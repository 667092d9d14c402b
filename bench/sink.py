"""Counting SMTP sink on 127.0.0.1: takes everything, knows what is missing and what came twice.

Messages are recognised by `X-Bench-Id: RUN SEQ` (header of `bench.load`) and, with several recipients a
message, by the number K in `uSEQ.K@…`. The sink ends when everything expected is here (plus a moment that
catches late duplicates), when nothing has come for a while, or on SIGTERM; then it prints one JSON line.

A delay answers each message that much later, as a server far away would; a cap closes each connection with
421 after so many messages; a share of the messages can be refused once with 451; every K-th message can be
kept as a file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import uvloop

from bench.load import cpu_seconds, raise_file_limit, spread_ms

_EHLO = (
    b"250-sink.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
    b"250 ENHANCEDSTATUSCODES\r\n"
)
_OK = b"250 2.0.0 Ok\r\n"
_TAKEN = b"250 2.0.0 Ok: taken\r\n"
_ENVELOPE_OK = _OK + _OK + b"354 Go ahead\r\n"
_END = b"\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Wishes:
    """`expected` counts messages x recipients; delays in milliseconds, `keep_every` 0 keeps nothing."""

    run: str
    expected: int
    port: int = 2626
    recipients: int = 1
    delay_ms: int = 0
    per_connection: int = 0
    refuse_pct: int = 0
    keep_every: int = 0
    keep_dir: str = ""
    pipelining: bool = True
    idle_s: float = 30.0
    linger_s: float = 0.5
    max_s: float = 3600.0


@dataclass(slots=True)
class Count:
    total: int = 0
    unique: int = 0
    duplicates: int = 0
    foreign: int = 0
    signed: int = 0
    refused: int = 0
    connections: int = 0
    open_now: int = 0
    open_peak: int = 0
    kept: int = 0
    bytes: int = 0
    first_ns: int = 0
    last_ns: int = 0
    took_ns: list[int] = field(default_factory=list)
    per_tenth_s: dict[int, int] = field(default_factory=dict)


class Sink:
    """The count and the ports of one run."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.count = Count()
        self.seen = bytearray(max(1, wishes.expected))
        self.refused_once: set[int] = set()
        self.mark = b"\r\nX-Bench-Id: " + wishes.run.encode() + b" "
        self.loop = asyncio.get_running_loop()
        self.end = self.loop.create_future()

    def take(self, letter: bytes, rcpt: bytes) -> bytes:
        """Counts one transaction; returns the reply to its final dot."""
        now = time.monotonic_ns()
        count, wishes = self.count, self.wishes
        at = letter.find(self.mark)
        key = -1
        if at >= 0:
            start = at + len(self.mark)
            stop = letter.index(b"\r\n", start)
            key = int(letter[start:stop])
            if wishes.recipients > 1:
                key = key * wishes.recipients + int(rcpt[rcpt.index(b".") + 1 : rcpt.index(b"@")])
        if wishes.refuse_pct and self._refuses(key):
            return b"451 4.3.0 Try again\r\n"
        count.total += 1
        count.bytes += len(letter)
        if letter.startswith(b"DKIM-Signature:") or b"\r\nDKIM-Signature:" in letter[:4096]:
            count.signed += 1
        if not 0 <= key < len(self.seen):
            count.foreign += 1
            return _TAKEN
        if self.seen[key]:
            count.duplicates += 1
        else:
            count.unique += 1
            self.seen[key] = 1
        self._note_time(letter, at, now)
        if wishes.keep_every and key % wishes.keep_every == 0:
            self._keep(key, letter)
        if count.unique >= wishes.expected:
            self.loop.call_later(wishes.linger_s, self.finish, "complete")
        return _TAKEN

    def _refuses(self, key: int) -> bool:
        if key in self.refused_once or (key * 2654435761 >> 7) % 100 >= self.wishes.refuse_pct:
            return False
        self.refused_once.add(key)
        self.count.refused += 1
        return True

    def _note_time(self, letter: bytes, at: int, now: int) -> None:
        count = self.count
        if not count.first_ns:
            count.first_ns = now
        count.last_ns = now
        tenth = now // 100_000_000
        count.per_tenth_s[tenth] = count.per_tenth_s.get(tenth, 0) + 1
        start = letter.find(b"\r\nX-Bench-Time: ", at)
        if start >= 0:
            count.took_ns.append(now - int(letter[start + 16 : letter.index(b"\r\n", start + 16)]))

    def _keep(self, key: int, letter: bytes) -> None:
        clean = letter.replace(b"\r\n..", b"\r\n.")
        Path(self.wishes.keep_dir, f"{key}.eml").write_bytes(clean[1:] if clean.startswith(b"..") else clean)
        self.count.kept += 1

    def finish(self, why: str) -> None:
        if not self.end.done():
            self.end.set_result(why)

    async def watch(self, progress: bool) -> None:
        """Ends the run when nothing comes any more; shows how far it is."""
        began = time.monotonic()
        while not self.end.done():
            await asyncio.sleep(0.25)
            count, now = self.count, time.monotonic()
            if progress and sys.stderr.isatty():
                print(
                    f"\r  arrived {count.unique}/{self.wishes.expected}   ",
                    end="",
                    file=sys.stderr,
                    flush=True,
                )
            last = count.last_ns / 1e9 if count.last_ns else began
            if now - last > self.wishes.idle_s:
                self.finish("idle")
            if now - began > self.wishes.max_s:
                self.finish("timeout")


class Receiver(asyncio.Protocol):
    """One connection: commands until DATA, then bytes until the final dot; all replies of a read in one
    write."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.rest = b""
        self.parts: list[bytes] = []
        self.in_letter = False
        self.late: list[bytes] = []  # the reply that still waits for its time
        self.taken = 0
        self.rcpt = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        count = self.sink.count
        count.connections += 1
        count.open_now += 1
        count.open_peak = max(count.open_peak, count.open_now)
        self.transport.write(b"220 sink.test ESMTP\r\n")

    def connection_lost(self, error: Exception | None) -> None:
        self.sink.count.open_now -= 1

    def data_received(self, data: bytes) -> None:
        if self.late:
            self.rest += data
            return
        replies: list[bytes] = []
        while data:
            if self.in_letter:
                data = self._letter(data, replies)
            else:
                data = self._commands(data, replies)
            if self.late:
                self.rest = data
                break
        if replies:
            self.transport.write(b"".join(replies))

    def _letter(self, data: bytes, replies: list[bytes]) -> bytes:
        """Looks for the end of data, also across reads; returns what follows it."""
        if self.parts:
            tail = self.parts[-1][-4:]
            at = (tail + data).find(_END)
            end = at - len(tail) if at >= 0 else None
        else:
            at = data.find(_END)
            end = at if at >= 0 else None
        if end is None:
            if self.parts and len(data) < 4:  # a tail must always hold four bytes
                data = self.parts.pop() + data
            self.parts.append(data)
            return b""
        self.parts.append(data[: end + 2] if end > -2 else b"")
        letter = b"".join(self.parts) if len(self.parts) > 1 else self.parts[0]
        if end < -2:
            letter = letter[: end + 2]
        self.parts = []
        self.in_letter = False
        self._answer(self.sink.take(letter, self.rcpt), replies)
        return data[end + 5 :]

    def _answer(self, reply: bytes, replies: list[bytes]) -> None:
        self.taken += 1
        delay = self.sink.wishes.delay_ms
        if not delay:
            replies.append(reply)
            return
        self.late.append(reply)
        self.sink.loop.call_later(delay / 1000, self._answer_late)

    def _answer_late(self) -> None:
        reply = self.late.pop()
        if self.transport.is_closing():
            return
        self.transport.write(reply)
        data, self.rest = self.rest, b""
        if data:
            self.data_received(data)

    def _commands(self, data: bytes, replies: list[bytes]) -> bytes:
        """Runs whole lines until DATA; returns what is left for the letter or keeps an open line."""
        if self.rest:
            data, self.rest = self.rest + data, b""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            verb = data[start : start + 4].upper()
            if verb == b"RCPT":
                self.rcpt = data[start:end]
            reply = self._reply(verb)
            replies.append(reply)
            start = end + 1
            if self.in_letter:
                return data[start:]
            if reply[:2] == b"42" or verb == b"QUIT":
                self.transport.write(b"".join(replies))
                replies.clear()
                self.transport.close()
                return b""
        self.rest = data[start:]
        return b""

    def _reply(self, verb: bytes) -> bytes:
        if verb == b"MAIL":
            cap = self.sink.wishes.per_connection
            return b"421 4.7.0 Enough for one connection\r\n" if 0 < cap <= self.taken else _OK
        if verb == b"DATA":
            self.in_letter = True
            return b"354 Go ahead\r\n"
        if verb == b"EHLO":
            return _EHLO if self.sink.wishes.pipelining else _EHLO.replace(b"250-PIPELINING\r\n", b"")
        return b"221 2.0.0 Bye\r\n" if verb == b"QUIT" else _OK


def report(wishes: Wishes, count: Count, end: str) -> dict[str, object]:
    first = count.first_ns // 100_000_000
    last = count.last_ns // 100_000_000
    return {
        "end": end,
        "total": count.total,
        "unique": count.unique,
        "missing": wishes.expected - count.unique,
        "duplicates": count.duplicates,
        "foreign": count.foreign,
        "signed": count.signed,
        "refused": count.refused,
        "kept": count.kept,
        "connections": count.connections,
        "open_peak": count.open_peak,
        "first_ns": count.first_ns,
        "last_ns": count.last_ns,
        "e2e_ms": spread_ms(count.took_ns),
        "per_tenth_s": [count.per_tenth_s.get(t, 0) for t in range(first, last + 1)]
        if count.first_ns
        else [],
        "cpu_s": round(cpu_seconds(), 3),
        "tool_us_per_msg": round(cpu_seconds() / max(1, count.total) * 1e6, 1),
    }


async def run_sink(wishes: Wishes, progress: bool) -> dict[str, object]:
    sink = Sink(wishes)
    server = await sink.loop.create_server(lambda: Receiver(sink), "127.0.0.1", wishes.port, backlog=1024)
    for name in (signal.SIGTERM, signal.SIGINT):
        sink.loop.add_signal_handler(name, sink.finish, "stopped")
    print(f"listening {server.sockets[0].getsockname()[1]}", flush=True)
    watcher = asyncio.create_task(sink.watch(progress))
    end = await sink.end
    await watcher
    server.close()
    return report(wishes, sink.count, end)


def read_wishes() -> tuple[Wishes, bool]:
    parser = argparse.ArgumentParser(description="counting SMTP sink")
    parser.add_argument(
        "-p", "--port", type=int, default=2626, help="0 lets the kernel choose; printed first"
    )
    parser.add_argument("-n", "--messages", type=int, required=True)
    parser.add_argument("-r", "--recipients", type=int, default=1)
    parser.add_argument("--run", default="r0")
    parser.add_argument("--delay-ms", type=int, default=0)
    parser.add_argument("--per-connection", type=int, default=0)
    parser.add_argument("--refuse-pct", type=int, default=0)
    parser.add_argument("--keep-every", type=int, default=0)
    parser.add_argument("--keep-dir", default="")
    parser.add_argument("--no-pipelining", action="store_true")
    parser.add_argument("--idle", type=float, default=30)
    parser.add_argument("--linger", type=float, default=0.5)
    parser.add_argument("--max", type=float, default=3600)
    parser.add_argument("--progress", action="store_true")
    a = parser.parse_args()
    wishes = Wishes(
        run=a.run, expected=a.messages * a.recipients, port=a.port, recipients=a.recipients,
        delay_ms=a.delay_ms, per_connection=a.per_connection, refuse_pct=a.refuse_pct,
        keep_every=a.keep_every, keep_dir=a.keep_dir, pipelining=not a.no_pipelining, idle_s=a.idle,
        linger_s=a.linger, max_s=a.max,
    )  # fmt: skip
    return wishes, a.progress


def main() -> int:
    wishes, progress = read_wishes()
    raise_file_limit()
    result = uvloop.run(run_sink(wishes, progress))
    print(json.dumps(result))
    return 0 if result["missing"] == 0 and result["duplicates"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
