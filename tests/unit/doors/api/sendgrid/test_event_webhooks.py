"""SendGrid's event webhook calls: shapes, several webhooks, the key that signs."""

from __future__ import annotations

from typing import Any

from posthouse.desk import hook_rotation
from unit.doors.api.calling import Api, Reply

SETTINGS = "/v3/user/webhooks/event/settings"
URL = "https://hooks.test/sendgrid"
EVENTS = {"processed", "dropped", "delivered", "deferred", "bounce", "open", "click", "spam_report"} | {
    "unsubscribe",
    "group_unsubscribe",
    "group_resubscribe",
}


async def call(api: Api, method: str, path: str = "", json: Any = None, **more: Any) -> Reply:
    return await api.call(method, SETTINGS + path, key=more.pop("key", api.full), json=json, **more)


async def made(api: Api, url: str = URL, **more: Any) -> dict[str, Any]:
    reply = await call(api, "POST", json={"enabled": True, "url": url, "delivered": True, **more})
    assert reply.status == 201, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def test_SG_11_an_event_webhook_is_made_shown_changed_and_removed(any_api: Api) -> None:
    api = any_api
    hook = await made(api, bounce=True, friendly_name="shop")
    assert set(hook) == EVENTS | {
        *("enabled", "url", "account_status_change", "friendly_name", "oauth_client_id"),
        *("oauth_token_url", "public_key", "id", "created_date", "updated_date"),
    }
    assert {name for name in EVENTS if hook[name]} == {"delivered", "bounce"}
    assert (hook["enabled"], hook["url"], hook["friendly_name"], hook["public_key"]) == (
        True,
        URL,
        "shop",
        "",
    )
    assert (await call(api, "GET", f"/{hook['id']}")).json() == hook
    assert (await call(api, "GET")).json() == hook  # without an id: the oldest
    assert (await call(api, "GET", "/all")).json() == {"max_allowed": 100, "webhooks": [hook]}
    reply = await call(api, "PATCH", f"/{hook['id']}", {"enabled": False, "bounce": False, "open": True})
    assert reply.status == 200
    assert {name for name in EVENTS if reply.json()[name]} == {"delivered", "open"}
    assert reply.json()["enabled"] is False
    assert (await call(api, "DELETE", f"/{hook['id']}")).status == 204
    assert (await call(api, "GET", "/all")).json()["webhooks"] == []


async def test_SG_11_old_calls_without_an_id_make_and_change_one(api: Api) -> None:
    empty = (await call(api, "GET")).json()
    assert (empty["enabled"], empty["url"], empty["id"]) == (False, "", "")
    for url in (URL, f"{URL}/2"):
        reply = await call(api, "PATCH", json={"enabled": True, "url": url, "group_resubscribe": True})
        assert (reply.status, reply.json()["url"]) == (200, url)
    assert len((await call(api, "GET", "/all")).json()["webhooks"]) == 1


async def test_SG_11_what_a_webhook_cannot_be(api: Api) -> None:
    await made(api)
    for given, message in (
        ({"url": "nonsense", "open": True}, "'nonsense' is not a valid url"),
        ({"url": URL, "open": True}, f"Webhook at '{URL}' already exists. Please provide a unique URL."),
        ({"open": True}, "url is required"),
        ({"url": f"{URL}/x", "open": "yes"}, "open must be a boolean"),
    ):
        reply = await call(api, "POST", json=given)
        assert (reply.status, reply.json()["errors"][0]["message"]) == (400, message)
    assert (await call(api, "POST", json={"url": f"{URL}/x"})).status == 400  # told of nothing
    reply = await call(api, "POST", json={"url": f"{URL}/x", "open": True, "oauth_client_id": "me"})
    assert reply.json()["errors"][0]["field"] == "oauth_client_id"
    for method in ("GET", "PATCH", "DELETE"):
        reply = await call(api, method, "/nonsense", {} if method == "PATCH" else None)
        assert (reply.status, reply.json()["errors"][0]["message"]) == (404, "Invalid id provided.")


async def test_SG_11_the_signing_key_is_made_and_goes_with_the_last_webhook_that_signs(any_api: Api) -> None:
    api = any_api
    one, two = await made(api), await made(api, f"{URL}/2")
    signed = [
        (await call(api, "PATCH", f"/signed/{hook['id']}", {"enabled": True})).json() for hook in (one, two)
    ]
    key = signed[0]["public_key"]
    assert key.startswith("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE") and len(key) == 124
    assert signed == [{"id": one["id"], "public_key": key}, {"id": two["id"], "public_key": key}]
    assert (await call(api, "GET", f"/signed/{two['id']}")).json() == {"id": two["id"], "public_key": key}
    assert (await call(api, "GET", f"/{one['id']}")).json()["public_key"] == key
    found = await api.read(hook_rotation.standing, api.account_id, "sendgrid", "", api.clock.now())
    assert found.newest.public == key
    reply = await call(api, "PATCH", "/signed", {"enabled": False})
    assert reply.json() == {"id": one["id"], "public_key": ""}
    assert (await call(api, "GET", f"/signed/{two['id']}")).json()["public_key"] == key
    await call(api, "DELETE", f"/{two['id']}")
    reply = await call(api, "PATCH", f"/signed/{one['id']}", {"enabled": True})
    assert reply.json()["public_key"] not in ("", key)


async def test_SG_11_WH_1_the_public_key_is_that_of_the_key_which_signs_now(api: Api) -> None:
    await made(api)
    old = (await call(api, "PATCH", "/signed", {"enabled": True})).json()["public_key"]
    rotated = (
        await api.call("POST", "/posthouse/v1/webhook-keys/sendgrid/rotate", key=api.full, json={})
    ).json()
    assert rotated["public"] != old == rotated["older"][0]["public"]
    assert rotated["signs_from"] == rotated["older"][0]["ends_at"] > rotated["created_at"]
    assert (await call(api, "GET", "/signed")).json()["public_key"] == old
    await api.call("DELETE", "/posthouse/v1/webhook-keys/sendgrid/older", key=api.full)
    assert (await call(api, "GET", "/signed")).json()["public_key"] == rotated["public"]


async def test_S20_webhooks_of_another_account_are_not_there(api: Api) -> None:
    hook = await made(api)
    before = api.books()["hook"]
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/signed"),
        ("PATCH", "/signed"),
    ):
        json = {"enabled": False} if method == "PATCH" else None
        whole = f"{path}/{hook['id']}"
        reply = await call(api, method, whole, json, key=api.others)
        unknown = await call(api, method, f"{path}/unknown", json, key=api.others)
        assert (reply.status, reply.body) == (unknown.status, unknown.body) == (404, reply.body)
    assert (await call(api, "GET", "/all", key=api.others)).json()["webhooks"] == []
    assert api.books()["hook"] == before


async def test_SG_11_a_key_without_the_scope_may_not_look(api: Api) -> None:
    assert (await call(api, "GET", "/all", key=api.sending)).status == 403
