"""SendGrid's calls about things that this service does not have."""

from __future__ import annotations

import pytest

from unit.doors.api.calling import Api

PARSED = "/v3/user/webhooks/parse"
PARSE, ALLOWED = "/v3/user/webhooks/parse/settings", "/v3/access_settings/whitelist"
DOMAINS, LINKS = "/v3/whitelabel/domains", "/v3/whitelabel/links"
ALERTS, SUBUSERS, REQUESTS = "/v3/alerts", "/v3/subusers", "/v3/scopes/requests"


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
        ("GET", f"{DOMAINS}/subuser/all?username=x", 404, "subusers"),
        ("POST", f"{DOMAINS}/1/subuser:add", 404, "subusers"),
        ("DELETE", f"{DOMAINS}/1/subuser", 404, "subusers"),
        ("POST", ALERTS, 400, "webhooks"),
        ("POST", SUBUSERS, 400, "posthouse account"),
        ("PATCH", f"{SUBUSERS}/x", 404, "subusers"),
        ("DELETE", f"{SUBUSERS}/x", 404, "subusers"),
        ("PUT", f"{SUBUSERS}/x/ips", 404, "subusers"),
        ("GET", f"{SUBUSERS}/x/monitor", 404, "subusers"),
        ("GET", f"{SUBUSERS}/x/credits", 404, "subusers"),
        ("GET", f"{SUBUSERS}/x/stats/monthly?date=2026-01-01", 404, "subusers"),
        ("GET", f"{SUBUSERS}/stats?subusers=x&start_date=2026-01-01", 404, "subusers"),
        ("GET", f"{SUBUSERS}/stats?start_date=2026-01-01", 400, "subusers is required"),
        ("GET", f"{SUBUSERS}/stats/monthly?date=2026-01-01&subuser=x", 404, "subusers"),
        ("GET", f"{SUBUSERS}/stats/monthly", 400, "date is required"),
        ("GET", f"{SUBUSERS}/stats/sums", 400, "start_date is required"),
        ("GET", f"{PARSED}/stats", 400, "start_date is required"),
        ("PATCH", "/v3/partner_settings/new_relic", 400, "/v3/stats"),
    ],
)
async def test_SG_11_what_is_not_here_is_refused_with_the_way_out(
    api: Api, method: str, path: str, status: int, text: str
) -> None:
    json = {"enabled": True} if method in ("POST", "PATCH", "PUT") else None
    reply = await api.call(method, path, key=api.full, json=json)
    assert (reply.status, text in reply.json()["errors"][0]["message"]) == (status, True)


@pytest.mark.parametrize("path", [ALERTS, SUBUSERS, f"{SUBUSERS}/reputations?usernames=x", REQUESTS])
async def test_SG_11_a_plain_list_of_what_is_not_here_is_empty(api: Api, path: str) -> None:
    for key in (api.full, api.sending):  # the same for everybody
        reply = await api.call("GET", path, key=key)
        assert (reply.status, reply.json()) == (200, [])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{ALERTS}/48"),
        ("PATCH", f"{ALERTS}/48"),
        ("DELETE", f"{ALERTS}/48"),
        ("DELETE", f"{REQUESTS}/1"),
        ("PATCH", f"{REQUESTS}/1/approve"),
    ],
)
async def test_SG_11_one_of_what_is_not_here_is_not_found(api: Api, method: str, path: str) -> None:
    reply = await api.call(method, path, key=api.full)
    assert (reply.status, reply.json()["errors"][0]["message"]) == (404, "resource not found")


async def test_SG_11_no_mail_was_parsed_on_any_day(api: Api) -> None:
    reply = await api.call("GET", f"{PARSED}/stats?start_date=2026-01-30&end_date=2026-02-01", key=api.full)
    dates = ("2026-01-30", "2026-01-31", "2026-02-01")
    nothing = [{"metrics": {"received": 0}}]
    assert (reply.status, reply.json()) == (200, [{"date": date, "stats": nothing} for date in dates])


async def test_SG_11_subusers_had_no_mail(api: Api) -> None:
    reply = await api.call("GET", f"{SUBUSERS}/stats/monthly?date=2026-02-17", key=api.full)
    assert (reply.status, reply.json()) == (200, {"date": "2026-02-01", "stats": []})
    days = "start_date=2026-02-17&end_date=2026-02-20"
    reply = await api.call("GET", f"{SUBUSERS}/stats/sums?{days}", key=api.full)
    assert (reply.status, reply.json()) == (200, {"date": "2026-02-17", "stats": []})


async def test_SG_11_partners_get_nothing(api: Api) -> None:
    told = {"enabled": False, "enable_subuser_statistics": False, "license_key": ""}
    path = "/v3/partner_settings"
    assert (await api.call("GET", f"{path}/new_relic", key=api.full)).json() == told
    reply = await api.call("PATCH", f"{path}/new_relic", key=api.full, json={"enabled": False})
    assert (reply.status, reply.json()) == (200, told)
    (line,) = (await api.call("GET", path, key=api.full)).json()["result"]
    assert (line["name"], line["enabled"]) == ("new_relic", False)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v3/mail/send"), ("GET", "/v3/stats?start_date=2026-01-01"), ("GET", SUBUSERS)],
)
async def test_SG_11_a_call_on_behalf_of_a_subuser_is_not_made_for_the_caller(
    api: Api, method: str, path: str
) -> None:
    json = {} if method == "POST" else None
    headers = {"On-Behalf-Of": "subuser"}
    reply = await api.call(method, path, key=api.full, json=json, headers=headers)
    assert (reply.status, reply.json()["errors"][0]["message"]) == (401, "authorization required")
    assert api.accepted() == []
