"""SendGrid's calls about reverse DNS."""

from __future__ import annotations

import pytest

from posthouse.desk import egress, reverse
from posthouse.desk.reverse import Facts
from unit.doors.api.calling import Api

IPS = "/v3/whitelabel/ips"
NAMED, BARE, BEHIND = "8.8.4.4", "8.8.8.8", "10.0.0.7"
HELLO = "o1.mail.shop.test"


async def furnish(api: Api) -> None:
    await api.write(egress.add_ip, 0.0, NAMED, HELLO, api.account_id)
    await api.write(egress.add_ip, 0.0, BARE)


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> dict[str, Facts]:
    """What DNS has, by address."""
    known = {NAMED: Facts({HELLO: (NAMED,)}, (NAMED,), ())}

    async def look_up(lookup: object, address: str, hello: str) -> Facts:
        return known[address]

    monkeypatch.setattr(reverse, "look_up", look_up)
    return known


async def test_SG_11_addresses_with_a_name_are_shown_as_dns_has_them(
    any_api: Api, dns: dict[str, Facts]
) -> None:
    api = any_api
    await furnish(api)
    (shown,) = (await api.call("GET", IPS, key=api.full)).json()
    assert shown == {
        "id": shown["id"],
        "ip": NAMED,
        "rdns": HELLO,
        "users": [],
        "subdomain": "o1",
        "domain": "mail.shop.test",
        "valid": True,
        "legacy": False,
        "a_record": {"valid": True, "type": "a", "host": HELLO, "data": NAMED},
    }
    assert (await api.call("GET", f"{IPS}/{shown['id']}", key=api.full)).json() == shown
    assert (await api.call("GET", f"{IPS}?ip={NAMED}", key=api.full)).json() == [shown]
    assert (await api.call("GET", f"{IPS}?ip={BARE}", key=api.full)).json() == []
    assert (await api.call("GET", f"{IPS}?offset=1", key=api.full)).json() == []


@pytest.mark.parametrize(
    ("facts", "is_valid", "name", "pointer"),
    [
        pytest.param(Facts({HELLO: (NAMED,)}, (NAMED,), ()), True, True, True, id="all well"),
        pytest.param(Facts({"x.isp.test": (NAMED,)}, (NAMED,), ()), True, True, False, id="the provider's"),
        pytest.param(Facts({}, (NAMED,), ()), False, True, False, id="no PTR record"),
        pytest.param(Facts({HELLO: ()}, (), ()), False, False, True, id="no address record"),
        pytest.param(Facts({}, (), (), "no answer in time"), False, False, False, id="nobody can say"),
    ],
)
async def test_SG_11_validating_an_address_asks_dns(
    api: Api, dns: dict[str, Facts], facts: Facts, is_valid: bool, name: bool, pointer: bool
) -> None:
    await furnish(api)
    dns[NAMED] = facts
    (shown,) = (await api.call("GET", IPS, key=api.full)).json()
    reply = await api.call("POST", f"{IPS}/{shown['id']}/validate", key=api.full)
    assert (reply.status, reply.json()["id"], reply.json()["valid"]) == (200, shown["id"], is_valid)
    found = reply.json()["validation_results"]
    assert {kind: each["valid"] for kind, each in found.items()} == {"a_record": name, "ptr": pointer}
    assert all(each["valid"] is (each["reason"] is None) for each in found.values())


async def test_SG_11_an_address_that_nobody_sees_is_not_valid(api: Api) -> None:
    await api.write(egress.add_ip, 0.0, BEHIND, HELLO)
    (shown,) = (await api.call("GET", IPS, key=api.full)).json()
    reply = await api.call("POST", f"{IPS}/{shown['id']}/validate", key=api.full)
    reason = reply.json()["validation_results"]["ptr"]["reason"]
    assert (reply.json()["valid"], "not a public address" in reason) == (False, True)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"ip": NAMED, "domain": "shop.test", "subdomain": "mail"}, 201),
        ({"ip": NAMED, "domain": "Mail.Shop.Test"}, 201),
        ({"ip": NAMED, "domain": "op.test"}, 400),
        ({"ip": BARE, "domain": "shop.test"}, 400),
        ({"ip": BARE, "domain": "."}, 400),
        ({"ip": "192.0.2.99", "domain": "shop.test"}, 404),
        ({"ip": NAMED}, 400),
        ({"domain": "shop.test"}, 400),
    ],
)
async def test_SG_11_the_name_of_an_address_is_shown_and_not_given(
    api: Api, dns: dict[str, Facts], given: dict[str, str], status: int
) -> None:
    await furnish(api)
    before = api.books()
    reply = await api.call("POST", IPS, key=api.full, json=given)
    assert reply.status == status, reply.text
    if status == 201:
        reply = await api.call("DELETE", f"{IPS}/{reply.json()['id']}", key=api.full)
        assert (reply.status, HELLO in reply.json()["errors"][0]["message"]) == (400, True)
    assert api.books() == before


async def test_S20_reverse_dns_of_another_account_is_not_there(api: Api, dns: dict[str, Facts]) -> None:
    await furnish(api)
    (shown,) = (await api.call("GET", IPS, key=api.full)).json()
    assert (await api.call("GET", IPS, key=api.others)).json() == []
    for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/validate")):
        reply = await api.call(method, f"{IPS}/{shown['id']}{rest}", key=api.others)
        unknown = await api.call(method, f"{IPS}/1{rest}", key=api.others)
        assert (reply.status, reply.body) == (unknown.status, unknown.body)
        assert (reply.status, reply.json()["errors"][0]["message"]) == (404, "Reverse DNS record not found.")
    theirs, none = [
        await api.call("POST", IPS, key=api.others, json={"ip": ip, "domain": "shop.test"})
        for ip in (NAMED, "192.0.2.99")
    ]
    assert (theirs.status, theirs.body) == (none.status, none.body)
