"""No row stays taken by a worker that lives and does not hold it, whatever fails between store and memory."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from posthouse.model.errors import CommitInDoubt, TryLater
from posthouse.model.message import Phase, SmtpResult
from posthouse.pipeline import custody, fetch
from posthouse.pipeline.memory import MemoryBound
from posthouse.store import leftovers, messages, queue
from posthouse.store.statement import Statement
from posthouse.store.tables import content
from unit.pipeline.small_world import RAW, World, delivered, open_world, refusing, until

AWAY = TryLater(451, "4.3.0", "away")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is offered again is offered soon."""
    monkeypatch.setattr(custody, "AGAIN_S", 0.01)


async def waiting(world: World, letters: int = 3, raw: bytes = RAW, account: str = "acc") -> None:
    """Letters that are in the store and not in memory."""
    world.dispatcher._hands_over = False
    for number in range(letters):
        await world.accept(f"u{number}@good.test", raw=raw, account=account)


async def all_delivered(world: World, count: int) -> None:
    for _ in range(count):
        await world.fetch_all()
        await world.at_rest()
        if world.states() == {"delivered": count}:
            return
    raise AssertionError(f"not delivered: {world.states()}")


# -- letters and memory ------------------------------------------------------------------------------------


async def test_a_pass_larger_than_the_recent_letters_loses_none(tmp_path: Path) -> None:
    """The letters of a pass are held by the pass: what the bounded cache forgets meanwhile is not `lost`."""
    async with open_world(tmp_path, recent_bytes=1000) as world:
        await waiting(world, 8, RAW + b"x" * 400 + b"\r\n")
        await all_delivered(world, 8)
        assert world.events() == {"accepted": 8, "delivered": 8}


async def test_a_letter_that_expiry_pushes_out_of_the_cache_is_not_lost(tmp_path: Path) -> None:
    """Two passes share the cache; one is waiting for the store when the other fills it."""
    async with open_world(tmp_path, recent_bytes=1000) as world:
        await waiting(world, 1, RAW + b"x" * 600 + b"\r\n")
        world.courier.answers["good.test"] = lambda _: SmtpResult(Phase.RCPT, 450, "4.2.0", "later")
        await world.fetch_all()
        await world.at_rest()
        read = world.store.read
        del world.courier.answers["good.test"]
        await waiting(world, 1, RAW + b"y" * 600 + b"\r\n", account="other")

        async def crowded(fn: Any, *args: Any) -> Any:
            answer = await read(fn, *args)
            if fn is fetch._load_some:
                for each in list(world.fetcher._letters._letters):
                    del world.fetcher._letters._letters[each]
            return answer

        world.store.read = crowded  # type: ignore[method-assign]
        world.clock.advance(3600)
        await all_delivered(world, 2)


async def test_content_that_is_gone_fails_with_a_clear_word(world: World) -> None:
    """F26."""
    await waiting(world, 1)
    await world.store.write(lambda conn, items: [_drop_all(conn) for _ in items], None)
    await world.fetch_all()
    await world.at_rest()
    [row] = world.rows()
    assert (row["state"], row["last_code"]) == ("failed", 554)
    assert "missing" in row["last_text"]


def _drop_all(conn: Any) -> None:
    conn.change(Statement(delete(content)))


async def test_large_letters_come_into_memory_a_few_at_a_time(tmp_path: Path) -> None:
    """S9: a queue full of large letters must not be read as a whole."""
    large = RAW + b"x" * 200_000 + b"\r\n"
    async with open_world(tmp_path, bound=MemoryBound(200, 1 << 20)) as world:
        most = 0
        hold = asyncio.Event()

        async def waits(_: object) -> SmtpResult:
            await hold.wait()
            return delivered()

        fetch_bytes = fetch._LEAST_BYTES
        fetch._LEAST_BYTES = 1000
        try:
            for number in range(30):
                domain = f"d{number}.test"
                world.courier.answers[domain] = waits
                world.dispatcher._hands_over = False
                await world.accept(f"a@{domain}", raw=large)
            for _ in range(5):
                await world.fetcher.fetch()
                await world.written()
                most = max(most, world.dispatcher.bound.jobs)
            assert 4 <= most <= 12, "a mebibyte holds five; those read at once may come on top"
            assert world.states()["taken"] == most, "the others went back"
            hold.set()
            for _ in range(30):
                await world.fetch_all()
                await world.at_rest()
        finally:
            fetch._LEAST_BYTES = fetch_bytes
        assert world.states() == {"delivered": 30}


def test_parts_read_at_once_follow_the_size_of_the_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {f"m{n:03}": 10 if n < 50 else 1000 for n in range(100)}
    asked: list[int] = []

    def load_many(_: object, ids: list[str]) -> dict[str, Any]:
        asked.append(len(ids))
        return {each: (None, b"x" * sizes[each]) for each in ids}

    monkeypatch.setattr(messages, "load_many", load_many)
    conn: Any = None
    found, unread = fetch._load_some(conn, sorted(sizes), 5000)
    assert asked[0] == fetch._FIRST_PART and max(asked) <= fetch._LARGEST_PART
    assert set(found) | unread == set(sizes) and not set(found) & unread
    everything, nothing = fetch._load_some(conn, sorted(sizes), 1 << 20)
    assert len(everything) == 100 and not nothing
    assert fetch._load_some(conn, [], 10) == ({}, set())


# -- trouble between take and begin ------------------------------------------------------------------------


async def test_what_one_order_took_is_begun_although_another_failed(tmp_path: Path) -> None:
    async with open_world(tmp_path, hands_over=False) as world:
        await world.accept("ann@one.test")
        await world.accept("ann@two.test")
        world.store.submit = refusing(world, AWAY, only=queue.take)  # type: ignore[method-assign]
        assert await world.fetcher.fetch()
        await until(lambda: len(world.courier.sent) == 1)
        await world.fetch_all()
        await until(lambda: len(world.courier.sent) == 2)


async def test_letters_that_cannot_be_read_go_back(world: World) -> None:
    await waiting(world)
    read = world.store.read

    async def broken(fn: Any, *args: Any) -> Any:
        if fn is fetch._load_some:
            raise AWAY
        return await read(fn, *args)

    world.store.read = broken  # type: ignore[method-assign]
    assert not await world.fetcher.fetch()
    await until(world.is_empty)
    assert world.states() == {"waiting": 3}
    assert {row["attempt"] for row in world.rows()} == {0}
    world.store.read = read  # type: ignore[method-assign]
    await all_delivered(world, 3)


async def test_a_fetch_that_is_cancelled_gives_back(world: World) -> None:
    await waiting(world)
    loading, stuck = asyncio.Event(), asyncio.Event()
    read = world.store.read

    async def slow(fn: Any, *args: Any) -> Any:
        if fn is fetch._load_some:
            loading.set()
            await stuck.wait()
        return await read(fn, *args)

    world.store.read = slow  # type: ignore[method-assign]
    fetching = asyncio.ensure_future(world.fetcher.fetch())
    await asyncio.wait_for(loading.wait(), 60)
    assert world.states() == {"taken": 3}
    fetching.cancel()
    await until(lambda: world.states() == {"waiting": 3})
    await until(world.is_empty)


async def test_expired_letters_that_cannot_be_read_go_back(world: World) -> None:
    await waiting(world)
    world.clock.advance(6 * 86400)
    read = world.store.read

    async def broken(fn: Any, *args: Any) -> Any:
        if fn is fetch._load_some:
            raise AWAY
        return await read(fn, *args)

    world.store.read = broken  # type: ignore[method-assign]
    with pytest.raises(TryLater):
        await world.fetcher.expire(100)
    await until(world.is_empty)
    assert world.states() == {"waiting": 3}
    world.store.read = read  # type: ignore[method-assign]
    assert await world.fetcher.expire(100) == 3
    await world.at_rest()
    assert world.states() == {"failed": 3}
    assert {row["last_code"] for row in world.rows()} == {554}
    assert world.courier.begun == []


async def test_one_job_that_breaks_does_not_take_the_others_along(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await waiting(world)
    place, broken = world.dispatcher._place, []

    def fragile(job: Any, site: Any) -> None:
        if not broken:
            broken.append(job)
            raise RuntimeError("a bug")
        place(job, site)

    monkeypatch.setattr(world.dispatcher, "_place", fragile)
    await world.fetch_all()
    await world.at_rest()
    assert world.states() == {"delivered": 2, "waiting": 1}
    [row] = world.rows("state = 'waiting'")
    assert row["due_at"] > world.clock.now() and row["attempt"] == 1


@pytest.mark.parametrize("step", ["judge", "attempt"])
async def test_whatever_breaks_around_a_conversation_postpones_it(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Also the judgement: no phantom conversation stays counted at the site."""

    def broken(*_: object, **__: object) -> Any:
        raise RuntimeError("a bug")

    target: Any = world.recorder if step == "judge" else world.dispatcher._carrier._deliverer
    monkeypatch.setattr(target, step, broken)
    await world.accept()
    await world.at_rest()
    [row] = world.rows()
    assert (row["state"], row["last_code"]) == ("waiting", 451)
    assert world.dispatcher.sites._sites["good.test"].active == 0


async def test_a_signature_that_failed_once_is_made_anew(world: World) -> None:
    """The letter stays in the cache: it must not carry the failure along."""
    await waiting(world, 1)
    world.signer.fails = 1
    await world.fetch_all()
    await world.at_rest()
    assert world.states() == {"waiting": 1}
    world.clock.advance(3600)
    await all_delivered(world, 1)
    assert world.signer.count == 2


# -- commits in doubt --------------------------------------------------------------------------------------


async def test_a_take_in_doubt_is_found_and_given_back(world: World) -> None:
    """The commit held and nobody told us: the rows are ours, and we never saw them."""
    await waiting(world)
    submit = world.store.submit
    world.store.submit = refusing(  # type: ignore[method-assign]
        world, CommitInDoubt(), 3, holds=True, only=queue.take
    )
    assert not await world.fetcher.fetch()
    world.store.submit = submit  # type: ignore[method-assign]
    await world.written()
    assert world.states() == {"taken": 3} and world.is_empty()
    assert await world.custody.reclaim() == 0, "the first look only suspects"
    assert await world.custody.reclaim() == 3
    await until(world.is_empty)
    assert world.states() == {"waiting": 3}
    await all_delivered(world, 3)


async def test_an_acceptance_in_doubt_is_found_and_sent(world: World) -> None:
    """Neither yes nor no was said; the letter is on disk, taken for a hand-over that never came."""
    submit = world.store.submit
    world.store.submit = refusing(world, CommitInDoubt(), holds=True)  # type: ignore[method-assign]
    with pytest.raises(CommitInDoubt):
        await world.accept()
    world.store.submit = submit  # type: ignore[method-assign]
    await world.written()
    assert world.states() == {"taken": 1}
    assert (await world.custody.reclaim(), await world.custody.reclaim()) == (0, 1)
    await until(world.is_empty)
    await all_delivered(world, 1)


@pytest.mark.parametrize("error", [AWAY, CommitInDoubt()])
@pytest.mark.parametrize("holds", [False, True])
async def test_giving_back_survives_trouble_and_never_takes_away_what_was_taken_again(
    world: World, error: Exception, holds: bool
) -> None:
    if holds and error is AWAY:
        return  # TryLater says for sure that nothing was committed
    await waiting(world, 1)
    world.holds = False
    world.store.submit = refusing(world, error, holds=holds, only=queue.give_back)  # type: ignore[method-assign]
    [taken] = await world.store.write(queue.take, queue.TakeOrder("acc|good.test|single", 9, "worker-1", 9e9))
    world.custody.give_back(taken)
    await until(world.is_empty)
    looks = 0
    while world.states() != {"waiting": 1}:
        looks += 1
        await world.custody.reclaim()
        await world.written()
    assert looks == (2 if isinstance(error, CommitInDoubt) and not holds else 0)
    world.holds = True
    hold = asyncio.Event()

    async def waits(_: object) -> SmtpResult:
        await hold.wait()
        return delivered()

    world.courier.answers["good.test"] = waits
    await world.fetch_all()
    await until(lambda: world.courier.begun)
    await asyncio.sleep(0.03)  # more than the pause after which something would be offered again
    assert (await world.custody.reclaim(), await world.custody.reclaim()) == (0, 0)
    assert world.states() == {"taken": 1}
    hold.set()
    await world.at_rest()
    assert world.courier.begun == ["u0@good.test"]


async def test_what_is_in_hand_is_never_reclaimed(world: World) -> None:
    """In a conversation, waiting for its site, for DNS, for the store: all that is ours."""
    hold = asyncio.Event()

    async def waits(_: object) -> SmtpResult:
        await hold.wait()
        return delivered()

    world.courier.answers["good.test"] = waits
    for number in range(8):
        await world.accept(f"u{number}@good.test")
    world.resolver.gate.clear()
    await world.accept("ann@slow-dns.test")
    await until(lambda: len(world.courier.begun) == 5)
    for _ in range(3):
        assert await world.custody.reclaim() == 0
    hold.set()
    world.resolver.gate.set()
    await until(lambda: world.states() == {"delivered": 9})


async def test_rows_of_others_are_left_alone(world: World) -> None:
    await waiting(world, 1)
    await world.store.write(queue.take, queue.TakeOrder("acc|good.test|single", 9, "somebody-else", 9e9))
    for _ in range(3):
        assert await world.custody.reclaim() == 0
    assert await world.store.read(leftovers.taken_by, "somebody-else")


# -- everything at once ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_mixture_of_troubles_every_letter_is_delivered_once(
    tmp_path: Path, seed: int
) -> None:
    """The store refuses and leaves in doubt, reads fail, DNS and signatures fail, the lease comes and goes;
    then all is well again and every count is zero."""
    rng = random.Random(seed)
    async with open_world(tmp_path, bound=MemoryBound(30, 1 << 20)) as world:
        submit, read = world.store.submit, world.store.read
        troubled = True

        def shaky(fn: Any, item: Any, done: Any) -> None:
            luck = rng.random() if troubled else 1.0
            if luck < 0.1:
                asyncio.get_running_loop().call_soon(done, None, AWAY)
            elif luck < 0.15:
                asyncio.get_running_loop().call_soon(done, None, CommitInDoubt())
            elif luck < 0.2:
                submit(fn, item, lambda *_: done(None, CommitInDoubt()))
            else:
                submit(fn, item, done)

        async def shaky_read(fn: Any, *args: Any) -> Any:
            if troubled and rng.random() < 0.1:
                raise AWAY
            return await read(fn, *args)

        world.store.submit = shaky  # type: ignore[method-assign]
        world.store.read = shaky_read  # type: ignore[method-assign]
        accepted = 0
        for number in range(40):
            try:
                await world.accept(f"u{number}@d{number % 4}.test", account=f"a{number % 3}")
                accepted += 1
            except (TryLater, CommitInDoubt):
                pass
            world.signer.fails = rng.random() < 0.1
            world.holds = rng.random() > 0.1
            await world.fetcher.fetch()
            world.clock.advance(rng.random() * 120)
        troubled, world.holds, world.signer.fails = False, True, 0
        for _ in range(40):
            world.clock.advance(1800)
            await world.fetcher.fetch()
            await world.custody.reclaim()
            await world.written()
            await world.at_rest()
            if set(world.states()) == {"delivered"}:
                break
        rows = world.rows()
        assert {row["state"] for row in rows} == {"delivered"}
        assert accepted <= len(rows), "those in doubt may be there as well"
        assert sorted(world.courier.sent) == sorted(row["recipient"] for row in rows), "each exactly once"
        assert world.events()["delivered"] == len(rows)
        assert all(not sending.active and sending.is_idle for sending in world.dispatcher.sites.all())
