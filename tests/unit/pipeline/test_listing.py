"""D-07: what fails puts its recipient on a list, in the transaction of the outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posthouse.model.account import AccountSettings
from posthouse.model.message import Phase, Recipient, SmtpResult
from posthouse.model.options import RecipientOptions, SendOptions
from posthouse.model.suppression import Allowed, Suppression, SuppressionKind
from posthouse.net.lookup import permanent
from posthouse.pipeline.fold import Fold
from posthouse.pipeline.listing import Purge, list_repeated
from posthouse.store import allowed, identity, suppressions
from posthouse.store.connection import Connection
from posthouse.store.engine import each
from posthouse.store.suppressions import SuppressionQuery
from unit.pipeline.small_world import World, open_world


def no_such_user(*_: object) -> SmtpResult:
    return SmtpResult(Phase.RCPT, 550, "5.1.1", "No such user")


def spam(*_: object) -> SmtpResult:
    return SmtpResult(Phase.BODY, 554, "5.7.1", "Message rejected as spam")


async def lists(world: World) -> list[Suppression]:
    found: list[Suppression] = await world.store.read(suppressions.listing, SuppressionQuery("acc"))
    return found


async def send(world: World, *recipients: str, **changes: Any) -> None:
    await world.accept(*recipients, **changes)
    await world.fetch_all()
    await world.at_rest()


async def test_a_hard_failure_lists_the_address_and_the_next_letter_is_dropped(world: World) -> None:
    world.courier.answers["gone.test"] = no_such_user
    await send(world, "Ann@gone.test", "bob@good.test")
    (row,) = await lists(world)
    assert (row.address, row.kind, row.domain) == ("ann@gone.test", "bounce", "shop.test")
    assert row.detail == "550 5.1.1 No such user"
    await send(world, "ann@gone.test")
    (fact,) = world.facts("dropped")
    assert fact["reason"] == "suppress-bounce"


async def test_a_refused_letter_stops_nothing(world: World) -> None:
    world.courier.answers["gone.test"] = spam
    await send(world, "ann@gone.test")
    assert [row.kind for row in await lists(world)] == ["block"]
    await send(world, "ann@gone.test")
    assert world.states() == {"failed": 2}


async def test_a_dead_domain_makes_the_address_invalid(world: World) -> None:
    world.resolver.sites["gone.test"] = permanent(550, "5.1.2", "no such domain", "no-such-domain")
    await send(world, "ann@gone.test", options=SendOptions(account_lists=True))
    assert [(row.kind, row.domain) for row in await lists(world)] == [("bounce", ""), ("invalid", "")]


async def test_the_allow_list_is_obeyed(world: World) -> None:
    await world.store.write(each(allowed.add), ([Allowed("acc", "", "@gone.test", 1.0)],))
    world.courier.answers["gone.test"] = no_such_user
    await send(world, "ann@gone.test")
    assert await lists(world) == []


async def test_captures_and_copies_list_nobody(tmp_path: Path) -> None:
    async with open_world(tmp_path, captures=True) as world:
        world.courier.answers["gone.test"] = no_such_user
        await send(world, "ann@gone.test")
        assert await lists(world) == []


async def test_a_blind_copy_lists_nobody(world: World) -> None:
    world.courier.answers["gone.test"] = no_such_user
    copy = Recipient("log@gone.test", "gone.test", options=RecipientOptions(copy_of="ann@good.test"))
    await send(world, people=[Recipient("ann@good.test", "good.test"), copy])
    assert world.states() == {"delivered": 1, "failed": 1}
    assert await lists(world) == []


@pytest.mark.parametrize("mode", ["drop"])
async def test_test_mode_lists_nobody(world: World, mode: str) -> None:
    world.courier.answers["gone.test"] = no_such_user
    await send(world, "ann@gone.test", options=SendOptions(test_mode=mode))
    assert await lists(world) == []


async def test_an_allowed_address_gets_mail_although_it_once_bounced(world: World) -> None:
    rows = [
        Suppression("acc", "ann@good.test", SuppressionKind.BOUNCE, "", "", 1.0),
        Suppression("acc", "bob@good.test", SuppressionKind.COMPLAINT, "", "", 1.0),
    ]
    await world.store.write(each(suppressions.add), (rows,))
    entries = [Allowed("acc", "shop.test", "@good.test", 1.0)]
    await world.store.write(each(allowed.add), (entries,))
    await send(world, "ann@good.test", "bob@good.test")
    assert world.courier.sent == ["ann@good.test"]


# -- failures that go on, and time that is over ---------------------------------------------------------

DAY = 86400.0


def full(*_: object) -> SmtpResult:
    return SmtpResult(Phase.RCPT, 552, "5.2.2", "Mailbox full")


async def fold_all(world: World) -> None:
    await Fold(world.store, [list_repeated]).go()


@pytest.mark.parametrize(("days", "expected"), [((0, 1, 2), []), ((0, 2, 4), ["bounce"])])
async def test_a_mailbox_that_stays_full_has_bounced(
    world: World, days: tuple[int, ...], expected: list[str]
) -> None:
    """BR-6: soft failures count when they go on for days."""
    world.courier.answers["full.test"] = full
    start = world.clock.now()
    for day in days:
        world.clock.advance(start + day * DAY - world.clock.now())
        await send(world, "ann@full.test")
        await fold_all(world)
    rows = [row for row in await lists(world) if row.kind is not SuppressionKind.BLOCK]
    assert [row.kind for row in rows] == expected
    assert all(row.detail == "repeated: 552 5.2.2 Mailbox full" for row in rows)


async def test_a_host_that_is_away_for_days_lists_nobody(world: World) -> None:
    world.courier.answers["gone.test"] = lambda _: SmtpResult(Phase.BODY, 552, "5.3.4", "too large")
    for _ in range(4):
        await send(world, "ann@gone.test")
        await fold_all(world)
        world.clock.advance(2 * DAY)
    assert [row.kind for row in await lists(world)] == ["block"]


async def test_bounces_are_purged_as_the_account_says(world: World) -> None:
    now = world.clock.now()
    rows = [
        Suppression("acc", f"{name}@x.test", kind, "", "", now - days * DAY, detail)
        for name, kind, days, detail in [
            ("hard-old", SuppressionKind.BOUNCE, 40, "550"),
            ("hard-new", SuppressionKind.BOUNCE, 20, "550"),
            ("soft-old", SuppressionKind.BOUNCE, 20, "repeated: 552"),
            ("block-old", SuppressionKind.BLOCK, 20, "554"),
            ("block-new", SuppressionKind.BLOCK, 5, "554"),
            ("complained", SuppressionKind.COMPLAINT, 400, ""),
        ]
    ]
    await world.store.write(each(suppressions.add), (rows,))
    purge = Purge(world.store, world.clock)
    assert await purge.go() == 0  # nothing is asked for
    await world.store.write(each(_ask_for_purge), ())
    assert await purge.go() == 3
    assert [row.address.partition("@")[0] for row in await lists(world)] == [
        "block-new",
        "complained",
        "hard-new",
    ]


def _ask_for_purge(conn: Connection) -> None:
    identity.ensure_account(conn, "acc", id="acc", now=1.0)
    wanted = AccountSettings(purge_hard_days=30, purge_soft_days=10)
    assert identity.set_account_settings(conn, "acc", wanted)
