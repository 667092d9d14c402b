"""From which address a letter leaves, and how a warm-up shares a site's mail out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from posthouse.model.errors import CommitInDoubt
from posthouse.model.message import Phase, SmtpResult
from posthouse.model.options import SendOptions
from posthouse.model.warmup import Plan, Warming, Warmup, warmup_text
from posthouse.pipeline import outcome
from posthouse.pipeline.warmup import Ledger
from posthouse.rules.warmup import DAY_S, day_of
from posthouse.store import egress
from posthouse.store import warmup as books
from posthouse.store.engine import Connection, each
from unit.pipeline.small_world import World, delivered, open_world, refusing, until

pytestmark = pytest.mark.asyncio

WARM, NEW, OTHER, USUAL = "127.0.0.31", "127.0.0.32", "127.0.0.33", "127.0.0.30"
BOTH = SendOptions(sources=(WARM, NEW))


def warming(
    world: World, address: str = NEW, *, days: tuple[int, ...] = (7,), burst: int = 7, **more: object
) -> None:
    """The address begins a plan today."""
    overflow = more.pop("overflow", ())
    warmup = Warmup(plan=Plan(name="p", days=days, burst=burst), started=day_of(world.clock.now()))
    world.estate.warmups[address] = Warming(warmup, overflow)  # type: ignore[arg-type]
    world.estate.version += 1


async def send(world: World, count: int = 1, **options: object) -> Counter[str]:
    """Letters one after another; how many began from each address."""
    before = len(world.courier.sources)
    for _ in range(count):
        await world.accept(**options)
        await world.at_rest()
        await world.written()
    return Counter(world.courier.sources[before:])


async def test_mail_without_wishes_leaves_from_the_usual_addresses(tmp_path: Path) -> None:
    async with open_world(tmp_path, sources=[USUAL]) as world:
        assert await send(world) == {USUAL: 1}
        assert await send(world, options=SendOptions(sources=(WARM,))) == {WARM: 1}


async def test_dedicated_addresses_serve_their_account_alone(tmp_path: Path) -> None:
    async with open_world(tmp_path, sources=[USUAL]) as world:
        world.estate.owners[OTHER] = "acc"
        world.estate.version += 1
        assert await send(world) == {OTHER: 1}
        assert await send(world, account="another") == {USUAL: 1}
        assert await send(world, options=SendOptions(sources=(WARM,))) == {WARM: 1}, "a wish goes first"
        world.estate.owners[USUAL] = "third"
        world.estate.version += 1
        assert await send(world, account="another") == {"": 1}, "a usual address may be dedicated too"
        del world.estate.owners[USUAL]
        world.estate.version += 1
        wish = SendOptions(sources=(OTHER,))
        assert await send(world, account="another", options=wish) == {USUAL: 1}, "taken away meanwhile"


async def test_a_warming_address_takes_its_share_and_the_warm_one_the_rest(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        warming(world)
        assert await send(world, 20, options=BOTH) == {NEW: 7, WARM: 13}


async def test_each_site_has_a_share_of_its_own(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        warming(world, days=(3,), burst=3)
        for domain in ("one.test", "two.test"):
            found: Counter[str] = Counter()
            for _ in range(8):
                before = len(world.courier.sources)
                await world.accept(f"ann@{domain}", options=BOTH)
                await world.at_rest()
                await world.written()
                found.update(world.courier.sources[before:])
            assert found == {NEW: 3, WARM: 5}


async def test_a_days_share_is_spread_over_the_day(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        now = world.clock.now()
        world.clock.advance(DAY_S - now % DAY_S)  # midnight
        warming(world, days=(24,), burst=2)
        assert (await send(world, 8, options=BOTH))[NEW] == 2
        world.clock.advance(6 * 3600 + 1)
        assert (await send(world, 12, options=BOTH))[NEW] == 6
        world.clock.advance(18 * 3600 - 2)
        assert (await send(world, 30, options=BOTH))[NEW] == 16


async def test_the_next_day_has_the_next_share_and_then_the_address_is_warm(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        warming(world, days=(2, 4), burst=4)
        assert (await send(world, 8, options=BOTH))[NEW] == 2
        world.clock.advance(DAY_S)
        assert (await send(world, 10, options=BOTH))[NEW] == 4
        world.clock.advance(DAY_S)
        assert (await send(world, 10, options=BOTH))[NEW] >= 9, "no limit; it goes first until it is warm"


async def test_the_rest_goes_to_the_named_pool_where_nothing_warm_stands_beside(tmp_path: Path) -> None:
    async with open_world(tmp_path, sources=[USUAL]) as world:
        warming(world, days=(2,), burst=2, overflow=(OTHER,))
        assert await send(world, 6, options=SendOptions(sources=(NEW,))) == {NEW: 2, OTHER: 4}
        world.estate.owners[OTHER] = "somebody"
        world.estate.version += 1
        await world.accept(options=SendOptions(sources=(NEW,)))
        await world.at_rest()
        assert world.events()["deferred"] == 1, "another account's addresses do not help"


async def test_without_a_warm_address_letters_wait_for_their_turn(tmp_path: Path) -> None:
    async with open_world(tmp_path, sources=[USUAL]) as world:
        now = world.clock.now()
        world.clock.advance(DAY_S - now % DAY_S)
        warming(world, days=(24,), burst=2)
        alone = SendOptions(sources=(NEW,))
        assert await send(world, 5, options=alone) == {NEW: 2}
        waiting = world.facts("deferred")
        assert [each["reason"] for each in waiting] == ["warming-up"] * 3
        turns = [each["retry_at"] - world.clock.now() for each in waiting]
        assert turns == sorted(turns) and turns[0] > 0 and turns[-1] <= 6 * 3600
        assert turns[2] - turns[1] == pytest.approx(3600)
        world.clock.advance(turns[-1] + 1)
        await world.fetch_all()
        await world.at_rest()
        assert Counter(world.courier.sources) == {NEW: 5}


async def test_waiting_for_a_turn_is_no_attempt_and_makes_no_later_pause_longer(tmp_path: Path) -> None:
    async with open_world(tmp_path, sources=[USUAL]) as world:
        world.clock.advance(DAY_S - world.clock.now() % DAY_S)  # midnight
        warming(world, days=(1, 1), burst=1)
        alone = SendOptions(sources=(NEW,))
        await send(world, 2, options=alone)
        for _ in range(3):
            world.clock.advance(6 * 3600 + 1)
            await world.fetch_all()
            await world.at_rest()
            await world.written()
        assert len(world.facts("deferred")) == 4
        assert [row["attempt"] for row in world.rows("state = 'waiting'")] == [0]
        world.estate.warmups.clear()
        world.estate.version += 1
        world.courier.answers["good.test"] = lambda _: SmtpResult(Phase.RCPT, 450, "4.0.0", "not now")
        world.clock.advance(6 * 3600)
        await world.fetch_all()
        await world.at_rest()
        last = world.facts("deferred")[-1]
        assert last["attempt"] == 1 and last["retry_at"] - world.clock.now() <= 300 * 1.2


@pytest.mark.parametrize("holds", [False, True])
async def test_a_wait_whose_commit_is_in_doubt_is_never_written_again(tmp_path: Path, holds: bool) -> None:
    """Written again it might settle a take of the same attempt, and the letter would go out twice."""
    async with open_world(tmp_path, sources=[USUAL]) as world:
        warming(world, days=(1,), burst=1)
        alone = SendOptions(sources=(NEW,))
        await send(world, 1, options=alone)
        world.store.submit = refusing(  # type: ignore[method-assign]
            world, CommitInDoubt(), holds=holds, only=outcome._settle
        )
        await world.accept(options=alone)
        await until(world.is_empty)
        await world.written()
        assert world.states() == {"delivered": 1, "waiting" if holds else "taken": 1}
        assert (await world.custody.reclaim(), await world.custody.reclaim()) == (0, not holds)
        await world.written()
        assert world.states() == {"delivered": 1, "waiting": 1}


async def test_a_letter_is_not_lost_for_a_warm_up(tmp_path: Path) -> None:
    async with open_world(tmp_path, sources=[USUAL]) as world:
        warming(world, days=(1,), burst=1)
        alone = SendOptions(sources=(NEW,))
        assert await send(world, 2, options=alone) == {NEW: 1}
        for _ in range(400):
            if world.states() == {"delivered": 2}:
                break
            world.estate.warmups[NEW] = Warming(
                Warmup(plan=Plan(name="p", days=(1,) * 100, burst=1), started=day_of(world.clock.now()))
            )
            await world.store.write(each(_spend), (day_of(world.clock.now()),))
            world.clock.advance(6 * 3600)
            await world.fetch_all()
            await world.at_rest()
        assert world.states() == {"delivered": 2}
        assert world.courier.sources[-1] in (USUAL, NEW)


def _spend(conn: Connection, today: int) -> None:
    """Somebody else takes the whole share of today and of tomorrow."""
    for day in (today, today + 1):
        books.reserve(conn, NEW, "good.test", day, 1, 1)


async def test_a_warm_up_pauses_by_itself_and_the_rest_goes_on(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        warming(world, days=(200,), burst=200)
        world.courier.answers["good.test"] = lambda _: SmtpResult(Phase.RCPT, 450, "4.0.0", "not now")
        await send(world, 30, options=BOTH)
        await world.ledger.flush()
        world.courier.answers["good.test"] = delivered
        assert await send(world, 10, options=BOTH) == {WARM: 10}
        world.clock.advance(DAY_S + 1)
        assert (await send(world, 10, options=BOTH))[NEW] > 0


async def test_one_word_of_a_blocklist_is_enough(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        warming(world)
        await send(world, options=BOTH)
        text = "5.7.1 blocked using zen.example.org"
        world.courier.answers["good.test"] = lambda _: SmtpResult(Phase.RCPT, 554, "5.7.1", text)
        assert await send(world, options=BOTH) == {NEW: 1}
        await world.ledger.flush()
        world.courier.answers["good.test"] = delivered
        assert await send(world, 5, options=BOTH) == {WARM: 5}


async def test_many_workers_never_pass_the_days_limit(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        ledgers = [Ledger(world.store, world.clock) for _ in range(5)]
        warmup = Warmup(plan=Plan(name="p", days=(200,), burst=200), started=day_of(world.clock.now()))
        taken = 0
        for round_ in range(100):
            for ledger in ledgers:
                taken += sum(ledger.takes(NEW, warmup, "good.test") for _ in range(1 + round_ % 7))
            await world.written()
        assert taken == 200


async def test_a_new_plan_counts_at_once(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        warming(world, days=(2,), burst=2)
        assert (await send(world, 5, options=BOTH))[NEW] == 2
        warming(world, days=(6,), burst=6)
        assert (await send(world, 10, options=BOTH))[NEW] == 4


async def test_figures_wait_while_the_store_is_away(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        warming(world)
        await send(world, 3, options=BOTH)
        real, world.store.write = world.store.write, _away  # type: ignore[method-assign]
        with pytest.raises(OSError):
            await world.ledger.flush()
        world.store.write = real  # type: ignore[method-assign]
        await world.ledger.flush()
        rows = await world.store.read(books.days_since, NEW, 0)
        assert [(row.sent, row.deferred) for row in rows] == [(2, 0)]


async def _away(*_: object) -> None:
    raise OSError("away")


async def test_a_plan_that_is_over_makes_the_address_warm(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        assert await world.store.write(each(_begin), (day_of(world.clock.now()),)) is None
        for days, is_running in ((1, True), (1, False)):
            world.clock.advance(days * DAY_S)
            await world.ledger.finish()
            assert bool(await world.store.read(books.running)) == is_running


def _begin(conn: Connection, today: int) -> None:
    egress.add_ip(conn, egress.LocalAddress(NEW, "", "", 1.0))
    plan = Plan(name="p", days=(1, 2))
    books.set_warmup(conn, NEW, warmup_text(Warmup(plan=plan, started=today)))
