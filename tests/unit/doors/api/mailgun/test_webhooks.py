"""Mailgun's calls about webhooks and the key that signs them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from posthouse.net.httpout import HttpOut, PostResult
from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Reply

A, B, C, D = (f"https://hooks.example/{name}" for name in "abcd")
LIST = f"/v3/domains/{DOMAIN}/webhooks"
BY_URL = f"/v4/domains/{DOMAIN}/webhooks"


async def _call(api: Api, method: str, path: str, **more: Any) -> Reply:
    return await api.call(method, path, basic=api.full, **more)


async def _map(api: Api) -> dict[str, list[str]]:
    reply = await _call(api, "GET", LIST)
    return {name: held["urls"] for name, held in reply.json()["webhooks"].items()}


async def test_an_event_gets_its_urls_and_loses_them(api: Api) -> None:
    assert await _map(api) == {}
    made = await _call(api, "POST", LIST, form={"id": "clicked", "url": [A, B]})
    assert made.json() == {"message": "Webhook has been created", "webhook": {"urls": [A, B]}}
    assert (await _call(api, "GET", f"{LIST}/clicked")).json() == {"webhook": {"urls": [A, B]}}
    changed = await _call(api, "PUT", f"{LIST}/clicked", form=[("url", B), ("url", C)])
    assert changed.json() == {"message": "Webhook has been updated", "webhook": {"urls": [B, C]}}
    gone = await _call(api, "DELETE", f"{LIST}/clicked")
    assert gone.json() == {"message": "Webhook has been deleted", "webhook": {"urls": [B, C]}}
    assert await _map(api) == {} and api.rows("select id from hook") == []
    for method, more in (("GET", {}), ("PUT", {"form": {"url": A}}), ("DELETE", {})):
        reply = await _call(api, method, f"{LIST}/clicked", **more)
        assert (reply.status, reply.json()) == (404, {"message": "Webhook not found"})


async def test_events_of_one_url_share_a_hook(api: Api) -> None:
    for name in ("opened", "permanent_fail", "delivered"):
        await _call(api, "POST", LIST, form={"id": name, "url": A})
    assert await _map(api) == {"delivered": [A], "opened": [A], "permanent_fail": [A]}
    ((kinds,),) = api.rows("select kinds from hook")
    assert kinds.split() == ["bounced", "delivered", "dropped", "failed", "opened"]
    await _call(api, "DELETE", f"{LIST}/permanent_fail")
    assert await _map(api) == {"delivered": [A], "opened": [A]}


async def test_a_url_gets_its_events_and_loses_them(api: Api) -> None:
    both = [("event_types", "opened"), ("event_types", "clicked")]
    made = await _call(api, "POST", BY_URL, form=[("url", A), *both])
    assert made.json()["webhooks"] == {"opened": {"urls": [A]}, "clicked": {"urls": [A]}}
    changed = await _call(api, "PUT", BY_URL, form={"url": A, "event_types": "accepted,delivered"})
    assert changed.json()["webhooks"] == {"accepted": {"urls": [A]}, "delivered": {"urls": [A]}}
    missing = await _call(api, "PUT", BY_URL, form={"url": B, "event_types": "accepted"})
    assert (missing.status, missing.json()) == (404, {"message": "Webhook not found"})
    gone = await _call(api, "DELETE", f"{BY_URL}?url={A}")
    assert gone.json()["webhooks"] == {}


async def test_a_url_that_was_switched_off_is_on_again(api: Api) -> None:
    from posthouse.desk import hooks

    await _call(api, "POST", LIST, form={"id": "opened", "url": A})
    ((hook_id,),) = api.rows("select id from hook")
    await api.write(hooks.set_enabled, 0.0, api.account_id, hook_id, False)
    await _call(api, "PUT", f"{LIST}/opened", form={"url": A})
    assert api.rows("select is_enabled from hook") == [(1,)]


REFUSED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "an event that there is not": (
        {"id": "bounced", "url": A},
        {"message": "Invalid id: bounced is none of"},
    ),
    "no event": ({"url": A}, {"message": "Missing mandatory parameter: id"}),
    "no URL": ({"id": "opened"}, {"message": "Missing mandatory parameter: url"}),
    "a URL that is none": ({"id": "opened", "url": "nowhere"}, {"Reason": "no URL of the form"}),
    "a URL without TLS": (
        {"id": "opened", "url": "http://hooks.example/a"},
        {"Reason": "webhooks go to https URLs only"},
    ),
    "four URLs": (
        {"id": "opened", "url": [A, B, C, D]},
        {"message": "unable to add more than 3 urls for one event type"},
    ),
}


@pytest.mark.parametrize(("said", "answer"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_a_webhook_is_refused(
    api: Api, said: dict[str, Any], answer: dict[str, str]
) -> None:
    reply = await _call(api, "POST", LIST, form=said)
    assert reply.status == 400
    for key, text in answer.items():
        assert text in reply.json()[key]
    assert api.rows("select id from hook") == []


async def test_a_fourth_url_changes_nothing(api: Api) -> None:
    await _call(api, "POST", LIST, form={"id": "opened", "url": [A, B, C]})
    reply = await _call(api, "POST", BY_URL, form={"url": D, "event_types": "clicked,opened"})
    assert reply.status == 400
    assert reply.json() == {"message": "unable to add more than 3 urls for event type opened"}
    assert await _map(api) == {"opened": [A, B, C]}


async def test_a_try_posts_a_sample_and_tells_what_the_receiver_said(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted: list[Any] = []

    async def post(self: HttpOut, url: str, content: bytes, *_: Any, **__: Any) -> PostResult:
        posted.append((url, json.loads(content)))
        return PostResult(500, "Hi!") if len(posted) == 2 else PostResult(200, "ok")

    monkeypatch.setattr(HttpOut, "post", post)
    here = f"{LIST}/permanent_fail/test"
    reply = await _call(api, "PUT", here, form={"url": A})
    assert (reply.status, reply.json()) == (200, {"code": 500, "message": "Hi!"}), "the one that was refused"
    assert {url for url, _ in posted} == {A}
    assert {body["event-data"]["event"] for _, body in posted} == {"failed"}
    assert {body["event-data"]["severity"] for _, body in posted} == {"permanent"}
    assert (await _call(api, "PUT", f"{LIST}/opened/test", form={"url": A})).json()["code"] == 200
    assert api.rows("select id from hook") == [], "nothing is kept"
    for name, url, part in (
        ("bounced", A, "Invalid id: bounced is none of"),
        ("opened", "nowhere", "no URL of the form"),
        ("opened", "", "Missing mandatory parameter: url"),
    ):
        refused = await _call(api, "PUT", f"{LIST}/{name}/test", form={"url": url})
        assert refused.status == 400 and part in refused.json()["message"]


async def test_webhooks_of_the_account_have_ids(api: Api) -> None:
    said = {"description": "Our hook", "url": A, "event_types": ["delivered", "opened"]}
    made = await _call(api, "POST", "/v1/webhooks", form=said)
    id = made.json()["webhook_id"]
    (listed,) = (await _call(api, "GET", "/v1/webhooks")).json()["webhooks"]
    assert listed == (await _call(api, "GET", f"/v1/webhooks/{id}")).json()
    assert listed["created_at"].endswith(" GMT")
    assert listed | {"created_at": ""} == {**said, "webhook_id": id, "created_at": ""}
    changed = await _call(api, "PUT", f"/v1/webhooks/{id}", form={"url": B, "event_types": "clicked"})
    assert (changed.status, changed.body) == (204, b"")
    found = (await _call(api, "GET", f"/v1/webhooks/{id}")).json()
    assert (found["url"], found["event_types"]) == (B, ["clicked"])
    for url in (A, C):
        await _call(api, "POST", "/v1/webhooks", form={"url": url, "event_types": "clicked"})
    fourth = await _call(api, "POST", "/v1/webhooks", form={"url": D, "event_types": "clicked"})
    assert (fourth.status, fourth.json()) == (
        409,
        {"message": "unable to add more than 3 urls for event type clicked"},
    )
    assert await _map(api) == {}, "those of the account are no domain's"
    assert (await _call(api, "DELETE", f"/v1/webhooks/{id}")).status == 204
    assert (await _call(api, "DELETE", f"/v1/webhooks/{id}")).status == 404
    assert (await _call(api, "DELETE", "/v1/webhooks?all=true")).status == 204
    assert (await _call(api, "GET", "/v1/webhooks")).json() == {"webhooks": []}


async def test_another_accounts_webhook_is_not_there(api: Api) -> None:
    made = await api.call("POST", "/v1/webhooks", basic=api.others, form={"url": A, "event_types": "opened"})
    id = made.json()["webhook_id"]
    for method, more in (("GET", {}), ("PUT", {"form": {"url": B}}), ("DELETE", {})):
        reply = await _call(api, method, f"/v1/webhooks/{id}", **more)
        assert (reply.status, reply.json()) == (404, {"message": "Webhook not found"})
    foreign = await _call(api, "GET", f"/v3/domains/{OTHER_DOMAIN}/webhooks")
    assert (foreign.status, foreign.json()) == (404, {"message": "Domain not found"})
    assert len(api.rows("select id from hook")) == 1


async def test_the_signing_key_is_made_once_and_anew_on_demand(api: Api) -> None:
    first = (await _call(api, "GET", "/v5/accounts/http_signing_key")).json()
    assert len(first["http_signing_key"]) >= 32
    assert (await _call(api, "GET", "/v5/accounts/http_signing_key")).json() == first
    renewed = (await _call(api, "POST", "/v5/accounts/http_signing_key")).json()
    assert renewed["message"] == "regenerated HTTP signing key for account"
    assert renewed["http_signing_key"] != first["http_signing_key"]
    now = (await _call(api, "GET", "/v5/accounts/http_signing_key")).json()
    assert now["http_signing_key"] == renewed["http_signing_key"]
    rotated = await api.call("POST", "/posthouse/v1/webhook-keys/mailgun/rotate", key=api.full, json={})
    assert (await _call(api, "GET", "/v5/accounts/http_signing_key")).json() == now, "it signs for a day more"
    await _call(api, "POST", "/v5/accounts/http_signing_key")
    last = (await _call(api, "GET", "/v5/accounts/http_signing_key")).json()["http_signing_key"]
    assert last not in (now["http_signing_key"], rotated.json()["secret"]), "the others ended at once"
    reader = await api.issue(["hooks.read"], dialect="native")
    assert (await api.call("GET", "/v5/accounts/http_signing_key", basic=reader)).status == 403
