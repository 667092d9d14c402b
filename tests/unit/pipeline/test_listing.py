"""D-07: what fails puts its recipient on a list, in the transaction of the outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posthouse.model.message import Phase, Recipient, SmtpResult
from posthouse.model.options import RecipientOptions, SendOptions
from posthouse.model.suppression import Allowed, Suppression, SuppressionKind
from posthouse.net.lookup import permanent
from posthouse.store import allowed, suppressions
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
