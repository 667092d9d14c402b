"""SMTP load generator: N messages over C connections that are kept open; prints one JSON line.

Each message carries `X-Bench-Id: RUN SEQ` and `X-Bench-Time: <monotonic ns>`, so that the sink can count
losses and duplicates and measure arrival times. Recipients are `uSEQ.K@DOMAIN`. With pipelining MAIL, RCPT
and DATA go out in one write (RFC 2920); line by line each waits for its reply. A rate makes the load
open-loop: messages start when their turn has come, never faster.

    python -m bench.load --target 127.0.0.1:2525 --auth user@lab.test:secret -n 10000 -c 20 -s 10240

What can go wrong: a refused sign-in ends the run; a lost connection counts its message as an error and is
opened again; other refusals are counted, the first is quoted.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import resource
import socket
import ssl
import sys
import time
from dataclasses import dataclass, field
from typing import cast

import uvloop

_HEAD = (
    "From: Bench Sender <{sender}>\r\nTo: u{seq}@{domain}\r\nSubject: Bench message {seq}\r\n"
    "Date: Sat, 21 Nov 2026 00:00:00 +0000\r\nMessage-ID: <{run}.{seq}@lab.test>\r\n"
    "X-Bench-Id: {run} {seq}\r\nX-Bench-Time: {now}\r\nMIME-Version: 1.0\r\n"
    "Content-Type: {kind}; charset=us-ascii\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Order:
    """What to send: sizes in bytes, `rate` in messages a second (0: as fast as it goes)."""

    host: str
    port: int
    messages: int
    connections: int
    size: int
    run: str
    user: str = ""
    password: str = ""
    sender: str = "sender@lab.test"
    domain: str = "rcpt.test"
    domains: int = 1
    recipients: int = 1
    first: int = 0
    rate: float = 0.0
    per_connection: int = 0
    tls: str = "none"
    pipelining: bool = True
    timeout_s: float = 900.0
    is_html: bool = False


@dataclass(slots=True)
class Tally:
    """What happened so far; times are monotonic nanoseconds."""

    started: int = 0
    accepted: int = 0
    rejected: int = 0
    errors: int = 0
    first_ns: int = 0
    last_ok_ns: int = 0
    first_error: str = ""
    took_ns: list[int] = field(default_factory=list)

    @property
    def finished(self) -> int:
        return self.accepted + self.rejected + self.errors


def text_of(size: int) -> bytes:
    """About `size` bytes of printable text in 76-character lines without a leading dot, and the final dot."""
    words = ("parcel", "letter", "stamp", "post", "road", "coach", "horse", "inn", "rider", "lamp", "gate")
    lines: list[str] = []
    length, at = 0, 0
    while length < size:
        line = ""
        while len(line) < 68:
            line += words[at * 7 % len(words)] + " "
            at += 1
        line = line[: min(74, max(1, size - length - 2))].rstrip() or "z"
        lines.append(line)
        length += len(line) + 2
    return "\r\n".join(lines).encode() + b"\r\n.\r\n"


def html_of(size: int, links: int = 10) -> bytes:
    """About `size` bytes of HTML with so many links, and the final dot."""
    filler = text_of(max(1, (size - 200) // links - 90)).removesuffix(b".\r\n")
    part = '<p>Item {n}: <a href="https://shop.example/items/{n}?ref=bench&amp;id={n}">look</a></p>\r\n<p>'
    parts = [part.format(n=n).encode() + filler + b"</p>\r\n" for n in range(links)]
    return b"<html><body>\r\n" + b"".join(parts) + b"</body></html>\r\n.\r\n"


class Load:
    """One run: hands out messages to its connections until all are answered."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.tally = Tally()
        self.text = html_of(order.size) if order.is_html else text_of(order.size)
        self.loop = asyncio.get_running_loop()
        self.done = self.loop.create_future()
        self.idle: list[Sender] = []
        self.tls = _tls_context() if order.tls != "none" else None

    async def run(self) -> Tally:
        """Opens the connections, waits until every message has its answer or the time is over."""
        for _ in range(min(self.order.connections, self.order.messages)):
            await self.open()
        if self.order.rate:
            self._pace(time.perf_counter())
        try:
            await asyncio.wait_for(self.done, self.order.timeout_s)
        except TimeoutError:
            self.trouble(f"gave up after {self.order.timeout_s} s")
        return self.tally

    async def open(self) -> None:
        order = self.order
        await self.loop.create_connection(
            lambda: Sender(self),
            order.host,
            order.port,
            ssl=self.tls if order.tls == "implicit" else None,
            server_hostname="mail.lab.test" if order.tls == "implicit" else None,
        )

    def reopen(self) -> None:
        """After a lost connection: another one, a moment later."""
        if self.tally.started < self.order.messages and self.tally.errors < 1000:
            self.loop.call_later(0.05, lambda: self.loop.create_task(self._reopen()))

    async def _reopen(self) -> None:
        try:
            await self.open()
        except OSError as error:
            self.trouble(f"connect: {error}")
            self.loop.call_later(0.5, lambda: self.loop.create_task(self._reopen()))

    def _pace(self, since: float) -> None:
        """Open loop: as many messages as are due by now, each on an idle connection."""
        due = int((time.perf_counter() - since) * self.order.rate)
        while self.idle and self.tally.started < min(due, self.order.messages):
            self.idle.pop().begin()
        if not self.done.done():
            self.loop.call_later(0.002, self._pace, since)

    def trouble(self, text: str) -> None:
        if not self.tally.first_error:
            self.tally.first_error = text[:300]

    def check_end(self) -> None:
        if self.tally.finished >= self.order.messages and not self.done.done():
            self.done.set_result(None)


class Sender(asyncio.Protocol):
    """One connection. `_on` is the method that takes the next reply."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.order = load.order
        self.tally = load.tally
        self.pipelining = False
        self.sent = 0
        self.seq = -1
        self.is_open_message = False
        self.rest = b""
        self._on = self._greeting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, error: Exception | None) -> None:
        if self.is_open_message:
            self.tally.errors += 1
            self.load.trouble("connection lost")
            self.load.check_end()
        elif self._on != self._quit:
            self.load.trouble("connection lost before a message")
        if self in self.load.idle:
            self.load.idle.remove(self)
        self.load.reopen()

    def data_received(self, data: bytes) -> None:
        if self.rest:
            data = self.rest + data
        lines = data.split(b"\r\n")
        self.rest = lines.pop()
        for line in lines:
            if line[3:4] != b"-":
                self._on(line)
            elif line[4:] == b"PIPELINING":
                self.pipelining = self.order.pipelining

    # -- before the first message

    def _greeting(self, line: bytes) -> None:
        if line[:1] != b"2":
            self.load.trouble(line.decode("latin-1"))
            return
        self._on = self._ehlo
        self.transport.write(b"EHLO bench.lab.test\r\n")

    def _ehlo(self, line: bytes) -> None:
        if self.order.tls == "starttls" and self.transport.get_extra_info("ssl_object") is None:
            self._on = self._starttls
            self.transport.write(b"STARTTLS\r\n")
        elif self.order.user:
            self._on = self._auth
            word = base64.b64encode(f"\0{self.order.user}\0{self.order.password}".encode())
            self.transport.write(b"AUTH PLAIN " + word + b"\r\n")
        else:
            self._ready()

    def _starttls(self, line: bytes) -> None:
        if line[:3] != b"220":
            self._fatal(f"STARTTLS refused: {line!r}")
            return
        self._on = self._nothing
        self.upgrade = self.load.loop.create_task(self._upgrade())

    async def _upgrade(self) -> None:
        assert self.load.tls is not None
        transport = await self.load.loop.start_tls(
            self.transport, self, self.load.tls, server_hostname="mail.lab.test"
        )
        assert transport is not None
        self.transport = transport
        self._on = self._ehlo
        self.transport.write(b"EHLO bench.lab.test\r\n")

    def _nothing(self, line: bytes) -> None:
        self._fatal(f"reply without a command: {line!r}")

    def _auth(self, line: bytes) -> None:
        if line[:3] != b"235":
            self._fatal(f"AUTH refused: {line.decode('latin-1')}")
            return
        self._ready()

    def _fatal(self, text: str) -> None:
        self.load.trouble(text)
        if not self.load.done.done():
            self.load.done.set_result(None)

    # -- messages

    def _ready(self) -> None:
        """Takes the next message, or waits for its turn, or leaves."""
        order = self.order
        if self.tally.started >= order.messages or (0 < order.per_connection <= self.sent):
            self._on = self._quit
            self.transport.write(b"QUIT\r\n")
        elif order.rate:
            self._on = self._nothing
            self.load.idle.append(self)
        else:
            self.begin()

    def begin(self) -> None:
        """Starts one message on this connection."""
        order, tally = self.order, self.tally
        self.seq = order.first + tally.started
        tally.started += 1
        self.sent += 1
        self.is_open_message = True
        self.refused = False
        self.began_ns = time.monotonic_ns()
        if not tally.first_ns:
            tally.first_ns = self.began_ns
        mail = f"MAIL FROM:<{order.sender}>\r\n"
        if self.pipelining:
            self.expected = order.recipients + 2
            self._on = self._pipelined
            self.transport.write(f"{mail}{self._rcpts()}DATA\r\n".encode())
        else:
            self._on = self._mail
            self.transport.write(mail.encode())

    def _rcpts(self) -> str:
        return "".join(
            [f"RCPT TO:<u{self.seq}.{k}@{self._domain()}>\r\n" for k in range(self.order.recipients)]
        )

    def _domain(self) -> str:
        order = self.order
        return order.domain if order.domains == 1 else f"d{self.seq % order.domains}.{order.domain}"

    def _pipelined(self, line: bytes) -> None:
        self.expected -= 1
        if line[:1] > b"3":
            self.refused = True
            self.load.trouble(line.decode("latin-1"))
        if self.expected:
            return
        if line[:3] == b"354":
            self._send_letter()
        else:
            self._on = self._reset
            self.transport.write(b"RSET\r\n")

    def _mail(self, line: bytes) -> None:
        if line[:1] != b"2":
            self._refused(line)
            return
        self._on = self._rcpt
        self.commands = self._rcpts().encode().splitlines(keepends=True)[::-1]
        self.transport.write(self.commands.pop())

    def _rcpt(self, line: bytes) -> None:
        if line[:1] != b"2":
            self._refused(line)
        elif self.commands:
            self.transport.write(self.commands.pop())
        else:
            self._on = self._data
            self.transport.write(b"DATA\r\n")

    def _data(self, line: bytes) -> None:
        if line[:3] == b"354":
            self._send_letter()
        else:
            self._refused(line)

    def _refused(self, line: bytes) -> None:
        self.load.trouble(line.decode("latin-1"))
        self._on = self._reset
        self.transport.write(b"RSET\r\n")

    def _send_letter(self) -> None:
        order = self.order
        self._on = self._answered
        head = _HEAD.format(
            sender=order.sender,
            seq=self.seq,
            domain=self._domain(),
            run=order.run,
            now=self.began_ns,
            kind="text/html" if order.is_html else "text/plain",
        )
        self.transport.write(head.encode() + self.load.text)

    def _answered(self, line: bytes) -> None:
        now = time.monotonic_ns()
        tally = self.tally
        self.is_open_message = False
        if line[:1] == b"2" and not self.refused:
            tally.accepted += 1
            tally.last_ok_ns = now
            tally.took_ns.append(now - self.began_ns)
        else:
            tally.rejected += 1
            self.load.trouble(line.decode("latin-1"))
        self._ready()
        if tally.finished >= self.order.messages:
            self.load.check_end()

    def _reset(self, line: bytes) -> None:
        self.tally.rejected += 1
        self.is_open_message = False
        self.load.check_end()
        self._ready()

    def _quit(self, line: bytes) -> None:
        self.transport.close()


def _tls_context() -> ssl.SSLContext:
    """Encrypts without verifying: the server under test has a certificate of its own making."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def quantile_ms(sorted_ns: list[int], q: float) -> float:
    """The q-quantile of sorted nanoseconds, in milliseconds."""
    if not sorted_ns:
        return 0.0
    return round(sorted_ns[round(q * (len(sorted_ns) - 1))] / 1e6, 2)


def spread_ms(took_ns: list[int]) -> dict[str, float]:
    took = sorted(took_ns)
    return {f"p{round(q * 100)}": quantile_ms(took, q) for q in (0.5, 0.95, 0.99)} | {
        "max": quantile_ms(took, 1)
    }


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def report(order: Order, tally: Tally) -> dict[str, object]:
    seconds = (tally.last_ok_ns - tally.first_ns) / 1e9 if tally.accepted else 0.0
    return {
        "sent": tally.started,
        "accepted": tally.accepted,
        "rejected": tally.rejected,
        "errors": tally.errors,
        "seconds": round(seconds, 3),
        "accept_per_s": round(tally.accepted / seconds, 1) if seconds else 0.0,
        "accept_ms": spread_ms(tally.took_ns),
        "first_ns": tally.first_ns,
        "last_ok_ns": tally.last_ok_ns,
        "cpu_s": round(cpu_seconds(), 3),
        "tool_us_per_msg": round(cpu_seconds() / max(1, tally.accepted) * 1e6, 1),
        "first_error": tally.first_error,
    }


def read_order() -> Order:
    parser = argparse.ArgumentParser(description="SMTP load generator")
    parser.add_argument("--target", default="127.0.0.1:2525", help="host:port")
    parser.add_argument("--auth", default="", help="user:password for AUTH PLAIN")
    parser.add_argument("-n", "--messages", type=int, default=1000)
    parser.add_argument("-c", "--connections", type=int, default=20)
    parser.add_argument("-s", "--size", type=int, default=10240, help="bytes of text in each message")
    parser.add_argument("-r", "--recipients", type=int, default=1)
    parser.add_argument("--run", default="r0", help="name of the run, one word")
    parser.add_argument("--first", type=int, default=0, help="first running number")
    parser.add_argument("--sender", default="sender@lab.test")
    parser.add_argument("--domain", default="rcpt.test")
    parser.add_argument("--domains", type=int, default=1, help="spread over d0..dN-1.DOMAIN")
    parser.add_argument("--rate", type=float, default=0, help="messages a second, 0 for all that goes")
    parser.add_argument("--per-connection", type=int, default=0, help="messages a connection, 0 for no end")
    parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--no-pipelining", action="store_true", help="one command at a time")
    parser.add_argument("--html", action="store_true", help="HTML with ten links instead of plain text")
    parser.add_argument("--timeout", type=float, default=900)
    a = parser.parse_args()
    host, _, port = a.target.rpartition(":")
    user, _, password = a.auth.partition(":")
    return Order(
        host=host, port=int(port), messages=a.messages, connections=a.connections, size=a.size, run=a.run,
        user=user, password=password, sender=a.sender, domain=a.domain, domains=a.domains,
        recipients=a.recipients, first=a.first, rate=a.rate, per_connection=a.per_connection, tls=a.tls,
        pipelining=not a.no_pipelining, timeout_s=a.timeout, is_html=a.html,
    )  # fmt: skip


def raise_file_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def run_load(order: Order) -> Tally:
    return await Load(order).run()


def main() -> int:
    order = read_order()
    raise_file_limit()
    tally = uvloop.run(run_load(order))
    print(json.dumps(report(order, tally)))
    return 0 if tally.accepted == order.messages else 1


if __name__ == "__main__":
    sys.exit(main())
