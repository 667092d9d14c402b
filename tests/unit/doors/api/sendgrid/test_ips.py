"""SendGrid's calls about addresses and pools."""

from __future__ import annotations

import pytest

from posthouse.desk import domain_settings, domains, egress
from posthouse.model.account import DomainSettings
from unit.doors.api.calling import DOMAIN, Api

POOLS = "/v3/ips/pools"
MISSING = "Unable to locate specified IPs Pool"


def _sends_from_bulk(settings: DomainSettings) -> DomainSettings:
    return domain_settings.changed(settings, ["ip_pool=bulk"])


async def test_SG_11_addresses_and_pools(any_api: Api) -> None:
    api = any_api
    await api.write(egress.add_ip, 0.0, "192.0.2.10", "mta.shop.test")
    await api.write(egress.add_ip, 0.0, "192.0.2.11", "", api.other_id)
    (shown,) = (await api.call("GET", "/v3/ips", key=api.full)).json()
    assert (shown["ip"], shown["rdns"], shown["pools"]) == ("192.0.2.10", "mta.shop.test", [])
    reply = await api.call("POST", POOLS, key=api.full, json={"name": "bulk"})
    assert (reply.status, reply.json()) == (200, {"name": "bulk"})
    assert (await api.call("POST", POOLS, key=api.full, json={"name": "bulk"})).status == 400
    assert (await api.call("GET", POOLS, key=api.full)).json() == [{"name": "bulk"}]
    detail = {"pool_name": "bulk", "ips": ["192.0.2.10"]}
    assert (await api.call("GET", f"{POOLS}/bulk", key=api.full)).json() == detail
    assert (await api.call("GET", "/v3/ips/192.0.2.10", key=api.full)).json()["pools"] == ["bulk"]
    reply = await api.call("POST", f"{POOLS}/bulk/ips", key=api.full, json={"ip": "192.0.2.11"})
    assert reply.status == 404  # another account's
    reply = await api.call("PUT", f"{POOLS}/bulk", key=api.full, json={"name": "bulk"})
    assert (reply.status, reply.json()) == (200, {"name": "bulk"})
    await api.write(domains.change_settings, api.account_id, DOMAIN, _sends_from_bulk)
    reply = await api.call("PUT", f"{POOLS}/bulk", key=api.full, json={"name": "news"})
    assert (reply.status, reply.json()) == (200, {"name": "news"})
    assert (await api.call("GET", f"{POOLS}/bulk", key=api.full)).status == 404
    domain, _ = await api.read(domains.load, api.account_id, DOMAIN)
    assert api.all_parts.identity.pool_sources(api.account_id, domain.settings.ip_pool) == ("192.0.2.10",)
    await api.call("POST", POOLS, key=api.full, json={"name": "other"})
    reply = await api.call("PUT", f"{POOLS}/other", key=api.full, json={"name": "news"})
    assert (reply.status, reply.json()["errors"][0]["field"]) == (400, "name")
    assert (await api.call("DELETE", f"{POOLS}/other", key=api.full)).status == 204
    assert (await api.call("DELETE", f"{POOLS}/news", key=api.full)).status == 204
    assert (await api.call("GET", POOLS, key=api.full)).json() == []


async def test_SG_11_a_pool_that_is_not_there(api: Api) -> None:
    reply = await api.call("GET", f"{POOLS}/x", key=api.full)
    assert (reply.status, reply.json()) == (404, {"errors": [{"message": MISSING, "field": "error"}]})
    reply = await api.call("DELETE", f"{POOLS}/x", key=api.full)
    assert (reply.status, reply.json()) == (404, {"error": MISSING})


async def test_S20_pools_of_another_account_are_not_there(api: Api) -> None:
    await api.write(egress.add_ip, 0.0, "192.0.2.10")
    await api.call("POST", POOLS, key=api.full, json={"name": "bulk"})
    before = api.books()
    for method, rest in (
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/ips"),
        ("DELETE", "/ips/192.0.2.10"),
    ):
        json = {"ip": "192.0.2.10", "name": "new"} if method in ("POST", "PUT") else None
        reply = await api.call(method, f"{POOLS}/bulk{rest}", key=api.others, json=json)
        unknown = await api.call(method, f"{POOLS}/none{rest}", key=api.others, json=json)
        assert (reply.status, reply.body) == (unknown.status, unknown.body)
        assert reply.status == 404
    assert api.books() == before


ROWS = {"192.0.2.9": "", "192.0.2.10": "mta.shop.test", "192.0.2.100": ""}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["192.0.2.9", "192.0.2.10", "192.0.2.100"]),
        ("?sort_by_direction=desc", ["192.0.2.100", "192.0.2.10", "192.0.2.9"]),
        ("?limit=1&offset=1", ["192.0.2.10"]),
        ("?ip=192.0.2.10", ["192.0.2.10"]),
        ("?ip=192.0.2.1", []),
        ("?exclude_whitelabels=true", ["192.0.2.9", "192.0.2.100"]),
        ("?exclude_whitelabels=false&limit=2", ["192.0.2.9", "192.0.2.10"]),
        ("?subuser=anybody", []),
    ],
)
async def test_SG_11_addresses_are_listed_as_they_are_asked_for(
    api: Api, query: str, found: list[str]
) -> None:
    for address, hello in ROWS.items():
        await api.write(egress.add_ip, 0.0, address, hello)
    rows = (await api.call("GET", f"/v3/ips{query}", key=api.full)).json()
    assert [row["ip"] for row in rows] == found


async def test_SG_11_an_order_that_is_none_is_told(api: Api) -> None:
    reply = await api.call("GET", "/v3/ips?sort_by_direction=up", key=api.full)
    assert (reply.status, reply.json()["errors"][0]["field"]) == (400, "sort_by_direction")


async def test_SG_11_no_address_can_be_bought(api: Api) -> None:
    reply = await api.call("POST", "/v3/ips", key=api.full, json={"count": 1, "warmup": True})
    assert (reply.status, "posthouse ip add" in reply.json()["errors"][0]["message"]) == (400, True)
    left = (await api.call("GET", "/v3/ips/remaining", key=api.full)).json()
    assert left == {"results": [{"remaining": 0, "period": "month", "price_per_ip": 0}]}


async def test_SG_11_an_address_that_joins_a_pool_is_told_with_all_its_pools(api: Api) -> None:
    await api.write(egress.add_ip, 0.0, "192.0.2.10")
    for name in ("bulk", "news"):
        await api.call("POST", POOLS, key=api.full, json={"name": name})
    reply = await api.call("POST", f"{POOLS}/news/ips", key=api.full, json={"ip": "192.0.2.10"})
    told = {"ip": "192.0.2.10", "pools": ["bulk", "news"], "start_date": None, "warmup": False}
    assert (reply.status, reply.json()) == (201, told)
