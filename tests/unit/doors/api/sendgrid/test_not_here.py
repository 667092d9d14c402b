"""SendGrid's calls about things that this service does not have."""

from __future__ import annotations

import pytest

from unit.doors.api.calling import Api

PARSE, ALLOWED = "/v3/user/webhooks/parse/settings", "/v3/access_settings/whitelist"
DOMAINS, LINKS = "/v3/whitelabel/domains", "/v3/whitelabel/links"


@pytest.mark.parametrize("path", [PARSE, ALLOWED])
async def test_SG_11_a_list_of_what_is_not_here_is_empty(api: Api, path: str) -> None:
    reply = await api.call("GET", path, key=api.full)
    assert (reply.status, reply.json()) == (200, {"result": []})
    assert (await api.call("GET", f"{path}/x", key=api.full)).status == 404
    assert (await api.call("DELETE", f"{path}/x", key=api.full)).status == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("POST", PARSE, 400, "mail is not received here"),
        ("POST", ALLOWED, 400, "named when it is made"),
        ("POST", "/v3/whitelabel/dns/email", 400, "shows them"),
        ("POST", f"{DOMAINS}/1/ips", 400, "pools"),
        ("GET", f"{DOMAINS}/subuser?username=x", 404, "subusers"),
        ("DELETE", f"{DOMAINS}/subuser?username=x", 404, "subusers"),
        ("POST", f"{DOMAINS}/1/subuser", 404, "subusers"),
        ("GET", f"{LINKS}/subuser?username=x", 404, "subusers"),
        ("POST", f"{LINKS}/1/subuser", 404, "subusers"),
    ],
)
async def test_SG_11_what_is_not_here_is_refused_with_the_way_out(
    api: Api, method: str, path: str, status: int, text: str
) -> None:
    json = {} if method == "POST" else None
    reply = await api.call(method, path, key=api.full, json=json)
    assert (reply.status, text in reply.json()["errors"][0]["message"]) == (status, True)
