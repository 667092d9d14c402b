"""Everything else by our own API: made, changed, listed, ended, as at the command line."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from posthouse.desk import accounts, people
from posthouse.desk.passwords import Given
from posthouse.model.account import Domain, Role
from posthouse.model.clock import Ids
from posthouse.store import identity
from posthouse.store.connection import Connection
from unit.doors.api.calling import DOMAIN, Api, Reply
from unit.doors.api.native.test_native_messages import problem, sent

V1 = "/posthouse/v1"


@pytest.fixture
def api(any_api: Api) -> Api:
    """On SQLite and on PostgreSQL."""
    return any_api


async def ok(api: Api, method: str, path: str, json: Any = None, status: int = 200, **more: Any) -> Any:
    reply: Reply = await api.call(method, V1 + path, key=more.pop("key", api.full), json=json, **more)
    assert reply.status == status, reply
    return reply.json()


async def items(api: Api, path: str, **more: Any) -> list[Any]:
    return list((await ok(api, "GET", path, **more))["items"])


async def test_suppressions_and_the_allow_list(api: Api) -> None:
    added = await ok(api, "POST", "/suppressions", {"addresses": ["ANN@x.test", "bob@x.test"]}, 201)
    assert [each["address"] for each in added["items"]] == ["ann@x.test", "bob@x.test"]
    page = await ok(api, "GET", "/suppressions?limit=1")
    assert page["items"][0]["kind"] == "unsubscribe" and page["items"][0]["at"] == "2023-11-14T22:13:20Z"
    rest = await items(api, f"/suppressions?cursor={page['next']}")
    assert [each["address"] for each in rest] == ["bob@x.test"]
    assert await ok(api, "POST", "/suppressions/remove", {"addresses": ["ann@x.test"]}) == {"removed": 1}
    assert [each["address"] for each in await items(api, "/suppressions?text=x.test")] == ["bob@x.test"]
    wrong = await api.call("POST", f"{V1}/suppressions", key=api.full, json={"addresses": ["x"]})
    problem(wrong, 422, "bad-address")
    await ok(api, "POST", "/allowed", {"values": ["@x.test"], "domain": DOMAIN}, 201)
    assert [each["type"] for each in await items(api, "/allowed")] == ["domain"]
    assert await ok(api, "POST", "/allowed/remove", {"values": ["x.test"]}) == {"removed": 1}


async def test_groups_and_contacts(api: Api) -> None:
    group = await ok(api, "POST", "/groups", {"name": "News"}, 201)
    assert await items(api, "/groups") == [group]
    problem(await api.call("POST", f"{V1}/groups", key=api.full, json={"name": "News"}), 409, "exists")
    assert await ok(api, "DELETE", f"/groups/{group['number']}") == {"removed": group["number"]}
    problem(await api.call("DELETE", f"{V1}/groups/x", key=api.full), 404, "no-group")
    await ok(api, "PUT", "/contacts/ann@x.test", {"time_zone": "europe/berlin"})
    assert await items(api, "/contacts") == [{"address": "ann@x.test", "time_zone": "Europe/Berlin"}]
    known = await ok(api, "GET", "/contacts/ann@x.test")
    assert (known["time_zone"], known["source"]) == ("Europe/Berlin", "set")


async def test_the_queue_and_batches(api: Api) -> None:
    id = await sent(api, batch="b1")
    (lane,) = await items(api, "/queue")
    assert (lane["domain"], lane["waiting"]) == ("good.test", 1)
    assert await ok(api, "POST", "/queue/hold", {"message_id": id}) == {"held": 1}
    assert await ok(api, "POST", "/queue/release", {"all": True}) == {"released": 1}
    assert await ok(api, "POST", "/queue/retry", {"lane": lane["lane"]}) == {"flushed": 0}
    for choice in ({}, {"all": True, "domain": "good.test"}):
        problem(await api.call("POST", f"{V1}/queue/drop", key=api.full, json=choice), 422, "bad-choice")
    assert await ok(api, "POST", "/batches/b1/pause") == {"id": "b1", "held": 1}
    assert [each["state"] for each in await items(api, "/batches")] == ["paused"]
    assert await ok(api, "POST", "/batches/b1/resume") == {"id": "b1", "released": 1}
    assert await ok(api, "POST", "/batches/b1/cancel") == {"id": "b1", "cancelled": 1}
    problem(await api.call("POST", f"{V1}/batches/b2/resume", key=api.full), 404, "no-batch")
    assert (await items(api, "/sites")) == []
    assert await ok(api, "POST", "/queue/drop", {"all": True}, key=api.others) == {"dropped": 0}


async def walked(api: Api, path: str, name: str, **more: Any) -> list[str]:
    """The names of a list that is asked for one by one."""
    found: list[str] = []
    sign, cursor = "&" if "?" in path else "?", ""
    while True:
        page = await ok(api, "GET", f"{path}{sign}limit=1&cursor={quote(cursor)}", **more)
        found += [str(each[name]) for each in page["items"]]
        if not (cursor := page["next"] or ""):
            return found
        assert len(page["items"]) == 1


@pytest.mark.parametrize(
    ("path", "name", "text"),
    [
        ("/users", "login", "APP2"),
        (f"/users?domain={DOMAIN}", "login", "app1"),
        ("/keys", "id", "key 2"),
        ("/tokens", "id", "token 1"),
        (f"/tokens?domain={DOMAIN}", "id", "token 3"),
        ("/domains", "name", "site2"),
        ("/people", "email", "ann1"),
        ("/groups", "number", "group 2"),
        ("/templates", "id", "letter3"),
        ("/templates?domain=", "id", "letter1"),
        ("/queue", "lane", ""),
        ("/sites", "domain", ""),
    ],
)
async def test_lists_come_in_pages_and_are_searched_by_name(
    api: Api, path: str, name: str, text: str
) -> None:
    for number in (1, 2, 3):
        await ok(api, "POST", "/users", {"login": f"app{number}@{DOMAIN}"}, 201)
        await ok(api, "POST", "/keys", {"name": f"key {number}"}, 201)
        await ok(api, "POST", "/tokens", {"name": f"token {number}", "domain": DOMAIN}, 201)
        await ok(api, "POST", "/groups", {"name": f"Group {number}"}, 201)
        await ok(api, "POST", f"/templates/letter{number}/versions", {"text": "Hello"}, 201)
        await sent(api, to=[f"ann@to{number}.test"])
        await api.write(_person_and_domain, number, api.ids)
    whole = [str(each[name]) for each in await items(api, path)]
    assert len(whole) >= 3
    assert await walked(api, path, name) == whole
    if text:
        found = await items(api, f"{path}{'&' if '?' in path else '?'}text={quote(text)}")
        assert [str(each[name]) for each in found] == [whole[whole.index(str(found[0][name]))]]


def _person_and_domain(conn: Connection, number: int, ids: Ids) -> None:
    account_id = accounts.own_account(conn, "")
    given = Given("never used", "no hash")
    people.add(conn, ids, 0.0, account_id, f"ann{number}@people.test", role=Role.VIEWER, given=given)
    identity.add_domain(conn, Domain(ids.new(), account_id, f"site{number}.test", "us", None, 0.0), [])


@pytest.mark.parametrize("path", ["/users?cursor=%01", "/groups?cursor=x", "/templates?cursor=%F0%9F%98%80"])
async def test_a_cursor_that_no_page_gave_is_no_trouble(api: Api, path: str) -> None:
    await items(api, path)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=-1", "cursor=abc", "page=2"])
async def test_a_page_that_cannot_be_is_refused(api: Api, query: str) -> None:
    reply = await api.call("GET", f"{V1}/queue?{query}", key=api.full)
    assert reply.status == 422 or reply.status == 400


async def test_templates(api: Api) -> None:
    version = {
        "html": "<p>{{name}}</p>",
        "text": "{{name}}",
        "subject": "For {{name}}",
        "from": "a@shop.test",
    }
    made = await ok(api, "POST", "/templates/Welcome/versions", version, 201)
    assert (made["name"], made["version"], made["is_active"]) == ("welcome", "initial", True)
    assert made["fields"] == {"Subject": "For {{name}}", "From": "a@shop.test"}
    await ok(api, "POST", "/templates/welcome/versions", version | {"version": "v2"}, 201)
    problem(
        await api.call("POST", f"{V1}/templates/welcome/versions", key=api.full, json=version), 409, "exists"
    )
    made = await ok(api, "POST", "/templates/welcome/render", {"variables": {"name": "A & B"}})
    assert made == {"version": "initial", "subject": "For A & B", "html": "<p>A &amp; B</p>", "text": "A & B"}
    await ok(api, "POST", "/templates/welcome/activate", {"version": "v2"})
    (row,) = await items(api, "/templates")
    assert (row["versions"], row["active"]) == (["initial", "v2"], "v2")
    problem(await api.call("DELETE", f"{V1}/templates/welcome?version=v2", key=api.full), 422, "is-active")
    await ok(api, "DELETE", "/templates/welcome?version=initial")
    letter = {"template": {"name": "welcome"}, "variables": {"name": "Ann"}, "text": None, "subject": ""}
    id = await sent(api, **letter)
    assert (await ok(api, "GET", f"/messages/{id}"))["message"]["template"] == "welcome"
    await ok(api, "DELETE", "/templates/welcome")
    problem(await api.call("GET", f"{V1}/templates/welcome", key=api.full), 404, "no-template")


async def test_domains_and_their_settings(api: Api) -> None:
    made = await ok(api, "POST", "/domains", {"name": "New.test", "is_sandbox": True}, 201)
    assert (made["name"], made["state"]) == ("new.test", "verified") and made["records"]
    problem(await api.call("POST", f"{V1}/domains", key=api.full, json={"name": "new.test"}), 409, "exists")
    taken = await api.call("POST", f"{V1}/domains", key=api.full, json={"name": "other.test"})
    problem(taken, 422, "taken")
    assert {each["name"] for each in await items(api, "/domains")} == {DOMAIN, "new.test"}
    assert {each["name"] for each in await items(api, "/domains", key=api.bound)} == {DOMAIN}
    changed = await ok(
        api,
        "PATCH",
        f"/domains/{DOMAIN}",
        {"track_opens": True, "schedule_days": 30, "authorised": ["A@x.test"]},
    )
    settings = changed["settings"]
    assert (settings["track_opens"], settings["schedule_days"], settings["authorised"]) == (
        True,
        30,
        ["a@x.test"],
    )
    back = await ok(api, "PATCH", f"/domains/{DOMAIN}", {"track_opens": None}, key=api.bound)
    assert back["settings"]["track_opens"] is None
    problem(
        await api.call("PATCH", f"{V1}/domains/{DOMAIN}", key=api.full, json={"ip_pool": "x"}), 404, "no-pool"
    )
    await ok(api, "DELETE", "/domains/new.test")
    problem(await api.call("GET", f"{V1}/domains/new.test", key=api.full), 404, "no-domain")
    problem(await api.call("GET", f"{V1}/domains/other.test", key=api.full), 404, "no-domain", "domain")


async def test_domain_keys(api: Api) -> None:
    key = await ok(api, "POST", f"/domains/{DOMAIN}/keys", {"algorithm": "ed25519-sha256"}, 201)
    assert key["state"] == "standby" and key["record"]["name"].startswith(key["selector"])
    done = await ok(api, "POST", f"/domains/{DOMAIN}/keys/{key['selector']}/activate", {"force": True})
    assert key["selector"] in [each["selector"] for each in done["active"]]
    states = {each["selector"]: each["state"] for each in await items(api, f"/domains/{DOMAIN}/keys")}
    assert states[key["selector"]] == "active"
    other = await ok(api, "POST", f"/domains/{DOMAIN}/keys", {"selector": "spare"}, 201)
    assert await ok(api, "DELETE", f"/domains/{DOMAIN}/keys/{other['selector']}") == {"removed": "spare"}
    problem(await api.call("DELETE", f"{V1}/domains/{DOMAIN}/keys/spare", key=api.full), 404, "no-key")
    assert await items(api, "/certificates") == []


async def test_users_keys_and_tokens(api: Api) -> None:
    user = await ok(api, "POST", "/users", {"login": f"app@{DOMAIN}", "ranges": ["192.0.2.0/24"]}, 201)
    assert len(user["password"]) > 10
    (row,) = await items(api, "/users")
    assert (row["login"], row["ranges"], row["used_at"]) == (f"app@{DOMAIN}", ["192.0.2.0/24"], None)
    fresh = await ok(api, "POST", f"/users/app@{DOMAIN}/reset")
    assert fresh["password"] != user["password"]
    terms = {"ranges": [], "connection_messages": 5, "expires_at": "2100-01-31T12:00:00Z"}
    changed = await ok(api, "PATCH", f"/users/app@{DOMAIN}", terms)
    assert (changed["ranges"], changed["connection_messages"]) == ([], 5)
    assert changed["expires_at"].startswith("2100-01-31T12:00:00")
    back = await ok(api, "PATCH", f"/users/app@{DOMAIN}", {"connection_messages": None})
    assert back["connection_messages"] is None
    await ok(api, "DELETE", f"/users/app@{DOMAIN}")
    key = await ok(api, "POST", "/keys", {"name": "CI", "permissions": ["events.read"]}, 201)
    assert key["secret"].startswith("ph_")
    assert await items(api, "/events", key=key["secret"]) == []
    await ok(api, "PATCH", f"/keys/{key['id']}", {"name": "CI 2"})
    assert "CI 2" in [each["name"] for each in await items(api, "/keys")]
    await ok(api, "DELETE", f"/keys/{key['id']}")
    problem(await api.call("DELETE", f"{V1}/keys/{key['id']}", key=api.full), 404, "no-key")
    token = await ok(api, "POST", "/tokens", {"domain": DOMAIN}, 201)
    assert token["id"] in [each["id"] for each in await items(api, f"/tokens?domain={DOMAIN}")]
    await ok(api, "PATCH", f"/tokens/{token['id']}", {"name": "shop"})
    await ok(api, "DELETE", f"/tokens/{token['id']}")


async def test_a_key_cannot_give_what_it_does_not_have(api: Api) -> None:
    weak = await api.issue(("keys.read", "keys.write"), dialect="native")
    for path, body in (
        ("/keys", {"permissions": ["mail.send"]}),
        ("/users", {"login": f"x@{DOMAIN}"}),
        ("/tokens", {"domain": DOMAIN}),
    ):
        problem(await api.call("POST", V1 + path, key=weak, json=body), 403, "no-permission", "permissions")
    mine = f"{V1}/keys/{weak.id}"
    problem(
        await api.call("PATCH", mine, key=weak, json={"permissions": ["domains.write"]}),
        403,
        "no-permission",
        "permissions",
    )


async def test_a_secret_is_shown_once_and_kept_nowhere(api: Api) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await ok(api, "POST", "/keys", {"name": "once"}, 201, headers=headers)
    again = await ok(api, "POST", "/keys", {"name": "once"}, 201, headers=headers)
    assert again == {"id": first["id"], "secret": ""}
    assert first["secret"] not in str(api.books())


async def test_webhooks(api: Api) -> None:
    hook = await ok(
        api, "POST", "/webhooks", {"url": "https://joe:pw@hooks.test/x", "events": ["delivered"]}, 201
    )
    assert "pw" not in hook["url"] and hook["kinds"] == ["delivered"]
    problem(
        await api.call("POST", f"{V1}/webhooks", key=api.full, json={"url": "http://hooks.test/"}),
        422,
        "plain-http",
    )
    changed = await ok(api, "PATCH", f"/webhooks/{hook['id']}", {"events": ["all"], "enabled": False})
    assert not changed["enabled"] and len(changed["kinds"]) > 10
    assert [each["id"] for each in await items(api, "/webhooks")] == [hook["id"]]
    assert await items(api, f"/webhooks/{hook['id']}/log") == []
    await sent(api)
    event = (await items(api, "/events"))[0]["id"]
    assert await ok(api, "POST", f"/webhooks/{hook['id']}/redeliver", {"events": [event]}) == {"queued": 1}
    api.clock.advance(5)
    assert await ok(api, "POST", f"/webhooks/{hook['id']}/redeliver", {"since": "1h"}) == {"queued": 1}
    problem(
        await api.call("POST", f"{V1}/webhooks/{hook['id']}/redeliver", key=api.full, json={}),
        422,
        "bad-choice",
    )
    asked = {"events": [event], "until": "1h"}
    reply = await api.call("POST", f"{V1}/webhooks/{hook['id']}/redeliver", key=api.full, json=asked)
    problem(reply, 422, "bad-choice", "until")
    problem(await api.call("GET", f"{V1}/webhooks/{hook['id']}", key=api.others), 404, "no-hook")
    key = await ok(api, "POST", "/webhook-keys/native", {}, 201)
    assert key["secret"].startswith("whsec_")
    shown = await ok(api, "GET", "/webhook-keys/native")
    assert "secret" not in shown and shown["algorithm"] == key["algorithm"]
    problem(
        await api.call("POST", f"{V1}/webhook-keys/native", key=api.full, json={}), 409, "hook-key-exists"
    )
    assert (shown["older"], shown["signs_from"]) == ([], shown["created_at"])
    rotated = await ok(api, "POST", "/webhook-keys/native/rotate", {"keep_s": 3600}, 201)
    assert rotated["secret"] not in ("", key["secret"]) and len(rotated["older"]) == 1
    shown = await ok(api, "GET", "/webhook-keys/native")
    assert shown == {name: value for name, value in rotated.items() if name != "secret"}
    assert (await ok(api, "DELETE", "/webhook-keys/native/older"))["older"] == []
    asked = {"keep_s": 31 * 86400}
    reply = await api.call("POST", f"{V1}/webhook-keys/native/rotate", key=api.full, json=asked)
    problem(reply, 400, "bad-value", "keep_s")
    reply = await api.call("POST", f"{V1}/webhook-keys/native/rotate", key=api.others, json={})
    problem(reply, 404, "no-hook-key")
    await ok(api, "DELETE", f"/webhooks/{hook['id']}")


async def test_addresses_and_pools(api: Api) -> None:
    from posthouse.desk import egress

    await api.write(egress.add_ip, api.clock.now(), "127.0.0.5", "mx.shop.test", api.account_id)
    await api.write(egress.add_ip, api.clock.now(), "127.0.0.6", "", "")
    assert [each["is_dedicated"] for each in await items(api, "/addresses")] == [True, False]
    pool = await ok(api, "PUT", "/pools/fast", {"ips": ["127.0.0.5"]})
    assert pool["ips"] == ["127.0.0.5"]
    assert [each["name"] for each in await items(api, "/pools")] == ["fast"]
    changed = await ok(api, "PATCH", "/pools/fast", {"name": "quick", "description": "For news"})
    assert (changed["id"], changed["name"], changed["description"]) == (pool["id"], "quick", "For news")
    assert (await ok(api, "PATCH", "/pools/quick", {"name": "fast"}))["description"] == "For news"
    begun = await ok(api, "PUT", "/addresses/127.0.0.5/warm-up", {"day": 2})
    assert begun["warmup"]["day"] == 2
    assert (await ok(api, "DELETE", "/addresses/127.0.0.5/warm-up"))["warmup"] is None
    problem(await api.call("PUT", f"{V1}/addresses/127.0.0.6/warm-up", key=api.full, json={}), 403, "not-own")
    problem(await api.call("GET", f"{V1}/addresses/127.0.0.5", key=api.others), 404, "no-address")
    assert (await ok(api, "DELETE", "/pools/fast"))["removed"] == "fast"


async def test_statistics(api: Api) -> None:
    await sent(api, tags=["t"])
    await api.fold()
    found = await ok(api, "GET", "/statistics")
    assert found["totals"]["accepted"] == 1 and len(found["series"]) == 7
    names = await ok(api, "GET", "/statistics/names?by=tag&metric=accepted")
    assert [(each["name"], each["totals"]) for each in names["names"]] == [("t", {"accepted": 1})]
    assert (await ok(api, "GET", "/statistics/times"))["deliveries"] == 0
    own = await ok(api, "GET", "/statistics", key=api.bound)
    assert (own["by"], own["name"]) == ("domain", DOMAIN)
    problem(
        await api.call("GET", f"{V1}/statistics?by=tag&name=t", key=api.bound), 403, "no-permission", "by"
    )
    problem(await api.call("GET", f"{V1}/statistics?since=x", key=api.full), 422, "bad-period")
    for path in ("statistics", "statistics/times"):
        reply = await api.call("GET", f"{V1}/{path}?name=t", key=api.full)
        problem(reply, 422, "bad-choice", "name")


async def test_the_account(api: Api) -> None:
    account = await ok(api, "GET", "/account")
    assert account["name"] == "default" and account["contents"]["domains"] == 1
    assert account["key"]["id"] == api.full.id and "mail.send" in account["key"]["permissions"]
    bound = await ok(api, "GET", "/account", key=api.bound)
    assert (bound["key"]["domain"], bound["contents"]) == (DOMAIN, {})
    await ok(api, "PATCH", f"/domains/{DOMAIN}", {"daily_messages": 10})
    (limit,) = await items(api, "/limits")
    assert (limit["domain"], limit["window"], limit["most"]) == (DOMAIN, "day", 10)
    assert await items(api, "/people") == []


@pytest.fixture
async def captured(api: Api) -> str:
    """A copy that was captured; its delivery."""
    from posthouse.store.captures import Capture, add_captures

    id = await sent(api, html='<a href="https://shop.test/confirm?t=1">Confirm</a>')
    shown = api.accepted_one()
    place = (f"{id}.0000", id, api.clock.now(), "orders@shop.test", "ann@good.test")
    message = shown.message
    copy = Capture(*place, shown.content, message.account_id, message.credential_id)
    await api.write(add_captures, [copy])
    return copy.delivery_id


async def test_the_inbox(api: Api, captured: str) -> None:
    (row,) = await items(api, "/inbox?to=ANN@good.test&subject=hel")
    assert (row["delivery_id"], row["subject"]) == (captured, "Hello")
    assert await items(api, "/inbox?subject=100%25") == []
    found = await ok(api, "GET", "/inbox/wait?to=ann@good.test&timeout=0")
    assert found["links"] == ["https://shop.test/confirm?t=1"]
    assert found["text"].strip() == "Hello, Ann."
    assert {"name": "Subject", "value": "Hello"} in found["headers"]
    content = await api.call("GET", f"{V1}/inbox/{captured}/content", key=api.full)
    assert content.body == api.accepted_one().content
    assert await items(api, "/inbox", key=api.others) == []
    for method, end in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        problem(await api.call(method, f"{V1}/inbox/{captured}{end}", key=api.others), 404, "no-capture")
    problem(
        await api.call("GET", f"{V1}/inbox/wait?to=bob@good.test&timeout=0", key=api.full), 404, "no-mail"
    )
    assert await ok(api, "DELETE", f"/inbox/{captured}") == {"removed": 1}
    assert await items(api, "/inbox") == []


async def test_W_03_each_application_has_an_inbox(api: Api, captured: str) -> None:
    (inbox,) = await items(api, "/inbox/applications")
    assert inbox["copies"] == 1
    name = inbox["application"]
    (row,) = await items(api, f"/inbox?application={quote(name)}&sender=ORDERS&search=ann")
    assert row["application"] == name and row["domain"] == "shop.test"
    assert await items(api, "/inbox?application=another") == []
    waits = f"{V1}/inbox/wait?application=another&timeout=0"
    problem(await api.call("GET", waits, key=api.full), 404, "no-mail")
    assert await ok(api, "DELETE", "/inbox?application=another") == {"removed": 0}
    assert await ok(api, "DELETE", f"/inbox?application={quote(name)}") == {"removed": 1}
    assert await items(api, "/inbox/applications") == []


async def test_W_03_a_captured_copy_is_checked(api: Api, captured: str) -> None:
    checked = await ok(api, "GET", f"/inbox/{captured}/checks")
    assert checked["level"] == "bad"  # it is not signed
    levels = {(each["check"], each["level"]) for each in checked["findings"]}
    assert {("dkim", "bad"), ("subject", "good"), ("text", "good")} <= levels
    stranger = await api.call("GET", f"{V1}/inbox/{captured}/checks", key=api.others)
    problem(stranger, 404, "no-capture")


async def test_W_03_a_captured_copy_is_released(api: Api, captured: str) -> None:
    made = await ok(api, "POST", f"/inbox/{captured}/release", {"to": "bob@good.test"}, status=202)
    story = await ok(api, "GET", f"/messages/{made['message_id']}")
    (delivery,) = story["deliveries"]
    assert (delivery["recipient"], delivery["state"]) == ("bob@good.test", "waiting")
    stranger = await api.call("POST", f"{V1}/inbox/{captured}/release", key=api.others, json={})
    problem(stranger, 404, "no-capture")
