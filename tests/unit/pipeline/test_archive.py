"""Archive copies: written with the delivery, posted until taken or given up (MG-23)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from posthouse.model.options import SendOptions
from posthouse.net.httpout import PostResult
from posthouse.pipeline import archive
from posthouse.pipeline.archive import PAUSES_S, Archive
from posthouse.store import jobs, workers
from posthouse.store.asset_tables import job
from posthouse.store.connection import Statement
from posthouse.store.engine import each
from posthouse.store.workers import Worker
from unit.pipeline.small_world import ME, World, refusing, unreachable

URL = "https://archive.test/in"
ARCHIVED = SendOptions(archive_url=URL)
_JOBS = Statement(select(job.c.id))
TAKEN, BUSY = PostResult(200, "ok"), PostResult(503, "busy")


class Posts:
    """An archive that answers as told."""

    def __init__(self, *answers: PostResult | Exception) -> None:
        self.answers = list(answers)
        self.got: list[tuple[str, bytes, str]] = []

    async def post(self, url: str, content: bytes, content_type: str) -> PostResult:
        self.got.append((url, content, content_type))
        answer = self.answers.pop(0) if self.answers else TAKEN
        if isinstance(answer, Exception):
            raise answer
        return answer


def archive_of(world: World, posts: Posts) -> Archive:
    return Archive(store=world.store, clock=world.clock, post=posts, worker_id=ME, counters=world.counters)


async def waiting(world: World) -> int:
    """Jobs that are there, free or owned."""
    return len(await world.store.read(lambda conn: conn.rows(_JOBS)))


async def test_the_octets_that_the_host_took(world: World) -> None:
    posts = Posts()
    await world.accept("ann@good.test", "bob@good.test", options=ARCHIVED)
    await world.at_rest()
    assert await archive_of(world, posts).work() == 2
    assert sorted(content for _, content, _ in posts.got) == sorted(world.courier.contents)
    assert {(url, kind) for url, _, kind in posts.got} == {(URL, "application/mime")}
    assert await waiting(world) == 0
    assert await archive_of(world, posts).work() == 0


async def test_nothing_for_what_was_not_delivered_or_not_wanted(world: World) -> None:
    world.courier.answers["bad.test"] = unreachable
    await world.accept("ann@bad.test", options=ARCHIVED)
    await world.accept("ann@good.test")
    await world.accept("ann@good.test", options=SendOptions(archive_url=URL, test_mode="drop"))
    await world.at_rest()
    assert await waiting(world) == 0


async def test_pauses_grow_and_end(world: World) -> None:
    posts = Posts(*[BUSY] * 20)
    await world.accept(options=ARCHIVED)
    await world.at_rest()
    keeper = archive_of(world, posts)
    for pause in PAUSES_S:
        assert await keeper.work() == 1
        world.clock.advance(pause - 1)
        assert await keeper.work() == 0
        world.clock.advance(1)
    assert await keeper.work() == 1
    assert (await waiting(world), len(posts.got)) == (0, len(PAUSES_S) + 1)
    assert world.counters.total("archive_failed") == len(PAUSES_S) + 1


@pytest.mark.parametrize(
    ("answer", "left"),
    [(PostResult(406, "no"), 0), (PostResult(404, "no"), 1), (PostResult(0, "gone"), 1), (OSError("x"), 1)],
    ids=["406", "404", "no answer", "bug"],
)
async def test_what_is_tried_again(world: World, answer: PostResult | Exception, left: int) -> None:
    await world.accept(options=ARCHIVED)
    await world.at_rest()
    assert await archive_of(world, Posts(answer)).work() == 1
    assert await waiting(world) == left


async def test_a_settlement_is_offered_until_it_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from posthouse.model.errors import TryLater

    monkeypatch.setattr(archive, "AGAIN_S", 0.0)
    await world.accept(options=ARCHIVED)
    await world.at_rest()
    submit: Any = refusing(world, TryLater(451, "4.3.0", "away"), 2, only=each(jobs.settle_job))
    world.store.submit = submit  # type: ignore[method-assign]
    assert await archive_of(world, Posts()).work() == 1
    assert await waiting(world) == 0


async def test_jobs_of_the_dead_are_free_again(world: World) -> None:
    """F13: redone, the same octets."""
    from posthouse.pipeline.upkeep import _take_over

    await world.accept(options=ARCHIVED)
    await world.at_rest()
    now = world.clock.now()
    assert len(await world.store.write(each(jobs.take_jobs), (ME, now, 5))) == 1
    assert await archive_of(world, Posts()).work() == 0
    await world.store.write(each(workers.register), (Worker("other", "h", 1, now, now),))
    await world.store.write(each(_take_over), (now,))
    posts = Posts()
    assert await archive_of(world, posts).work() == 1
    assert posts.got[0][1] == world.courier.contents[0]
