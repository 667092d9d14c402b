"""Captured copies that are sent for real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import pytest

from posthouse.config.load import settings_from
from posthouse.mail.letter import parse
from posthouse.model.account import AccountSettings, Domain, DomainSettings
from posthouse.model.errors import Refused
from posthouse.model.options import TEST_DROP, SendOptions
from posthouse.pipeline.release import Released, release
from posthouse.store import captures, identity, messages
from posthouse.store.connection import Connection
from posthouse.store.engine import each
from unit.pipeline.small_world import World, open_world, until

SETTINGS = settings_from({}, base=Path("/nowhere"), environ={})
CAPTURING = changed(SETTINGS, delivery=changed(SETTINGS.delivery, capture=True))
TEST = SendOptions(test_mode=TEST_DROP, tags=("blue",), metadata={"order": 7})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as made:
        await made.store.write(each(found), ())
        yield made


def found(conn: Connection) -> None:
    identity.ensure_account(conn, "one", id="acc", now=1.0)
    identity.add_domain(conn, Domain("dom", "acc", "shop.test", "us", 1.0, 1.0), [])


async def captured(world: World, *recipients: str) -> str:
    """The delivery of a letter in test mode."""
    await world.accept(*(recipients or ("ann@good.test",)), options=TEST)
    await world.at_rest()
    return str(world.rows()[0]["id"])


async def released(world: World, delivery_id: str, to: str = "", **changes: Any) -> Released:
    def work(conn: Connection) -> Released:
        more = {"account_id": "acc", "domain": ""} | changes
        settings = more.pop("settings", SETTINGS)
        return release(
            conn, settings, world.ids, world.clock.now(), "joe", delivery_id=delivery_id, to=to, **more
        )

    made: Released = await world.store.write(each(work), ())
    return made


async def test_W_03_a_captured_copy_is_sent_as_it_lies_there(world: World) -> None:
    delivery_id = await captured(world)
    assert world.courier.sent == []
    copy = await world.store.read(captures.load_capture, delivery_id)
    made = await released(world, delivery_id)
    await world.fetch_all()
    await until(lambda: world.courier.sent == ["ann@good.test"])
    await world.at_rest()
    (content,) = world.courier.contents
    trace, _, rest = content.partition(b"From: ")
    assert b"From: " + rest == copy.content[copy.content.index(b"From: ") :]
    assert trace.startswith(b"Received: ") and made.message_id.encode() in trace
    message = await world.store.read(messages.load_message, made.message_id)
    assert (message.sender, message.credential_id, message.domain) == (
        "bounce@shop.test",
        "cred",
        "shop.test",
    )
    assert (message.options.tags, message.options.metadata) == (("blue",), {"order": 7})
    assert message.options.test_mode == ""
    (accepted,) = [each for each in world.facts("accepted") if each["login"] == "joe"]
    assert accepted["subject"] == "x"


async def test_another_address_may_be_named(world: World) -> None:
    made = await released(world, await captured(world), " Bob@GOOD.test ")
    assert made.recipient == "Bob@good.test"


async def test_an_old_signature_does_not_travel_with_it(world: World) -> None:
    delivery_id = await captured(world)

    def sign(conn: Connection) -> None:
        copy = captures.load_capture(conn, delivery_id)
        assert copy is not None
        captures.remove_capture(conn, delivery_id)
        captures.add_captures(
            conn, [changed(copy, content=b"DKIM-Signature: d=x;\r\n b=y\r\n" + copy.content)]
        )

    await world.store.write(each(sign), ())
    made = await released(world, delivery_id)
    content = await world.store.read(messages.load_content, made.message_id)
    assert parse(content).count(b"dkim-signature") == 0 and b"hello" in content


def with_domain(**values: Any) -> Any:
    def work(conn: Connection) -> None:
        identity.set_settings(conn, "shop.test", DomainSettings(**values))

    return work


def unverified(conn: Connection) -> None:
    identity.set_verified(conn, "shop.test", None)


def suspended(conn: Connection) -> None:
    identity.set_account_settings(conn, "acc", AccountSettings(is_suspended=True))


def removed(conn: Connection) -> None:
    identity.remove_domain(conn, "shop.test")


def limited(conn: Connection) -> None:
    identity.set_account_settings(conn, "acc", AccountSettings(daily_messages=1))


@pytest.mark.parametrize(
    ("before", "changes", "reason"),
    [
        (None, {"account_id": "another"}, "no-capture"),
        (None, {"domain": "other.test"}, "no-capture"),
        (None, {"settings": CAPTURING}, "captures"),
        (None, {"to": "nobody"}, "bad-address"),
        (None, {"to": "ann@localhost"}, "unqualified-recipient"),
        (unverified, {}, "domain-unverified"),
        (suspended, {}, "suspended"),
        (removed, {}, "no-domain"),
        (with_domain(is_sandbox=True), {}, "sandbox"),
    ],
    ids=["a stranger's", "another domain's key", "where all is captured", "no address", "not qualified",
         "unverified domain", "suspended account", "domain gone", "sandbox"],
)  # fmt: skip
async def test_a_release_is_refused_with_a_reason(
    world: World, before: Any, changes: dict[str, Any], reason: str
) -> None:
    delivery_id = await captured(world)
    if before is not None:
        await world.store.write(each(before), ())
    with pytest.raises(Refused) as refusal:
        await released(world, delivery_id, **changes)
    assert refusal.value.reason == reason


async def test_a_sandbox_may_write_to_whom_it_was_authorised_for(world: World) -> None:
    delivery_id = await captured(world)
    await world.store.write(each(with_domain(is_sandbox=True, authorised=("ann@good.test",))), ())
    assert (await released(world, delivery_id)).recipient == "ann@good.test"


async def test_limits_hold_for_what_is_released(world: World) -> None:
    delivery_id = await captured(world)
    await world.store.write(each(limited), ())
    await released(world, delivery_id)
    with pytest.raises(Exception, match="limit"):
        await released(world, delivery_id)
