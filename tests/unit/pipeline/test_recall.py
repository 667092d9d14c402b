"""F66, S29: what was added while mail waits in memory, or is on its way, still holds."""

from __future__ import annotations

import asyncio
from pathlib import Path

from posthouse.model.message import Outgoing, SmtpResult
from posthouse.model.options import SendOptions
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.pipeline.recall import Recall
from posthouse.rules.site_limits import Limits
from posthouse.store import batches, suppressions
from posthouse.store.engine import each
from unit.pipeline.small_world import World, delivered, open_world, until


def row(address: str, kind: SuppressionKind = SuppressionKind.UNSUBSCRIBE) -> Suppression:
    return Suppression("acc", address, kind, "", "", 1.0)


async def on_list(world: World, address: str) -> None:
    await world.store.write(each(suppressions.add), ([row(address)],))


class Gate:
    """A host that keeps each letter until it is opened."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def __call__(self, _: Outgoing) -> SmtpResult:
        await self.event.wait()
        return delivered()


def recall_of(world: World) -> Recall:
    return Recall(world.store, world.custody)


async def test_f66_who_leaves_while_mail_waits_in_memory_gets_none(tmp_path: Path) -> None:
    async with open_world(tmp_path, limits=Limits(connections=1, first_connections=1)) as world:
        world.courier.answers["good.test"] = gate = Gate()
        await world.accept("ann@good.test", "bob@good.test", "cid@good.test")
        await world.fetch_all()
        await until(lambda: world.courier.begun)
        waiting = sorted({"ann@good.test", "bob@good.test", "cid@good.test"} - set(world.courier.begun))
        recall = recall_of(world)
        await recall.look()
        await on_list(world, waiting[0])
        assert await recall.look() == 1
        assert await recall.look() == 0
        gate.event.set()
        await world.at_rest()
        assert waiting[0] not in world.courier.sent
        assert world.states() == {"delivered": 2, "dropped": 1}
        (fact,) = world.facts("dropped")
        assert (fact["to"], fact["reason"]) == (waiting[0], "suppress-unsubscribe")


async def test_f66_who_leaves_before_the_content_gets_none(world: World) -> None:
    world.courier.answers["good.test"] = gate = Gate()
    await world.accept("ann@good.test")
    await until(lambda: world.courier.begun)
    await on_list(world, "ann@good.test")
    assert await recall_of(world).look() == 1
    gate.event.set()
    await world.at_rest()
    assert world.courier.sent == []
    assert world.states() == {"dropped": 1}
    assert world.is_empty()


async def test_what_is_out_already_stays_delivered(world: World) -> None:
    await world.accept("ann@good.test")
    await world.at_rest()
    await on_list(world, "ann@good.test")
    assert await recall_of(world).look() == 0
    assert world.states() == {"delivered": 1}


async def test_a_batch_that_is_cancelled_is_called_back(world: World) -> None:
    world.courier.answers["good.test"] = gate = Gate()
    await world.accept("ann@good.test", options=SendOptions(batch_id="spring"))
    await until(lambda: world.courier.begun)
    await world.store.write(each(batches.set_status), ("acc", "spring", batches.CANCELLED, 1.0))
    assert await recall_of(world).look() == 1
    gate.event.set()
    await world.at_rest()
    assert world.states() == {"cancelled": 1}


async def test_without_a_change_nothing_is_looked_at(world: World) -> None:
    world.courier.answers["good.test"] = gate = Gate()
    recall = recall_of(world)
    for _ in range(3):
        await recall.look()
    await world.accept("ann@good.test")
    await until(lambda: world.courier.begun)
    bounce = row("ann@good.test", SuppressionKind.BOUNCE)
    await world.store.write(each(suppressions.add_found), ([bounce],))
    assert await recall.look() == 0
    gate.event.set()
    await world.at_rest()
    assert world.states() == {"delivered": 1}


async def test_what_comes_into_memory_during_a_look_is_seen_by_the_next(world: World) -> None:
    world.courier.answers["good.test"] = gate = Gate()
    recall = recall_of(world)
    await recall.look()
    await world.accept("ann@good.test")
    await until(lambda: world.courier.begun)
    (job,) = world.custody.jobs()
    world.custody.remove(job.delivery)  # on its way from the store to memory
    await on_list(world, "ann@good.test")
    assert await recall.look() == 0
    world.custody.add(job)
    assert await recall.look() == 1
    gate.event.set()
    await world.at_rest()
    assert world.states() == {"dropped": 1}
