"""Blocks of a worker: exact over all workers to within one block, whatever happens in which order (D-10)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blank_store import make_store
from posthouse.model.account import AccountSettings, DomainSettings
from posthouse.model.clock import FakeClock
from posthouse.model.errors import CommitInDoubt, PosthouseError, TryLater
from posthouse.pipeline import quota
from posthouse.pipeline.account_blocks import Grant
from posthouse.pipeline.blocks import IDLE_S, MOST, Blocks
from posthouse.rules.limits import Allowance, Limit, account_limits, allowance_of, domain_limits
from posthouse.store import quotas
from posthouse.store.connection import Connection
from posthouse.store.engine import connect

AWAY = TryLater(451, "4.3.0", "away")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = f"sqlite:///{tmp_path_factory.mktemp('blocks')}/posthouse.db"
    make_store(made)
    return made


class Undone(Exception):
    """Ends a transaction without its effects."""


@pytest.fixture
def conn(url: str) -> Iterator[Connection]:
    with connect(url) as opened, pytest.raises(Undone), opened.transaction():
        yield opened
        raise Undone


class SlowStore:
    """Writes when it is told to."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.asked: list[tuple[Callable[..., Any], Any, asyncio.Future[Any]]] = []
        self.written = 0

    def write(self, fn: Callable[..., Any], item: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.asked.append((fn, item, future))
        return future

    async def answer(self, outcome: str = "done") -> None:
        """What was asked so far: "done", "away", "lost" and "kept" (both are commits in doubt)."""
        asked, self.asked = self.asked, []
        for fn, item, future in asked:
            self.written += 1
            result = fn(self.conn, [item])[0] if outcome in ("done", "kept") else None
            if outcome == "done":
                future.set_result(result)
            else:
                future.set_exception(AWAY if outcome == "away" else CommitInDoubt("?"))
        for _ in range(3):
            await asyncio.sleep(0)

    async def settle(self) -> None:
        while self.asked:
            await self.answer()


Told = tuple[Grant | None, BaseException | None]


@dataclass
class Worker:
    store: SlowStore
    clock: FakeClock
    blocks: Blocks = field(init=False)
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.blocks = Blocks(self.store, self.clock)

    def take(self, allowance: Allowance, count: int = 1, account: str = "acc") -> None:
        self.blocks.take(account, allowance, count, lambda grant, error: self.told.append((grant, error)))

    async def takes(self, allowance: Allowance, count: int = 1) -> Told:
        """Take, with the store answering at once."""
        before = len(self.told)
        self.take(allowance, count)
        await self.store.settle()
        assert len(self.told) == before + 1
        return self.told[-1]

    async def takes_ones(self, allowance: Allowance, times: int) -> int:
        return sum([(await self.takes(allowance))[0] is not None for _ in range(times)])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def worker(conn: Connection, clock: FakeClock) -> Worker:
    return Worker(SlowStore(conn), clock)


def monthly(most: int, *, minutely: int = 0, hourly: int = 0, over_limit: str = "refuse") -> Allowance:
    account = AccountSettings(monthly_messages=most, minute_messages=minutely)
    limits = account_limits("acc", account, None)
    limits += domain_limits("acc", "shop.test", DomainSettings(hourly_messages=hourly))
    return allowance_of(limits, account, over_limit)


def used(conn: Connection, limit: Limit, clock: FakeClock) -> int:
    return quotas.used(conn, limit.scope, limit.span.window(clock.now()))


# -- one worker ------------------------------------------------------------------------------------------


async def test_a_small_limit_is_exact(worker: Worker) -> None:
    assert await worker.takes_ones(monthly(20), 30) == 20


async def test_under_load_the_store_is_asked_once_a_block(worker: Worker) -> None:
    assert await worker.takes_ones(monthly(100_000), 5000) == 5000
    assert worker.store.written < 30


async def test_a_worker_that_sends_little_holds_little(worker: Worker, clock: FakeClock) -> None:
    limit = monthly(100_000)
    await worker.takes_ones(limit, 3000)
    for _ in range(300):  # 25 a second
        clock.advance(0.2)
        worker.blocks.sweep()
        await worker.takes_ones(limit, 5)
    held = used(worker.store.conn, limit.limits[0], clock) - 4500
    assert 0 <= held <= 100


async def test_a_block_is_filled_up_before_it_is_empty_so_that_nobody_waits(worker: Worker) -> None:
    limit = monthly(100_000)
    await worker.takes_ones(limit, 1000)
    waited = 0
    for _ in range(3000):
        before = len(worker.told)
        worker.take(limit)
        waited += len(worker.told) == before
        await worker.store.answer()
    assert waited == 0


async def test_filling_up_stops_where_little_is_left(worker: Worker, clock: FakeClock) -> None:
    limit = monthly(1000)
    await worker.takes_ones(limit, 900)
    assert used(worker.store.conn, limit.limits[0], clock) - 900 <= 1000 // 16
    assert await worker.takes_ones(limit, 200) == 100


async def test_a_large_letter_is_counted_whole_or_not_at_all(worker: Worker, clock: FakeClock) -> None:
    limit = monthly(1500)
    assert (await worker.takes(limit, 1000))[0] is not None
    assert await worker.takes(limit, 1000) == (None, None)  # the store looks at it letter by letter
    assert (await worker.takes(limit, 500))[0] is not None
    assert used(worker.store.conn, limit.limits[0], clock) == 1500


async def test_a_letter_fits_into_all_limits_or_counts_in_none(worker: Worker, clock: FakeClock) -> None:
    limits = monthly(100, hourly=5)
    assert await worker.takes_ones(limits, 8) == 5
    by_scope = {limit.scope: used(worker.store.conn, limit, clock) for limit in limits.limits}
    assert by_scope["acc|hour|shop.test"] == 5
    clock.advance(IDLE_S)
    worker.blocks.sweep()
    await worker.store.settle()
    assert used(worker.store.conn, limits.limits[1], clock) == 5


async def test_when_nothing_is_left_the_store_is_not_asked_again_for_a_second(
    worker: Worker, clock: FakeClock
) -> None:
    limit = monthly(3)
    await worker.takes_ones(limit, 4)
    before = worker.store.written
    for _ in range(50):
        _, error = await worker.takes(limit)
        assert isinstance(error, PosthouseError) and error.code == 452
    assert worker.store.written == before
    quotas.give_back(worker.store.conn, limit.limits[0].scope, limit.limits[0].span.window(clock.now()), 1)
    clock.advance(1)
    assert (await worker.takes(limit))[0] is not None


async def test_where_mail_waits_the_store_finds_its_place(worker: Worker) -> None:
    limit = monthly(1, over_limit="queue")
    await worker.takes(limit)
    assert [await worker.takes(limit) for _ in range(3)] == [(None, None)] * 3


async def test_what_a_refused_letter_counted_is_used_by_the_next(worker: Worker) -> None:
    limit = monthly(1)
    grant, _ = await worker.takes(limit)
    assert grant is not None
    grant.give_back(1)
    assert (await worker.takes(limit))[0] is not None


async def test_idle_blocks_go_back_and_a_used_one_stays(worker: Worker, clock: FakeClock) -> None:
    limit = monthly(10_000)
    await worker.takes_ones(limit, 100)
    counted = used(worker.store.conn, limit.limits[0], clock)
    assert counted > 100
    clock.advance(IDLE_S - 1)
    worker.blocks.sweep()
    await worker.store.settle()
    assert used(worker.store.conn, limit.limits[0], clock) == counted
    clock.advance(1)
    worker.blocks.sweep()
    await worker.store.settle()
    assert used(worker.store.conn, limit.limits[0], clock) == 100


async def test_closing_gives_everything_back(worker: Worker, clock: FakeClock) -> None:
    limits = monthly(10_000, minutely=5000)
    await worker.takes_ones(limits, 100)
    closing = asyncio.ensure_future(worker.blocks.close())
    while not closing.done():
        await worker.store.answer()
    assert [used(worker.store.conn, limit, clock) for limit in limits.limits] == [100, 100]


async def test_a_new_window_begins_with_nothing_used(worker: Worker, clock: FakeClock) -> None:
    limit = monthly(10_000, minutely=2)
    assert await worker.takes_ones(limit, 5) == 2
    clock.advance(60)
    assert await worker.takes_ones(limit, 5) == 2


async def test_a_clock_that_is_put_back_loses_nothing(worker: Worker, clock: FakeClock) -> None:
    limit = monthly(10_000, minutely=100)
    clock.advance(60)
    await worker.takes_ones(limit, 10)
    clock.advance(-60)
    assert await worker.takes_ones(limit, 150) == 100
    clock.advance(60)
    assert await worker.takes_ones(limit, 150) == 90


async def test_a_lowered_limit_holds_at_once(worker: Worker, clock: FakeClock) -> None:
    await worker.takes_ones(monthly(10_000), 40)
    assert await worker.takes_ones(monthly(50), 20) == 10
    assert await worker.takes_ones(monthly(30), 5) == 0
    assert await worker.takes_ones(monthly(60), 20) == 10
    assert used(worker.store.conn, monthly(60).limits[0], clock) == 60


# -- waiting for the store -------------------------------------------------------------------------------


async def test_letters_wait_for_one_exchange_and_are_served_in_order(worker: Worker) -> None:
    limit = monthly(10_000)
    for _ in range(300):
        worker.take(limit)
    assert (len(worker.store.asked), worker.told) == (1, [])
    await worker.store.answer()
    await worker.store.answer()
    assert (len(worker.told), worker.store.written) == (300, 2)  # one block for all that waited
    assert all(grant for grant, _ in worker.told)


async def test_an_account_does_not_wait_for_another(worker: Worker) -> None:
    """F56."""
    busy = monthly(10_000)
    other = allowance_of(
        account_limits("other", AccountSettings(daily_messages=5), None), AccountSettings(), ""
    )
    for _ in range(1000):
        worker.take(busy)
    worker.take(other, account="other")
    assert len(worker.store.asked) == 2
    worker.store.asked = worker.store.asked[1:]
    await worker.store.answer()
    assert len(worker.told) == 1


async def test_an_account_that_has_its_block_does_not_even_wait_for_the_store(worker: Worker) -> None:
    mine = monthly(10_000)
    await worker.takes_ones(mine, 10)
    grown = len(worker.told)
    other = allowance_of(
        account_limits("other", AccountSettings(daily_messages=5), None), AccountSettings(), ""
    )
    worker.take(other, account="other")
    worker.take(mine)
    assert len(worker.told) == grown + 1


@pytest.mark.parametrize("outcome", ["away", "lost", "kept"])
async def test_a_store_that_fails_is_temporary_trouble_and_nothing_is_counted_twice(
    worker: Worker, clock: FakeClock, outcome: str
) -> None:
    limit = monthly(100)
    worker.take(limit, 2)
    worker.take(limit)
    await worker.store.answer(outcome)
    assert [error.code for _, error in worker.told if isinstance(error, TryLater)] == [451, 451]
    assert await worker.takes_ones(limit, 200) == (98 if outcome == "kept" else 100)


async def test_what_could_not_be_given_back_is_given_back_later(worker: Worker, clock: FakeClock) -> None:
    limit = monthly(10_000)
    await worker.takes_ones(limit, 100)
    clock.advance(IDLE_S)
    worker.blocks.sweep()
    await worker.store.answer("away")
    worker.blocks.sweep()
    await worker.store.answer()
    assert used(worker.store.conn, limit.limits[0], clock) == 100


async def test_accounts_that_rest_are_forgotten(worker: Worker, clock: FakeClock) -> None:
    await worker.takes_ones(monthly(10_000), 100)
    for _ in range(3):
        clock.advance(60)
        worker.blocks.sweep()
        await worker.store.settle()
    assert not worker.blocks._accounts


# -- any order -------------------------------------------------------------------------------------------

STEP = st.one_of(
    st.tuples(st.just("take"), st.integers(0, 3), st.integers(1, 6)),
    st.tuples(st.just("burst"), st.integers(0, 3), st.integers(1, 40)),
    st.tuples(st.just("refused"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("answer"), st.integers(0, 3), st.integers(0, 9)),
    st.tuples(st.just("later"), st.just(0), st.integers(1, 50)),
    st.tuples(st.just("kill"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("close"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("lower"), st.just(0), st.integers(1, 60)),
)
_OUTCOMES = {0: "away", 1: "lost", 2: "kept"}


class Campaign:
    """Four workers on one store, and what was granted in which window."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.clock = FakeClock()
        self.workers = [Worker(SlowStore(conn), self.clock) for _ in range(4)]
        self.allowance = monthly(60, minutely=25, hourly=40)
        self.granted: Counter[tuple[str, int]] = Counter()
        self.grants: list[list[tuple[Grant, int]]] = [[] for _ in self.workers]
        self.is_whole = True  # nobody was killed, no commit was in doubt

    def take(self, number: int, count: int) -> None:
        allowance, worker = self.allowance, self.workers[number]

        def told(grant: Grant | None, error: BaseException | None) -> None:
            if worker is not self.workers[number]:
                return  # it was killed meanwhile
            if grant is not None:
                self._count(grant.blocks and [(b.scope, b.window) for b in grant.blocks], count)
                self.grants[number].append((grant, count))
            elif error is None:
                now = self.clock.now()
                if quota.reserve(self.conn, allowance.limits, count, now) is None:
                    self._count([(each.scope, each.span.window(now)) for each in allowance.limits], count)

        worker.blocks.take("acc", allowance, count, told)

    def _count(self, keys: Any, count: int) -> None:
        for key in keys:
            self.granted[key] += count
            most = next(each.most for each in self.allowance.limits if each.scope == key[0])
            if self.allowance == monthly(60, minutely=25, hourly=40):
                assert self.granted[key] <= most, (key, self.granted[key])

    def refuse(self, number: int) -> None:
        if self.grants[number]:
            grant, count = self.grants[number].pop()
            grant.give_back(count)
            for block in grant.blocks:
                self.granted[block.scope, block.window] -= count

    async def step(self, what: str, number: int, amount: int) -> None:
        match what:
            case "take":
                self.take(number, amount)
            case "burst":
                for _ in range(amount):
                    self.take(number, 1)
            case "refused":
                self.refuse(number)
            case "answer":
                outcome = _OUTCOMES.get(amount, "done")
                self.is_whole &= outcome in ("done", "away")
                await self.workers[number].store.answer(outcome)
            case "later":
                self.clock.advance(amount / 10)
                for worker in self.workers:
                    worker.blocks.sweep()
            case "kill":
                self.is_whole = False
                self.workers[number] = Worker(SlowStore(self.conn), self.clock)
                self.grants[number] = []
            case "close":
                await self.close(number)
            case "lower":
                self.allowance = monthly(amount, minutely=25, hourly=40)

    async def close(self, number: int) -> None:
        worker = self.workers[number]
        await worker.store.settle()
        closing = asyncio.ensure_future(worker.blocks.close())
        while not closing.done():
            await worker.store.answer()
        self.workers[number] = Worker(SlowStore(self.conn), self.clock)
        self.grants[number] = []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=60))
def test_in_any_order_no_window_is_overfull_and_with_no_kills_nothing_is_lost(
    url: str, steps: list[tuple[str, int, int]]
) -> None:
    async def run(conn: Connection) -> None:
        campaign = Campaign(conn)
        for step in steps:
            await campaign.step(*step)
        for number in range(4):
            await campaign.close(number)
        now = campaign.clock.now()
        for limit in campaign.allowance.limits:
            window = limit.span.window(now)
            counted = quotas.used(conn, limit.scope, window)
            granted = campaign.granted[limit.scope, window]
            assert counted == granted if campaign.is_whole else counted >= granted

    with connect(url) as conn, pytest.raises(Undone), conn.transaction():
        asyncio.run(run(conn))
        raise Undone


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(st.integers(0, 3), min_size=1, max_size=6), most=st.integers(1, 3000))
def test_workers_that_send_by_turns_reach_the_limit_to_within_a_block_each(
    url: str, turns: list[int], most: int
) -> None:
    async def run(conn: Connection) -> None:
        clock, allowance = FakeClock(), monthly(most)
        workers = [Worker(SlowStore(conn), clock) for _ in range(4)]
        granted = 0
        for turn in turns:
            granted += await workers[turn].takes_ones(allowance, most // len(turns) + 1)
        assert granted <= most
        assert granted >= min(most, sum([most // len(turns) + 1 for _ in turns])) - 3 * min(MOST, most // 16)
        clock.advance(IDLE_S)
        for worker in workers:
            worker.blocks.sweep()
            await worker.store.settle()
        granted += await workers[0].takes_ones(allowance, most)
        assert granted == most  # within seconds all of it can be had

    with connect(url) as conn, pytest.raises(Undone), conn.transaction():
        asyncio.run(run(conn))
        raise Undone


# -- where mail waits ------------------------------------------------------------------------------------


async def test_one_letter_a_second_looks_whether_windows_are_still_full(
    worker: Worker, clock: FakeClock
) -> None:
    allowance = monthly(1, over_limit="queue")
    blocks = worker.blocks
    assert await worker.takes_ones(allowance, 2) == 1
    assert blocks.full_until("acc", allowance) == 0
    blocks.note_full("acc", allowance, clock.now() + 900, 0.0)
    assert [blocks.full_until("acc", allowance) for _ in range(3)] == [clock.now() + 900] * 3
    clock.advance(1.0)
    assert [blocks.full_until("acc", allowance) for _ in range(2)] == [0, clock.now() + 899]


@pytest.mark.parametrize(
    ("until", "known", "expected"),
    [
        (950, 900, 950),  # the next place
        (850, 900, 900),  # part of what was known
        (100, 0, 100),  # it looked: mail before was cancelled
        (0, 0, 0),  # it looked, and had not to wait at all
        (990, 980, 900),  # it knew of a place that is too late by now
    ],
)
async def test_what_a_letter_found_counts_if_it_knew_of_no_later_place(
    worker: Worker, clock: FakeClock, until: float, known: float, expected: float
) -> None:
    allowance, now = monthly(1, over_limit="queue"), clock.now()
    await worker.takes(allowance)
    worker.blocks.note_full("acc", allowance, now + 900, 0.0)
    worker.blocks.note_full("acc", allowance, until and now + until, known and now + known)
    assert worker.blocks.full_until("acc", allowance) == (expected and now + expected)
