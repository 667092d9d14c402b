"""Posts to receivers: who is told what, how often it is tried, and who waits for whom (D-06, F12, F43)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from posthouse.model.event import EventKind
from posthouse.model.hook import HookKey, HookSettings
from posthouse.net.httpout import PostResult
from posthouse.pipeline import hook_ends, hook_posts
from posthouse.store import hook_log, hook_queue, hooks, workers
from posthouse.store.engine import each
from unit.pipeline.hook_world import BUSY, TAKEN, Posts, hook, hooks_of, tell, waiting
from unit.pipeline.small_world import ME, World, until

URL = "https://h1.test/"


async def found(world: World, hook_id: str = "h1") -> Any:
    return await world.store.read(hooks.find_any, hook_id)


async def serve(world: World, posts: Posts) -> None:
    """Until nobody is due."""
    keeper = hooks_of(world, posts)
    while await keeper.work():
        pass


# Who is told


async def test_D_06_each_event_is_posted_once_to_each_who_wants_it(world: World) -> None:
    posts = Posts()
    await hook(world, "h1")
    await hook(world, "h2", kinds=frozenset({EventKind.FAILED}))
    await hook(world, "h3", domain="other.test")
    await hook(world, "h4", domain="shop.test")
    await hook(world, "h5", is_enabled=False)
    await hook(world, "h6", account="another")
    await hook(world, "h7", dialect="from a later version")
    ids = await tell(world, 3)
    await serve(world, posts)
    assert sorted(posts.ids(URL)) == sorted(ids) == sorted(posts.ids("https://h4.test/"))
    assert len(posts.got) == 6
    assert await waiting(world) == {}


async def test_without_anybody_to_tell_nothing_is_written(world: World) -> None:
    await tell(world, 5)
    assert await waiting(world) == {}


async def test_the_letter_comes_along_where_the_form_needs_it(world: World) -> None:
    posts = Posts()
    message_id = await world.accept()
    await world.at_rest()
    await hook(world, "h1", dialect="letter")
    await hook(world, "h2")
    await tell(world, message=message_id)
    await serve(world, posts)
    told = {url: body[0] for url, body in posts.got}
    assert told[URL]["letter"].endswith("hello\r\n")
    assert (told["https://h2.test/"]["letter"], told["https://h2.test/"]["subject"]) == ("", "x")


async def test_what_a_form_does_not_know_is_not_posted(world: World) -> None:
    posts = Posts()
    await hook(world, "h1", dialect="many")
    await tell(world, 2, kind=EventKind.HELD)
    await tell(world, 1, recipient="bug@x.test")  # logged, and the others go
    (good,) = await tell(world)
    world.clock.advance(1)
    await serve(world, posts)
    assert posts.ids(URL) == [good]
    assert await waiting(world) == {}


async def test_a_receiver_may_ask_for_some_of_the_services_names(world: World) -> None:
    posts = Posts()
    await hook(world, "h1", settings=HookSettings(only=("opened",)))
    await tell(world, kind=EventKind.CLICKED)
    (wanted,) = await tell(world, kind=EventKind.OPENED)
    await serve(world, posts)
    assert posts.ids(URL) == [wanted]


@pytest.mark.parametrize(("signs", "header"), [(True, "acc/one/shop.test"), (False, None)])
async def test_what_signs_is_found_by_account_and_domain(
    world: World, signs: bool, header: str | None
) -> None:
    posts = Posts()
    await hook(world, "h1", settings=HookSettings(signs=signs))
    await tell(world)
    await hooks_of(world, posts, key_of=lambda conn, *names: HookKey("x", b"", "/".join(names))).work()
    assert posts.headers[0].get("X-Signed") == header


async def test_a_key_that_does_not_open_keeps_the_events(world: World) -> None:
    def broken(*_: object) -> HookKey:
        raise RuntimeError("sealed by another installation")

    await hook(world, "h1")
    ids = await tell(world, 2)
    await hooks_of(world, Posts(), key_of=broken).work()
    assert await waiting(world) == {"h1": 2}
    world.clock.advance(60)
    posts = Posts()
    await serve(world, posts)
    assert sorted(posts.ids(URL)) == sorted(ids)


# Batches


async def test_batches_wait_for_each_other_and_are_bounded(world: World) -> None:
    posts = Posts()
    await hook(world, "h1", dialect="many")
    first = await tell(world, 20)
    assert await hooks_of(world, posts).work() == 0
    world.clock.advance(0.9)
    second = await tell(world, 100)
    world.clock.advance(0.1)
    await serve(world, posts)
    assert posts.ids(URL) == first + second
    sizes = [len(body) for _, body in posts.got]
    assert len(sizes) > 2 and max(sizes) < 100, "by bytes, not only by number"


# Trouble


async def test_R5_a_failed_event_comes_again_with_the_same_id(world: World) -> None:
    posts = Posts()
    posts.answers[URL] = [BUSY, PostResult(0, "no answer"), OSError("a bug"), PostResult(301, "moved")]
    await hook(world, "h1")
    ids = await tell(world)
    for pause in (10, 60, 600, 600):
        await serve(world, posts)
        world.clock.advance(pause - 1)
        await serve(world, posts)
        world.clock.advance(1)
    await serve(world, posts)
    assert posts.ids(URL) == ids * 5
    assert await waiting(world) == {}
    assert (await found(world)).failures == 0


async def test_the_end_of_the_ladder(world: World) -> None:
    posts = Posts()
    posts.answers[URL] = [BUSY] * 10_000
    await hook(world, "h1")
    await tell(world)
    for _ in range(600):
        world.clock.advance(600)
        await serve(world, posts)
    assert await waiting(world) == {}
    assert 400 < len(posts.got) < 440  # every ten minutes for three days


@pytest.mark.parametrize(
    ("status", "left", "is_enabled", "failures"),
    [(406, 0, True, 0), (410, 1, False, 1), (500, 1, True, 1), (429, 1, True, 1), (302, 1, True, 1)],
)
async def test_what_an_answer_means(
    world: World, status: int, left: int, is_enabled: bool, failures: int
) -> None:
    posts = Posts()
    posts.answers[URL] = [PostResult(status, "no")]
    await hook(world, "h1")
    await tell(world)
    await hooks_of(world, posts).work()
    now = await found(world)
    assert (sum((await waiting(world)).values()), now.is_enabled, now.failures) == (
        left,
        is_enabled,
        failures,
    )
    assert bool(now.note) is not is_enabled


async def test_a_troubled_receiver_gets_one_post_at_a_time_and_rests_longer(world: World) -> None:
    posts = Posts()
    posts.answers[URL] = [BUSY] * 6
    await hook(world, "h1")
    await tell(world, 50)
    pauses = []
    for count in range(1, 7):
        start = world.clock.now()
        while len(posts.got) < count:
            await hooks_of(world, posts).work()
            world.clock.advance(0.1)
        pauses.append(round(world.clock.now() - start))
    assert pauses == [0, 1, 2, 4, 7, 14]
    assert posts.most_active[URL] == 1


async def test_a_receiver_may_say_when(world: World) -> None:
    posts = Posts()
    posts.answers[URL] = [PostResult(429, "slow down", "90")]
    await hook(world, "h1")
    await tell(world, 3)
    await serve(world, posts)
    world.clock.advance(89)
    await serve(world, posts)
    assert len(posts.got) == 1
    world.clock.advance(1)
    await serve(world, posts)
    assert len(posts.got) == 4


async def test_days_of_failure_switch_off_and_somebody_switches_on(world: World) -> None:
    posts = Posts()
    posts.answers[URL] = [BUSY] * 5000
    await hook(world, "h1")
    for _ in range(6 * 24):
        await tell(world)
        await serve(world, posts)
        world.clock.advance(3600)
    now = await found(world)
    assert (now.is_enabled, now.note) == (
        False,
        "every post failed for 5 days; the last time it answered 503",
    )
    posts.answers.clear()
    assert not await hooks_of(world, posts).work()
    await world.store.write(each(_switch_on), ("h1", world.clock.now()))
    left = (await waiting(world))["h1"]
    posts.got.clear()
    await serve(world, posts)
    world.clock.advance(600)
    await serve(world, posts)
    assert await waiting(world) == {}
    assert len(posts.ids(URL)) == left > 72, "what was not too old waited"


def _switch_on(conn: Any, hook_id: str, now: float) -> None:
    hooks.set_state(conn, hook_id, is_enabled=True, now=now)


async def test_what_waits_for_a_switched_off_receiver_goes_in_time(world: World) -> None:
    posts = Posts()
    posts.answers[URL] = [PostResult(410, "gone")]
    await hook(world, "h1")
    await tell(world, 1200)
    keeper = hooks_of(world, posts)
    await keeper.work()
    await keeper.tidy()
    assert await waiting(world) == {"h1": 1200}
    await tell(world, 5)  # it is not told any more
    world.clock.advance(3 * 86400 + 10)
    await keeper.tidy()
    assert await waiting(world) == {}


async def test_F43_a_day_down_loses_nothing(world: World) -> None:
    posts = Posts()
    posts.answers[URL] = [BUSY] * 100_000
    await hook(world, "h1")
    await hook(world, "h2")
    ids = []
    for _ in range(24 * 12):
        ids += await tell(world, 3)
        await serve(world, posts)
        world.clock.advance(300)
    assert posts.ids("https://h2.test/") == ids, "the healthy one had everything at once"
    tries = len(posts.ids(URL))
    posts.answers.clear()
    posts.got.clear()
    for _ in range(40):
        await serve(world, posts)
        world.clock.advance(60)
    assert sorted(posts.ids(URL)) == sorted(ids)
    assert tries < 24 * 12 + 20, "a receiver that is down costs a try every few minutes"


async def test_F43_who_hangs_delays_nobody(world: World) -> None:
    posts = Posts()
    keeper = hooks_of(world, posts)
    for number in range(200):
        await hook(world, f"dead{number}", account=f"a{number % 50}")
        posts.gates[f"https://dead{number}.test/"] = asyncio.Event()
    for number in range(50):
        await tell(world, 5, account=f"a{number}")
    await keeper.start_due()
    await until(lambda: len(posts.got) == 128)
    assert max(posts.most_active.values()) == 1, "nobody gets a second post before the first was taken"
    await keeper._stop()


async def test_those_in_trouble_share_a_few_places(world: World) -> None:
    posts = Posts()
    keeper = hooks_of(world, posts)
    for number in range(60):
        url = (await hook(world, f"dead{number}", failures=3, troubled_at=1.0)).url
        posts.gates[url] = asyncio.Event()
    await tell(world, 5)
    await keeper.start_due()
    await until(lambda: len(posts.got) == 24)
    await hook(world, "h1", account="healthy")
    ids = await tell(world, 5, account="healthy")
    await keeper.start_due()
    await until(lambda: posts.ids(URL) == ids)
    assert sum(url.startswith("https://dead") for url, _ in posts.got) == 24
    await keeper._stop()


async def test_one_of_two_workers_probes(world: World) -> None:
    posts = Posts()
    posts.gates[URL] = asyncio.Event()
    await hook(world, "h1", failures=1, troubled_at=1.0)
    await tell(world, 5)
    one, two = hooks_of(world, posts), hooks_of(world, posts, worker_id="worker-2")
    await one.start_due()
    await until(lambda: posts.got)
    assert await two.work() == 0, "it rests while somebody tries"
    posts.gates[URL].set()
    await until(lambda: len(posts.got) == 5)
    await one.work()


async def test_a_healthy_receiver_gets_several_posts_at_once(world: World) -> None:
    posts = Posts()
    keeper = hooks_of(world, posts)
    await hook(world, "h1")
    await tell(world, 400)
    posts.answers[URL] = [TAKEN]
    await keeper.start_due()
    await until(lambda: posts.got)
    posts.gates[URL] = asyncio.Event()
    for _ in range(30):
        await keeper.start_due()
        await world.written()
    assert posts.most_active[URL] <= 2
    posts.gates[URL].set()
    await serve(world, posts)
    while await keeper.work():
        pass
    assert len(set(posts.ids(URL))) == 400


# What is kept of it


async def test_the_log_tells_what_was_posted_and_answered(world: World) -> None:
    posts = Posts()
    made = await hook(world, "h1", url="https://joe:pass-word@h1.test/")
    posts.answers[made.url] = [PostResult(503, "busy")]
    ids = await tell(world)
    await serve(world, posts)
    (kept,) = await world.store.read(hook_log.list_attempts, "h1", 5)
    text = hook_log.unpack(kept.request).decode()
    assert (kept.status, kept.is_taken, kept.attempt, kept.answer) == (503, False, 1, "busy")
    assert list(kept.event_ids) == ids and ids[0] in text
    assert "hidden" not in text and "pass-word" not in text
    assert text.splitlines()[0] == "POST https://joe:[redacted]@h1.test/"


async def test_the_log_is_cut_by_number_and_age(world: World) -> None:
    posts = Posts()
    keeper = hooks_of(world, posts)
    await hook(world, "h1")
    await tell(world, 1100)
    await serve(world, posts)
    await keeper.tidy()
    assert len(await world.store.read(hook_log.list_attempts, "h1", 5000)) == 1000
    world.clock.advance(7 * 86400 + 1)
    await keeper.tidy()
    assert await world.store.read(hook_log.list_attempts, "h1", 5000) == []


# Being killed


async def test_F12_what_a_dead_worker_had_is_posted_again(world: World) -> None:
    posts = Posts()
    await hook(world, "h1")
    ids = await tell(world, 2)
    now = world.clock.now()
    await world.store.write(each(hook_queue.take), ("h1", "dead", now, 5))
    assert await hooks_of(world, posts).work() == 0
    await world.store.write(each(workers.register), (workers.Worker(ME, "h", 1, now, now),))
    await world.store.write(each(workers.take_over), (now,))
    await serve(world, posts)
    assert sorted(posts.ids(URL)) == sorted(ids)


async def test_a_hook_that_is_removed_during_a_post(world: World) -> None:
    posts = Posts()
    posts.gates[URL] = asyncio.Event()
    await hook(world, "h1")
    await tell(world, 3)
    keeper = hooks_of(world, posts)
    await keeper.start_due()
    await until(lambda: posts.got)
    await world.store.write(each(hooks.remove_hook), ("h1",))
    posts.gates[URL].set()
    await asyncio.wait_for(asyncio.gather(*keeper._tasks), 60)


async def test_a_settlement_is_offered_until_it_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from posthouse.model.errors import TryLater
    from unit.pipeline.small_world import refusing

    monkeypatch.setattr(hook_posts, "AGAIN_S", 0.0)
    await hook(world, "h1")
    await tell(world)
    submit: Any = refusing(world, TryLater(451, "4.3.0", "away"), 2, only=each(hook_ends.settle))
    world.store.submit = submit  # type: ignore[method-assign]
    posts = Posts()
    await serve(world, posts)
    assert (len(posts.got), await waiting(world)) == (1, {})
