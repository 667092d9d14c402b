"""Mailgun's calls about the account, its people and its limit, and about what there is not."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.desk import accounts, passwords, people
from posthouse.model.account import Role
from unit.doors.api.calling import DOMAIN, Api, Reply

ACCOUNT, USERS = "/v5/accounts", "/v5/users"
MONTHLY = f"{ACCOUNT}/limit/custom/monthly"
SUBACCOUNTS = f"{ACCOUNT}/subaccounts"
ALERTS = "/v1/thresholds/alerts/send"


async def call(api: Api, method: str, path: str, **more: Any) -> Reply:
    return await api.call(method, path, **({"basic": api.full} | more))


async def test_MG_26_the_monthly_limit_is_told_with_what_is_used_up(api: Api) -> None:
    none = await call(api, "GET", MONTHLY)
    assert (none.status, none.json()) == (404, {"message": "No threshold for account"})
    await api.write(accounts.change_settings, "", ["monthly_messages=2000", "daily_messages=10"])
    assert (await call(api, "GET", MONTHLY)).json() == {"limit": 2000, "current": 0, "period": "1m"}
    sent = {"from": f"a@{DOMAIN}", "to": "ann@good.test, bob@good.test", "subject": "s", "text": "x"}
    assert (await call(api, "POST", f"/v3/{DOMAIN}/messages", form=sent)).status == 200
    used = (await call(api, "GET", MONTHLY)).json()["current"]
    assert used >= 2, "what a worker holds ready counts too"
    assert used == sum(row[0] for row in api.rows("select used from quota where scope like '%|month|%'"))


@pytest.mark.parametrize(
    ("method", "path", "form", "status", "text"),
    [
        ("PUT", f"{MONTHLY}?limit=2001", None, 403, "set by whoever runs this service"),
        ("DELETE", MONTHLY, None, 403, "set by whoever runs this service"),
        ("PUT", f"{ACCOUNT}/limit/custom/enable", None, 400, "is not disabled"),
        ("PUT", f"{ACCOUNT}?name=new", None, 403, "are not changed by calls here"),
        ("PUT", ACCOUNT, {"inactive_session_timeout": "64800"}, 403, "are not changed by calls here"),
        ("PUT", ACCOUNT, {}, 400, "must be provided to update account info"),
        ("POST", f"{ACCOUNT}/resend_activation_email", None, 400, "nothing to activate"),
        ("PUT", f"{ACCOUNT}/features", {"ai_insights": '{"enabled":true}'}, 400, "cannot be enabled"),
        ("PUT", f"{ACCOUNT}/features", {"ai_insights": "yes"}, 400, "ai_insights should be"),
        ("PUT", f"{ACCOUNT}/features", {"other": '{"enabled":true}'}, 400, "No valid updates provided"),
        ("GET", f"{USERS}/me", None, 403, "Incompatible key for this endpoint"),
        ("GET", f"{USERS}/none", None, 404, "No such user exists"),
        ("POST", SUBACCOUNTS, {"name": "x"}, 404, "no subaccounts"),
        ("DELETE", SUBACCOUNTS, None, 404, "no subaccounts"),
        ("GET", f"{SUBACCOUNTS}/123", None, 404, "no subaccounts"),
        ("POST", f"{SUBACCOUNTS}/123/disable", None, 404, "no subaccounts"),
        ("PUT", f"{SUBACCOUNTS}/123/limit/custom/monthly?limit=5000", None, 404, "no subaccounts"),
        ("PUT", f"{SUBACCOUNTS}/123/features", {"sending": '{"enabled":true}'}, 404, "no subaccounts"),
        ("PUT", "/v3/routes/123", {"priority": "2"}, 404, "no mailing lists and no routes"),
        ("GET", "/v3/routes/match?address=a@b.test", None, 404, "no mailing lists and no routes"),
        ("GET", "/v3/lists/l@b.test/members/pages", None, 404, "no mailing lists and no routes"),
        ("POST", "/v3/lists/l@b.test/members.json", {"members": "[]"}, 404, "no mailing lists and no routes"),
        ("DELETE", "/v3/lists/l@b.test/members/a@b.test", None, 404, "no mailing lists and no routes"),
        ("POST", ALERTS, {"name": "x"}, 404, "no thresholds"),
        ("DELETE", f"{ALERTS}/x", None, 404, "no thresholds"),
    ],
)
async def test_MG_26_what_calls_do_not_change_here_is_refused_in_one_sentence(
    api: Api, method: str, path: str, form: Any, status: int, text: str
) -> None:
    before = api.books()
    reply = await call(api, method, path, form=form)
    assert (reply.status, text in reply.json()["message"]) == (status, True), reply
    after = api.books()
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SUBACCOUNTS, {"subaccounts": [], "total": 0}),
        (f"{SUBACCOUNTS}/ip_pools/all", {"total_count": 0, "items": []}),
        (ALERTS, {"items": [], "total": 0}),
        ("/v1/thresholds/hits", {"items": [], "total": 0}),
        ("/v1/thresholds/limits", {"items": [], "total": 0}),
    ],
)
async def test_MG_26_lists_of_what_there_is_not_are_empty(api: Api, path: str, body: Any) -> None:
    reply = await call(api, "GET", path)
    assert (reply.status, reply.json()) == (200, body)


async def test_MG_26_features_that_are_off_stay_off(api: Api) -> None:
    form = {"webhooks_redact_pii": '{"enabled":false}', "ai_insights": '{"enabled":false}'}
    reply = await call(api, "PUT", f"{ACCOUNT}/features", form=form)
    assert (reply.status, reply.json()) == (200, {"success": True})


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", f"/v3/{DOMAIN}/messages"), ("GET", "/v3/domains"), ("DELETE", SUBACCOUNTS)],
)
async def test_MG_26_nothing_is_done_in_the_name_of_a_subaccount(api: Api, method: str, path: str) -> None:
    form = {"from": f"a@{DOMAIN}", "to": "ann@good.test", "subject": "s", "text": "x"}
    headers = {"X-Mailgun-On-Behalf-Of": "123"}
    reply = await call(api, method, path, form=form if method == "POST" else None, headers=headers)
    assert reply.status == 404 and "Posthouse has no subaccounts" in reply.json()["message"]
    assert api.accepted() == []


async def test_MG_26_people_are_listed_by_role_and_shown(api: Api) -> None:
    given = passwords.give()
    for account_id, name, role in (
        (api.account_id, "ann", Role.OWNER),
        (api.account_id, "bob", Role.VIEWER),
        (api.account_id, "cid", Role.DEVELOPER),
        (api.other_id, "dan", Role.OWNER),
    ):
        email = f"{name}@people.test"
        await api.write(
            people.add, api.ids, api.clock.now(), account_id, email, role=role, name=name, given=given
        )
    found = (await call(api, "GET", f"{USERS}?limit=0&skip=0")).json()
    assert found["total"] == 3
    assert [(user["name"], user["role"]) for user in found["users"]] == [
        ("ann", "admin"),
        ("bob", "basic"),
        ("cid", "developer"),
    ]
    (ann,) = (await call(api, "GET", f"{USERS}?role=admin")).json()["users"]
    assert (ann["email"], ann["is_master"], ann["activated"]) == ("ann@people.test", True, False)
    assert ann["email_details"]["parts"] == {"local_part": "ann", "domain": "people.test"}
    assert (await call(api, "GET", f"{USERS}?role=billing")).json() == {"users": [], "total": 0}
    assert [user["name"] for user in (await call(api, "GET", f"{USERS}?skip=2")).json()["users"]] == ["cid"]
    assert (await call(api, "GET", f"{USERS}/{ann['id']}")).json() == ann
    (dan,) = (await call(api, "GET", USERS, basic=api.others)).json()["users"]
    theirs, nobodys = [await call(api, "GET", f"{USERS}/{id}") for id in (dan["id"], "none")]
    assert (theirs.status, theirs.body) == (404, nobodys.body)
    small = await api.issue(["mail.send"], dialect="native")
    assert (await call(api, "GET", USERS, basic=small)).status == 403
