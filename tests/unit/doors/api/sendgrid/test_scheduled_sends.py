"""doors.api.sendgrid.scheduled_sends: batches are made, paused, cancelled and resumed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from posthouse.desk import batches
from posthouse.desk.batch_rounds import BatchRounds
from posthouse.dialects.event_values import Facts
from posthouse.dialects.sendgrid.event_fields import drop_reason
from posthouse.model.event import EventKind
from posthouse.model.hook import Told
from unit.doors.api.calling import DOMAIN, Api

BATCH, SENDS = "/v3/mail/batch", "/v3/user/scheduled_sends"
ABSENT = {"errors": [{"message": "batch id not found", "field": "batch_id"}]}


async def made(api: Api) -> str:
    reply = await api.call("POST", BATCH, key=api.full)
    assert reply.status == 201
    batch_id: str = reply.json()["batch_id"]
    return batch_id


async def send(api: Api, batch_id: str, to: str = "ann@there.test") -> int:
    body = {
        "personalizations": [{"to": [{"email": to}]}],
        "from": {"email": f"shop@{DOMAIN}"},
        "subject": "Hello",
        "content": [{"type": "text/plain", "value": "Hi"}],
        "send_at": int(api.clock.now()) + 3600,
        "batch_id": batch_id,
    }
    return (await api.call("POST", "/v3/mail/send", key=api.sending, json=body)).status


async def stop(api: Api, batch_id: str, status: str = "pause") -> int:
    given = {"batch_id": batch_id, "status": status}
    return (await api.call("POST", SENDS, key=api.full, json=given)).status


def states(api: Api) -> list[str]:
    return [delivery.state.value for shown in api.accepted() for delivery in shown.deliveries]


async def test_SG_11_a_batch_is_known_before_it_is_used(any_api: Api) -> None:
    api = any_api
    batch_id = await made(api)
    reply = await api.call("GET", f"{BATCH}/{batch_id}", key=api.full)
    assert (reply.status, reply.json()) == (200, {"batch_id": batch_id})
    assert (await api.call("GET", f"{SENDS}/{batch_id}", key=api.full)).json() == []
    reply = await api.call("GET", f"{BATCH}/nobody", key=api.full)
    assert (reply.status, reply.json()) == (404, ABSENT)
    reply = await api.call("GET", f"{BATCH}/a%20b", key=api.full)
    assert (reply.status, reply.json()["errors"][0]["message"]) == (400, "invalid batch id")


async def test_SG_11_a_batch_is_paused_cancelled_and_resumed(any_api: Api) -> None:
    api = any_api
    batch_id = await made(api)
    assert await send(api, batch_id) == 202
    reply = await api.call("POST", SENDS, key=api.full, json={"batch_id": batch_id, "status": "pause"})
    row = {"batch_id": batch_id, "status": "pause"}
    assert (reply.status, reply.json(), states(api)) == (201, row, ["held"])
    assert (await api.call("GET", SENDS, key=api.full)).json() == [row]
    assert (await api.call("GET", f"{SENDS}/{batch_id}", key=api.full)).json() == [row]
    assert await send(api, batch_id) == 202
    assert states(api) == ["held", "held"]
    assert (await api.call("DELETE", f"{SENDS}/{batch_id}", key=api.full)).status == 204
    assert states(api) == ["waiting", "waiting"]
    assert (await api.call("GET", SENDS, key=api.full)).json() == []
    assert await stop(api, batch_id) == 201
    reply = await api.call("PATCH", f"{SENDS}/{batch_id}", key=api.full, json={"status": "cancel"})
    assert (reply.status, reply.body) == (204, b"")
    assert states(api) == ["cancelled", "cancelled"]


async def test_SG_11_a_paused_batch_gives_its_mail_up_72_hours_after_its_time(any_api: Api) -> None:
    api = any_api
    rounds = BatchRounds(api.store, api.clock, api.ids)
    batch_id, other = await made(api), await made(api)
    for each in (batch_id, other):
        assert await send(api, each) == 202  # in an hour
        assert await stop(api, each) == 201
    await api.write(batches.mark, (api.account_id, other), "pause", api.clock.now())  # as the command does
    api.clock.advance(73 * 3600)
    assert await rounds.go() == 0 and states(api) == ["held", "held"], "not later than 72 hours"
    api.clock.advance(1)
    assert await rounds.go() == 1
    assert sorted(states(api)) == ["cancelled", "held"]
    (event,) = [event for event in api.events() if event.kind is EventKind.CANCELLED]
    assert drop_reason(Facts(Told(event))) == "Expired"
    assert (await api.call("GET", f"{SENDS}/{batch_id}", key=api.full)).json() == [
        {"batch_id": batch_id, "status": "pause"}
    ]
    assert await rounds.go() == 0


async def test_SG_11_a_pause_that_ended_in_time_gives_nothing_up(api: Api) -> None:
    rounds = BatchRounds(api.store, api.clock, api.ids)
    batch_id = await made(api)
    assert await send(api, batch_id) == 202 and await stop(api, batch_id) == 201
    assert (await api.call("DELETE", f"{SENDS}/{batch_id}", key=api.full)).status == 204
    api.clock.advance(100 * 3600)
    assert await rounds.go() == 0 and states(api) == ["waiting"]


async def test_SG_11_a_stopped_batch_is_not_stopped_again(api: Api) -> None:
    batch_id = await made(api)
    assert await stop(api, batch_id) == 201
    for status in ("pause", "cancel"):
        assert await stop(api, batch_id, status) == 400


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_SG_11_a_batch_that_goes_on_has_no_status_to_change(api: Api, method: str) -> None:
    for batch_id in (await made(api), "nobody"):
        given = {"status": "cancel"} if method == "PATCH" else None
        reply = await api.call(method, f"{SENDS}/{batch_id}", key=api.full, json=given)
        assert (reply.status, reply.json()) == (404, ABSENT)


async def test_SG_11_only_so_many_batches_may_be_stopped(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_STOPPED", 2)
    first, second, third = [await made(api) for _ in range(3)]
    assert [await stop(api, each) for each in (first, second, third)] == [201, 201, 400]
    await api.call("DELETE", f"{SENDS}/{first}", key=api.full)
    assert await stop(api, third) == 201
    api.clock.advance(batches.VALID_S + 1)
    assert await stop(api, await made(api)) == 201


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "batch_id"),
        ({"batch_id": 5, "status": "pause"}, "batch_id"),
        ({"batch_id": "a\r\nb", "status": "pause"}, "batch_id"),
        ({"batch_id": "x" * 201, "status": "pause"}, "batch_id"),
        ({"batch_id": "b1"}, "status"),
        ({"batch_id": "b1", "status": "stop"}, "status"),
        ({"batch_id": "b1", "status": ["pause"]}, "status"),
        ([], None),
    ],
)
async def test_SG_11_a_wrong_status_call_names_the_field(api: Api, given: Any, field: str | None) -> None:
    reply = await api.call("POST", SENDS, key=api.full, json=given)
    assert (reply.status, reply.json()["errors"][0]["field"]) == (400, field)


async def test_S20_batches_of_another_account_are_not_there(api: Api) -> None:
    batch_id = await made(api)
    assert await send(api, batch_id) == 202
    assert await stop(api, batch_id) == 201
    before = api.books()
    for method, path, given in [
        ("GET", BATCH + "/{}", None),
        ("GET", SENDS + "/{}", None),
        ("PATCH", SENDS + "/{}", {"status": "cancel"}),
        ("DELETE", SENDS + "/{}", None),
        ("POST", SENDS, {"batch_id": "{}", "status": "cancel"}),
    ]:
        replies = []
        for id in (batch_id, "nobody"):
            asked = given and {key: value.replace("{}", id) for key, value in given.items()}
            replies.append(await api.call(method, path.format(id), key=api.others, json=asked))
        assert [each.status for each in replies] == [404, 404]
        assert replies[0].body == replies[1].body
    assert (await api.call("GET", SENDS, key=api.others)).json() == []
    assert api.books() == before


async def test_S29_cancelling_while_a_batch_is_sent_leaves_nothing_between(any_api: Api) -> None:
    api = any_api
    batch_id = await made(api)
    work = [send(api, batch_id, f"p{at}@there.test") for at in range(32)]
    work[16:16] = [stop(api, batch_id, "cancel") for _ in range(32)]
    answers = await asyncio.gather(*work)
    assert [*answers[:16], *answers[48:]] == [202] * 32
    assert sorted(answers[16:48]) == [201] + [400] * 31, "one of the equal calls has the effect"
    assert states(api) == ["cancelled"] * 32
    cancelled = [event.delivery_id for event in api.events("cancelled")]
    assert len(cancelled) == len(set(cancelled)) == 32, "each recipient is told once"
    assert await send(api, batch_id) == 202
    assert states(api)[-1] == "cancelled"
