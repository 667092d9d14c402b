"""SendGrid's calls about branded links."""

from __future__ import annotations

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
