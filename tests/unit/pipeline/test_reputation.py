"""Yesterday is judged once, by whoever comes first after midnight (D-10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from blank_store import make_store
from posthouse.model.account import AccountSettings
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.event import Event, EventKind
from posthouse.pipeline.fold import count, fold
from posthouse.pipeline.reputation import Reputation
from posthouse.store import caps, events, identity
from posthouse.store.caps import Cap
from posthouse.store.engine import Connection, Store, each, open_store

DAY_S = 86400


class World:
    """A store with one account that begins with 20 a day, its clock and two workers' chores."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = FakeClock(1_700_000_000.0 // DAY_S * DAY_S + 3600)
        self.ids = Ids(self.clock)
        self.chores = [Reputation(store, self.clock) for _ in range(2)]

    @property
    def today(self) -> int:
        return int(self.clock.now() // DAY_S)

    async def cap(self) -> Cap | None:
        found: Cap | None = await self.store.read(caps.find_cap, "acc")
        return found

    async def happened(self, kind: EventKind, times: int, reason: str = "") -> None:
        """Events of the account, counted as upkeep counts them."""

        def write(conn: Connection) -> None:
            facts = [
                Event(
                    self.ids.new(), kind, self.clock.now(), "acc", "shop.test", "m", data={"reason": reason}
                )
                for _ in range(times)
            ]
            events.append(conn, facts)
            fold(conn, [count])

        await self.store.write(each(write), ())

    async def next_day(self) -> None:
        self.clock.advance(DAY_S)
        await asyncio.gather(*[chore.judge() for chore in self.chores])

    async def set(self, settings: AccountSettings) -> None:
        await self.store.write(each(identity.set_account_settings), ("acc", settings))


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path}/posthouse.db"
    make_store(url)
    store = open_store(url, asyncio.get_running_loop())
    made = World(store)
    await store.write(each(_account), (made.clock.now(),))
    await made.set(AccountSettings(starts_at=20, daily_messages=1000))
    yield made
    await store.close()


def _account(conn: Connection, now: float) -> None:
    identity.ensure_account(conn, "shop", id="acc", now=now)


async def test_a_new_account_gets_its_first_cap(world: World) -> None:
    await asyncio.gather(*[chore.judge() for chore in world.chores])
    assert await world.cap() == Cap("acc", world.today, 20, "a new account begins with 20 recipients a day")


async def test_accounts_that_do_not_grow_have_none(world: World) -> None:
    await world.set(AccountSettings(daily_messages=100))
    await world.chores[0].judge()
    assert await world.cap() is None


async def test_a_good_day_doubles_the_cap_once_however_many_workers_judge(world: World) -> None:
    await world.chores[0].judge()
    await world.happened(EventKind.ACCEPTED, 20)
    await world.happened(EventKind.DELIVERED, 20)
    version = await world.store.read(identity.identity_version)
    await world.next_day()
    assert await world.cap() == Cap("acc", world.today, 40, "grew from 20: 20 sent, 0 bounced")
    assert await world.store.read(identity.identity_version) == version + 1  # workers learn it
    await world.chores[0].judge()
    assert await world.cap() == Cap("acc", world.today, 40, "grew from 20: 20 sent, 0 bounced")


async def test_the_last_outcomes_of_a_day_are_waited_for(world: World) -> None:
    await world.chores[0].judge()
    before = await world.cap()
    world.clock.advance(DAY_S - 3600 + 60)
    await world.chores[0].judge()
    assert await world.cap() == before
    world.clock.advance(600)
    await world.chores[0].judge()
    assert (await world.cap() or Cap("", 0, 0, "")).day == world.today


@pytest.mark.parametrize(
    ("reason", "cap"), [("bad-mailbox", 10), ("bad-domain", 10), ("policy-block", 40), ("expired", 40)]
)
async def test_only_failures_that_are_the_lists_fault_count_as_bounces(
    world: World, reason: str, cap: int
) -> None:
    await world.chores[0].judge()
    await world.happened(EventKind.ACCEPTED, 20)
    await world.happened(EventKind.DELIVERED, 17)
    await world.happened(EventKind.FAILED, 3, reason)
    await world.next_day()
    found = await world.cap()
    assert found is not None and found.most == cap


@pytest.mark.parametrize(("reason", "cap"), [("greylisted", 20), ("warming-up", 40)])
async def test_letters_that_waited_for_the_turn_of_an_address_were_not_deferred_by_a_host(
    world: World, reason: str, cap: int
) -> None:
    await world.chores[0].judge()
    await world.happened(EventKind.ACCEPTED, 20)
    await world.happened(EventKind.DELIVERED, 20)
    await world.happened(EventKind.DEFERRED, 30, reason)
    await world.happened(EventKind.DEFERRED, 5, "warming-up")
    await world.next_day()
    found = await world.cap()
    assert found is not None and found.most == cap


async def test_a_day_without_anybody_to_judge_it_changes_nothing(world: World) -> None:
    await world.chores[0].judge()
    await world.happened(EventKind.ACCEPTED, 20)
    world.clock.advance(3 * DAY_S)
    await world.chores[0].judge()
    found = await world.cap()
    assert found is not None and (found.most, found.day) == (20, world.today)


async def test_another_accounts_mail_says_nothing(world: World) -> None:
    await world.chores[0].judge()
    await world.happened(EventKind.ACCEPTED, 20)
    await world.happened(EventKind.DELIVERED, 20)
    await world.store.write(each(_other), (world.ids, world.clock.now()))
    await world.next_day()
    found = await world.cap()
    assert found is not None and found.most == 40


def _other(conn: Connection, ids: Ids, now: float) -> None:
    facts = [
        Event(ids.new(), EventKind.FAILED, now, "other", "x.test", "m", data={"reason": "bad-mailbox"})
        for _ in range(50)
    ]
    events.append(conn, facts)
    fold(conn, [count])
