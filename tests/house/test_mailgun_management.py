"""Mailgun's official Python program, unmodified and pointed here: what its examples show for domains, users,
suppressions, templates, webhooks, keys and addresses, and that each has its effect on mail."""

from __future__ import annotations

import json
import smtplib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from mailgun.client import Client

from house.copies import read
from house.hook_receivers import Receivers
from house.house import DOMAIN, House, Houses, unique, until
from house.mailgun import people

SENDER = f"Excited User <orders@{DOMAIN}>"
OPEN = {"delivery": {"post_private_networks": "allow"}, "hooks": {"plain_http": "allow"}}


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    return shared_houses.new(settings=OPEN)


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers() as running:
        yield running


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    key = str(house.cli("key", "add", "--full")["key"])
    with Client(auth=("api", key), api_url=f"http://127.0.0.1:{house.port_http}") as opened:
        yield opened


def said(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def send(client: Client, to: str, **more: Any) -> None:
    data = {"from": SENDER, "to": to, "subject": "Hello", **({"text": "Hi"} | more)}
    said(client.messages.create(data=data, domain=DOMAIN))


def test_MG_26_a_user_that_the_program_made_signs_in_until_it_is_deleted(
    house: House, client: Client
) -> None:
    login, password = f"alice_bob@{DOMAIN}", "test_new_creds123"
    said(client.domains_credentials.create(domain=DOMAIN, data={"login": login, "password": password}))
    assert login in {item["login"] for item in said(client.domains_credentials.get(domain=DOMAIN))["items"]}

    def signs_in(word: str) -> bool:
        with house.smtp(is_tls=True, sign_in=False) as smtp:
            try:
                return smtp.login(login, word)[0] == 235
            except smtplib.SMTPAuthenticationError:
                return False

    until(lambda: signs_in(password), 20, "the new user signs in")
    changed = {"password": "test_new_creds12356"}
    said(client.domains_credentials.put(domain=DOMAIN, data=changed, login=login))
    until(lambda: signs_in(changed["password"]), 20, "the new password is taken")
    said(client.domains_credentials.delete(domain=DOMAIN, login=login))
    until(lambda: not signs_in(changed["password"]), 20, "the user is out")


def test_MG_26_a_suppressed_address_gets_nothing_until_it_is_taken_off(house: House, client: Client) -> None:
    (to,) = people("bounced")
    data = {"address": to, "code": 550, "error": "Test error"}
    said(client.bounces.create(data=data, domain=DOMAIN))
    assert said(client.bounces.get(domain=DOMAIN, bounce_address=to))["error"] == "Test error"
    send(client, to)
    house.event(to, "dropped")
    said(client.bounces.delete(domain=DOMAIN, bounce_address=to))
    send(client, to)
    house.event(to, "delivered")
    many = [{"address": f"{unique()}@i.test", "tags": ["some tag"]}, {"address": f"{unique()}@i.test"}]
    headers = {"Content-Type": "application/json"}
    for each in many:
        said(client.unsubscribes.create(data=each, domain=DOMAIN, headers=headers))
    csv = {"complaints_csv": f"address,created_at\n{to},\n".encode()}
    said(client.complaints_import.create(domain=DOMAIN, files=csv), 202)
    assert said(client.complaints.get(domain=DOMAIN, complaint_address=to))["address"] == to
    said(client.complaints.delete(domain=DOMAIN))
    said(client.unsubscribes.delete(domain=DOMAIN))
    said(client.whitelists.create(data={"address": to, "tag": "whitel_test"}, domain=DOMAIN))
    said(client.whitelists.delete(domain=DOMAIN, whitelist_address=to))


def test_MG_26_a_stored_template_becomes_the_body_and_a_webhook_tells_of_it(
    house: House, client: Client, receivers: Receivers
) -> None:
    path, (to,) = f"/{unique()}", people("templated")
    data = {"id": "delivered", "url": [receivers.url(path)]}
    said(client.domains_webhooks.create(domain=DOMAIN, data=data))
    assert said(client.domains_webhooks.get(domain=DOMAIN))["webhooks"]["delivered"]
    data = {"name": "greeting", "description": "d", "template": "{{fname}} {{lname}}", "comment": "c"}
    said(client.templates.create(data=data, domain=DOMAIN))
    version = {"tag": "v1", "template": "<p>{{fname}} {{lname}} updated</p>", "active": "yes"}
    said(client.templates.create(data=version, domain=DOMAIN, template_name="greeting", versions=True))
    held = said(client.templates.get(domain=DOMAIN, template_name="greeting", versions=True))
    assert len(held["template"]["versions"]) == 2
    more = {"template": "greeting", "t:variables": json.dumps({"fname": "Ann", "lname": "Doe"})}
    data = {"from": SENDER, "to": to, "subject": "Hello", **more}
    said(client.messages.create(data=data, domain=DOMAIN))
    assert "<p>Ann Doe updated</p>" in read(house.internet.copy(to)).html
    receivers.got(path, 1)
    said(client.domains_webhooks.delete(domain=DOMAIN, webhook_name="delivered"))
    said(client.templates.delete(domain=DOMAIN, template_name="greeting"))


def test_MG_26_a_domain_is_made_set_up_and_removed_with_the_program(client: Client) -> None:
    name = f"{unique()}.example.org"
    said(client.domains.create(data={"name": name}))
    assert name in {item["name"] for item in said(client.domainlist.get())["items"]}
    assert said(client.domains.get(domain=name))["domain"]["state"] == "unverified"
    said(client.domains.put(data={"name": name, "spam_action": "disabled"}, domain=name))
    said(client.domains_connection.put(domain=name, data={"require_tls": "true"}))
    assert said(client.domains_connection.get(domain=name))["require_tls"] is True
    said(client.domains_tracking_open.put(domain=name, data={"active": "yes"}))
    said(client.domains_tracking_click.put(domain=name, data={"active": "yes"}))
    assert said(client.domains_tracking.get(domain=name))["tracking"]["click"]["active"] is True
    said(client.domains_dkimauthority.put(domain=name, data={"self": "true"}))
    said(client.domains_dkimselector.put(domain=name, data={"dkim_selector": "s"}))
    said(client.domains_webprefix.put(domain=name, data={"web_prefix": "python"}))
    told = said(client.dkim_management_rotation.put(domain=name, data={"rotation_enabled": "false"}))
    assert (told["domain"]["active_selector"], told["domain"]["rotation_enabled"]) == ("s", "false")
    refused = said(client.dkim_management_rotate.create(domain=name), 400)
    assert refused["message"].endswith("Current state: wait_verify")
    keys = said(client.dkim_keys.get(filters={"page": "string", "limit": "0", "signing_domain": name}))
    signing = {item["selector"] for item in keys["items"] if item["dns_record"]["is_active"]}
    assert signing == {"s"}
    said(client.domains.delete(domain=name))


def test_MG_26_the_program_asks_for_a_certificate_and_makes_a_key_that_ends(
    house: House, client: Client
) -> None:
    absent = said(client.x509_status.get(domain=f"email.{DOMAIN}"), 404)
    assert f"posthouse domain certificate {DOMAIN}" in absent["message"]
    refused = said(client.x509.create(domain=f"email.{DOMAIN}"), 400)
    assert refused["Reason"].startswith("Posthouse orders no certificates")
    headers = {"Content-Type": "multipart/form-data"}
    data = {"role": "basic", "kind": "user", "expiration": "3"}
    made = said(client.keys.create(data=data, headers=headers))["key"]
    assert time.strptime(made["expires_at"], "%Y-%m-%dT%H:%M:%S")
    with Client(auth=("api", made["secret"]), api_url=f"http://127.0.0.1:{house.port_http}") as brief:
        until(lambda: brief.ips.get().status_code == 401, 20, "the key ends")
    (row,) = [row for row in said(client.keys.get())["items"] if row["id"] == made["id"]]
    assert (row["is_disabled"], row["disabled_reason"]) == (True, "expired")
    (row,) = [row for row in house.cli_rows("key", "list") if row["id"] == made["id"]]
    assert row["expires_at"]
    assert "(expired)" in house.command("key", "list")
    said(client.keys.delete(key_id=made["id"]))


def test_MG_26_keys_addresses_and_pools_are_managed_with_the_program(house: House, client: Client) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    data = {"role": "sending", "kind": "domain", "domain_name": DOMAIN, "description": "a new key"}
    made = said(client.keys.create(data=data, headers=headers))["key"]
    assert made["secret"] and made["role"] == "sending"
    said(client.keys.delete(key_id=made["id"]))
    assert "items" in said(client.ips.get(filters={"dedicated": "true"}))
    assert "items" in said(client.domains_ips.get(domain=DOMAIN))
    assert said(client.ippools.get())["ip_pools"] == []
    house.cli("ip", "add", "127.0.0.1")
    house.cli("ip", "add", "127.0.0.2")
    pool = said(client.ippools.create(data={"name": "p", "description": "Test", "ips": ["127.0.0.1"]}))
    listed = said(client.ippools.get())["ip_pools"]
    assert [(each["pool_id"], each["ips"]) for each in listed] == [(pool["pool_id"], ["127.0.0.1"])]
    said(client.domains_ips.create(domain=DOMAIN, data={"pool_id": pool["pool_id"]}))
    assert said(client.domains_ips.get(domain=DOMAIN))["items"] == ["127.0.0.1"]
    filters = {"pool_id": pool["pool_id"]}
    said(client.domains_ips.delete(domain=DOMAIN, filters=filters, unlink_pool=True))
    assert said(client.domains_ips.get(domain=DOMAIN))["items"] == []
    said(client.ippools.delete(pool_id=pool["pool_id"]))


def test_MG_26_bounces_are_classified_and_people_and_warm_ups_listed_with_the_program(
    house: House, client: Client
) -> None:
    to = f"{unique()}@bounce.test"
    send(client, to)
    house.event(to, "failed")
    body = {
        "duration": "24h0m0s",
        "resolution": "day",
        "dimensions": ["entity-name", "domain.name"],
        "metrics": ["critical_bounce_count", "non_critical_bounce_count", "critical_bounce_rate"],
        "filter": {"AND": [{"attribute": "domain.name", "comparator": "=", "values": [{"value": DOMAIN}]}]},
        "include_subaccounts": True,
        "pagination": {"sort": "entity-name:asc", "limit": 10},
    }
    headers = {"Content-Type": "application/json"}
    (item,) = said(client.bounce_classification.create(data=json.dumps(body), headers=headers))["items"]
    assert (item["entity-name"], item["domain.name"]) == ("Other", DOMAIN)
    assert item["metrics"]["non_critical_bounce_count"] >= 1
    said(client.bounce_classification.create(data={"start": 0, "end": 100}))
    query = {"role": "admin", "limit": "0", "skip": "0"}
    assert said(client.users.get(filters=query))["total"] == len(house.cli_rows("person", "list"))
    assert said(client.users.get(user_id="me"), 403)["message"] == "Incompatible key for this endpoint"
    assert said(client.ip_warmups.get())["items"] == []
    assert said(client.accounts_subaccounts.get()) == {"subaccounts": [], "total": 0}
    assert said(client.thresholds_alerts_send.get()) == {"items": [], "total": 0}
    said(client.accounts_limit_custom_monthly.get(), 404)
