"""SendGrid's keys, user, mail settings and tracking settings, call by call (sendgrid.md 3.12, 3.14, 3.15)."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.desk import accounts
from posthouse.doors.api.sendgrid.management import ENDPOINTS
from posthouse.model.account import AccountSettings
from posthouse.rules.permissions import SCOPES
from posthouse.store.identity import find_account_by_id
from unit.doors.api.calling import DOMAIN, Api, Reply


async def ask(api: Api, method: str, path: str, json: Any = None, **more: Any) -> Reply:
    return await api.call(method, f"/v3{path}", key=more.pop("key", api.full), json=json, **more)


def told(reply: Reply) -> tuple[int, str | None, str]:
    (error,) = reply.json()["errors"]
    return reply.status, error["field"], error["message"]


async def settings(api: Api) -> AccountSettings:
    account = await api.read(find_account_by_id, api.account_id)
    found: AccountSettings = account.settings
    return found


# Permissions


SCOPE_OF = {
    "suppressions.read": "suppression.read",
    "suppressions.write": "suppression.bounces.delete",
    "templates.read": "templates.read",
    "templates.write": "templates.versions.activate.create",
    "keys.read": "api_keys.read",
    "keys.write": "api_keys.update",
    "settings.read": "mail_settings.footer.read",
    "settings.write": "tracking_settings.click.update",
}
"""One of the service's scopes for each of our words."""
CALLS = [
    pytest.param(endpoint.method, endpoint.path, endpoint.action, id=f"{endpoint.method} {endpoint.path}")
    for endpoint in ENDPOINTS
    if endpoint.action
]


def test_each_word_that_calls_need_has_a_scope() -> None:
    assert {endpoint.action for endpoint in ENDPOINTS} - {""} == set(SCOPE_OF)
    assert all(SCOPES[scope] == word for word, scope in SCOPE_OF.items())
    assert [endpoint.path for endpoint in ENDPOINTS if not endpoint.action] == ["/v3/scopes"]


async def test_every_call_needs_its_scope(api: Api) -> None:
    """All of `CALLS` with one house: a key with every other scope is turned away, the right one gets in."""
    for call in CALLS:
        method, path, action = call.values
        assert isinstance(method, str) and isinstance(path, str) and isinstance(action, str)
        place = path.replace("{group}", "7").replace("{email}", "a@x.test").replace("{", "x").replace("}", "")
        others = [scope for word, scope in SCOPE_OF.items() if word != action]
        wrong = await api.issue(["mail.send", *others])
        reply = await api.call(method, place, key=wrong)
        assert told(reply) == (403, None, "access forbidden"), f"{method} {path}"
        right = await api.issue([SCOPE_OF[action]])
        assert (await api.call(method, place, key=right)).status != 403 or path == "/v3/api_keys", path


async def test_a_key_for_one_domain_sees_nothing_of_the_account(api: Api) -> None:
    for path in ("/suppression/bounces", "/templates", "/api_keys", "/mail_settings", "/user/profile"):
        assert told(await ask(api, "GET", path, key=api.bound)) == (403, None, "access forbidden")


# Keys


async def test_a_key_from_its_beginning_to_its_end(api: Api) -> None:
    scopes = ["mail.send", "templates.read", "alerts.create"]
    made = await ask(api, "POST", "/api_keys", {"name": "My Key", "sample": "data", "scopes": scopes})
    shown = made.json()
    assert (made.status, shown["name"], shown["scopes"]) == (201, "My Key", scopes)
    assert len(shown["api_key"]) == 69 and shown["api_key"].startswith(f"SG.{shown['api_key_id']}.")
    path = f"/api_keys/{shown['api_key_id']}"
    assert (await ask(api, "GET", "/scopes", key=shown["api_key"])).json() == {"scopes": scopes}, "at once"
    one = {"name": "My Key", "api_key_id": shown["api_key_id"], "scopes": scopes}
    assert (await ask(api, "GET", path)).json() == one
    listed = (await ask(api, "GET", "/api_keys")).json()["result"]
    assert {"name": "My Key", "api_key_id": shown["api_key_id"]} in listed
    assert 'api_key"' not in (await ask(api, "GET", "/api_keys")).text, "the secret is shown once"
    renamed = await ask(api, "PATCH", path, {"name": "A New Hope"})
    assert (renamed.status, renamed.json()) == (200, {"name": "A New Hope", "api_key_id": one["api_key_id"]})
    put = await ask(api, "PUT", path, {"name": "x", "scopes": ["user.profile.read"]})
    assert (put.status, put.json()) == (200, {**one, "name": "x", "scopes": ["user.profile.read"]})
    assert (await ask(api, "DELETE", path)).status == 204
    assert (await ask(api, "GET", "/scopes", key=shown["api_key"])).status == 401, "at once"
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        reply = await ask(api, method, path, {"name": "x"} if method in ("PATCH", "PUT") else None)
        assert told(reply) == (404, None, "resource not found")


async def test_without_scopes_a_key_may_do_everything(api: Api) -> None:
    made = (await ask(api, "POST", "/api_keys", {"name": "all"})).json()
    assert set(made["scopes"]) == set(SCOPES)
    assert (await ask(api, "GET", "/templates", key=made["api_key"])).status == 200


async def test_a_key_of_our_own_words_shows_the_services(api: Api) -> None:
    held = (await ask(api, "GET", "/scopes")).json()["scopes"]
    assert {"mail.send", "suppression.bounces.delete", "api_keys.create", "mail_settings.read"} <= set(held)


async def test_nobody_makes_a_stronger_key_than_their_own(api: Api) -> None:
    weak = await api.issue(["api_keys.create", "api_keys.update", "api_keys.read", "mail.send"])
    for body in ({"name": "n"}, {"name": "n", "scopes": ["mail.send", "templates.read"]}):
        reply = await ask(api, "POST", "/api_keys", body, key=weak)
        assert (reply.status, told(reply)[2]) == (403, "access forbidden")
    made = await ask(api, "POST", "/api_keys", {"name": "n", "scopes": ["mail.send"]}, key=weak)
    assert made.status == 201
    wider = {"name": "n", "scopes": ["templates.read"]}
    reply = await ask(api, "PUT", f"/api_keys/{made.json()['api_key_id']}", wider, key=weak)
    assert (reply.status, told(reply)[2]) == (403, "access forbidden")


BAD_KEYS: list[tuple[Any, str, str]] = [
    ({}, "name", "name is required"),
    ({"name": "n" * 101}, "name", "name must have at most 100 characters"),
    ({"name": "n", "scopes": "mail.send"}, "scopes", "scopes must be a list of strings"),
    ({"name": "n", "scopes": [7]}, "scopes", "scopes must be a list of strings"),
    ({"name": "n", "scopes": ["mail.send"] * 501}, "scopes", "scopes must have at most 500 entries"),
]


@pytest.mark.parametrize(("body", "field", "text"), BAD_KEYS)
async def test_a_key_that_cannot_be(api: Api, body: Any, field: str, text: str) -> None:
    assert told(await ask(api, "POST", "/api_keys", body)) == (400, field, text)


async def test_there_are_so_many_keys_and_no_more(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posthouse.doors.api.sendgrid.api_keys.MOST_KEYS", 1)
    assert (await ask(api, "POST", "/api_keys", {"name": "n"})).status == 403


async def test_keys_of_others_are_not_there(api: Api) -> None:
    made = (await ask(api, "POST", "/api_keys", {"name": "n"})).json()
    for method in ("GET", "DELETE"):
        reply = await ask(api, method, f"/api_keys/{made['api_key_id']}", key=api.others)
        assert told(reply) == (404, None, "resource not found")
    native = await api.issue(dialect="native")
    assert (await ask(api, "DELETE", f"/api_keys/{native.id}")).status == 404, "a key of another kind"


# User


async def test_programs_look_whether_the_account_is_well(api: Api) -> None:
    profile = (await ask(api, "GET", "/user/profile")).json()
    assert profile["company"] == "default" and {"first_name", "last_name", "city", "email"} <= set(profile)
    assert (await ask(api, "GET", "/user/account")).json() == {"type": "paid", "reputation": 100}
    assert (await ask(api, "GET", "/user/email")).json() == {"email": ""}
    assert (await ask(api, "GET", "/user/username")).json()["username"] == "default"
    assert (await ask(api, "GET", "/user/credits")).json()["remain"] == 1_000_000_000
    assert (await ask(api, "GET", "/subusers")).json() == []
    assert (await ask(api, "GET", "/teammates")).json() == {"result": []}


async def test_credits_are_what_the_limits_leave(api: Api) -> None:
    await api.write(accounts.change_settings, "default", ["monthly_messages=100", "daily_messages=7"])
    found = (await ask(api, "GET", "/user/credits")).json()
    assert (found["remain"], found["total"], found["used"], found["overage"]) == (100, 100, 0, 0)
    assert found["reset_frequency"] == "monthly" and found["last_reset"].endswith("-01")
    assert found["last_reset"] < found["next_reset"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/user/profile"),
        ("PUT", "/user/email"),
        ("PUT", "/user/username"),
        ("PUT", "/user/password"),
    ],
)
async def test_what_is_changed_elsewhere_says_where(api: Api, method: str, path: str) -> None:
    status, _, text = told(await ask(api, method, path, {"email": "x@y.test"}))
    assert status == 400 and "posthouse" in text


@pytest.mark.parametrize("path", ["/contactdb/recipients", "/campaigns", "/marketing/lists"])
async def test_what_is_not_here_is_not_found(api: Api, path: str) -> None:
    assert told(await ask(api, "GET", path)) == (404, None, "not found")


TLS: list[tuple[dict[str, Any], dict[str, Any], tuple[bool, bool]]] = [
    ({"require_tls": True}, {"require_tls": True, "require_valid_cert": False}, (True, True)),
    (
        {"require_tls": True, "require_valid_cert": True, "version": 1.2},
        {"require_tls": True, "require_valid_cert": True},
        (True, False),
    ),
    ({"require_valid_cert": True}, {"require_tls": True, "require_valid_cert": True}, (True, False)),
    ({}, {"require_tls": False, "require_valid_cert": False}, (False, False)),
]


@pytest.mark.parametrize(("body", "shown", "kept"), TLS)
async def test_tls_is_demanded_for_all_mail(
    api: Api, body: dict[str, Any], shown: dict[str, Any], kept: tuple[bool, bool]
) -> None:
    path = "/user/settings/enforced_tls"
    reply = await ask(api, "PATCH", path, body)
    assert (reply.status, reply.json()) == (200, {**shown, "version": 1.2})
    assert (await ask(api, "GET", path)).json() == reply.json()
    found = await settings(api)
    assert (found.require_tls, found.skip_verification) == kept
    off = await ask(api, "PATCH", path, {"require_tls": False})
    assert off.json() == {"require_tls": False, "require_valid_cert": False, "version": 1.2}


async def test_tls_that_cannot_be_demanded(api: Api) -> None:
    reply = await ask(api, "PATCH", "/user/settings/enforced_tls", {"require_tls": True, "version": 1.3})
    assert told(reply)[:2] == (400, "version") and not (await settings(api)).require_tls


# Mail settings and tracking settings


CHANGES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "mail_settings/footer",
        {"enabled": True, "html_content": "<p>x</p>", "plain_content": "x"},
        {"enabled": True, "html_content": "<p>x</p>", "plain_content": "x"},
        {"footer": True, "footer_html": "<p>x</p>", "footer_text": "x"},
    ),
    (
        "mail_settings/template",
        {"enabled": True, "html_content": "<i><% body %></i>"},
        {"enabled": True, "html_content": "<i><% body %></i>"},
        {"frame": True, "frame_html": "<i><% body %></i>"},
    ),
    (
        "mail_settings/bounce_purge",
        {"enabled": True, "hard_bounces": 5, "soft_bounces": "3"},
        {"enabled": True, "hard_bounces": 5, "soft_bounces": 3},
        {"purge_hard_days": 5, "purge_soft_days": 3},
    ),
    (
        "mail_settings/bounce_purge",
        {"enabled": True, "hard_bounces": 5, "soft_bounces": None},
        {"enabled": True, "hard_bounces": 5, "soft_bounces": None},
        {"purge_hard_days": 5, "purge_soft_days": 0},
    ),
    (
        "mail_settings/forward_spam",
        {"enabled": True, "email": "a@shop.test, b@shop.test"},
        {"enabled": True, "email": "a@shop.test, b@shop.test"},
        {"forward_complaints": True, "forward_complaints_to": "a@shop.test, b@shop.test"},
    ),
    ("mail_settings/forward_spam", {"email": "", "enabled": False}, {"enabled": False, "email": ""}, {}),
    ("mail_settings/plain_content", {"enabled": False}, {"enabled": False}, {}),
    (
        "mail_settings/bcc",
        {"email": "e@shop.test", "enabled": False},
        {"enabled": False, "email": ""},
        {},
    ),
    (
        "tracking_settings/click",
        {"enabled": True},
        {"enabled": True, "enable_text": False},
        {"track_clicks": "html"},
    ),
    (
        "tracking_settings/click",
        {"enabled": True, "enable_text": True},
        {"enabled": True, "enable_text": True},
        {"track_clicks": "all"},
    ),
    (
        "tracking_settings/click",
        {"enabled": False},
        {"enabled": False, "enable_text": False},
        {"track_clicks": "off"},
    ),
    ("tracking_settings/open", {"enabled": True}, {"enabled": True}, {"track_opens": True}),
    ("tracking_settings/open", {"enabled": False}, {"enabled": False}, {"track_opens": False}),
    (
        "tracking_settings/google_analytics",
        {"enabled": True, "utm_source": "shop", "utm_term": ""},
        {
            "enabled": True,
            "utm_source": "shop",
            "utm_medium": "",
            "utm_term": "",
            "utm_content": "",
            "utm_campaign": "",
        },
        {"utm": True, "utm_source": "shop"},
    ),
    (
        "tracking_settings/subscription",
        {"enabled": True, "html_content": "<% x %>", "plain_content": "<% %>", "landing": "", "replace": ""},
        {
            "enabled": True,
            "html_content": "<% x %>",
            "plain_content": "<% %>",
            "landing": "",
            "replace": "",
            "url": "",
        },
        {"unsubscribe": True, "unsubscribe_html": "<% x %>", "unsubscribe_text": "<% %>"},
    ),
]


@pytest.mark.parametrize(("path", "body", "shown", "kept"), CHANGES)
async def test_a_setting_is_changed_and_holds(
    api: Api, path: str, body: dict[str, Any], shown: dict[str, Any], kept: dict[str, Any]
) -> None:
    reply = await ask(api, "PATCH", f"/{path}", body)
    assert (reply.status, reply.json()) == (200, shown)
    assert (await ask(api, "GET", f"/{path}")).json() == shown
    assert await settings(api) == AccountSettings(**kept)
    kind, _, name = path.partition("/")
    lines = (await ask(api, "GET", f"/{kind}")).json()["result"]
    (line,) = [each for each in lines if each["name"] == name]
    assert line["enabled"] == shown["enabled"] and line["title"] and line["description"]


async def test_what_is_not_said_stays(api: Api) -> None:
    path = "/mail_settings/footer"
    await ask(api, "PATCH", path, {"enabled": True, "html_content": "<p>x</p>", "plain_content": "x"})
    assert (await ask(api, "PATCH", path, {"enabled": False})).json() == {
        "enabled": False,
        "html_content": "<p>x</p>",
        "plain_content": "x",
    }
    await ask(api, "PATCH", "/tracking_settings/click", {"enabled": True, "enable_text": True})
    again = await ask(api, "PATCH", "/tracking_settings/click", {"enabled": True})
    assert again.json() == {"enabled": True, "enable_text": True}
    off = await ask(api, "PATCH", "/mail_settings/bounce_purge", {"enabled": False})
    assert off.json() == {"enabled": False, "soft_bounces": None, "hard_bounces": None}


BAD_CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("mail_settings/footer", {"enabled": True}, "needs a text before footer is on"),
    ("mail_settings/footer", {"enabled": "yes"}, "enabled must be a boolean"),
    ("mail_settings/footer", {"html_content": 5}, "html_content must be a string"),
    ("mail_settings/footer", {"html_content": "x" * 20_001}, "html_content must have at most 20000"),
    ("mail_settings/template", {"enabled": True, "html_content": "<b>"}, "frame_html needs <% body %>"),
    ("mail_settings/bounce_purge", {"enabled": True}, "must say after how many days"),
    ("mail_settings/bounce_purge", {"hard_bounces": 3651}, "hard_bounces must be a number of days"),
    ("mail_settings/bounce_purge", {"soft_bounces": True}, "soft_bounces must be a number of days"),
    ("mail_settings/forward_bounce", {"enabled": True, "email": "b@c.test"}, "cannot be switched on here"),
    ("mail_settings/forward_spam", {"enabled": True, "email": "x"}, "which is no address"),
    ("mail_settings/forward_spam", {"enabled": True}, "forward_complaints_to needs an address"),
    ("mail_settings/bcc", {"enabled": True, "email": "a@b.test"}, "cannot be switched on here"),
    ("mail_settings/plain_content", {"enabled": True}, "cannot be switched on here"),
    ("mail_settings/spam_check", {"enabled": True, "max_score": 5}, "in the message itself"),
    ("tracking_settings/subscription", {"landing": "<p>bye</p>"}, "landing cannot be used"),
    ("tracking_settings/subscription", {"url": "https://x.test/"}, "url cannot be used"),
    ("tracking_settings/google_analytics", {"utm_source": "x" * 501}, "utm_source must have at most 500"),
    ("tracking_settings/click", {"enable_text": "x"}, "enable_text must be a boolean"),
]


@pytest.mark.parametrize(("path", "body", "text"), BAD_CHANGES)
async def test_what_cannot_hold_is_said_and_not_kept(
    api: Api, path: str, body: dict[str, Any], text: str
) -> None:
    status, _, message = told(await ask(api, "PATCH", f"/{path}", body))
    assert status == 400 and text in message
    assert await settings(api) == AccountSettings()


async def test_the_whitelist_is_our_allow_list(api: Api) -> None:
    path = "/mail_settings/address_whitelist"
    assert (await ask(api, "GET", path)).json() == {"enabled": False, "list": []}
    reply = await ask(api, "PATCH", path, {"enabled": True, "list": ["Ann@x.test", "example.com"]})
    assert reply.status == 200
    assert (reply.json()["enabled"], sorted(reply.json()["list"])) == (True, ["ann@x.test", "example.com"])
    from posthouse.desk import suppressions as desk

    await api.write(desk.allow, api.account_id, ["bob@x.test"], DOMAIN, 1.0)
    again = await ask(api, "PATCH", path, {"enabled": True, "list": ["ann@x.test"]})
    assert again.json() == {"enabled": True, "list": ["ann@x.test"]}
    assert [row[2] for row in api.rows("select * from allowed order by value")] == [
        "ann@x.test",
        "bob@x.test",
    ], "what holds for one domain is not in the way"
    assert told(await ask(api, "PATCH", path, {"enabled": False}))[:2] == (400, "enabled")
    off = await ask(api, "PATCH", path, {"enabled": False, "list": []})
    assert off.json() == {"enabled": False, "list": []}
    bad = await ask(api, "PATCH", path, {"enabled": True, "list": ["a b"]})
    assert bad.status == 400 and "Neither an address nor a domain" in bad.text


async def test_a_list_of_settings_has_pages(api: Api) -> None:
    names = [each["name"] for each in (await ask(api, "GET", "/mail_settings")).json()["result"]]
    assert {"address_whitelist", "event_notify", "footer", "forward_spam", "template"} <= set(names)
    page = (await ask(api, "GET", "/mail_settings?limit=1&offset=1")).json()["result"]
    assert [each["name"] for each in page] == [names[1]]
    tracking = (await ask(api, "GET", "/tracking_settings")).json()["result"]
    assert [each["name"] for each in tracking] == ["click", "google_analytics", "open", "subscription"]


async def test_a_footer_of_the_account_is_in_the_next_mail(api: Api) -> None:
    await ask(api, "PATCH", "/mail_settings/footer", {"enabled": True, "plain_content": "Shop Ltd."})
    letter = {
        "from": {"email": f"me@{DOMAIN}"},
        "subject": "x",
        "personalizations": [{"to": [{"email": "ann@x.test"}]}],
        "content": [{"type": "text/plain", "value": "hello"}],
    }
    assert (await api.call("POST", "/v3/mail/send", key=api.full, json=letter)).status == 202
    assert [block.text for block in api.accepted_one().options.blocks] == ["Shop Ltd."]
