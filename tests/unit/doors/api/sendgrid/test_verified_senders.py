"""SendGrid's calls about verified senders."""

from __future__ import annotations

from typing import Any

import pytest

from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api

SENDERS = "/v3/verified_senders"


def sender(name: str = "orders", domain: str = DOMAIN, **more: Any) -> dict[str, Any]:
    email = f"{name}@{domain}"
    return {"nickname": name, "from_email": email, "reply_to": email, **more}


async def add(api: Api, given: dict[str, Any]) -> dict[str, Any]:
    reply = await api.call("POST", SENDERS, key=api.full, json=given)
    assert reply.status == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def listed(api: Api, query: str = "") -> list[Any]:
    found: list[Any] = (await api.call("GET", f"{SENDERS}{query}", key=api.full)).json()["results"]
    return found


async def test_SG_11_a_sender_is_verified_with_its_domain(any_api: Api) -> None:
    api = any_api
    made = await add(api, sender(city="Oslo", from_name="The shop"))
    assert (made["verified"], made["locked"], made["city"], made["zip"]) == (True, False, "Oslo", "")
    await api.add_domain("new.test", is_verified=False)
    for domain in ("new.test", "unknown.test", OTHER_DOMAIN):  # the last one is another account's
        assert (await add(api, sender(f"at.{domain}", domain)))["verified"] is False
    assert len(await listed(api)) == 4
    steps = (await api.call("GET", f"{SENDERS}/steps_completed", key=api.full)).json()
    assert steps == {"results": {"domain_verified": True, "sender_verified": True}}
    assert (await api.call("DELETE", f"{SENDERS}/{made['id']}", key=api.full)).status == 204
    steps = (await api.call("GET", f"{SENDERS}/steps_completed", key=api.full)).json()
    assert steps == {"results": {"domain_verified": True, "sender_verified": False}}


async def test_SG_11_senders_are_listed_by_page(any_api: Api) -> None:
    made = [await add(any_api, sender(name)) for name in ("a", "b", "c")]
    assert await listed(any_api) == made
    assert await listed(any_api, "?limit=2") == made[:2]
    assert await listed(any_api, f"?limit=2&lastSeenID={made[1]['id']}") == made[2:]
    assert await listed(any_api, f"?id={made[1]['id']}") == [made[1]]
    assert await listed(any_api, "?id=99999999999999999999") == []
    assert (await any_api.call("GET", f"{SENDERS}?limit=x", key=any_api.full)).status == 400


async def test_SG_11_a_sender_is_changed_field_by_field(any_api: Api) -> None:
    api = any_api
    made = await add(api, sender())
    await add(api, sender("news"))
    path = f"{SENDERS}/{made['id']}"
    reply = await api.call(
        "PATCH", path, key=api.full, json={"from_email": "new@unknown.test", "zip": "0150"}
    )
    changed = {**made, "from_email": "new@unknown.test", "zip": "0150", "verified": False}
    assert (reply.status, reply.json()) == (200, changed)
    assert (await api.call("PATCH", path, key=api.full, json={"nickname": "news"})).status == 400
    assert (await listed(api, f"?id={made['id']}")) == [changed]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nickname": None}, "nickname"),
        ({"from_email": None}, "from_email"),
        ({"reply_to": " "}, "reply_to"),
        ({"from_email": "nobody"}, "from_email"),
        ({"reply_to": "a@b\r\nc"}, "reply_to"),
        ({"state": "Oslo"}, "state"),
        ({"zip": "12345678901"}, "zip"),
        ({"city": 7}, "city"),
    ],
)
async def test_SG_11_what_is_wrong_with_a_sender_is_told(
    api: Api, change: dict[str, Any], field: str
) -> None:
    reply = await api.call("POST", SENDERS, key=api.full, json=sender() | change)
    assert (reply.status, reply.json()["errors"][0]["field"]) == (400, field)
    assert api.rows("select * from sender") == []


async def test_SG_11_no_confirmation_is_mailed(api: Api) -> None:
    good = await add(api, sender())
    bad = await add(api, sender("x", "unknown.test"))
    assert (await api.call("POST", f"{SENDERS}/resend/{good['id']}", key=api.full)).status == 204
    reply = await api.call("POST", f"{SENDERS}/resend/{bad['id']}", key=api.full)
    assert (reply.status, "unknown.test" in reply.json()["errors"][0]["message"]) == (400, True)
    assert (await api.call("GET", f"{SENDERS}/verify/token", key=api.full)).status == 404
    warnings = (await api.call("GET", f"{SENDERS}/domains", key=api.full)).json()["results"]
    assert set(warnings) == {"soft_failures", "hard_failures"}
    assert api.accepted() == []


async def test_S20_senders_of_another_account_are_not_there(any_api: Api) -> None:
    api = any_api
    made = await add(api, sender())
    before = api.books()
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/resend")):
        json = {"nickname": "mine"} if method == "PATCH" else None
        reply = await api.call(method, f"{SENDERS}{path}/{made['id']}", key=api.others, json=json)
        unknown = await api.call(method, f"{SENDERS}{path}/{made['id'] + 1}", key=api.others, json=json)
        assert (reply.status, reply.body) == (unknown.status, unknown.body)
        assert reply.status == 404
    reply = await api.call("GET", f"{SENDERS}?id={made['id']}", key=api.others)
    assert reply.json() == {"results": []}
    assert api.books() == before
