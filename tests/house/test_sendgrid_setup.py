"""SG-11: the official Python client sets event webhooks, domains, senders and pools up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from python_http_client.exceptions import BadRequestsError, NotFoundError, UnauthorizedError
from sendgrid import SendGridAPIClient

from house.hook_receivers import Receivers
from house.house import DOMAIN, House, Houses, unique, with_settings
from posthouse.rules.permissions import FULL

SETTINGS = with_settings(
    {"delivery": {"post_private_networks": "allow"}, "hooks": {"plain_http": "allow"}},
)

OWN = "127.0.0.3"


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    return shared_houses.new(settings=SETTINGS)


@pytest.fixture(scope="module")
def sg(house: House) -> Any:
    """`sg.client` of SendGrid's own package."""
    words = [word for permission in FULL for word in ("--permission", permission)]
    key = house.cli("key", "add", *words)["key"]
    return SendGridAPIClient(key, host=f"http://127.0.0.1:{house.port_http}").client


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers() as running:
        yield running


def read(response: Any) -> Any:
    return json.loads(response.body) if response.body else None


def test_SG_11_the_official_client_sets_an_event_webhook_up(sg: Any, receivers: Receivers) -> None:
    settings = sg.user.webhooks.event.settings
    path = f"/{unique()}"
    wanted = {"enabled": True, "url": receivers.url(path), "delivered": True, "spam_report": True}
    made = read(settings.post(request_body=wanted))
    assert made["enabled"] and made["delivered"] and not made["open"]
    signed = read(settings.signed._(made["id"]).patch(request_body={"enabled": True}))
    assert read(settings._(made["id"]).get())["public_key"] == signed["public_key"] != ""
    assert [each["id"] for each in read(settings.all.get())["webhooks"]] == [made["id"]]
    tried = sg.user.webhooks.event.test.post(request_body={"url": receivers.url(path), "id": made["id"]})
    assert tried.status_code == 204
    (post,) = receivers.to(path)
    assert {"processed", "delivered", "open"} <= {event["event"] for event in list(post.body)}
    changed = read(settings.patch(request_body={"open": True}))  # the way of older code
    assert (changed["id"], changed["open"]) == (made["id"], True)
    assert settings._(made["id"]).delete().status_code == 204
    with pytest.raises(NotFoundError):
        settings._(made["id"]).get()


def test_SG_11_the_official_client_authenticates_a_domain(sg: Any) -> None:
    name = f"{unique('d')}.test"
    made = read(sg.whitelabel.domains.post(request_body={"domain": name, "automatic_security": True}))
    assert (made["domain"], made["valid"]) == (name, False)
    domain = sg.whitelabel.domains._(made["id"])
    checked = read(domain.validate.post())
    assert checked["id"] == made["id"]
    assert checked["validation_results"]["dkim"]["valid"] is False
    assert checked["validation_results"]["dkim"]["reason"]
    assert {each["domain"] for each in read(sg.whitelabel.domains.get())} >= {DOMAIN, name}
    assert domain.delete().status_code == 204


def test_SG_11_the_official_client_makes_a_pool(house: House, sg: Any) -> None:
    house.cli("ip", "add", "127.0.0.1")
    assert [each["ip"] for each in read(sg.ips.get())] == ["127.0.0.1"]
    name = unique("pool")
    assert read(sg.ips.pools.post(request_body={"name": name})) == {"name": name}
    assert read(sg.ips.pools._(name).get()) == {"pool_name": name, "ips": ["127.0.0.1"]}
    assert sg.ips.pools._(name).delete().status_code == 204


def test_SG_11_the_official_client_warms_an_address_up(house: House, sg: Any) -> None:
    house.cli("ip", "add", OWN, "--dedicated", "--hello", f"out1.{DOMAIN}")
    try:
        begun = read(sg.ips.warmup.post(request_body={"ip": OWN}))
        assert [each["ip"] for each in begun] == [OWN]
        assert read(sg.ips.warmup.get()) == read(sg.ips.warmup._(OWN).get()) == begun
        assert read(sg.ips._(OWN).get())["start_date"] == begun[0]["start_date"]
        assert house.cli("ip", "show", OWN)["warmup"]["plan"] == "default"
        assert sg.ips.warmup._(OWN).delete().status_code == 204
        with pytest.raises(NotFoundError):
            sg.ips.warmup._(OWN).get()
        (named,) = read(sg.whitelabel.ips.get(query_params={"ip": OWN, "limit": 1}))
        assert (named["rdns"], named["valid"]) == (f"out1.{DOMAIN}", False)
        checked = read(sg.whitelabel.ips._(named["id"]).validate.post())
        assert "not a public address" in checked["validation_results"]["a_record"]["reason"]
    finally:
        house.cli("ip", "remove", OWN)
    assert read(sg.ips.remaining.get())["results"][0]["remaining"] == 0


def test_SG_11_the_official_client_notes_a_sender(sg: Any) -> None:
    name = unique("sender")
    email = f"{name}@{DOMAIN}"
    made = read(
        sg.verified_senders.post(request_body={"nickname": name, "from_email": email, "reply_to": email})
    )
    assert (made["from_email"], made["verified"]) == (email, True)
    assert made in read(sg.verified_senders.get(query_params={"limit": 100}))["results"]
    changed = read(sg.verified_senders._(made["id"]).patch(request_body={"city": "Oslo"}))
    assert changed == {**made, "city": "Oslo"}
    assert read(sg.verified_senders.steps_completed.get())["results"]["sender_verified"]
    assert sg.verified_senders.resend._(made["id"]).post().status_code == 204
    assert sg.verified_senders._(made["id"]).delete().status_code == 204


def test_SG_11_the_official_client_notes_a_sender_identity(sg: Any) -> None:
    data = {
        "nickname": unique("My Sender ID"),
        "from": {"email": f"from@{DOMAIN}", "name": "Example INC"},
        "reply_to": {"email": "replyto@example.com", "name": "Example INC"},
        "address": "123 Elm St.",
        "address_2": "Apt. 456",
        "city": "Denver",
        "state": "Colorado",
        "zip": "80202",
        "country": "United States",
    }
    made = read(sg.senders.post(request_body=data))
    assert data.items() <= made.items() and made["verified"]
    sender = sg.senders._(made["id"])
    assert read(sender.get()) == made and made in read(sg.senders.get())["result"]
    changed = read(sender.patch(request_body={**data, "city": "Oslo"}))
    assert (changed["city"], changed["id"]) == ("Oslo", made["id"])
    with pytest.raises(BadRequestsError):
        sender.resend_verification.post()
    assert sender.delete().status_code == 204


def test_SG_11_the_official_client_checks_a_link(sg: Any) -> None:
    (link,) = [each for each in read(sg.whitelabel.links.get()) if each["domain"] == DOMAIN]
    checked = read(sg.whitelabel.links._(link["id"]).validate.post())
    assert (checked["id"], set(checked["validation_results"])) == (link["id"], {"domain_cname"})


def test_SG_11_the_official_client_finds_no_parsing_of_mail(sg: Any) -> None:
    settings = sg.user.webhooks.parse.settings
    assert read(settings.get()) == {"result": []}
    with pytest.raises(BadRequestsError, match="400"):
        settings.post(request_body={"hostname": "in.shop.test", "url": "https://shop.test/in"})
    days = {"start_date": "2026-01-01", "end_date": "2026-01-02"}
    assert len(read(sg.user.webhooks.parse.stats.get(query_params=days))) == 2


def test_SG_11_the_official_client_sees_the_people_of_the_account(sg: Any) -> None:
    (owner,) = [each for each in read(sg.teammates.get())["result"] if each["user_type"] == "owner"]
    found = read(sg.teammates._(owner["username"]).get())
    assert found.items() >= owner.items() and "whitelabel.read" in found["scopes"]


def test_SG_11_the_official_client_finds_nothing_where_there_is_nothing(sg: Any) -> None:
    assert read(sg.access_settings.whitelist.get()) == {"result": []}
    assert isinstance(read(sg.access_settings.activity.get(query_params={"limit": 1}))["result"], list)
    for calls in (sg.alerts, sg.subusers, sg.subusers.reputations):
        assert read(calls.get()) == []
    assert read(sg.partner_settings.new_relic.get())["enabled"] is False
    alert = {"type": "stats_notification", "email_to": "example@example.com", "frequency": "daily"}
    with pytest.raises(BadRequestsError):
        sg.alerts.post(request_body=alert)
    with pytest.raises(UnauthorizedError):
        sg.stats.get(query_params={"start_date": "2026-01-01"}, request_headers={"On-Behalf-Of": "sub"})
