"""What becomes of mail that is kept instead of sent."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from posthouse.model.options import TEST_DROP, SendOptions
from posthouse.rules.pretended import AGAIN_S
from posthouse.store import captures
from unit.pipeline.small_world import World, open_world


def listed(world: World) -> list[Any]:
    conn = sqlite3.connect(world.path)
    rows = conn.execute("select address, kind from suppression").fetchall()
    conn.close()
    return rows


async def test_W_03_an_address_may_ask_to_be_refused(tmp_path: Path) -> None:
    async with open_world(tmp_path, captures=True) as world:
        await world.accept("refuse-550@anywhere.test")
        await world.at_rest()
        (failed,) = world.facts("failed")
        said = (failed["code"], failed["enhanced"], failed["reason"], failed["pretended"])
        assert said == (550, "5.1.1", "bad-mailbox", True)
        assert await world.store.read(captures.search, captures.CaptureQuery("")) == []
        assert listed(world) == []


async def test_W_03_an_address_may_ask_to_be_put_off_three_times(tmp_path: Path) -> None:
    async with open_world(tmp_path, captures=True) as world:
        await world.accept("defer-451-3@anywhere.test")
        await world.at_rest()
        for _ in range(3):
            assert world.states() == {"waiting": 1}
            world.clock.advance(AGAIN_S)
            await world.fetch_all()
            await world.at_rest()
        assert world.states() == {"delivered": 1}
        assert [each["attempt"] for each in world.facts("deferred", "delivered")] == [1, 2, 3, 4]
        assert len(await world.store.read(captures.search, captures.CaptureQuery(""))) == 1


@pytest.mark.parametrize(
    ("recipient", "kind"), [("bounce-late@x.test", "bounced"), ("complain+7@x.test", "complained")]
)
async def test_W_03_an_address_may_ask_for_what_comes_back(tmp_path: Path, recipient: str, kind: str) -> None:
    async with open_world(tmp_path, captures=True) as world:
        await world.accept(recipient, options=SendOptions(tags=("blue",)))
        await world.at_rest()
        facts = world.facts("delivered", "stored", kind)
        assert [each["kind"] for each in facts] == ["delivered", "stored", kind]
        assert facts[-1]["tags"] == ["blue"] and facts[-1]["to"] == recipient
        assert listed(world) == []


async def test_test_mode_pretends_too(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.accept("refuse-550@good.test", options=SendOptions(test_mode=TEST_DROP))
        await world.at_rest()
        assert world.states() == {"failed": 1} and world.courier.begun == []


async def test_mail_that_is_really_sent_never_pretends(tmp_path: Path) -> None:
    people = ["refuse-550@good.test", "defer-451@good.test", "bounce-late@good.test", "complain@good.test"]
    async with open_world(tmp_path) as world:
        await world.accept(*people)
        await world.fetch_all()
        await world.at_rest()
        assert sorted(world.courier.sent) == sorted(people)
        assert world.states() == {"delivered": 4}
        assert not world.facts("failed", "deferred", "bounced", "complained")
