"""Small keepers: the lease, the nudges, the recent letters, upkeep's bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio

from blank_store import make_store
from posthouse.model.clock import FakeClock
from posthouse.model.errors import TryLater
from posthouse.model.message import Message
from posthouse.pipeline import upkeep
from posthouse.pipeline.fold import Fold
from posthouse.pipeline.lease import FENCE_S, STALE_S, Lease
from posthouse.pipeline.letters import Loaded, RecentLetters
from posthouse.pipeline.nudges import FLUSH, RESUME, NudgeWatch
from posthouse.pipeline.upkeep import Chore, Keep, Upkeep
from posthouse.store import events, hook_keys, identity, workers
from posthouse.store.engine import Connection, Store, each, open_store
from posthouse.store.hook_keys import SealedHookKey
from unit.pipeline.small_world import World

AWAY = TryLater(451, "4.3.0", "away")


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path}/posthouse.db"
    make_store(url)
    opened = open_store(url, asyncio.get_running_loop())
    yield opened
    await opened.close()


class Beats:
    """A store that answers heartbeats as told, and takes time about it."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.answer: bool | Exception = True
        self.takes_s = 0.0

    def write(self, fn: Any, item: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.clock.advance(self.takes_s)
        if isinstance(self.answer, Exception):
            future.set_exception(self.answer)
        else:
            future.set_result(self.answer)
        return future


def lease() -> tuple[Lease, Beats, FakeClock, list[str]]:
    clock, ends = FakeClock(), list[str]()
    beats = Beats(clock)
    return Lease(cast(Any, beats), clock, "me", lambda: ends.append("dead")), beats, clock, ends


# -- the lease: F15, F17 -----------------------------------------------------------------------------------


async def test_a_lease_ends_by_itself_without_beats() -> None:
    mine, beats, clock, ends = lease()
    assert mine.holds()
    clock.advance(FENCE_S - 0.1)
    assert mine.holds()
    clock.advance(0.1)
    assert not mine.holds()
    beats.answer = AWAY
    await mine._beat()
    assert not mine.holds() and not ends
    beats.answer = True
    await mine._beat()
    assert mine.holds()


async def test_a_beat_counts_from_when_it_was_begun() -> None:
    """A store that took 15 s over it says nothing about now."""
    mine, beats, clock, _ = lease()
    beats.takes_s = 15.0
    await mine._beat()
    clock.advance(4.9)
    assert mine.holds()
    clock.advance(0.2)
    assert not mine.holds()


async def test_whoever_was_declared_dead_is_told_and_gains_nothing() -> None:
    mine, beats, clock, ends = lease()
    clock.advance(FENCE_S)
    beats.answer = False
    await mine._beat()
    assert ends == ["dead"] and not mine.holds()


async def test_the_fence_comes_before_the_funeral() -> None:
    assert FENCE_S + 5 <= STALE_S == workers.STALE_S


async def test_nobody_is_buried_during_and_soon_after_an_outage() -> None:
    """While the store was away nobody could beat: the living look dead until they had time to."""
    mine, beats, clock, _ = lease()
    assert mine.may_bury()
    for _ in range(10):
        clock.advance(5)
        await mine._beat()
        assert mine.may_bury()
    beats.answer = AWAY
    clock.advance(60)
    await mine._beat()
    assert not mine.may_bury()
    beats.answer = True
    await mine._beat()
    assert mine.holds() and not mine.may_bury()
    for _ in range(6):
        clock.advance(5)
        await mine._beat()
    assert mine.may_bury()


async def test_a_real_store_knows_the_living_and_the_dead(store: Store) -> None:
    clock, ends = FakeClock(), []
    mine = Lease(store, clock, "me", lambda: ends.append("dead"))
    await store.write(each(workers.register), (workers.Worker("me", "here", 1, clock.now(), clock.now()),))
    await mine._beat()
    assert not ends
    clock.advance(STALE_S + 1)
    assert await store.write(each(workers.take_over), (clock.now(),)) == ["me"]
    await mine._beat()
    assert ends == ["dead"] and not mine.holds()


# -- nudges ------------------------------------------------------------------------------------------------


async def test_nudges_of_the_past_are_not_obeyed_new_ones_once(store: Store) -> None:
    flushed: list[str] = []
    watch = NudgeWatch(store, flushed.append)
    await store.write(each(workers.nudge), (FLUSH, ""))
    await watch.look()
    assert flushed == [], "it was there before we were"
    await watch.look()
    assert flushed == []
    await store.write(each(workers.nudge), (FLUSH, ""))
    await store.write(each(workers.nudge), (FLUSH, "again"))
    await watch.look()
    assert flushed == [""], "two at once are one"
    await watch.look()
    assert flushed == [""]


async def test_other_nudges_flush_nothing(store: Store) -> None:
    flushed: list[str] = []
    watch = NudgeWatch(store, flushed.append)
    await watch.look()
    await store.write(each(workers.nudge), ("something", "else"))
    await watch.look()
    assert flushed == []
    await store.write(each(workers.nudge), (FLUSH, ""))
    await watch.look()
    assert flushed == [""]


async def test_a_first_nudge_in_an_empty_store_is_obeyed(store: Store) -> None:
    flushed: list[str] = []
    watch = NudgeWatch(store, flushed.append)
    await watch.look()
    await store.write(each(workers.nudge), (FLUSH, ""))
    await watch.look()
    assert flushed == [""]


async def test_a_nudge_about_one_site_names_it(store: Store) -> None:
    told: list[str] = []
    watch = NudgeWatch(store, told.append)
    await watch.look()
    for site in ("mx.one.test", "mx.one.test", "mx.two.test"):
        await store.write(each(workers.nudge), (RESUME, site))
    await watch.look()
    assert sorted(told) == ["mx.one.test", "mx.two.test"]


# -- recent letters ----------------------------------------------------------------------------------------


def loaded(name: str, size: int) -> Loaded:
    return Loaded(Message(name, "acc", "d", "c", "", "", "", size, 0.0, 1.0), b"x" * size)


def test_recent_letters_are_bounded_by_bytes_and_the_oldest_go() -> None:
    recent = RecentLetters(100)
    for name in "abc":
        recent.put(loaded(name, 40))
    assert [bool(recent.get(name)) for name in "abc"] == [False, True, True]


def test_who_was_asked_for_lately_stays() -> None:
    recent = RecentLetters(100)
    recent.put(loaded("a", 40))
    recent.put(loaded("b", 40))
    assert recent.get("a")
    recent.put(loaded("c", 40))
    assert [bool(recent.get(name)) for name in "abc"] == [True, False, True]


def test_one_letter_may_be_larger_than_all_but_keeps_no_company() -> None:
    recent = RecentLetters(100)
    recent.put(loaded("a", 40))
    recent.put(loaded("huge", 1000))
    assert recent.get("huge") and not recent.get("a")
    recent.put(loaded("b", 40))
    assert recent.get("b") and not recent.get("huge")
    recent.put(loaded("c", 40))
    assert recent.get("b"), "what the huge one took is free again"


def test_a_letter_that_is_known_is_not_replaced() -> None:
    """Its signature would be lost."""
    recent = RecentLetters(100)
    first = loaded("a", 40)
    recent.put(first)
    recent.put(loaded("a", 40))
    assert recent.get("a") is first
    recent.put(loaded("b", 40))
    assert recent.get("a") is first, "and counts once"


# -- upkeep ------------------------------------------------------------------------------------------------


def housekeeper(world: World, may_bury: bool = True) -> Upkeep:
    return Upkeep(
        store=world.store,
        clock=world.clock,
        keep=Keep(3 * 86400, 90 * 86400, 92 * 86400, 365 * 86400),
        expire=world.fetcher.expire,
        dispatcher=world.dispatcher,
        custody=world.custody,
        may_bury=lambda: may_bury,
    )


async def test_upkeep_takes_over_from_the_dead_unless_it_was_away_itself(world: World) -> None:
    now = world.clock.now()
    await world.store.write(each(workers.register), (workers.Worker("worker-1", "here", 1, now, now),))
    await world.store.write(each(workers.register), (workers.Worker("old", "there", 2, now, now - 60),))
    await housekeeper(world, may_bury=False)._look_at_neighbours()
    assert len(await world.store.read(workers.live, 0.0)) == 2
    await housekeeper(world)._look_at_neighbours()
    assert [worker.id for worker in await world.store.read(workers.live, 0.0)] == ["worker-1"]


async def test_expiry_goes_on_until_nothing_is_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """F35 in chunks: letters that never got their turn fail with 5.4.7."""
    monkeypatch.setattr(upkeep, "_CHUNK", 3)
    world.dispatcher._hands_over = False
    await world.accept(*[f"u{number}@good.test" for number in range(10)])
    world.clock.advance(5 * 86400 + 1)
    await housekeeper(world)._expire()
    await world.at_rest()
    assert world.states() == {"failed": 10} and world.courier.begun == []


async def test_expiry_ends_although_this_worker_stops(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_CHUNK", 3)
    world.dispatcher._hands_over = False
    await world.accept(*[f"u{number}@good.test" for number in range(10)])
    world.clock.advance(5 * 86400 + 1)
    await world.dispatcher.stop(0.1)
    await asyncio.wait_for(housekeeper(world)._expire(), 60)
    assert world.states() == {"waiting": 10}


async def test_a_job_of_upkeep_that_fails_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    async def sometimes() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise AWAY

    working = asyncio.ensure_future(housekeeper(world)._every(Chore("sometimes", 0.001, sometimes)))
    while len(tries) < 4:
        await asyncio.sleep(0)
        assert not working.done()
    working.cancel()


async def test_old_events_go_in_bounded_chunks_with_pauses(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_CHUNK", 3)
    monkeypatch.setattr(upkeep, "_PAUSE_S", 0.0)
    chunks: list[int] = []
    drop = events.drop_before

    def counted(conn: Connection, before: float, most: int) -> int:
        chunks.append(drop(conn, before, most))
        return chunks[-1]

    monkeypatch.setattr(upkeep.events, "drop_before", counted)
    await world.accept(*[f"u{number}@good.test" for number in range(4)])
    await world.at_rest()
    await Fold(world.store, []).go()
    world.clock.advance(91 * 86400)
    await housekeeper(world)._retain()
    assert chunks == [3, 3, 2], "four accepted, four delivered"
    assert await world.store.read(events.search, events.EventQuery()) == []


async def test_WH_1_an_old_key_that_signs_posts_goes_when_its_time_is_over(world: World) -> None:
    def rotate(conn: Connection) -> None:
        identity.ensure_account(conn, "default", id="acc", now=world.clock.now())
        for number in (1, 2):
            hook_keys.end_hook_keys(conn, "acc", "", "native", world.clock.now() + 3600)
            at = world.clock.now() + number
            key = SealedHookKey(f"k{number}", "acc", "", "native", "standard-webhooks", b"x", "", at)
            hook_keys.add_hook_key(conn, key)

    async def held() -> list[str]:
        return [key.id for key in await world.store.read(hook_keys.list_hook_keys, "acc")]

    await world.store.write(each(rotate), ())
    await housekeeper(world)._retain()
    assert await held() == ["k1", "k2"]
    world.clock.advance(3600)
    await housekeeper(world)._retain()
    assert await held() == ["k2"]
