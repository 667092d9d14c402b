"""Mailgun's calls about sending domains, their keys, settings and users."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.desk import egress
from posthouse.mail.dkim import RSA_SHA256, new_key
from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Reply

HERE = f"/v3/domains/{DOMAIN}"


async def _call(api: Api, method: str, path: str, **more: Any) -> Reply:
    return await api.call(method, path, basic=api.full, **more)


async def test_a_domain_is_made_shown_and_removed(api: Api) -> None:
    said = {"name": "MG.new.test", "web_scheme": "http", "require_tls": "yes", "dkim_selector": "mx"}
    made = await _call(api, "POST", "/v4/domains", form=said)
    assert made.status == 200, made.text
    body = made.json()
    assert body.pop("message") == "Domain DNS records have been created"
    assert body == (await _call(api, "GET", "/v4/domains/mg.new.test")).json()
    domain = body["domain"]
    assert (domain["name"], domain["state"], domain["type"]) == ("mg.new.test", "unverified", "custom")
    assert (domain["web_scheme"], domain["web_prefix"], domain["require_tls"]) == ("http", "email", True)
    assert domain["smtp_login"] == "postmaster@mg.new.test" and domain["created_at"].endswith(" GMT")
    names = {record["name"]: record for record in body["sending_dns_records"]}
    assert names["mx._domainkey.mg.new.test"]["value"].startswith("v=DKIM1; k=rsa; p=")
    assert names["mg.new.test"]["value"].startswith("v=spf1 ")
    assert names["email.mg.new.test"]["record_type"] == "CNAME"
    assert all(record["valid"] == "unknown" for record in names.values())
    (mx,) = body["receiving_dns_records"]
    assert (mx["record_type"], mx["priority"], "name" in mx) == ("MX", "10", False)
    again = await _call(api, "POST", "/v3/domains", form={"name": "mg.new.test"})
    assert again.status == 400
    gone = await _call(api, "DELETE", "/v3/domains/mg.new.test")
    assert gone.json() == {"message": "Domain will be deleted in the background"}
    missing = await _call(api, "GET", "/v3/domains/mg.new.test")
    assert (missing.status, missing.json()) == (404, {"message": "Domain not found"})


async def test_domains_are_listed_the_newest_first_and_narrowed(api: Api) -> None:
    api.clock.advance(60)
    await api.add_domain("aaa.test", is_verified=False)
    listed = (await _call(api, "GET", "/v4/domains")).json()
    assert listed["total_count"] == 2 and len(listed["items"]) == 2
    for query, names in (
        ("sort=name", ["aaa.test", DOMAIN]),
        ("sort=name:desc", [DOMAIN, "aaa.test"]),
        ("state=active", [DOMAIN]),
        ("state=unverified", ["aaa.test"]),
        ("search=aa", ["aaa.test"]),
        ("sort=name&limit=1&skip=1", [DOMAIN]),
    ):
        found = (await _call(api, "GET", f"/v3/domains?{query}")).json()["items"]
        assert [item["name"] for item in found] == names, query
    assert (await _call(api, "GET", "/v3/domains?state=asleep")).status == 400


async def test_what_nobody_would_keep_is_refused(api: Api) -> None:
    for said in (
        {"encrypt_incoming_message": "true"},
        {"message_ttl": "60"},
        {"spam_action": "eat"},
        {"web_scheme": "ftp"},
    ):
        reply = await _call(api, "PUT", HERE, form=said)
        assert reply.status == 400 and next(iter(said)) in reply.json()["message"]
    kept = await _call(api, "PUT", HERE, form={"spam_action": "disabled", "wildcard": "no"})
    assert (kept.status, kept.json()["message"]) == (200, "Domain has been updated")


async def test_settings_of_a_domain_are_changed(api: Api) -> None:
    tracking = (await _call(api, "GET", f"{HERE}/tracking")).json()["tracking"]
    assert tracking["open"] == {"active": False, "place_at_the_top": False}
    assert tracking["click"] == {"active": False} and tracking["unsubscribe"]["active"] is False
    for part, said, answer in (
        ("click", {"active": "yes"}, {"active": True}),
        ("click", {"active": "htmlonly"}, {"active": "htmlonly"}),
        ("click", {"active": "no"}, {"active": False}),
        ("open", {"active": "yes", "place_at_the_top": "true"}, {"active": True, "place_at_the_top": True}),
    ):
        reply = await _call(api, "PUT", f"{HERE}/tracking/{part}", form=said)
        assert reply.json() == {"message": "Domain tracking settings have been updated", part: answer}
    footer = '<p><a href="%unsubscribe_url%">Leave</a></p>'
    said = {"active": "yes", "html_footer": footer}
    reply = await _call(api, "PUT", f"{HERE}/tracking/unsubscribe", form=said)
    assert reply.json()["unsubscribe"]["html_footer"] == footer
    assert (await _call(api, "PUT", f"{HERE}/tracking/click", form={})).status == 400
    changed = await _call(api, "PUT", f"{HERE}/connection", form={"require_tls": "true"})
    assert changed.json()["message"].startswith("Domain connection settings have been updated")
    connection = {"require_tls": True, "skip_verification": False}
    assert (await _call(api, "GET", f"{HERE}/connection")).json() == {"connection": connection, **connection}
    prefix = await _call(api, "PUT", f"{HERE}/web_prefix", form={"web_prefix": "links"})
    assert prefix.json() == {"message": "Domain web prefix updated"}
    shown = (await _call(api, "GET", HERE)).json()
    assert shown["domain"]["web_prefix"] == "links"
    assert f"links.{DOMAIN}" in {record["name"] for record in shown["sending_dns_records"]}
    authority = (await _call(api, "PUT", f"{HERE}/dkim_authority", form={"self": "yes"})).json()
    assert authority["changed"] is False and authority["sending_dns_records"]


async def test_keys_come_along_stand_by_and_go(api: Api) -> None:
    from cryptography.hazmat.primitives import serialization

    der, public = new_key(RSA_SHA256)
    private = serialization.load_der_private_key(der, None)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    made = await _call(
        api,
        "POST",
        "/v1/dkim/keys",
        form={"signing_domain": DOMAIN, "selector": "smtp", "bits": "2048"},
        files=[("pem", "server.key", pem, "application/octet-stream")],
    )
    assert made.status == 200, made.text
    assert made.json()["dns_record"]["value"].endswith(public)
    assert made.json()["dns_record"]["is_active"] is False
    query = f"page=string&limit=0&signing_domain={DOMAIN}&selector=smtp"
    listed = (await _call(api, "GET", f"/v1/dkim/keys?{query}")).json()
    assert [item["selector"] for item in listed["items"]] == ["smtp"]
    assert listed["paging"]["next"].startswith("http://")
    of_domain = (await _call(api, "GET", f"/v4/domains/{DOMAIN}/keys")).json()["items"]
    active = next(item["selector"] for item in of_domain if item["dns_record"]["is_active"])
    last = await _call(api, "DELETE", f"/v1/dkim/keys?signing_domain={DOMAIN}&selector={active}")
    assert last.status == 400
    assert last.json()["message"] == ("cannot delete domain key: must have at least one active domain key")
    gone = await _call(api, "DELETE", f"/v1/dkim/keys?signing_domain={DOMAIN}&selector=smtp")
    assert gone.json() == {"message": "success"}
    missing = await _call(api, "DELETE", f"/v1/dkim/keys?signing_domain={DOMAIN}&selector=smtp")
    assert (missing.status, missing.json()) == (404, {"message": "domain key not found"})


async def test_users_get_passwords_that_are_shown_once(api: Api) -> None:
    users = f"{HERE}/credentials"
    made = (await _call(api, "POST", users, form={"login": "alice"})).json()
    assert made["message"] == "Created 1 credentials pair(s)"
    password = made["credentials"][f"alice@{DOMAIN}"]
    identity = api.all_parts.identity
    await identity.refresh(api.store)
    assert identity.recognise(f"alice@{DOMAIN}", password)
    chosen = {"login": f"bob@{DOMAIN}", "password": "test_new_creds123"}
    assert (await _call(api, "POST", users, form=chosen)).status == 200
    listed = (await _call(api, "GET", users)).json()
    assert listed["total_count"] == 2
    assert listed["items"][0]["created_at"].endswith(" +0000")
    assert password not in str(listed)
    changed = await _call(api, "PUT", f"{users}/alice", form={"password": "another_new_creds987"})
    assert changed.json() == {"message": "Password changed"}
    renewed = (await _call(api, "PUT", f"{users}/alice")).json()
    assert renewed["credentials"][f"alice@{DOMAIN}"] not in ("", password)
    gone = await _call(api, "DELETE", f"{users}/alice")
    assert gone.json() == {"message": "Credentials have been deleted", "spec": f"alice@{DOMAIN}"}
    for method in ("PUT", "DELETE"):
        missing = await _call(api, method, f"{users}/alice")
        assert (missing.status, missing.json()) == (404, {"message": "Credentials not found"})
    every = await _call(api, "DELETE", users)
    assert every.json() == {"message": "All domain credentials have been deleted", "count": 1}
    for said, text in (
        ({}, "Parameter 'login' is missing"),
        ({"login": "eve", "password": "short"}, "16 to 256 characters"),
        ({"login": f"eve@{OTHER_DOMAIN}"}, "Invalid login"),
    ):
        refused = await _call(api, "POST", users, form=said)
        assert refused.status == 400 and text in refused.json()["message"]
    system = await _call(api, "DELETE", f"{users}/postmaster")
    assert system.json() == {"message": f"Cannot delete system mailbox: postmaster@{DOMAIN}"}


PATHS = ("", "/tracking", "/connection", "/credentials", "/webhooks")


@pytest.mark.parametrize("path", PATHS)
async def test_another_accounts_domain_is_not_there(api: Api, path: str) -> None:
    foreign = await _call(api, "GET", f"/v3/domains/{OTHER_DOMAIN}{path}")
    unknown = await _call(api, "GET", f"/v3/domains/nowhere.test{path}")
    assert (foreign.status, foreign.json()) == (unknown.status, unknown.json())
    assert foreign.status == 404


async def test_a_key_that_may_only_send_manages_nothing(api: Api) -> None:
    for method, path in (("GET", "/v3/domains"), ("DELETE", HERE), ("POST", f"{HERE}/credentials")):
        assert (await api.call(method, path, basic=api.sending)).status == 403


async def test_a_domain_gets_its_addresses_or_a_pool_when_it_is_made_or_changed(api: Api) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        await api.write(egress.add_ip, api.clock.now(), address)
    made = await _call(api, "POST", "/v4/domains", form={"name": "mg.new.test", "ips": "192.0.2.1,192.0.2.2"})
    assert made.status == 200, made.text
    ips = "/v4/domains/mg.new.test/ips"
    assert (await _call(api, "GET", ips)).json()["items"] == ["192.0.2.1", "192.0.2.2"]
    pool = await _call(api, "POST", "/v3/ip_pools", form={"name": "p", "ip": "192.0.2.2"})
    said = {"pool_id": pool.json()["pool_id"]}
    assert (await _call(api, "PUT", "/v4/domains/mg.new.test", form=said)).status == 200
    assert (await _call(api, "GET", ips)).json()["items"] == ["192.0.2.2"]
    assert (await _call(api, "PUT", HERE, form={"pool_id": "none"})).status == 404
    both = await _call(api, "PUT", HERE, form={**said, "ips": "192.0.2.1"})
    assert both.status == 400 and "exclude each other" in both.json()["message"]
    bad = await _call(api, "POST", "/v4/domains", form={"name": "x.test", "ips": "192.0.2.9"})
    assert bad.status == 404
    assert (await _call(api, "GET", "/v4/domains/x.test")).status == 404


async def test_what_has_no_effect_is_told(api: Api) -> None:
    usual = {"wildcard": "false", "spam_action": "disabled", "force_dkim_authority": "yes"}
    reply = await _call(api, "PUT", HERE, form=usual)
    assert reply.json()["message"] == "Domain has been updated"
    reply = await _call(api, "PUT", HERE, form={"wildcard": "true", "spam_action": "tag"})
    assert reply.json()["message"] == (
        "Domain has been updated. spam_action has no effect: Posthouse keeps no incoming mail. "
        "wildcard has no effect: Posthouse keeps no incoming mail"
    )
    said = {"name": "mg.new.test", "dkim_key_size": "1024", "use_automatic_sender_security": "true"}
    text = (await _call(api, "POST", "/v4/domains", form=said)).json()["message"]
    assert text.startswith("Domain DNS records have been created. ")
    assert "use_automatic_sender_security" in text and "2048 bits" in text
