"""The audit log of calls: one entry for each that changes something, none for mail (W-04, S20, S22)."""

from __future__ import annotations

from typing import Any

from posthouse.store import audit
from posthouse.store.audit import Entry, Query
from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api

NATIVE = "/posthouse/v1"
MARKER = "marker-5527-Secret-Long"


async def entries(api: Api) -> list[Entry]:
    found: list[Entry] = await api.store.read(audit.search, Query(api.account_id))
    return found


async def test_W_04_a_call_that_changes_something_is_noted_once(api: Api) -> None:
    given = {"login": f"app@{DOMAIN}", "password": MARKER}
    for _ in range(2):
        reply = await api.call(
            "POST", f"{NATIVE}/users", key=api.full, json=given, headers={"Idempotency-Key": "1"}
        )
        assert reply.status == 201
    (entry,) = await entries(api)
    assert (entry.kind, entry.who) == ("key", api.full.id)
    assert (entry.what, entry.about) == (f"POST {NATIVE}/users", f"app@{DOMAIN}")
    assert entry.address == api.address


async def test_W_04_a_new_key_is_told_by_its_id(api: Api) -> None:
    given = {"name": "Deploy", "permissions": ["mail.send"]}
    reply = await api.call("POST", f"{NATIVE}/keys", key=api.full, json=given)
    (entry,) = await entries(api)
    assert entry.about == f"Deploy {reply.json()['id']}"
    assert reply.json()["secret"] not in str(entry)


async def test_W_04_each_service_is_noted(api: Api) -> None:
    await api.call("POST", f"/v3/domains/{DOMAIN}/credentials", basic=api.full,
                   form={"login": "app", "password": MARKER})  # fmt: skip
    await api.call("POST", "/v3/api_keys", key=api.full, json={"name": "Deploy"})
    found = await entries(api)
    assert [entry.what for entry in found] == [
        "POST /v3/api_keys",
        "POST /v3/domains/{domain}/credentials",
    ]
    assert found[1].about.split()[0] == DOMAIN and MARKER not in str(found)


async def test_what_changes_nothing_is_not_noted(api: Api) -> None:
    await api.call("GET", f"{NATIVE}/users", key=api.full)
    await api.call("DELETE", f"{NATIVE}/users/nobody@{DOMAIN}", key=api.full)
    await api.call("DELETE", f"{NATIVE}/users/nobody@{OTHER_DOMAIN}", key=api.full)
    mail: dict[str, Any] = {"from": f"a@{DOMAIN}", "to": ["b@b.test"], "subject": "x", "text": "x"}
    await api.call("POST", f"{NATIVE}/messages", key=api.full, json=mail)
    assert await entries(api) == []


async def test_W_04_calls_about_many_addresses_name_the_first_few(api: Api) -> None:
    many = [f"n{number}@b.test" for number in range(20)]
    few = "n0@b.test n1@b.test n2@b.test and 17 more"
    add = {"addresses": many, "kind": "bounce"}
    assert (await api.call("POST", f"{NATIVE}/suppressions", key=api.full, json=add)).status == 201
    await api.call("POST", f"{NATIVE}/suppressions/remove", key=api.full, json={"addresses": many})
    await api.call("POST", f"{NATIVE}/allowed", key=api.full, json={"values": many[:1]})
    await api.call("POST", "/v3/asm/suppressions/global", key=api.full, json={"recipient_emails": many})
    await api.call("DELETE", "/v3/suppression/bounces", key=api.full, json={"emails": many})
    entries_ = [each for each in await entries(api) if each.kind == "key"]
    assert [each.about for each in reversed(entries_)] == [few, few, many[0], few]


async def test_W_04_a_write_that_changed_nothing_is_not_noted(api: Api) -> None:
    gone = {"addresses": ["nobody@b.test"]}
    reply = await api.call("POST", f"{NATIVE}/suppressions/remove", key=api.full, json=gone)
    assert reply.json() == {"removed": 0}
    await api.call("POST", f"{NATIVE}/allowed/remove", key=api.full, json={"values": ["nobody@b.test"]})
    await api.call("DELETE", f"{NATIVE}/inbox", key=api.full)
    await api.call("DELETE", f"/v3/{DOMAIN}/bounces", basic=api.full)
    assert await entries(api) == []


async def test_W_04_the_same_again_is_not_noted(api: Api) -> None:
    """Settings that are as they were, a name that a key has, terms that hold."""
    made = await api.call("POST", f"{NATIVE}/keys", key=api.full, json={"name": "Deploy"})
    login = f"app@{DOMAIN}"
    await api.call("POST", f"{NATIVE}/users", key=api.full, json={"login": login})
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("PATCH", f"{NATIVE}/keys/{made.json()['id']}", {"name": "Build"}),
        ("PATCH", f"{NATIVE}/users/{login}", {"ranges": ["192.0.2.0/24"]}),
        ("PATCH", f"{NATIVE}/domains/{DOMAIN}", {"require_tls": True}),
        ("PATCH", "/v3/tracking_settings/open", {"enabled": True}),
    ]
    for method, path, given in calls:
        before = len(await entries(api))
        for _ in range(2):
            reply = await api.call(method, path, key=api.full, json=given)
            assert reply.status == 200, reply.body
        assert len(await entries(api)) == before + 1, path


async def test_W_04_the_log_is_read_with_filters_and_pages(api: Api) -> None:
    for name in ("one", "two", "three"):
        await api.call("POST", f"{NATIVE}/users", key=api.full, json={"login": f"{name}@{DOMAIN}"})
    page = (await api.call("GET", f"{NATIVE}/audit?limit=2", key=api.full)).json()
    assert [row["about"] for row in page["items"]] == [f"three@{DOMAIN}", f"two@{DOMAIN}"]
    page = (await api.call("GET", f"{NATIVE}/audit?limit=2&cursor={page['next']}", key=api.full)).json()
    assert [row["about"] for row in page["items"]] == [f"one@{DOMAIN}"] and page["next"] is None
    page = (await api.call("GET", f"{NATIVE}/audit?about=two%40{DOMAIN}", key=api.full)).json()
    assert [row["who"] for row in page["items"]] == [api.full.id]
    assert (await api.call("GET", f"{NATIVE}/audit", key=api.others)).json()["items"] == []
    assert (await api.call("GET", f"{NATIVE}/audit", key=api.sending)).status == 403
    assert (await api.call("GET", f"{NATIVE}/audit", key=api.bound)).status == 403
