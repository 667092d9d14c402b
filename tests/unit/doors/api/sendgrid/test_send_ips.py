"""SendGrid's newest calls about addresses and pools."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.desk import egress
from unit.doors.api.calling import Api, Reply

IPS, POOLS = "/v3/send_ips/ips", "/v3/send_ips/pools"
SHARED, OWN, THEIRS = "192.0.2.10", "192.0.2.11", "192.0.2.12"
ALWAYS = {"is_parent_assigned": True, "is_enabled": True, "is_leased": False, "updated_at": None}


async def furnish(api: Api) -> None:
    await api.write(egress.add_ip, 5.0, SHARED)
    await api.write(egress.add_ip, 7.0, OWN, "", api.account_id)
    await api.write(egress.add_ip, 9.0, THEIRS, "", api.other_id)


async def make(api: Api, name: str, *ips: str) -> dict[str, Any]:
    reply = await api.call("POST", POOLS, key=api.full, json={"name": name, "ips": ips})
    assert reply.status == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


def told(reply: Reply) -> tuple[int, str | None, str]:
    (error,) = reply.json()["errors"]
    return reply.status, error["field"], error["message"]


async def listed(api: Api, path: str, name: str) -> list[Any]:
    """One column of a list."""
    return [row[name] for row in (await api.call("GET", path, key=api.full)).json()["result"]]


async def test_SG_11_pools_are_made_changed_and_removed_by_their_numbers(any_api: Api) -> None:
    api = any_api
    await furnish(api)
    bulk = await make(api, "bulk", SHARED)
    assert bulk == {"name": "bulk", "id": bulk["id"], "ips": [SHARED]} and bulk["id"].isdigit()
    pool = f"{POOLS}/{bulk['id']}"
    brief = {"name": "bulk", "id": bulk["id"], "ips_preview": [SHARED], "total_ip_count": 1}
    assert (await api.call("GET", pool, key=api.full)).json() == brief
    reply = await api.call("POST", f"{pool}/ips:batchAdd", key=api.full, json={"ips": [OWN]})
    assert (reply.status, reply.json()["ips"]) == (200, [SHARED, OWN])
    assert await listed(api, f"{pool}/ips?limit=1", "ip") == [SHARED]
    reply = await api.call("POST", f"{pool}/ips:batchDelete", key=api.full, json={"ips": [SHARED]})
    assert reply.status == 204
    assert await listed(api, f"{pool}/ips", "pools") == [[{"id": bulk["id"], "name": "bulk"}]]
    reply = await api.call("PUT", pool, key=api.full, json={"name": "news"})
    assert (reply.status, reply.json()) == (200, {"name": "news", "id": bulk["id"]})
    assert (await api.call("GET", "/v3/ips/pools", key=api.full)).json() == [{"name": "news"}]
    assert (await make(api, "all"))["ips"] == [SHARED, OWN]  # without addresses: all that may be used
    assert await listed(api, f"{POOLS}?ip={SHARED}", "name") == ["all"]
    assert (await api.call("DELETE", pool, key=api.full)).status == 204
    assert told(await api.call("GET", pool, key=api.full)) == (400, "poolid", "not found")


async def test_SG_11_pages_go_on_behind_and_before_a_key(api: Api) -> None:
    await furnish(api)
    numbers = [(await make(api, name, OWN))["id"] for name in ("a1", "b2", "c3")]
    first = (await api.call("GET", f"{POOLS}?limit=2", key=api.full)).json()
    assert first["_metadata"]["next_params"] == {"after_key": numbers[1], "before_key": None}
    assert await listed(api, f"{POOLS}?limit=2&after_key={numbers[1]}", "name") == ["c3"]
    assert await listed(api, f"{POOLS}?limit=1&before_key={numbers[2]}", "name") == ["b2"]
    for query, field in (
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("limit=101", "limit"),
        ("after_key=1", "after_key"),
        (f"after_key={numbers[0]}&before_key={numbers[1]}", "after_key"),
    ):
        assert told(await api.call("GET", f"{POOLS}?{query}", key=api.full))[:2] == (400, field)


@pytest.mark.parametrize(
    ("rest", "given", "field", "text"),
    [
        ("", {}, "name", "not found in the request body"),
        ("", {"name": " news"}, "name", "cannot start with a dot or a space"),
        ("", {"name": "n"}, "name", "needs to be between 2 to 64 characters long"),
        ("", {"name": "bulk"}, "name", "already exists"),
        ("", {"name": "news", "ips": [THEIRS]}, "ips", f"unable to verify IPs assignability: {THEIRS}"),
        (
            "",
            {"name": "news", "ips": ["192.0.2.99"]},
            "ips",
            "unable to verify IPs assignability: 192.0.2.99",
        ),
        ("ips:batchAdd", {}, "ips", "not found in the request body"),
        ("ips:batchAdd", {"ips": []}, "ips", "the number of IPs must be between 1 and 100"),
        ("ips:batchAdd", {"ips": [THEIRS]}, "ips", f"unable to verify IPs assignability: {THEIRS}"),
        ("ips:batchDelete", {"ips": []}, "ips", "the number of IPs must be between 1 and 100"),
        ("ips:batchDelete", {"ips": "all"}, "ips", "must be a list of IP addresses"),
        ("ips:batchDelete", {"ips": [SHARED, OWN]}, "ips", f"not found in pool ‘bulk’: {OWN}"),
    ],
)
async def test_SG_11_what_is_wrong_with_a_pool_is_told(
    api: Api, rest: str, given: dict[str, Any], field: str, text: str
) -> None:
    await furnish(api)
    made = await make(api, "bulk", SHARED)
    before = api.books()
    path = f"{POOLS}/{made['id']}/{rest}" if rest else POOLS
    assert told(await api.call("POST", path, key=api.full, json=given)) == (400, field, text)
    assert api.books() == before


async def test_SG_11_an_address_is_shown_and_warmed_up(any_api: Api) -> None:
    api = any_api
    await furnish(api)
    bulk = await make(api, "bulk", OWN)
    shown = {"ip": OWN, "pools": [{"id": bulk["id"], "name": "bulk"}], "is_auto_warmup": False, "added_at": 7}
    path = f"{IPS}/{OWN}"
    assert (await api.call("GET", path, key=api.full)).json() == shown | ALWAYS
    asked = {"is_auto_warmup": True, "is_parent_assigned": True}
    reply = await api.call("PATCH", path, key=api.full, json=asked)
    changed = {"ip": OWN, "is_auto_warmup": True, "is_parent_assigned": True, "is_enabled": True}
    assert (reply.status, reply.json()) == (200, changed)
    assert [each["ip"] for each in (await api.call("GET", "/v3/ips/warmup", key=api.full)).json()] == [OWN]
    reply = await api.call("PATCH", path, key=api.full, json={"is_auto_warmup": False})
    assert reply.json()["is_auto_warmup"] is False
    assert (await api.call("GET", "/v3/ips/warmup", key=api.full)).json() == []
    assert (await api.call("GET", f"{path}/subusers", key=api.full)).json()["result"] == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [SHARED, OWN]),
        (f"?ip={OWN}", [OWN]),
        ("?is_leased=true", []),
        ("?is_leased=false&is_enabled=true", [SHARED, OWN]),
        ("?start_added_at=6", [OWN]),
        ("?end_added_at=6", [SHARED]),
        (f"?after_key={SHARED}", [OWN]),
        (f"?before_key={OWN}", [SHARED]),
        ("?pool=1", []),
    ],
)
async def test_SG_11_addresses_are_found_as_they_are_asked_for(
    api: Api, query: str, found: list[str]
) -> None:
    await furnish(api)
    assert await listed(api, f"{IPS}{query}", "ip") == found


async def test_SG_11_what_a_key_cannot_do_with_an_address_is_told(api: Api) -> None:
    await furnish(api)
    before = api.books()
    for ip, asked, status, field in (
        (OWN, {}, 400, ""),
        (OWN, {"is_enabled": False}, 400, "is_enabled"),
        (OWN, {"is_parent_assigned": False, "is_auto_warmup": True}, 400, "is_parent_assigned"),
        (OWN, {"is_auto_warmup": "yes"}, 400, "is_auto_warmup"),
        (SHARED, {"is_auto_warmup": True}, 403, None),
        (THEIRS, {"is_auto_warmup": True}, 400, "ip"),
        ("192.0.2.99", {"is_auto_warmup": True}, 400, "ip"),
    ):
        assert told(await api.call("PATCH", f"{IPS}/{ip}", key=api.full, json=asked))[:2] == (status, field)
    asked = {"is_auto_warmup": True, "is_parent_assigned": True}
    assert "posthouse ip add" in told(await api.call("POST", IPS, key=api.full, json=asked))[2]
    reply = await api.call("POST", f"{IPS}/{OWN}/subusers:batchAdd", key=api.full, json={"subusers": ["1"]})
    assert told(reply)[0] == 404
    assert api.books() == before


async def test_S20_addresses_and_pools_of_another_account_are_not_there(api: Api) -> None:
    await furnish(api)
    number = (await make(api, "bulk", SHARED))["id"]
    before = api.books()
    for method, rest in (
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "/ips"),
        ("POST", "/ips:batchAdd"),
        ("POST", "/ips:batchDelete"),
    ):
        json = {"name": "new", "ips": [SHARED]} if method in ("POST", "PUT") else None
        reply = await api.call(method, f"{POOLS}/{number}{rest}", key=api.others, json=json)
        assert told(reply) == (400, "poolid", "not found")
        unknown = await api.call(method, f"{POOLS}/1{rest}", key=api.others, json=json)
        assert (reply.status, reply.body) == (unknown.status, unknown.body)
    for path in (f"{IPS}/{OWN}", f"{IPS}/192.0.2.99", f"{IPS}/{OWN}/subusers"):
        assert told(await api.call("GET", path, key=api.others)) == (400, "ip", "not found")
    assert api.books() == before
