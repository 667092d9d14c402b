"""What a webhook costs where each event has a post of its own: `pipeline.hooks` alone.

    python -m bench.hooked [-n 600] [--rounds 5] [--dialect native] [--no-http] [--profile]

Events are taken, loaded, written, signed, posted over HTTP to a receiver of this machine (a process of its
own) and settled with their entries in the log, in this process: the loop and the store's threads. Prints
CPU microseconds an event of this process, the least and the median of the rounds; the first post, which loads
the HTTP client, is made before. `--no-http`: all of it without the HTTP client.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import tempfile
import time
from statistics import median
from typing import cast

import uvloop

from bench.followed import receiver
from bench.posthouse import free_port
from posthouse.desk import hook_keys
from posthouse.desk.hook_rotation import find_signing_key
from posthouse.desk.installation import Installation
from posthouse.dialects.table import HOOK_FORMS
from posthouse.model.clock import Ids, SystemClock
from posthouse.model.event import Event, EventKind
from posthouse.model.hook import Hook
from posthouse.model.message import Message
from posthouse.net.httpout import HttpOut, PostResult
from posthouse.observe import Counters
from posthouse.pipeline.hook_posts import HookPosts, Post, Room
from posthouse.pipeline.hooks import Hooks
from posthouse.store import events, hook_queue, hooks, identity
from posthouse.store.connection import Connection
from posthouse.store.engine import Store, each, migrate, open_store
from posthouse.store.hook_queue import HookItem
from posthouse.store.messages import Accepted, add_accepted

_ACCOUNT, _HOOK, _DOMAIN = "acc", "hook", "shop.test"
_DATA = {"attempt": 1, "code": 250, "enhanced": "2.0.0", "text": "Ok: taken", "mx": "mx.rcpt.test"}
_CLOCK = SystemClock()
_IDS = Ids(_CLOCK)
_INSTALLATION = Installation(b"k" * 32)


def _found(conn: Connection, url: str, dialect: str) -> None:
    """An account with a receiver and a key that signs."""
    now = _CLOCK.now()
    identity.ensure_account(conn, "default", id=_ACCOUNT, now=now)
    hooks.add_hook(conn, Hook(_HOOK, _ACCOUNT, "", dialect, url, frozenset(EventKind), created_at=now))
    made = hook_keys.make(dialect)
    hook_keys.store(conn, _INSTALLATION, _IDS, now, made, account_id=_ACCOUNT, dialect=dialect)


def _fill(conn: Connection, count: int) -> None:
    """So many events, each of a message of its own, that wait for the receiver."""
    made = [_happened(conn, f"u{number}@rcpt.test") for number in range(count)]
    events.append(conn, made)
    hook_queue.enqueue(conn, [HookItem(_HOOK, event.id, event.at, event.at + 86400) for event in made])


def _happened(conn: Connection, recipient: str) -> Event:
    now, id = _CLOCK.now(), _IDS.new()
    message = Message(
        id, _ACCOUNT, _DOMAIN, "app", f"app@{_DOMAIN}", "x", f"<{id}@{_DOMAIN}>", 10240, now, now + 86400
    )
    add_accepted(conn, [Accepted(message, b"", [], [])])
    where = (_ACCOUNT, _DOMAIN, id, f"{id}.0000", recipient)
    return Event(_IDS.new(), EventKind.DELIVERED, now, *where, data=_DATA)


class _NoHttp:
    """Takes every post at once."""

    async def post(self, *_: object, total_s: float) -> PostResult:
        return PostResult(204, "")

    async def close(self) -> None:
        pass


def _hooks(store: Store, post: Post) -> Hooks:
    posts = HookPosts(
        store=store,
        clock=_CLOCK,
        ids=_IDS,
        post=post,
        key_of=lambda conn, *place: find_signing_key(conn, _INSTALLATION, *place, _CLOCK.now()),
        worker_id="bench",
        counters=Counters(),
        room=Room(1 << 26),
    )
    return Hooks(store=store, clock=_CLOCK, forms=HOOK_FORMS, posts=posts, worker_id="bench", keep_s=86400.0)


def _http() -> HttpOut:
    return HttpOut(allows_private=True, most=0, most_per_host=0)


async def run(url: str, store_url: str, a: argparse.Namespace) -> list[float]:
    """CPU microseconds an event, a figure for each round."""
    store, found = open_store(store_url, asyncio.get_running_loop(), clock=_CLOCK), list[float]()
    try:
        await store.write(each(_found), (url, a.dialect))
        serving = _hooks(store, cast(Post, _NoHttp()) if a.no_http else _http())
        await store.write(each(_fill), (1,))
        await serving.work()
        for _ in range(a.rounds):
            await store.write(each(_fill), (a.events,))
            began = time.process_time()
            while await serving.work():
                pass
            found.append((time.process_time() - began) / a.events * 1e6)
        await serving._stop()
    finally:
        await store.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="what a webhook costs whose events have a post each")
    parser.add_argument("-n", "--events", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dialect", default="native", choices=["native", "mailgun"])
    parser.add_argument("--no-http", action="store_true", help="without the HTTP client")
    parser.add_argument("--profile", action="store_true", help="where the loop's time goes")
    a = parser.parse_args()
    port, profile = free_port(), cProfile.Profile()
    with tempfile.TemporaryDirectory(prefix="posthouse-hooked-") as folder, receiver(port):
        store_url = f"sqlite:///{folder}/posthouse.db"
        migrate(store_url)
        if a.profile:
            profile.enable()
        found = uvloop.run(run(f"http://127.0.0.1:{port}/in", store_url, a))
        profile.disable()
    if a.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    print(json.dumps({"least_us": round(min(found)), "median_us": round(median(found))}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
