"""Mailgun's own client for Node, unmodified, manages webhooks, templates, keys and addresses."""

from __future__ import annotations

from bench.posthouse import House, wait_for

from clients.inbox import Inbox
from clients.mailgun_js import DOMAIN, LETTER, PAGES, QUEUED, Client, failed

HOOK = "https://hooks.example.com"


def test_MG_26_the_node_client_manages_webhooks(mailgun: Client) -> None:
    hooks = "webhooks"
    made, unknown, found, changed, listed, gone, absent = mailgun.call(
        [f"{hooks}.create", DOMAIN, "opened", f"{HOOK}/1"],
        [f"{hooks}.create", DOMAIN, "open", f"{HOOK}/1"],
        [f"{hooks}.get", DOMAIN, "opened"],
        [f"{hooks}.update", DOMAIN, "opened", [f"{HOOK}/1", f"{HOOK}/2"]],
        [f"{hooks}.list", DOMAIN, {}],
        [f"{hooks}.destroy", DOMAIN, "opened"],
        [f"{hooks}.get", DOMAIN, "opened"],
    )
    assert made == found == {"id": "opened", "url": f"{HOOK}/1", "urls": [f"{HOOK}/1"]}
    assert "permanent_fail" in failed(unknown, 400)
    assert changed["urls"] == listed["opened"]["urls"] == gone["urls"] == [f"{HOOK}/1", f"{HOOK}/2"]
    assert failed(absent, 404) == "Webhook not found"
    (tried,) = mailgun.call([f"{hooks}.create", DOMAIN, "opened", "https://hooks.invalid/1", True])
    assert tried["code"] == 0 and tried["message"], "nobody answers there"


def test_MG_26_the_node_client_manages_templates_and_versions(mailgun: Client) -> None:
    kept = "domains.domainTemplates"
    made, empty, page, changed, version, versions, one = mailgun.call(
        [
            f"{kept}.create",
            DOMAIN,
            {"name": "t1", "description": "d", "template": "{{a}}", "tag": "v1", "comment": "c"},
        ],
        [f"{kept}.create", DOMAIN, {"name": "t2", "description": "d"}],
        [f"{kept}.list", DOMAIN, {"limit": 1}],
        [f"{kept}.update", DOMAIN, "t1", {"description": "new"}],
        [
            f"{kept}.createVersion",
            DOMAIN,
            "t1",
            {"template": "{{b}}", "tag": "v2", "comment": "c2", "active": "yes"},
        ],
        [f"{kept}.listVersions", DOMAIN, "t1", {"limit": 1}],
        [f"{kept}.getVersion", DOMAIN, "t1", "v2"],
    )
    assert (made["version"]["tag"], made["version"]["template"]) == ("v1", "{{a}}")
    assert "version" not in empty
    assert len(page["items"]) == 1 and set(page["pages"]) == PAGES
    following = mailgun.one(f"{kept}.list", DOMAIN, {"limit": 1, "page": page["pages"]["next"]["page"]})
    assert following["items"][0]["name"] != page["items"][0]["name"]
    assert (changed["templateName"], changed["message"]) == ("t1", "template has been updated")
    assert version["template"]["version"]["tag"] == "v2"
    assert [each["tag"] for each in versions["template"]["versions"]] == ["v1"]
    assert (one["version"]["template"], one["version"]["active"]) == ("{{b}}", True)
    updated, off, active, gone, all_gone, left = mailgun.call(
        [f"{kept}.updateVersion", DOMAIN, "t1", "v2", {"template": "{{c}}", "comment": "u", "active": "yes"}],
        [f"{kept}.destroyVersion", DOMAIN, "t1", "v1"],
        [f"{kept}.get", DOMAIN, "t1", {"active": "yes"}],
        [f"{kept}.destroy", DOMAIN, "t1"],
        [f"{kept}.destroyAll", DOMAIN],
        [f"{kept}.list", DOMAIN],
    )
    assert updated["templateVersion"] == {"tag": "v2"} and off["templateVersion"] == {"tag": "v1"}
    assert active["version"]["template"] == "{{c}}"
    assert (gone["message"], all_gone["message"]) == (
        "template has been deleted",
        "templates have been deleted",
    )
    assert left["items"] == []


def test_MG_26_the_node_client_manages_keys(mailgun: Client, inbox: Inbox) -> None:
    made = mailgun.one(
        "apiKeys.create",
        {"role": "sending", "kind": "domain", "description": "For sending", "domain_name": DOMAIN},
    )["key"]
    sent, refused = mailgun.call(
        ["messages.create", DOMAIN, {**LETTER, "to": "mg14@far.test"}], ["domains.list"], key=made["secret"]
    )
    assert sent["message"] == QUEUED and refused["status"] in (401, 403)
    inbox.wait("mg14@far.test")
    (listed, gone) = mailgun.call(
        ["apiKeys.list", {"domain_name": DOMAIN, "kind": "domain"}], ["apiKeys.destroy", made["id"]]
    )
    assert (made["id"], "For sending") in {(item["id"], item["description"]) for item in listed["items"]}
    assert gone["status"] == 200

    def is_out() -> bool:
        (answer,) = mailgun.call(
            ["messages.create", DOMAIN, {**LETTER, "to": "x@far.test"}], key=made["secret"]
        )
        return bool(answer["status"] == 401)

    wait_for(is_out, 3, "a key that is gone opens nothing")  # every worker knows within a second
    told, new = mailgun.call(
        ["accountManagement.getWebhookSigningKey"], ["accountManagement.createWebhookSigningKey"]
    )
    assert told["http_signing_key"] != new["http_signing_key"]


def test_MG_26_the_node_client_manages_addresses_and_pools(mailgun: Client, mailgun_house: House) -> None:
    mailgun_house.cli("ip", "add", "127.0.0.1")
    mailgun_house.cli("ip", "add", "127.0.0.2")
    listed, one, made = mailgun.call(
        ["ips.list"],
        ["ips.get", "127.0.0.1"],
        ["ip_pools.create", {"name": "news", "description": "For news", "ip": "127.0.0.1"}],
    )
    assert {"127.0.0.1", "127.0.0.2"} <= set(listed["items"])
    assert one["ip"] == "127.0.0.1"
    pool = made["pool_id"]
    changed, more, found, less, linked = mailgun.call(
        ["ip_pools.update", pool, {"description": "For news"}],
        ["ip_pools.update", pool, {"add_ip": "127.0.0.2"}],
        ["ip_pools.list"],
        ["ip_pools.update", pool, {"remove_ip": "127.0.0.2"}],
        ["domains.linkIpPool", DOMAIN, pool],
    )
    assert changed["status"] == more["status"] == less["status"] == 200, (changed, more, less)
    (shown,) = [each for each in found["ip_pools"] if each["pool_id"] == pool]
    assert shown["name"] == "news" and set(shown["ips"]) == {"127.0.0.1", "127.0.0.2"}
    assert linked["status"] == 200
    joined, both, left_it, domains, refused = mailgun.call(
        ["ip_pools.addIp", pool, "127.0.0.2"],
        ["ip_pools.addIps", pool, ["127.0.0.1", "127.0.0.2"]],
        ["ip_pools.removeIp", pool, "127.0.0.2"],
        ["ip_pools.linkedDomains", pool, {"limit": 10}],
        ["ip_pools.delegate", pool, "some subaccount"],
    )
    assert joined["status"] == both["status"] == left_it["status"] == 200, (joined, both, left_it)
    assert [each["name"] for each in domains["domains"]] == [DOMAIN]
    assert failed(refused, 400).startswith("There are no subaccounts here")
    assigned, used, _, free = mailgun.call(
        ["domains.assignIp", DOMAIN, "127.0.0.2"],
        ["domains.getIps", DOMAIN],
        ["domains.deleteIp", DOMAIN, "127.0.0.2"],
        ["domains.getIps", DOMAIN],
    )
    assert (assigned["status"], used, free) == (200, ["127.0.0.2"], [])
    mailgun.call(["domains.linkIpPool", DOMAIN, pool])
    (unlinked,) = mailgun.call(["ip_pools.unlinkDomainPool", DOMAIN])
    assert unlinked["status"] == 200
    *_, gone, left = mailgun.call(
        ["domains.unlinkIpPoll", DOMAIN, {"ip": "shared"}],
        ["ip_pools.destroy", pool, {"ip": "shared"}],
        ["ip_pools.list"],
    )
    assert gone["status"] == 200
    assert pool not in {each["pool_id"] for each in left["ip_pools"]}


def test_MG_26_the_node_client_sees_that_there_are_no_lists_and_routes(mailgun: Client) -> None:
    lists, routes, made = mailgun.call(
        ["lists.list"], ["routes.list"], ["lists.create", {"address": f"a@{DOMAIN}"}]
    )
    assert lists["items"] == routes == []
    assert failed(made, 404) == "Posthouse has no mailing lists and no routes"


def test_MG_26_the_node_client_asks_about_the_account_bounces_and_rotation(mailgun: Client) -> None:
    query = {
        "end": {"time": "2026-01-02T13:05:00Z"},
        "include_subaccounts": True,
        "resolution": "day",
        "duration": "48h",
        "dimensions": ["entity-name", "domain.name"],
        "metrics": ["critical_bounce_count", "delivered_smtp_count", "critical_delay_rate"],
        "filter": {"AND": [{"attribute": "domain.name", "comparator": "=", "values": [{"value": DOMAIN}]}]},
        "pagination": {"limit": 25, "skip": 0, "sort": "entity-name:asc"},
    }
    bounces, subaccounts, none, limit, set_limit, named = mailgun.call(
        ["bounceClassification.list", query],
        ["subaccounts.list"],
        ["subaccounts.get", "123"],
        ["customMessageLimit.get"],
        ["customMessageLimit.set", 2001],
        ["accountManagement.updateAccountSettings", {"name": "meta test account"}],
    )
    assert (bounces["items"], bounces["resolution"]) == ([], "day")
    assert subaccounts == {"subaccounts": [], "total": 0}
    assert failed(none, 404) == "Posthouse has no subaccounts"
    assert failed(limit, 404) == "No threshold for account"
    assert "posthouse account set" in failed(set_limit, 403)
    assert "not changed by calls" in failed(named, 403)
    off, on, never, by_hand = mailgun.call(
        ["accountManagement.updateAccountFeature", {"webhooks_redact_pii": {"enabled": False}}],
        ["accountManagement.updateAccountFeature", {"ai_insights": {"enabled": True}}],
        ["dkimManagement.update", DOMAIN, {"rotation_enabled": False}],
        ["dkimManagement.update", DOMAIN, {"rotation_enabled": True, "rotation_interval": "120h0m0s"}],
    )
    assert off == {"success": True}
    assert "cannot be enabled" in failed(on, 400)
    assert (never["domain"]["name"], never["domain"]["rotation_enabled"]) == (DOMAIN, "false")
    assert "does not rotate DKIM keys by itself" in failed(by_hand, 400)
