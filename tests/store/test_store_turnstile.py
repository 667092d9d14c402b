"""Fair turns: a worker that writes all the time does not starve the command line."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

from posthouse.store import identity, messages
from posthouse.store.engine import connect, migrate, open_store
from posthouse.store.turnstile import Turnstile
from store.letters import letter


def test_one_is_inside_at_a_time(tmp_path: Path) -> None:
    first, second = (Turnstile(f"{tmp_path}/db", patience_s=0.05) for _ in range(2))
    assert first.enter()
    assert first.enter()
    assert not second.enter()
    first.leave()
    assert second.enter()
    second.close()
    assert first.enter()
    first.close()


def test_who_waits_gets_in_before_who_comes_back(tmp_path: Path) -> None:
    busy, waiting = (Turnstile(f"{tmp_path}/db", patience_s=20) for _ in range(2))
    assert busy.enter()
    order: list[str] = []

    def wait() -> None:
        assert waiting.enter()
        order.append("waiting")
        waiting.leave()

    thread = threading.Thread(target=wait)
    thread.start()
    probe = Turnstile(f"{tmp_path}/db", patience_s=0)
    deadline = time.monotonic() + 10
    while probe.enter() or _may_queue(tmp_path):  # until the other stands at the turnstile
        probe.leave()
        assert time.monotonic() < deadline
    busy.leave()
    assert busy.enter()
    order.append("busy")
    busy.leave()
    thread.join(10)
    assert order == ["waiting", "busy"]
    for turnstile in (busy, waiting, probe):
        turnstile.close()


def _may_queue(folder: Path) -> bool:
    """Is the place before the door free?"""
    import fcntl

    with open(f"{folder}/db-turn", "r+") as turn:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_share_leaves_only_after_a_while(tmp_path: Path) -> None:
    turnstile = Turnstile(f"{tmp_path}/db")
    turnstile.enter()
    turnstile.share()
    assert turnstile.is_inside
    turnstile._entered_at -= 1
    turnstile.share()
    assert not turnstile.is_inside
    turnstile.close()


async def test_a_command_gets_its_turn_beside_a_busy_worker(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/posthouse.db"
    migrate(url)
    store = open_store(url, asyncio.get_running_loop())
    is_over = threading.Event()

    async def busy() -> None:
        while not is_over.is_set():
            await store.write(messages.add_accepted, letter())

    def command() -> float:
        worst = 0.0
        with connect(url) as conn:
            for number in range(10):
                begun = time.monotonic()
                with conn.transaction():
                    identity.ensure_account(conn, f"a{number}", id=f"a{number}", now=0)
                worst = max(worst, time.monotonic() - begun)
        return worst

    writers = [asyncio.create_task(busy()) for _ in range(20)]
    worst_s = await asyncio.to_thread(command)
    is_over.set()
    await asyncio.gather(*writers)
    await store.close()
    assert worst_s < 2.0  # without the turnstile it is many seconds, or SQLITE_BUSY
