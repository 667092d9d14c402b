"""What signing in costs: `python -m bench.signin [--sign-ins N] [--tries N] [--samples N] [--store URL]`.

Four measurements, each with its verdict:

1. in this process: `recognise` and the welcome alone, and the engine from the AUTH line to its 235.
2. over sockets: CPU (user and system) of the worker for connections with EHLO, AUTH PLAIN with an initial
   response, QUIT, minus the same connections without the AUTH line; the difference is the sign-in with its
   own read and write. The identity view is warm. Target: 120 us.
3. how long what was revoked still works: from the commit to the last refusal over sessions on all workers,
   two of them where the store is PostgreSQL. Target: 1 s.
4. whether an unknown login and a wrong password take the same time: samples in turns, each from an address
   and for a login of its own, so that no refusal is held back. Mann-Whitney U, and the difference of the
   medians with its bootstrap interval.

Prints JSON. Store and house live in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import math
import multiprocessing
import random
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, cast

from bench.meter import cpu_of
from bench.posthouse import DOMAIN, House
from posthouse.desk import accounts, credentials
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.desk.last_use import LastUses
from posthouse.dialects.table import session_limits
from posthouse.doors.session_parts import SessionParts
from posthouse.doors.sessions import SubmissionSession
from posthouse.doors.throttle import Throttle
from posthouse.model.clock import Ids, SystemClock
from posthouse.net.board import Board
from posthouse.smtp.events import AuthTry, Limits
from posthouse.smtp.server import ServerEngine
from posthouse.store.engine import connect, open_store

TARGET_US, TARGET_S, ALPHA = 120.0, 1.0, 0.01
CLIENTS = 4
BLOCKS = 10
SESSIONS = 16
MOST_TIMED = 4000


def plain(user: str, password: str) -> bytes:
    return base64.b64encode(f"\0{user}\0{password}".encode())


def address(number: int) -> str:
    """An address of this machine; far more of them than a listening port has ports for one."""
    return f"127.{1 + number // 62500 % 200}.{number // 250 % 250}.{1 + number % 250}"


class Line:
    """A blocking connection, reading one reply at a time."""

    def __init__(self, port: int, source: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.read()

    def read(self) -> bytes:
        data = b""
        while not (data.endswith(b"\r\n") and data.splitlines()[-1][3:4] == b" "):
            got = self.socket.recv(4096)
            if not got:
                break
            data += got
        return data

    def say(self, line: bytes) -> bytes:
        self.socket.sendall(line + b"\r\n")
        return self.read()

    def close(self) -> None:
        self.socket.close()


# -- 1: in this process


async def in_process(house: House, count: int) -> dict[str, float]:
    """CPU microseconds a sign-in: what is ours alone, and with the engine around it."""
    clock = SystemClock()
    view = IdentityView(Installation.load_or_make(house.folder / "var"), "us")
    store = open_store(house.store, asyncio.get_running_loop())
    await view.refresh(store)
    row = Board(1).row(0)
    nothing = cast(Any, None)
    parts = SessionParts(
        identity=view,
        store=store,
        intake=nothing,
        reader=nothing,
        budget=nothing,
        throttle=Throttle(clock, row),
        last_uses=LastUses(store, clock),
        allow_unqualified=bool,
        queue_id_in_reply=False,
        limits=session_limits([], []),
        connections=row,
    )
    event = AuthTry("PLAIN", house.login, house.password)
    session = SubmissionSession(parts, nothing, "192.0.2.7")

    def ours() -> None:
        reply = session.on_event(event, nothing)
        assert reply and reply.code == 235

    line = b"AUTH PLAIN " + plain(house.login, house.password) + b"\r\n"
    engines = [_greeted() for _ in range(count)]
    found = {"recognise_and_welcome_us": _cpu_us(ours, count)}
    waiting = iter(engines)

    def with_engine() -> None:
        engine = next(waiting)
        engine.receive(line)
        asked = engine.next_event()
        assert asked is not None
        reply = session.on_event(asked, nothing)
        assert reply is not None
        engine.reply(reply)
        assert engine.to_send().startswith(b"235")

    found["with_engine_us"] = _cpu_us(with_engine, count)
    await store.close()
    return found


def _greeted() -> ServerEngine:
    engine = ServerEngine("mail.test", Limits(), offers_tls=True, auth="always")
    engine.start()
    engine.receive(b"EHLO client.test\r\n")
    while engine.next_event():
        pass
    engine.to_send()
    return engine


def _cpu_us(work: Callable[[], None], count: int) -> float:
    begin = time.process_time()
    for _ in range(count):
        work()
    return round((time.process_time() - begin) / count * 1e6, 1)


# -- 2: over sockets


def over_sockets(house: House, count: int) -> dict[str, Any]:
    """CPU of the house for each sign-in: connections with AUTH minus as many without, in blocks by turns, for
    what else runs on the machine drifts. All blocks count for the figure; their spread says what it is worth.
    """
    auth = b"AUTH PLAIN " + plain(house.login, house.password)
    block = max(CLIENTS, count // BLOCKS)
    _visit(house, b"", min(2000, count))  # warm
    pairs = [(_visit(house, b"", block), _visit(house, auth, block)) for _ in range(BLOCKS)]
    without, with_auth = (sum(each) / (block * BLOCKS) * 1e6 for each in zip(*pairs, strict=True))
    blocks = sorted((after - before) / block * 1e6 for before, after in pairs)
    return {
        "sign_ins": block * BLOCKS,
        "connection_without_us": round(without, 1),
        "connection_with_us": round(with_auth, 1),
        "sign_in_us": round(with_auth - without, 1),
        "blocks_us": [round(each, 1) for each in blocks],
        "target_us": TARGET_US,
        "is_met": with_auth - without <= TARGET_US,
    }


def _visit(house: House, auth: bytes, count: int) -> float:
    """CPU seconds of the house for `count` connections."""
    before = cpu_of(house.pids())
    with multiprocessing.get_context("fork").Pool(CLIENTS) as pool:
        good = pool.map(partial(_visits, house.port, auth, count // CLIENTS), range(CLIENTS))
    assert sum(good) == count // CLIENTS * CLIENTS, f"only {sum(good)} of {count} went well"
    return cpu_of(house.pids()) - before


def _visits(port: int, auth: bytes, count: int, client: int) -> int:
    good = 0
    for number in range(count):
        line = Line(port, address(client * 50000 + number % 50000))
        line.say(b"EHLO client.test")
        good += not auth or line.say(auth).startswith(b"235")
        line.say(b"QUIT")
        line.close()
    return good


# -- 3: revoking


def revoking(house: House, tries: int) -> dict[str, Any]:
    """Seconds from the commit of a revocation until the last of some sessions is refused."""
    found: list[float] = []
    for number in range(tries):
        login = f"gone{number}@{DOMAIN}"
        password = _new_users(house, [login])[login]
        auth = b"AUTH PLAIN " + plain(login, password)
        lines = [Line(house.port, address(number * SESSIONS + each)) for each in range(SESSIONS)]
        for line in lines:
            line.say(b"EHLO client.test")
            assert line.say(auth).startswith(b"235")
        with connect(house.store) as conn:
            with conn.transaction():
                own = accounts.own_account(conn)
                credentials.revoke(conn, time.time(), account_id=own, login=login)
            begin = time.monotonic()
            found.append(_until_out(lines) - begin)
    return {
        "tries": tries,
        "sessions": SESSIONS,
        "workers": len(_workers(house)),
        "median_s": round(statistics.median(found), 3),
        "slowest_s": round(max(found), 3),
        "target_s": TARGET_S,
        "is_met": max(found) <= TARGET_S,
    }


def _until_out(lines: list[Line]) -> float:
    while lines:
        lines = [line for line in lines if not _is_out(line)]
        time.sleep(0.002)
    return time.monotonic()


def _is_out(line: Line) -> bool:
    answer = line.say(f"MAIL FROM:<me@{DOMAIN}>".encode())
    line.say(b"RSET")
    if answer.startswith(b"535"):
        line.close()
        return True
    return False


# -- 4: unknown login or wrong password


def same_time(house: House, samples: int) -> dict[str, Any]:
    """Compares the times of refusals, taken in turns."""
    samples = min(samples, MOST_TIMED)
    known = list(_new_users(house, [f"known{number:05d}@{DOMAIN}" for number in range(samples)]))
    unknown = [f"nobod{number:05d}@{DOMAIN}" for number in range(samples)]
    time.sleep(1.0)  # the view has them all
    spans: tuple[list[float], list[float]] = ([], [])
    order = list(chain.from_iterable(zip(enumerate(known), enumerate(unknown), strict=True)))
    for place, (number, login) in enumerate(order):
        spans[place % 2].append(_refused_in(house.port, address(100_000 + place), login, number))
    wrong, nobody = spans
    p = mann_whitney(wrong, nobody)
    low, high = _interval(wrong, nobody)
    return {
        "samples_each": samples,
        "wrong_password_median_us": round(statistics.median(wrong) * 1e6, 1),
        "unknown_login_median_us": round(statistics.median(nobody) * 1e6, 1),
        "difference_us_99_percent": [round(low * 1e6, 1), round(high * 1e6, 1)],
        "mann_whitney_p": round(p, 4),
        "verdict": "no difference found" if p > ALPHA else "THEY DIFFER",
    }


def _refused_in(port: int, source: str, login: str, number: int) -> float:
    line = Line(port, source)
    line.say(b"EHLO client.test")
    auth = b"AUTH PLAIN " + plain(login, f"wrong password {number:05d}")
    time.sleep(0.055)  # past the pause between two looks, which would hide what there is
    begin = time.perf_counter()
    answer = line.say(auth)
    span = time.perf_counter() - begin
    assert answer.startswith(b"535"), answer
    line.close()
    return span


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> float:
    """Two-sided p of the rank test, with the normal approximation and its correction for ties."""
    joined = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks, ties, place = 0.0, 0.0, 0
    while place < len(joined):
        end = place
        while end < len(joined) and joined[end][0] == joined[place][0]:
            end += 1
        rank = (place + 1 + end) / 2
        ranks += rank * sum(1 for _, which in joined[place:end] if which == 0)
        ties += (end - place) ** 3 - (end - place)
        place = end
    n, m, total = len(one), len(other), len(joined)
    u = ranks - n * (n + 1) / 2
    spread = math.sqrt(n * m / 12 * ((total + 1) - ties / (total * (total - 1))))
    return math.erfc(abs(u - n * m / 2) / spread / math.sqrt(2)) if spread else 1.0


def _interval(one: list[float], other: list[float]) -> tuple[float, float]:
    """The middle 99 % of the bootstrapped difference of medians."""
    chance = random.Random(1)

    def median_of(values: list[float]) -> float:
        return statistics.median(chance.choices(values, k=len(values)))

    found = sorted(median_of(one) - median_of(other) for _ in range(1000))
    return found[5], found[-6]


# -- the houses


def _new_users(house: House, logins: list[str]) -> dict[str, str]:
    """Passwords by login, all made in one transaction."""
    clock = SystemClock()
    ids, installation = Ids(clock), Installation.load_or_make(house.folder / "var")
    with connect(house.store) as conn, conn.transaction():
        own = accounts.own_account(conn)
        return {
            login: credentials.issue(
                conn, installation, ids, clock.now(), account_id=own, login=login
            ).password
            for login in logins
        }


def _workers(house: House) -> list[int]:
    """The supervisor's children; those that sign are theirs."""
    children = Path(f"/proc/{house.pid}/task/{house.pid}/children").read_text().split()
    return [int(pid) for pid in children]


@contextmanager
def running(folder: Path, store: str = "") -> Iterator[House]:
    """A house that serves; with two workers where its store allows that."""
    house = House(folder, 1, store=store, env={"POSTHOUSE_WORKERS": "2"} if store else None)
    house.set_up().start()
    try:
        yield house
    finally:
        house.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sign-ins", type=int, default=100_000)
    parser.add_argument("--tries", type=int, default=50)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--store", default="", help="a fresh PostgreSQL database for the third measurement")
    chosen = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="posthouse-signin-") as name:
        with running(Path(name) / "one") as house:
            found["in_process"] = asyncio.run(in_process(house, min(50_000, chosen.sign_ins)))
            found["over_sockets"] = over_sockets(house, chosen.sign_ins)
            found["same_time"] = same_time(house, chosen.samples)
        with running(Path(name) / "two", chosen.store) as house:
            found["revoking"] = revoking(house, chosen.tries)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
