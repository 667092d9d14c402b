"""SendGrid's calls about sender identities, which are its verified senders in another form."""

from __future__ import annotations

from typing import Any

import pytest

from unit.doors.api.calling import DOMAIN, Api

SENDERS = "/v3/senders"


def sender(name: str = "My Sender ID", domain: str = DOMAIN, **more: Any) -> dict[str, Any]:
    return {
        "nickname": name,
        "from": {"email": f"from@{domain}", "name": "Example INC"},
        "reply_to": {"email": "replyto@example.com", "name": "Example INC"},
        "address": "123 Elm St.",
        "address_2": "Apt. 456",
        "city": "Denver",
        "state": "Colorado",
        "zip": "80202",
        "country": "United States",
        **more,
    }


async def add(api: Api, given: dict[str, Any]) -> dict[str, Any]:
    reply = await api.call("POST", SENDERS, key=api.full, json=given)
    assert reply.status == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def test_SG_11_a_sender_identity_is_kept_as_it_was_given(any_api: Api) -> None:
    api = any_api
    made = await add(api, sender())
    now = int(api.clock.now())
    more = {"verified": True, "updated_at": now, "created_at": now, "locked": False}
    assert made == {"id": made["id"], **sender(), **more}
    path = f"{SENDERS}/{made['id']}"
    assert (await api.call("GET", path, key=api.full)).json() == made
    assert (await api.call("GET", SENDERS, key=api.full)).json() == {"result": [made]}
    assert (await api.call("DELETE", path, key=api.full)).status == 204
    assert (await api.call("GET", path, key=api.full)).status == 404


async def test_SG_11_a_sender_identity_is_changed_field_by_field(any_api: Api) -> None:
    api = any_api
    made = await add(api, sender())
    await add(api, sender("News"))
    api.clock.advance(60)
    path = f"{SENDERS}/{made['id']}"
    change = {"from": {"email": "new@unknown.test"}, "address_2": "", "state": None}
    reply = await api.call("PATCH", path, key=api.full, json=change)
    changed = {
        **made,
        "from": {"email": "new@unknown.test", "name": "Example INC"},
        "address_2": "",
        "verified": False,
        "updated_at": made["updated_at"] + 60,
    }
    assert (reply.status, reply.json()) == (200, changed)
    reply = await api.call("PATCH", path, key=api.full, json={"nickname": "News"})
    text = "You already have a sender identity with the same nickname."
    assert (reply.status, reply.json()["errors"]) == (400, [{"message": text, "field": "nickname"}])


async def test_SG_11_both_forms_of_a_sender_are_the_same_sender(any_api: Api) -> None:
    api = any_api
    made = await add(api, sender())
    (seen,) = (await api.call("GET", "/v3/verified_senders", key=api.full)).json()["results"]
    assert (seen["id"], seen["from_email"], seen["address2"]) == (made["id"], f"from@{DOMAIN}", "Apt. 456")
    brief = {"nickname": "brief", "from_email": f"a@{DOMAIN}", "reply_to": f"b@{DOMAIN}"}
    other = (await api.call("POST", "/v3/verified_senders", key=api.full, json=brief)).json()
    shown = (await api.call("GET", f"{SENDERS}/{other['id']}", key=api.full)).json()
    assert (shown["reply_to"], shown["city"]) == ({"email": f"b@{DOMAIN}", "name": ""}, "")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nickname": None}, "nickname"),
        ({"from": {"name": "x"}}, "from_email"),
        ({"from": "a@b.test"}, "from"),
        ({"from": {"email": "nobody"}}, "from_email"),
        ({"from": {"email": ["a@b.test"]}}, "from_email"),
        ({"reply_to": None}, "reply_to"),
        ({"reply_to": {"email": "a@b\r\nc"}}, "reply_to"),
        ({"address": ""}, "address"),
        ({"city": 7}, "city"),
        ({"country": " "}, "country"),
        ({"zip": "12345678901"}, "zip"),
    ],
)
async def test_SG_11_what_is_wrong_with_a_sender_identity_is_told(
    api: Api, change: dict[str, Any], field: str
) -> None:
    reply = await api.call("POST", SENDERS, key=api.full, json=sender() | change)
    assert (reply.status, reply.json()["errors"][0]["field"]) == (400, field)
    assert api.rows("select * from sender") == []


async def test_SG_11_no_confirmation_of_a_sender_identity_is_mailed(api: Api) -> None:
    for domain, text in (
        (DOMAIN, "already verified.  No email sent."),
        ("unknown.test", "unknown.test is a"),
    ):
        made = await add(api, sender(domain, domain))
        reply = await api.call("POST", f"{SENDERS}/{made['id']}/resend_verification", key=api.full)
        assert (reply.status, text in reply.json()["errors"][0]["message"]) == (400, True)
    assert api.accepted() == []


async def test_S20_sender_identities_of_another_account_are_not_there(any_api: Api) -> None:
    api = any_api
    made = await add(api, sender())
    before = api.books()
    for method, rest in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/resend_verification")):
        json = {"nickname": "mine"} if method == "PATCH" else None
        reply = await api.call(method, f"{SENDERS}/{made['id']}{rest}", key=api.others, json=json)
        unknown = await api.call(method, f"{SENDERS}/{made['id'] + 1}{rest}", key=api.others, json=json)
        assert (reply.status, reply.body) == (unknown.status, unknown.body)
        assert reply.status == 404
    assert (await api.call("GET", SENDERS, key=api.others)).json() == {"result": []}
    assert api.books() == before
