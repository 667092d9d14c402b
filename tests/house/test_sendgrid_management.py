"""SG-11: the official Python client manages lists, groups, templates, keys and settings, as its examples do;
each step is looked at where it has its effect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from python_http_client.exceptions import ForbiddenError, HTTPError, NotFoundError, UnauthorizedError
from sendgrid import SendGridAPIClient

from house.copies import read as arrived
from house.house import DOMAIN, House, Houses, unique
from posthouse.rules.permissions import FULL

GOOD = "good.test"


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    return shared_houses.new()


def client(house: House, key: str) -> Any:
    return SendGridAPIClient(key, host=f"http://127.0.0.1:{house.port_http}").client


@pytest.fixture(scope="module")
def sg(house: House) -> Any:
    words = [word for permission in FULL for word in ("--permission", permission)]
    return client(house, house.cli("key", "add", *words)["key"])


def read(response: Any) -> Any:
    return json.loads(response.body) if response.body else None


def letter(to: str, **more: Any) -> dict[str, Any]:
    return {
        "from": {"email": f"me@{DOMAIN}"},
        "subject": "hello",
        "personalizations": [{"to": [{"email": to}], **more.pop("personal", {})}],
        "content": [{"type": "text/plain", "value": "the text"}],
        **more,
    }


def test_SG_11_the_official_client_manages_groups_and_what_left_one_is_dropped(house: House, sg: Any) -> None:
    data = {"description": "Suggestions for products.", "is_default": True, "name": unique("Group")}
    made = sg.asm.groups.post(request_body=data)
    assert made.status_code == 201
    id = read(made)["id"]
    assert read(sg.asm.groups.get(query_params={"id": id}))[0]["name"] == data["name"]
    assert sg.asm.groups._(id).patch(request_body={"description": "Items", "id": id}).status_code == 201
    gone = f"{unique('gone')}@{GOOD}"
    people = {"recipient_emails": [gone, f"other@{GOOD}"]}
    suppressions = sg.asm.groups._(id).suppressions
    assert read(suppressions.post(request_body=people)) == people
    assert read(suppressions.get()) == people["recipient_emails"]
    found = suppressions.search.post(request_body={"recipient_emails": [gone, "nobody@x.test"]})
    assert read(found) == [gone]
    assert read(sg.asm.suppressions._(gone).get())["suppressions"][0]["suppressed"] is True
    assert {row["email"] for row in read(sg.asm.suppressions.get())} >= set(people["recipient_emails"])
    for to, kind in ((gone, "dropped"), (f"{unique('stays')}@{GOOD}", "delivered")):
        assert sg.mail.send.post(request_body=letter(to, asm={"group_id": id})).status_code == 202
        assert house.event(to, kind)
    assert sg.asm.groups._(id).suppressions._(gone).delete().status_code == 204
    assert sg.asm.groups._(id).delete().status_code == 204
    with pytest.raises(NotFoundError):
        sg.asm.groups._(id).get()


@pytest.mark.parametrize("name", ["blocks", "bounces", "invalid_emails", "spam_reports", "unsubscribes"])
def test_SG_11_the_official_client_reads_and_clears_lists(sg: Any, name: str) -> None:
    listed = getattr(sg.suppression, name)
    people = [f"{unique('a')}@{GOOD}", f"{unique('b')}@{GOOD}", f"{unique('c')}@{GOOD}"]
    listed.post(request_body={"emails": people})
    params = {"start_time": 1, "limit": 2, "offset": 1}
    assert len(read(listed.get(query_params=params))) == 2
    assert read(listed._(people[0]).get())[0]["email"] == people[0]
    assert listed._(people[0]).delete().status_code == 204
    assert read(listed._(people[0]).get()) == []
    body = {"delete_all": False, "emails": people[1:2]}
    assert listed.delete(request_body=body).status_code == 204
    with pytest.raises(HTTPError):
        listed.delete(request_body={"delete_all": True, "emails": people})
    assert listed.delete(request_body={"delete_all": True}).status_code == 204
    assert read(listed.get()) == []


def test_SG_11_the_official_client_keeps_global_suppressions(sg: Any) -> None:
    email = f"{unique('g')}@{GOOD}"
    assert sg.asm.suppressions._("global").post(request_body={"recipient_emails": [email]}).status_code == 201
    assert read(sg.asm.suppressions._("global")._(email).get()) == {"recipient_email": email}
    assert sg.asm.suppressions._("global")._(email).delete().status_code == 204
    assert read(sg.asm.suppressions._("global")._(email).get()) == {}


def test_SG_11_the_official_client_writes_templates(sg: Any) -> None:
    id = read(sg.templates.post(request_body={"name": "example_name"}))["id"]
    template = sg.templates._(id)
    assert id in {each["id"] for each in read(sg.templates.get())["templates"]}
    assert read(template.patch(request_body={"name": "new_example_name"}))["name"] == "new_example_name"
    data = {
        "active": 1,
        "html_content": "<%body%>",
        "name": "example_version_name",
        "plain_content": "<%body%>",
        "subject": "<%subject%>",
        "template_id": id,
    }
    version = read(template.versions.post(request_body=data))["id"]
    body = {**data, "name": "updated_example_name"}
    assert read(template.versions._(version).patch(request_body=body))["name"] == "updated_example_name"
    assert read(template.versions._(version).activate.post())["active"] == 1
    assert read(template.get())["versions"][0]["id"] == version
    assert template.versions._(version).delete().status_code == 204
    assert template.delete().status_code == 204
    with pytest.raises(NotFoundError):
        template.get()


def test_SG_11_the_official_client_makes_keys_that_may_what_they_say(house: House, sg: Any) -> None:
    data = {"name": "My API Key", "sample": "data", "scopes": ["mail.send", "alerts.create", "alerts.read"]}
    made = read(sg.api_keys.post(request_body=data))
    own = client(house, made["api_key"])
    assert read(own.scopes.get()) == {"scopes": data["scopes"]}
    assert own.mail.send.post(request_body=letter(f"{unique()}@{GOOD}")).status_code == 202
    with pytest.raises(ForbiddenError):
        own.templates.get()
    key = sg.api_keys._(made["api_key_id"])
    new = {"name": "A New Hope", "scopes": ["user.profile.read", "user.profile.update"]}
    assert read(key.put(request_body=new))["scopes"] == new["scopes"]
    assert read(key.patch(request_body={"name": "Newer"}))["name"] == "Newer"
    assert read(key.get())["name"] == "Newer"
    assert read(sg.api_keys.get(query_params={"limit": 1}))["result"]
    assert key.delete().status_code == 204
    with pytest.raises(UnauthorizedError):
        own.scopes.get()


SETTINGS: list[tuple[str, str, dict[str, Any]]] = [
    ("mail_settings", "address_whitelist", {"enabled": True, "list": ["email1@example.com", "example.com"]}),
    ("mail_settings", "bounce_purge", {"enabled": True, "hard_bounces": 5, "soft_bounces": 5}),
    ("mail_settings", "footer", {"enabled": True, "html_content": "...", "plain_content": "..."}),
    ("mail_settings", "forward_spam", {"email": "", "enabled": False}),
    ("mail_settings", "template", {"enabled": False, "html_content": "<% body %>"}),
    ("tracking_settings", "click", {"enabled": False}),
    ("tracking_settings", "open", {"enabled": False}),
    (
        "tracking_settings",
        "google_analytics",
        {"enabled": True, "utm_campaign": "website", "utm_medium": "email", "utm_source": "sendgrid.com"},
    ),
]


@pytest.mark.parametrize(("kind", "name", "body"), SETTINGS, ids=[row[1] for row in SETTINGS])
def test_SG_11_the_official_client_changes_settings(
    sg: Any, kind: str, name: str, body: dict[str, Any]
) -> None:
    setting = getattr(getattr(sg, kind), name)
    changed = read(setting.patch(request_body=body))
    assert {key: changed[key] for key in body if key != "list"} == {
        key: value for key, value in body.items() if key != "list"
    }
    assert read(setting.get()) == changed
    lines = read(getattr(sg, kind).get(query_params={"limit": 100}))["result"]
    assert name in {line["name"] for line in lines}


def test_SG_11_the_official_client_demands_tls(sg: Any) -> None:
    tls = sg.user.settings.enforced_tls
    wanted = {"require_tls": True, "require_valid_cert": False}
    assert read(tls.patch(request_body=wanted)).items() >= wanted.items()
    assert read(tls.patch(request_body={"require_tls": False}))["require_tls"] is False
    assert read(sg.user.account.get())["type"] and read(sg.user.credits.get())["remain"] > 0
    assert "username" in read(sg.user.profile.get()) and read(sg.user.username.get())["username"]


def test_SG_11_a_dynamic_template_made_by_the_official_client_is_what_arrives(house: House, sg: Any) -> None:
    id = read(sg.templates.post(request_body={"name": "t", "generation": "dynamic"}))["id"]
    version = {"name": "one", "subject": "Order {{number}}", "html_content": "<p>Dear {{name}}</p>"}
    assert read(sg.templates._(id).versions.post(request_body=version))["active"] == 1
    to = f"{unique('t')}@{GOOD}"
    data = {"dynamic_template_data": {"name": "Ann", "number": 7}}
    body = letter(to, template_id=id, personal=data)
    del body["subject"], body["content"]
    assert sg.mail.send.post(request_body=body).status_code == 202
    copy = arrived(house.internet.copy(to))
    assert copy.field("Subject") == "Order 7"
    assert "Dear Ann" in copy.html and "Dear Ann" in copy.text


def test_SG_11_a_footer_set_by_the_official_client_is_under_the_next_mail(house: House, sg: Any) -> None:
    footer = {"enabled": True, "html_content": "<p>Shop Ltd.</p>", "plain_content": "Shop Ltd."}
    sg.mail_settings.footer.patch(request_body=footer)
    try:
        to = f"{unique('f')}@{GOOD}"
        assert sg.mail.send.post(request_body=letter(to)).status_code == 202
        assert "Shop Ltd." in arrived(house.internet.copy(to)).text
    finally:
        sg.mail_settings.footer.patch(request_body={"enabled": False})
