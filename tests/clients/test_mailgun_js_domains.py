"""Mailgun's own client for Node, unmodified, manages domains and their lists of suppressions."""

from __future__ import annotations

from typing import Any

import pytest
from bench.posthouse import wait_for

from clients.inbox import Inbox
from clients.mailgun_js import DOMAIN, PAGES, Client, failed, octets, received


def test_MG_26_the_node_client_makes_changes_and_deletes_a_domain(mailgun: Client) -> None:
    name = "made.test"
    made, taken, found, changed, verified, listed = mailgun.call(
        [
            "domains.create",
            {"name": name, "dkim_key_size": 2048, "web_prefix": "news", "web_scheme": "https"},
        ],
        ["domains.create", {"name": name}],
        ["domains.get", name, {"h:extended": True, "h:with_dns": True}],
        ["domains.update", name, {"spam_action": "disabled", "web_scheme": "http", "web_prefix": "click"}],
        ["domains.verify", name],
        ["domains.list", {"limit": 10, "skip": 0}],
    )
    assert (made["name"], made["state"], made["web_prefix"]) == (name, "unverified", "news")
    types = {record["record_type"] for record in made["sending_dns_records"]}
    assert {"TXT", "CNAME"} <= types
    assert failed(taken, 400) == f"This domain name is already taken: {name}"
    assert found["id"] == made["id"]
    assert (changed["web_prefix"], changed["web_scheme"]) == ("click", "http")
    assert (verified["name"], verified["state"]) == (name, "unverified")
    assert {DOMAIN, name} <= {each["name"] for each in listed}
    gone, absent = mailgun.call(["domains.destroy", name], ["domains.get", name])
    assert gone["message"] == "Domain will be deleted in the background"
    assert failed(absent, 404) == "Domain not found"


def test_MG_26_the_node_client_asks_for_the_certificate_of_links(mailgun: Client) -> None:
    tracking, host = "domains.domainTracking", f"email.{DOMAIN}"
    absent, refused, again = mailgun.call(
        [f"{tracking}.get", host], [f"{tracking}.generate", host], [f"{tracking}.regenerate", host]
    )
    assert f"posthouse domain certificate {DOMAIN}" in failed(absent, 404)
    assert failed(refused, 400) == failed(again, 400)
    assert failed(refused, 400).startswith(f"Posthouse orders no certificates: bring one for {host}")


def test_MG_26_the_node_client_sets_tracking_and_connections(mailgun: Client) -> None:
    tracking = "domains.domainTracking"
    footer = {
        "active": True,
        "html_footer": "<p>%unsubscribe_url%</p>",
        "text_footer": "Leave: %unsubscribe_url%",
    }
    *_, found, connection, kept = mailgun.call(
        [f"{tracking}.updateTracking", DOMAIN, "open", {"active": "yes", "place_at_the_top": True}],
        [f"{tracking}.updateTracking", DOMAIN, "click", {"active": "htmlonly"}],
        [f"{tracking}.updateTracking", DOMAIN, "unsubscribe", footer],
        [f"{tracking}.getTracking", DOMAIN],
        ["domains.updateConnection", DOMAIN, {"require_tls": False, "skip_verification": True}],
        ["domains.getConnection", DOMAIN],
    )
    assert found["open"] == {"active": True, "place_at_the_top": True}
    assert found["click"] == {"active": "htmlonly"}
    assert found["unsubscribe"] == footer
    assert connection["message"].startswith("Domain connection settings have been updated")
    wanted = {"require_tls": False, "skip_verification": True}
    assert kept == {"connection": wanted, **wanted}
    mailgun.call(
        *[
            [f"{tracking}.updateTracking", DOMAIN, kind, {"active": "no"}]
            for kind in ("open", "click", "unsubscribe")
        ]
    )
    found = mailgun.one(f"{tracking}.getTracking", DOMAIN)
    assert [found[kind]["active"] for kind in ("open", "click", "unsubscribe")] == [False] * 3


def test_MG_26_the_node_client_manages_credentials(mailgun: Client) -> None:
    login, users = f"someone@{DOMAIN}", "domains.domainCredentials"
    made, changed, listed, gone, absent = mailgun.call(
        [f"{users}.create", DOMAIN, {"login": login, "password": "a-long-enough-password"}],
        [f"{users}.update", DOMAIN, login, {"password": "another-long-password"}],
        [f"{users}.list", DOMAIN, {"skip": 0, "limit": 10}],
        [f"{users}.destroy", DOMAIN, login],
        [f"{users}.destroy", DOMAIN, login],
    )
    assert (made["message"], changed["message"]) == ("Created 1 credentials pair(s)", "Password changed")
    assert login in {item["login"] for item in listed["items"]} and listed["totalCount"] == 2
    assert gone["message"] == "Credentials have been deleted"
    assert failed(absent, 404) == "Credentials not found"


def test_MG_26_the_node_client_manages_keys_for_signatures(mailgun: Client) -> None:
    keys = "domains.domainKeys"
    made, listed, everywhere, early, off, gone = mailgun.call(
        [f"{keys}.create", {"signingDomain": DOMAIN, "selector": "s7", "bits": "2048"}],
        [f"{keys}.list", DOMAIN],
        [f"{keys}.listAll", {"signingDomain": DOMAIN, "limit": 10}],
        [f"{keys}.activate", DOMAIN, "s7"],
        [f"{keys}.deactivate", DOMAIN, "s7"],
        [f"{keys}.destroy", DOMAIN, "s7"],
    )
    assert made["dns_record"]["name"] == f"s7._domainkey.{DOMAIN}"
    for found in (listed, everywhere):
        assert "s7" in {item["selector"] for item in found["items"]}
    assert "domain key DNS record is not valid" in failed(early, 400)
    assert (off["message"], gone["message"]) == ("domain key deactivated", "success")
    assert "s7" not in {item["selector"] for item in mailgun.one(f"{keys}.list", DOMAIN)["items"]}


# Suppressions


@pytest.mark.parametrize(
    ("kind", "more"),
    [("bounces", {"code": 550, "error": "No"}), ("complaints", {}), ("unsubscribes", {"tags": ["t"]})],
)
def test_MG_26_the_node_client_manages_suppressions(mailgun: Client, kind: str, more: dict[str, Any]) -> None:
    one, many = {"address": "bob@x.test", **more}, [{"address": f"a{n}@x.test"} for n in range(2)]
    lists = "suppressions"
    single, several, found, file, page = mailgun.call(
        [f"{lists}.create", DOMAIN, kind, [one]],
        [f"{lists}.create", DOMAIN, kind, many],
        [f"{lists}.get", DOMAIN, kind, "bob@x.test"],
        [f"{lists}.upload", DOMAIN, kind, {"filename": "f.csv", "data": octets(b"address\nup@x.test\n")}],
        [f"{lists}.list", DOMAIN, kind, {"limit": 2}],
    )
    assert (single["status"], several["status"]) == (200, 200)
    assert several["message"].startswith("2 ")
    assert {name: found[name] for name in one} == one
    assert file["message"] == "file uploaded successfully for processing. standby..."
    assert set(page["pages"]) == PAGES

    def names(found: Any) -> list[str]:
        return [item["address"] for item in found["items"]]

    def following() -> list[str]:
        return names(
            mailgun.one(f"{lists}.list", DOMAIN, kind, {"limit": 2, "page": page["pages"]["next"]["page"]})
        )

    assert names(page) == ["a0@x.test", "a1@x.test"]
    wait_for(lambda: following() == ["bob@x.test", "up@x.test"], 20, "the file is taken in")
    off, absent, all_off, left = mailgun.call(
        [f"{lists}.destroy", DOMAIN, kind, "bob@x.test"],
        [f"{lists}.get", DOMAIN, kind, "bob@x.test"],
        [f"{lists}.destroyAll", DOMAIN, kind],
        [f"{lists}.list", DOMAIN, kind],
    )
    assert (off["address"], off["status"]) == ("bob@x.test", 200)
    assert "found" in failed(absent, 404)
    assert (all_off["status"], left["items"]) == (200, [])


def test_MG_26_the_node_client_lets_a_suppressed_address_have_mail_again(
    mailgun: Client, inbox: Inbox
) -> None:
    to = "mg13@far.test"
    mailgun.one("suppressions.create", DOMAIN, "bounces", [{"address": to}])
    mailgun.send(to=to, subject="First")
    asked = ["events.get", DOMAIN, {"event": "failed", "recipient": to}]
    wait_for(lambda: mailgun.one(*asked)["items"], 20, "the first letter is dropped")
    assert mailgun.one(*asked)["items"][0]["reason"] == "suppress-bounce"
    mailgun.one("suppressions.destroy", DOMAIN, "bounces", to)
    mailgun.send(to=to, subject="Second")
    assert received(inbox, to)["Subject"] == "Second"


def test_MG_26_the_node_client_manages_the_allowlist(mailgun: Client) -> None:
    where = (DOMAIN, "whitelists")
    made, other, found, listed, off, absent, _ = mailgun.call(
        ["suppressions.create", *where, {"domain": "x.test", "reason": "why not"}],
        ["suppressions.create", *where, {"address": "bob@y.test"}],
        ["suppressions.get", *where, "x.test"],
        ["suppressions.list", *where, {"limit": 10}],
        ["suppressions.destroy", *where, "x.test"],
        ["suppressions.get", *where, "x.test"],
        ["suppressions.destroyAll", *where],
    )
    assert [(each["type"], each["value"]) for each in (made, other)] == [
        ("domain", "x.test"),
        ("address", "bob@y.test"),
    ]
    assert (found["value"], found["reason"]) == ("x.test", "why not")
    assert {item["value"] for item in listed["items"]} == {"x.test", "bob@y.test"}
    assert off["value"] == "x.test"
    assert failed(absent, 404) == "Address/Domain not found in allowlist table"
