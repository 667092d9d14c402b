"""What needs attention: each cause gives one line with a way on; all well gives none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from posthouse.desk import accounts, hooks
from posthouse.desk.attention import Concern, concerns
from posthouse.dialects.table import HOOK_FORMS
from posthouse.model.account import Domain, DomainSettings
from posthouse.rules.limits import domain_limits
from posthouse.store import hooks as stored_hooks
from posthouse.store import identity, lane_summaries, quotas
from posthouse.store.connection import Connection
from posthouse.store.statement import Statement
from unit.doors.api.calling import Api, open_api


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(tmp_path) as opened:
        yield opened


async def look(api: Api, *, is_operator: bool = False) -> list[Concern]:
    def ask(conn: Connection) -> list[Concern]:
        return concerns(conn, accounts.load(conn), api.clock.now(), is_operator=is_operator)

    found: list[Concern] = await api.read(ask)
    return found


async def test_all_is_well_in_a_fresh_house(house: Api) -> None:
    assert await look(house, is_operator=True) == []


async def test_a_domain_without_its_records_is_named_with_the_way_to_them(house: Api) -> None:
    await house.add_domain("new.test", is_verified=False)
    (found,) = await look(house)
    assert (found.kind, found.path) == ("domain-unverified", "/domains/new.test")
    assert "new.test is not verified" in found.text and found.command.endswith("verify new.test")


async def _post(api: Api) -> None:
    form = {"from": "a@shop.test", "to": "ann@good.test", "subject": "x", "text": "x"}
    assert (await api.call("POST", "/v3/shop.test/messages", basic=api.full, form=form)).status == 200


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        (
            "state = 'waiting', attempt = 2, last_code = 421, last_text = 'come\x07 later'",
            "deferred",
            "421 come? later",
        ),
        ("state = 'held', last_text = ''", "held", "somebody said so"),
    ],
)
async def test_mail_that_waits_or_is_held_is_told_with_the_reason(
    house: Api, state: str, kind: str, words: str
) -> None:
    await _post(house)
    assert await look(house) == [], "what was not tried yet is no trouble"
    await house.write(lambda conn: conn.change(Statement(text(f"update delivery set {state}"))))
    (found,) = await look(house)
    assert found.kind == kind and words in found.text and found.path == "/queue"


async def test_the_counts_of_a_long_queue_are_bounded(house: Api) -> None:
    for _ in range(3):
        await _post(house)
    await house.write(lambda conn: conn.change(Statement(text("update delivery set attempt = 1"))))
    assert await house.read(lane_summaries.troubled, house.account_id, "waiting", 5, 2) == [
        ("good.test", 2, 0, "")
    ]


async def test_a_webhook_that_was_switched_off_is_told_with_its_note(house: Api) -> None:
    wanted = hooks.Wanted(url="https://hook.example.net/in")
    made = await house.write(
        hooks.add,
        house.ids,
        house.clock.now(),
        HOOK_FORMS,
        account_id=house.account_id,
        dialect="native",
        wanted=wanted,
        allows_plain=False,
    )
    assert await look(house) == []
    now = house.clock.now()
    await house.write(stored_hooks.set_state, made.id, is_enabled=False, now=now, note="it answered 410")
    (found,) = await look(house)
    assert (found.level, found.path) == ("bad", f"/webhooks/{made.id}") and "it answered 410" in found.text


async def test_a_limit_that_is_nearly_used_up_is_told(house: Api) -> None:
    await house.write(accounts.change_settings, "", ["daily_messages=10"])
    assert await look(house) == []
    quota = "update quota set used = 9"
    await _post(house)
    await house.write(lambda conn: conn.change(Statement(text(quota))))
    (found,) = await look(house)
    assert found.kind == "limit" and "9 of 10" in found.text


async def test_of_many_limits_that_are_used_up_some_are_told(house: Api) -> None:
    def limit(conn: Connection) -> None:
        for number in range(8):
            name = f"site{number}.test"
            identity.add_domain(conn, Domain(name, house.account_id, name, "us", 0.0, 0.0), [])
            identity.set_settings(conn, name, DomainSettings(daily_messages=10))
            for each in domain_limits(house.account_id, name, DomainSettings(daily_messages=10)):
                quotas.reserve(conn, each.scope, each.span.window(house.clock.now()), 10, 10)

    await house.write(limit)
    assert [found.kind for found in await look(house)] == ["limit"] * 5
