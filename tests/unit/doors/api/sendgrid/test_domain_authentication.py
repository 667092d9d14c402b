"""SendGrid's calls about sending domains: shapes, stable numbers, a look at DNS."""

from __future__ import annotations

import pytest

from posthouse.desk import domain_checks
from posthouse.rules.checks import Check, ok
from posthouse.rules.records import needed
from unit.doors.api.calling import DOMAIN, Api

DOMAINS = "/v3/whitelabel/domains"


@pytest.mark.parametrize("is_automatic", [True, False])
async def test_SG_11_a_domain_is_made_with_its_records_and_removed(any_api: Api, is_automatic: bool) -> None:
    api = any_api
    api.clock.advance(1)
    wanted = {"domain": "Fresh.test", "automatic_security": is_automatic}
    reply = await api.call("POST", DOMAINS, key=api.full, json=wanted)
    assert reply.status == 201, reply.text
    made = reply.json()
    assert (made["domain"], made["valid"], made["default"]) == ("fresh.test", False, False)
    assert set(made["dns"]) == {"mail_server", "subdomain_spf", "domain_spf", "dkim", "dkim2", "dmarc"}
    assert made["dns"]["mail_server"] == {
        "valid": False,
        "type": "mx",
        "host": "return.fresh.test",
        "data": "mail.house.test",
    }
    assert made["dns"]["dkim"]["host"].endswith("._domainkey.fresh.test")
    assert 0 < made["id"] < 2**31
    assert (await api.call("GET", f"{DOMAINS}/{made['id']}", key=api.full)).json() == made
    listed = (await api.call("GET", DOMAINS, key=api.full)).json()
    assert [(each["domain"], each["default"]) for each in listed] == [(DOMAIN, True), ("fresh.test", False)]
    assert (await api.call("GET", f"{DOMAINS}?domain=fresh", key=api.full)).json() == [made]
    assert (await api.call("GET", f"{DOMAINS}/default", key=api.full)).json()["domain"] == DOMAIN
    assert (await api.call("DELETE", f"{DOMAINS}/{made['id']}", key=api.full)).status == 204
    assert (await api.call("GET", f"{DOMAINS}/{made['id']}", key=api.full)).status == 404


async def test_SG_11_validating_asks_dns(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(
        settings: object, clock: object, domain: object, keys: object, sender: object
    ) -> list[Check]:
        records = needed(domain, keys, sender)  # type: ignore[arg-type]
        return [ok(record, [record.value], "It is there.") for record in records]

    monkeypatch.setattr(domain_checks, "ask_now", ask)
    made = (await api.call("POST", DOMAINS, key=api.full, json={"domain": "fresh.test"})).json()
    reply = await api.call("POST", f"{DOMAINS}/{made['id']}/validate", key=api.full)
    assert reply.status == 200, reply.text
    assert (reply.json()["id"], reply.json()["valid"]) == (made["id"], True)
    assert reply.json()["validation_results"]["dkim"] == {"valid": True, "reason": None}
    shown = (await api.call("GET", f"{DOMAINS}/{made['id']}", key=api.full)).json()
    assert shown["valid"] and all(record["valid"] for record in shown["dns"].values())


async def test_S20_domains_of_another_account_are_not_there(api: Api) -> None:
    (own,) = (await api.call("GET", DOMAINS, key=api.full)).json()
    before = api.books()
    for method, rest in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/validate")):
        path = f"{DOMAINS}/{own['id']}{rest}"
        json = {} if method == "PATCH" else None
        reply = await api.call(method, path, key=api.others, json=json)
        unknown = await api.call(method, f"{DOMAINS}/1{rest}", key=api.others, json=json)
        assert (reply.status, reply.body) == (unknown.status, unknown.body)
        assert reply.status == 404
    assert api.books() == before


async def test_SG_11_what_a_domain_cannot_be(api: Api) -> None:
    for given in ({}, {"domain": 1}, {"domain": "no domain"}, {"domain": "x.test", "default": "yes"}):
        assert (await api.call("POST", DOMAINS, key=api.full, json=given)).status == 400, given
    reply = await api.call("POST", DOMAINS, key=api.full, json={"domain": DOMAIN})
    assert reply.status == 409
