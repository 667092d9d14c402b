"""Mailgun's calls about API keys, addresses, pools and sandboxes."""

from __future__ import annotations

import datetime as dt
from typing import Any

from posthouse.desk import domain_settings, domains, egress
from unit.doors.api.calling import DOMAIN, Api, Reply


def from_epoch(at: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(at, dt.UTC)


async def _call(api: Api, method: str, path: str, **more: Any) -> Reply:
    return await api.call(method, path, basic=api.full, **more)


async def test_a_key_of_a_role_is_made_used_and_deleted(api: Api) -> None:
    said = {"role": "basic", "description": "a new key"}
    made = (await _call(api, "POST", "/v1/keys", form=said)).json()
    assert made["message"] == "great success"
    key = made["key"]
    await api.all_parts.identity.refresh(api.store)
    assert (await api.call("GET", "/v3/domains", basic=key["secret"])).status == 200
    assert (await api.call("DELETE", f"/v3/domains/{DOMAIN}", basic=key["secret"])).status == 403
    listed = (await _call(api, "GET", "/v1/keys")).json()
    assert key["id"] in {item["id"] for item in listed["items"]} and key["secret"] not in str(listed)
    assert (await _call(api, "DELETE", f"/v1/keys/{key['id']}")).json() == {"message": "key deleted"}
    missing = await _call(api, "DELETE", f"/v1/keys/{key['id']}")
    assert (missing.status, missing.json()) == (404, {"message": "no key matching id"})


async def test_a_key_that_cannot_be_is_refused(api: Api) -> None:
    for said, text in (
        ({}, "Invalid role"),
        ({"role": "basic", "kind": "domain"}, "domain_name"),
        ({"role": "basic", "expiration": "soon"}, "Invalid value for expiration"),
    ):
        reply = await _call(api, "POST", "/v1/keys", form=said)
        assert reply.status == 400 and text in reply.json()["message"]
    small = await api.issue(["keys.write"], dialect="native")
    reply = await api.call("POST", "/v1/keys", basic=small, form={"role": "admin"})
    assert reply.status == 403
    # a program that sets the type by hand, as an SDK's example does
    odd = {"Content-Type": "multipart/form-data"}
    made = await _call(api, "POST", "/v1/keys", form={"role": "sending"}, headers=odd)
    assert made.status == 200


async def test_a_key_with_an_expiration_ends_by_itself_and_says_so(api: Api) -> None:
    made = (await _call(api, "POST", "/v1/keys", form={"role": "basic", "expiration": "3600"})).json()["key"]
    assert made["expires_at"] == f"{from_epoch(api.clock.now() + 3600):%Y-%m-%dT%H:%M:%S}"
    await api.all_parts.identity.refresh(api.store)
    assert (await api.call("GET", "/v3/domains", basic=made["secret"])).status == 200
    api.clock.advance(3600)
    await api.all_parts.identity.refresh(api.store)
    assert (await api.call("GET", "/v3/domains", basic=made["secret"])).status == 401
    listed = (await _call(api, "GET", "/v1/keys")).json()["items"]
    (row,) = [item for item in listed if item["id"] == made["id"]]
    assert (row["is_disabled"], row["disabled_reason"], row["expires_at"]) == (
        True,
        "expired",
        made["expires_at"],
    )
    assert (await _call(api, "DELETE", f"/v1/keys/{made['id']}")).json() == {"message": "key deleted"}


async def test_addresses_and_pools_are_linked_to_domains(api: Api) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        await api.write(egress.add_ip, api.clock.now(), address)
    listed = (await _call(api, "GET", "/v3/ips")).json()
    assert listed["items"] == ["192.0.2.1", "192.0.2.2"] and listed["total_count"] == 2
    assert (await _call(api, "GET", "/v3/ips?dedicated=true")).json()["items"] == []
    assert (await _call(api, "GET", "/v3/ips/192.0.2.1")).json()["dedicated"] is False
    assert (await _call(api, "GET", "/v3/ips/192.0.2.9")).status == 404
    said = {"name": "p", "description": "For invoices", "ip": "192.0.2.1"}
    made = await _call(api, "POST", "/v3/ip_pools", form=said)
    pool = made.json()["pool_id"]
    one = f"/v3/ip_pools/{pool}"
    patched = await _call(api, "PATCH", one, form={"add_ip": "192.0.2.2", "link_domain": DOMAIN})
    assert patched.json() == {"message": "success"}
    shown = (await _call(api, "GET", one)).json()
    assert (shown["ips"], shown["is_linked"]) == (["192.0.2.1", "192.0.2.2"], True)
    assert (shown["name"], shown["description"]) == ("p", "For invoices")
    again = await _call(api, "PATCH", one, form={"name": "q", "description": ""})
    assert again.json() == {"message": "success"}
    shown = (await _call(api, "GET", one)).json()
    assert (shown["name"], shown["description"], shown["is_linked"]) == ("q", "", True)
    ips = f"/v3/domains/{DOMAIN}/ips"
    assert (await _call(api, "GET", ips)).json()["items"] == ["192.0.2.1", "192.0.2.2"]
    assert (await _call(api, "DELETE", f"{ips}/ip_pool")).json() == {"message": "success"}
    assert (await _call(api, "GET", ips)).json()["items"] == []
    assert (await _call(api, "POST", ips, form={"ip": "192.0.2.1"})).json() == {"message": "success"}
    assert (await _call(api, "GET", ips)).json()["items"] == ["192.0.2.1"]
    assert (await _call(api, "DELETE", f"{ips}/192.0.2.1")).status == 200
    assert (await _call(api, "GET", ips)).json()["items"] == []
    assert (await _call(api, "DELETE", f"{one}?ip=192.0.2.9")).status == 404
    assert (await _call(api, "DELETE", f"{one}?ip=shared")).json() == {"message": "started"}
    assert (await _call(api, "GET", one)).status == 404
    assert (await _call(api, "GET", "/v3/ip_pools")).json() == {"ip_pools": [], "message": "success"}


async def test_addresses_join_and_leave_a_pool_one_by_one(api: Api) -> None:
    for number in range(1, 5):
        await api.write(egress.add_ip, api.clock.now(), f"192.0.2.{number}")
    made = await _call(api, "POST", "/v3/ip_pools", form={"name": "p", "ip": "192.0.2.1"})
    one = f"/v3/ip_pools/{made.json()['pool_id']}"

    async def members() -> list[str]:
        return list((await _call(api, "GET", one)).json()["ips"])

    for _ in range(2):
        assert (await _call(api, "PUT", f"{one}/ips/192.0.2.2")).json() == {"message": "success"}
    assert await members() == ["192.0.2.1", "192.0.2.2"]
    many = {"ips": ["192.0.2.3", "192.0.2.4"]}
    assert (await _call(api, "POST", f"{one}/ips.json", json=many)).json() == {"message": "success"}
    assert len(await members()) == 4
    for number in (1, 2, 3):
        assert (await _call(api, "DELETE", f"{one}/ips/192.0.2.{number}")).status == 200
    last = await _call(api, "DELETE", f"{one}/ips/192.0.2.4")
    assert last.status == 400 and "is the only address of p" in last.json()["message"]
    assert await members() == ["192.0.2.4"]
    assert (await _call(api, "DELETE", f"{one}/ips/192.0.2.1")).status == 404
    assert (await _call(api, "PUT", f"{one}/ips/192.0.2.9")).status == 404
    assert (await _call(api, "PUT", "/v3/ip_pools/none/ips/192.0.2.1")).status == 404
    assert (await _call(api, "POST", f"{one}/ips.json", json={})).status == 400
    assert (await _call(api, "GET", f"{one}/domains")).json()["domains"] == []
    await _call(api, "PATCH", one, form={"link_domain": DOMAIN})
    linked = (await _call(api, "GET", f"{one}/domains")).json()
    assert [each["name"] for each in linked["domains"]] == [DOMAIN]
    assert linked["paging"]["first"].endswith(f"{one}/domains")
    for method in ("PUT", "DELETE"):
        refused = await _call(api, method, f"{one}/delegate", form={"subaccount_id": "x"})
        assert (refused.status, refused.json()) == (
            400,
            {"message": "There are no subaccounts here: a pool is its account's alone"},
        )


async def test_what_takes_the_place_of_a_domains_pool_or_address_is_taken(api: Api) -> None:
    for number in (1, 2):
        await api.write(egress.add_ip, api.clock.now(), f"192.0.2.{number}")
    pools = []
    for number in (1, 2):
        form = {"name": f"p{number}", "ip": f"192.0.2.{number}"}
        pools.append((await _call(api, "POST", "/v3/ip_pools", form=form)).json()["pool_id"])
    ips = f"/v3/domains/{DOMAIN}/ips"

    async def now() -> list[str]:
        return list((await _call(api, "GET", ips)).json()["items"])

    await _call(api, "POST", ips, form={"pool_id": pools[0]})
    assert (await _call(api, "DELETE", f"{ips}/ip_pool?pool_id={pools[1]}")).json() == {"message": "success"}
    assert await now() == ["192.0.2.2"]
    assert (await _call(api, "DELETE", f"{ips}/ip_pool?pool_id={pools[1]}")).status == 200
    assert await now() == [], "a pool is not its own replacement"
    await _call(api, "POST", ips, form={"pool_id": pools[0]})
    assert (await _call(api, "DELETE", f"/v3/domains/{DOMAIN}/pool/ip_pool?ip=192.0.2.2")).status == 200
    assert await now() == ["192.0.2.2"]
    gone = await _call(api, "DELETE", f"/v3/domains/{DOMAIN}/pool/192.0.2.2?ip=192.0.2.1")
    assert gone.status == 200 and await now() == ["192.0.2.1"]
    assert (await _call(api, "DELETE", f"/v3/domains/{DOMAIN}/pool/192.0.2.1?ip=192.0.2.9")).status == 404
    assert await now() == ["192.0.2.1"], "all or nothing"
    assert (await _call(api, "DELETE", f"/v3/domains/{DOMAIN}/pool/all")).status == 200
    assert await now() == []


async def test_sandboxes_write_to_five_addresses(api: Api) -> None:
    base = "/v5/sandbox/auth_recipients"
    assert (await _call(api, "GET", base)).status == 404
    await api.write(
        domains.change_settings,
        api.account_id,
        DOMAIN,
        lambda settings: domain_settings.changed(settings, ["is_sandbox=yes"]),
    )
    for number in range(5):
        reply = await _call(api, "POST", base, form={"email": f"u{number}@x.test"})
        assert reply.json()["recipient"]["email"] == f"u{number}@x.test"
    sixth = await _call(api, "POST", base, form={"email": "u6@x.test"})
    assert (sixth.status, sixth.json()) == (400, {"message": "Only 5 sandbox recipients are allowed"})
    gone = await _call(api, "DELETE", f"{base}/u0@x.test")
    assert gone.json() == {"message": "Sandbox recipient deleted."}
    assert (await _call(api, "DELETE", f"{base}/u0@x.test")).status == 404
    assert len((await _call(api, "GET", base)).json()["recipients"]) == 4


async def test_what_there_is_not_is_empty_or_absent(api: Api) -> None:
    for path in ("/v3/routes", "/v3/lists"):
        assert (await _call(api, "GET", path)).json() == {"total_count": 0, "items": []}
        assert (await _call(api, "POST", path, form={"address": "a@b.test"})).status == 404
    for path in ("/v4/address/validate", "/v4/inbox/tests"):
        reply = await _call(api, "GET", path)
        assert reply.status == 404 and "message" in reply.json()
