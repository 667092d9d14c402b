"""SendGrid's calls about branded links."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.desk import domain_checks, domains
from posthouse.rules.checks import Check, State
from posthouse.rules.records import Record, needed
from posthouse.store.connection import Connection
from unit.doors.api.calling import DOMAIN, Api

LINKS = "/v3/whitelabel/links"


async def test_SG_11_a_domains_links_lead_through_its_own_host(any_api: Api) -> None:
    api = any_api
    (link,) = (await api.call("GET", LINKS, key=api.full)).json()
    target = {"valid": False, "type": "cname", "host": f"email.{DOMAIN}", "data": "mail.house.test"}
    assert link["dns"] == {"domain_cname": target}
    assert (link["domain"], link["subdomain"], link["default"]) == (DOMAIN, "email", True)
    for path in (f"{LINKS}/{link['id']}", f"{LINKS}/default"):
        assert (await api.call("GET", path, key=api.full)).json() == link
    reply = await api.call("POST", LINKS, key=api.full, json={"domain": DOMAIN, "subdomain": "mail"})
    assert (reply.status, reply.json()) == (201, link)
    assert (await api.call("POST", LINKS, key=api.full, json={"domain": "else.test"})).status == 400
    assert (await api.call("GET", f"{LINKS}/{link['id']}", key=api.others)).status == 404


async def test_SG_11_a_link_stays_with_its_domain(api: Api) -> None:
    (link,) = (await api.call("GET", LINKS, key=api.full)).json()
    path = f"{LINKS}/{link['id']}"
    assert (await api.call("PATCH", path, key=api.full, json={"default": True})).json() == link
    reply = await api.call("PATCH", path, key=api.full, json={"default": False})
    assert (reply.status, reply.json()["errors"][0]["field"]) == (400, "default")
    reply = await api.call("DELETE", path, key=api.full)
    assert (reply.status, "goes with its domain" in reply.json()["errors"][0]["message"]) == (400, True)


async def test_SG_11_a_link_is_checked_in_dns(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask_now(*_: Any) -> list[Check]:
        return [Check(record, State.MISSING, "", f"{record.name} is not there") for record in wanted]

    (link,) = (await api.call("GET", LINKS, key=api.full)).json()
    target = link["dns"]["domain_cname"]
    wanted = await api.read(_needed, api)
    monkeypatch.setattr(domain_checks, "ask_now", ask_now)
    reply = await api.call("POST", f"{LINKS}/{link['id']}/validate", key=api.full)
    result = {"valid": False, "reason": f"{target['host']} is not there"}
    told = {"id": link["id"], "valid": False, "validation_results": {"domain_cname": result}}
    assert (reply.status, reply.json()) == (200, told)


def _needed(conn: Connection, api: Api) -> list[Record]:
    domain, keys = domains.load(conn, api.account_id, DOMAIN)
    return list(needed(domain, keys, domain_checks.sender_of(conn, api.parts.settings, api.account_id)))


async def test_S20_links_of_another_account_are_not_there(api: Api) -> None:
    (link,) = (await api.call("GET", LINKS, key=api.full)).json()
    before = api.books()
    for method, rest in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/validate")):
        reply = await api.call(method, f"{LINKS}/{link['id']}{rest}", key=api.others)
        unknown = await api.call(method, f"{LINKS}/1{rest}", key=api.others)
        assert (reply.status, reply.body) == (unknown.status, unknown.body)
        assert reply.status == 404
    assert api.books() == before
