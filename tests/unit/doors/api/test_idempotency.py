"""Calls that are made twice: one effect, one answer; and all letters of a call or none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from posthouse.desk import accounts, suppressions
from posthouse.doors.api import kept
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.native.changing import once
from posthouse.doors.api.posting import Posted, post
from posthouse.model.account import MAIL_SEND
from posthouse.model.address import parse_address
from posthouse.model.errors import Refused
from posthouse.model.message import Recipient, Submission
from posthouse.store import api_tables
from posthouse.store.connection import Connection
from posthouse.store.statement import Statement
from unit.doors.api.calling import DOMAIN, Api, Key, Reply
from unit.doors.api.echo import serve

POST, NOTE = "/posthouse/v1/letters", "/posthouse/v1/notes"
_put = Statement(api_tables.tag_note.insert(), "account_id", "name", "description")


async def letters(call: Call) -> Answer:
    """A letter for each address of the body."""
    asked = await call.json()
    posted = [
        Posted(
            f"From: me@{DOMAIN}\r\nTo: {to}\r\nSubject: x\r\n\r\nhello\r\n".encode(),
            parse_address(f"me@{DOMAIN}"),
            [Recipient(to, to.rpartition("@")[2])],
        )
        for to in asked
    ]

    def answer(submissions: list[Submission]) -> Answer:
        return json_answer([each.id for each in submissions], 202, {"X-Count": str(len(submissions))})

    return await post(call, posted, answer)


def write_note(conn: Connection, account_id: str, name: str) -> str:
    if name == "bad":
        raise Refused(550, "5.5.4", "A bad name", reason="bad-name")
    conn.change(_put, account_id, name, "")
    return name


async def note(call: Call) -> Answer:
    name = (await call.json())["name"]
    return await call.write_once(
        lambda done: json_answer({"made": done}, 201), write_note, call.account_id, name
    )


@pytest.fixture
def house(any_api: Api) -> Api:
    return serve(
        any_api,
        Endpoint("POST", POST, MAIL_SEND, letters, is_sending=True),
        Endpoint("POST", NOTE, "", note),
    )


async def send(api: Api, *to: str, once: str = "", key: Key | None = None, path: str = POST) -> Reply:
    said: Any = {"name": to[0]} if path == NOTE else list(to)
    headers = {"Idempotency-Key": once} if once else {}
    return await api.call("POST", path, key=key or api.full, json=said, headers=headers)


async def test_the_same_call_again_gets_the_first_answer_and_no_second_letter(house: Api) -> None:
    first = await send(house, "ann@good.test", once="k")
    again = await send(house, "ann@good.test", once="k")
    assert first.status == 202 and again == first and again.headers["x-count"] == "1"
    assert house.accepted_one().message.id == first.json()[0]
    assert (await send(house, "ann@good.test")).json() != first.json()
    assert len(house.accepted()) == 2


async def test_another_call_with_the_key_is_409(house: Api) -> None:
    await send(house, "ann@good.test", once="k")
    other = await send(house, "bob@good.test", once="k")
    assert other.status == 409 and "Idempotency-Key" in other.json()["title"]
    assert len(house.accepted()) == 1


async def test_a_key_belongs_to_who_uses_it(house: Api) -> None:
    second = await house.issue(dialect="native")
    ids = {
        (await send(house, "ann@good.test", once="k", key=each)).json()[0] for each in (house.full, second)
    }
    assert len(ids) == 2


@pytest.mark.parametrize("path", [POST, NOTE])
async def test_S29_of_64_equal_calls_at_once_one_has_an_effect(house: Api, path: str) -> None:
    replies = await asyncio.gather(*[send(house, "ann@good.test", once="k", path=path) for _ in range(64)])
    assert len({reply.body for reply in replies}) == 1
    assert {reply.status for reply in replies} == {202 if path == POST else 201}
    table = "message" if path == POST else "tag_note"
    assert house.rows(f"select count(*) from {table}") == [(1,)]


async def test_a_refused_call_keeps_nothing(house: Api) -> None:
    for _ in range(2):
        assert 400 <= (await send(house, "bad", once="k", path=NOTE)).status < 500
    assert house.rows("select count(*) from answered") == [(0,)]
    assert (await send(house, "good", once="n", path=NOTE)).status == 201


async def test_a_key_is_free_again_after_a_day(house: Api) -> None:
    first = await send(house, "ann@good.test", once="k")
    house.clock.advance(86_401)
    later = await send(house, "ann@good.test", once="k")
    assert later.status == 202 and later.json() != first.json()


async def test_old_answers_are_swept_away(house: Api) -> None:
    for number in range(3):
        await send(house, "ann@good.test", once=f"k{number}")
    house.clock.advance(86_401)
    await house.all_parts.upkeep._retain()
    assert house.rows("select count(*) from answered") == [(0,)]


async def test_a_key_that_is_too_long_is_refused(house: Api) -> None:
    assert (await send(house, "ann@good.test", once="k" * 256)).status == 400
    assert (await send(house, "ann@good.test", once="k" * 255)).status == 202


# All or none


async def test_C_13_a_limit_reached_by_the_third_of_five_letters_refuses_all(house: Api) -> None:
    await house.write(accounts.change_settings, "", ["daily_messages=6"])
    assert (await send(house, *[f"before{number}@good.test" for number in range(4)])).status == 202
    five = [f"p{number}@good.test" for number in range(5)]
    refused = await send(house, *five, once="k")
    assert refused.status == 429 and int(refused.headers["retry-after"]) > 0
    assert len(house.accepted()) == 4 and house.rows("select count(*) from answered") == [(0,)]
    assert (await send(house, *five[:2], once="k")).status == 202  # nothing of the five was counted
    assert (await send(house, five[2])).status == 429
    assert len(house.accepted()) == 6


async def test_who_is_suppressed_is_accepted_and_not_sent_to(house: Api) -> None:
    await house.write(
        suppressions.add,
        house.account_id,
        ["ann@good.test"],
        suppressions.Place(None, None, None),
        house.clock.now(),
    )
    reply = await send(house, "ann@good.test", "bob@good.test", once="k")
    assert reply.status == 202 and len(reply.json()) == 2
    states = {each.deliveries[0].recipient: each.deliveries[0].state.value for each in house.accepted()}
    assert states == {"ann@good.test": "dropped", "bob@good.test": "waiting"}
    assert await send(house, "ann@good.test", "bob@good.test", once="k") == reply


async def test_a_large_answer_is_not_kept_and_the_call_not_done_again(
    house: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 8)
    for path in (POST, NOTE):
        assert (await send(house, "ann@good.test", once=path, path=path)).status < 300
        again = await send(house, "ann@good.test", once=path, path=path)
        assert again.status == 409 and "too large to be kept" in again.text
    assert len(house.accepted()) == 1
    assert house.rows("select count(*) from tag_note") == [(1,)]


# Calls of several transactions


class Slow:
    """Work that goes on when the test says so."""

    def __init__(self) -> None:
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.count = 0

    async def __call__(self, call: Call) -> Answer:
        async def work() -> Answer:
            self.count += 1
            self.begun.set()
            await self.may_end.wait()
            if self.count == 1:
                raise Refused(550, "5.5.4", "Not this time", reason="bad-name")
            return json_answer({"count": self.count})

        return await once(call, work)


@pytest.fixture
def slow(any_api: Api) -> Slow:
    work = Slow()
    serve(any_api, Endpoint("POST", NOTE, "", work))
    return work


async def test_S29_the_same_call_of_several_steps_never_runs_twice_at_once(any_api: Api, slow: Slow) -> None:
    slow.count = 1
    first = asyncio.ensure_future(send(any_api, "x", once="k", path=NOTE))
    await slow.begun.wait()
    meanwhile = await send(any_api, "x", once="k", path=NOTE)
    assert meanwhile.status == 409 and "still at work" in meanwhile.text
    assert int(meanwhile.headers["retry-after"]) > 0
    slow.may_end.set()
    done = await first
    assert (done.status, done.json()) == (200, {"count": 2})
    assert await send(any_api, "x", once="k", path=NOTE) == done
    assert slow.count == 2


async def test_a_call_of_several_steps_that_failed_may_come_again(any_api: Api, slow: Slow) -> None:
    slow.may_end.set()
    assert (await send(any_api, "x", once="k", path=NOTE)).status == 422
    assert (await send(any_api, "x", once="k", path=NOTE)).json() == {"count": 2}


async def test_a_call_whose_worker_was_killed_may_come_again_later(any_api: Api, slow: Slow) -> None:
    slow.count = 1
    killed = asyncio.ensure_future(send(any_api, "x", once="k", path=NOTE))
    await slow.begun.wait()
    any_api.clock.advance(901)
    slow.may_end.set()
    assert (await send(any_api, "x", once="k", path=NOTE)).json() == {"count": 3}
    await killed


# Secrets


@pytest.mark.parametrize(
    ("path", "said", "table"),
    [
        ("/v1/keys", {"role": "basic"}, "credential"),
        (f"/v3/domains/{DOMAIN}/credentials", {"login": "app"}, "credential"),
        ("/v5/accounts/http_signing_key", {}, "hook_key"),
        ("/v3/api_keys", {"name": "shop"}, "credential"),
    ],
)
async def test_S22_what_was_made_is_made_once_and_its_secret_shown_once(
    any_api: Api, path: str, said: dict[str, Any], table: str
) -> None:
    headers = {"Idempotency-Key": "k"}
    shown: dict[str, Any] = {"key": any_api.full, "json": said}
    if path != "/v3/api_keys":
        shown = {"basic": any_api.full, "form": said}
    first = await any_api.call("POST", path, headers=headers, **shown)
    assert first.status < 300, first
    count = any_api.rows(f"select count(*) from {table}")
    again = await any_api.call("POST", path, headers=headers, **shown)
    assert again.status == first.status
    assert any_api.rows(f"select count(*) from {table}") == count
    secrets = set(_texts(first.json())) - set(_texts(again.json()))
    assert len(secrets) == 1 and len(secrets.pop()) >= 32
    (kept_body,) = any_api.rows("select body from answered")
    assert bytes(kept_body[0]) == again.body


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    return [str(value)]
