"""Mailgun's own client for Node, unmodified: only the URL is another."""

from __future__ import annotations

import base64
import datetime as dt
import email
import email.policy
import email.utils
import json
import time as clock
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from bench.posthouse import House, wait_for

from clients.inbox import Inbox
from clients.programs import FOLDER, Run, run_program
from clients.test_senders import NODE

DOMAIN = "lab.test"
LETTER = {"from": f"Excited User <mailgun@{DOMAIN}>", "subject": "Hello", "text": "Testing some awesomness!"}
QUEUED = "Queued. Thank you."
MIME = f"From: a@{DOMAIN}\r\nTo: {{}}\r\nSubject: Ready\r\n\r\nMade elsewhere.\r\n"
HOOK = "https://hooks.example.com"
PAGES = {"first", "last", "next", "previous"}


def octets(content: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(content).decode()}


def time(text: str) -> dict[str, str]:
    return {"time": text}


class Client:
    """The client and the house that it talks to."""

    def __init__(self, house: House, run: Run) -> None:
        self.url = f"http://127.0.0.1:{house.port_http}"
        self.run = run
        self.key = str(house.cli_json("key", "add", "--full")[0]["key"])

    def call(self, *calls: list[Any], key: str = "") -> list[Any]:
        """The answers to calls as `["domains.get", arguments…]`, in their order."""
        words = ["node", FOLDER / "mailgun.js", self.url, key or self.key]
        env = {"NODE_PATH": str(NODE / "node_modules")}
        text = self.run(words, json.dumps(calls).encode(), env)
        found: list[Any] = json.loads(text[text.rindex("\n[") if "\n[" in text else 0 :])  # below warnings
        return found

    def one(self, *call: Any) -> Any:
        return self.call(list(call))[0]

    def send(self, **fields: Any) -> str:
        answer = self.one("messages.create", DOMAIN, {**LETTER, **fields})
        assert (answer["status"], answer["message"]) == (200, QUEUED), answer
        return str(answer["id"])


@pytest.fixture(scope="module")
def gun_house(inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of its own: these tests change the domain."""
    extra = '[delivery]\nprivate_networks = "allow"\n'  # addresses of this machine alone
    house = House(tmp_path_factory.mktemp("mailgun") / "house", inbox.port, extra=extra).set_up()
    house.start()
    yield house
    house.stop()


@pytest.fixture(scope="module")
def key_holder(gun_house: House) -> Client:
    assert (NODE / "node_modules" / "mailgun.js").is_dir(), "run sh tests/clients/install.sh"
    return Client(gun_house, run_program)


@pytest.fixture
def client(key_holder: Client) -> Client:
    return key_holder


def received(inbox: Inbox, recipient: str) -> EmailMessage:
    mail = email.message_from_bytes(inbox.wait(recipient).own, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def failed(answer: Any, status: int | None = None) -> str:
    """The words of a refused call."""
    assert answer["error"] == "MailgunAPIError", answer
    assert status in (None, answer["status"]), answer
    return str(answer["details"])


# Messages


def test_MG_25_the_node_client_sends_text_html_files_headers_and_variables(
    client: Client, inbox: Inbox
) -> None:
    header_id = client.send(
        **{
            "to": ["mg1@far.test", "Bob <mg2@far.test>"],
            "cc": "mg3@far.test",
            "bcc": "mg4@far.test",
            "html": '<h1>Testing</h1><img src="cid:test.jpg">',
            "attachment": [
                {"filename": "test-rename.pdf", "data": octets(b"%PDF-")},
                {"filename": "Grüße.txt", "data": octets(b"\x00\xff")},
            ],
            "inline": {"filename": "test.jpg", "data": octets(b"\xff\xd8\xff")},
            "h:X-My-Header": "mine",
            "h:Reply-To": f"help@{DOMAIN}",
            "v:my-var": json.dumps({"order": 7}),
            "o:tag": ["spring", "sale"],
            "o:tracking": True,
            "o:tracking-opens": False,
            "o:tracking-clicks": "htmlonly",
            "o:dkim": True,
        }
    )
    for recipient in ("mg2@far.test", "mg3@far.test", "mg4@far.test"):
        inbox.wait(recipient)
    mail = received(inbox, "mg1@far.test")
    assert mail["Message-ID"] == header_id
    assert (mail["To"], mail["Cc"], mail["Bcc"]) == (
        "mg1@far.test, Bob <mg2@far.test>",
        "mg3@far.test",
        None,
    )
    assert (mail["X-My-Header"], mail["Reply-To"]) == ("mine", f"help@{DOMAIN}")
    parts = {part.get_filename() or part.get_content_type(): part for part in mail.walk()}
    assert parts["text/plain"].get_content().strip() == LETTER["text"]
    assert "<h1>Testing</h1>" in parts["text/html"].get_content()
    assert parts["test-rename.pdf"].get_content() == b"%PDF-"
    assert "Grüße.txt" in parts
    image = parts["test.jpg"]
    assert (image["Content-ID"], image.get_content()) == ("<test.jpg>", b"\xff\xd8\xff")


def test_MG_25_the_node_client_fills_templates_and_letters_for_each_recipient(
    client: Client, inbox: Inbox
) -> None:
    made = client.one(
        "domains.domainTemplates.create",
        DOMAIN,
        {
            "name": "greeting",
            "description": "d",
            "template": "<p>{{title}}: {{#each items}}{{q}};{{/each}}</p>",
        },
    )
    assert made["name"] == "greeting"
    values = json.dumps({"title": "A title", "items": [{"q": "one"}, {"q": "two"}]})
    plain = {"text": "", "template": "greeting"}
    client.send(**plain, to="mg5@far.test", **{"t:variables": values, "t:text": "yes"})
    client.send(**plain, to="mg6@far.test", **{"h:X-Mailgun-Variables": values})
    client.send(
        to=["mg7@far.test", "mg8@far.test"],
        subject="Recipient - %recipient.title%",
        html="Here's %recipient.title%",
        **{"recipient-variables": json.dumps({f"mg{n}@far.test": {"title": f"Number {n}"} for n in (7, 8)})},
    )
    for recipient in ("mg5@far.test", "mg6@far.test"):
        body = received(inbox, recipient).get_body(("html",))
        assert body is not None and "<p>A title: one;two;</p>" in body.get_content()
    for number in (7, 8):
        mail = received(inbox, f"mg{number}@far.test")
        assert mail["Subject"] == f"Recipient - Number {number}"
        assert mail["To"] == f"mg{number}@far.test"
        assert f"Here's Number {number}" in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]


def test_MG_25_the_node_client_sends_ready_mime_as_a_file_only(client: Client, inbox: Inbox) -> None:
    ready = octets(MIME.format("mg9@far.test").encode())
    assert (
        client.one("messages.create", DOMAIN, {"to": "mg9@far.test", "message": ready})["message"] == QUEUED
    )
    assert inbox.wait("mg9@far.test").own.endswith(b"Subject: Ready\r\n\r\nMade elsewhere.\r\n")
    answer = client.one("messages.create", DOMAIN, {"to": "mg9@far.test", "message": "a text"})
    assert failed(answer, 400) == "'message' parameter is not a file"  # as Mailgun has it


def test_MG_25_the_node_client_plans_and_tests_without_a_letter(client: Client, inbox: Inbox) -> None:
    client.send(to="mg10@far.test", **{"o:testmode": True})
    (when,) = client.call(
        ["messages.create", DOMAIN, {**LETTER, "to": "mg11@far.test", "o:deliverytime": "soon"}]
    )
    assert "not an RFC-2822 compliant date" in failed(when, 400)
    later = email.utils.formatdate(clock.time() + 3600)
    client.send(to="mg11@far.test", **{"o:deliverytime": later})
    client.send(to="mg12@far.test")
    inbox.wait("mg12@far.test")
    assert inbox.of("mg10@far.test") == inbox.of("mg11@far.test") == []
    queues = client.one("messages.getMessagesQueueStatus", DOMAIN)
    assert queues["regular"]["is_disabled"] is queues["scheduled"]["is_disabled"] is False


def test_MG_25_the_node_client_tells_errors_apart(client: Client) -> None:
    answers = client.call(
        ["messages.create", DOMAIN, {**LETTER, "to": ""}],
        ["messages.create", DOMAIN, {**LETTER, "to": "x"}],
        ["messages.create", "elsewhere.test", {**LETTER, "to": "x@far.test"}],
    )
    assert [(answer["status"], answer["details"]) for answer in answers] == [
        (400, "to parameter is missing"),
        (400, "to parameter is not a valid address. please check documentation"),
        (404, "Domain not found: elsewhere.test"),
    ]
    (answer,) = client.call(["messages.create", DOMAIN, {**LETTER, "to": "x@far.test"}], key="nonsense")
    assert answer["status"] == 401


# Events, statistics, tags


@pytest.fixture(scope="module")
def happened(key_holder: Client, inbox: Inbox) -> Client:
    """A client after three tagged letters that came in and were counted."""
    for number in range(3):
        key_holder.send(to=f"ev{number}@far.test", **{"o:tag": ["counted", f"tag{number}"]})
        inbox.wait(f"ev{number}@far.test")
    asked = ["events.get", DOMAIN, {"event": "delivered", "tags": "counted"}]
    wait_for(lambda: len(key_holder.one(*asked)["items"]) == 3, 20, "three deliveries are noted")
    wait_for(
        lambda: key_holder.one("domains.domainTags.list", DOMAIN, {"limit": 100})["items"],
        20,
        "the tags are counted",
    )
    return key_holder


def test_MG_26_the_node_client_turns_the_pages_of_events(happened: Client) -> None:
    query = {
        "event": "accepted",
        "tags": "counted",
        "limit": 2,
        "ascending": "yes",
        "begin": "Wed, 25 Nov 2020 10:00:00 -0000",
    }
    first = happened.one("events.get", DOMAIN, query)
    assert set(first["pages"]) == PAGES
    second = happened.one("events.get", DOMAIN, {**query, "page": first["pages"]["next"]["page"]})
    found = [item["recipient"] for page in (first, second) for item in page["items"]]
    assert found == ["ev0@far.test", "ev1@far.test", "ev2@far.test"]
    back = happened.one("events.get", DOMAIN, {**query, "page": second["pages"]["previous"]["page"]})
    assert [item["id"] for item in back["items"]] == [item["id"] for item in first["items"]]


def test_MG_26_the_node_client_reads_and_resends_a_stored_message(happened: Client, inbox: Inbox) -> None:
    (item,) = happened.one("events.get", DOMAIN, {"event": "accepted", "recipient": "ev0@far.test"})["items"]
    key = item["storage"]["key"]
    stored = happened.one("messages.retrieveStoredEmail", DOMAIN, key)
    assert (stored["subject"], stored["recipients"]) == ("Hello", "ev0@far.test")
    assert stored["body-plain"].strip() == LETTER["text"]
    again = happened.one("messages.resendEmail", DOMAIN, key, "again1@far.test, again2@far.test")
    assert (again["status"], again["message"]) == (200, QUEUED)
    for recipient in ("again1@far.test", "again2@far.test"):
        assert received(inbox, recipient)["Subject"] == "Hello"


def test_MG_26_the_node_client_reads_statistics_metrics_and_logs(happened: Client) -> None:
    now = dt.datetime.now(dt.UTC)
    ends = {
        "start": (now - dt.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%S.661Z"),
        "end": (now + dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.661Z"),
    }
    dates = {name: time(text) for name, text in ends.items()}
    of_domain = {"attribute": "domain", "comparator": "=", "values": [{"label": DOMAIN, "value": DOMAIN}]}
    asked = {
        "resolution": "day",
        "metrics": ["accepted_count", "delivered_count"],
        "dimensions": ["time"],
        "filter": {"AND": [of_domain]},
        "include_subaccounts": True,
        "include_aggregates": True,
    }
    stats, account, texts, metrics, usage, logs = happened.call(
        ["stats.getDomain", DOMAIN, {"event": ["delivered", "accepted", "failed"], **dates}],
        ["stats.getAccount", {"event": ["accepted"]}],
        ["metrics.getAccount", asked | ends],
        ["metrics.getAccount", asked | dates],
        ["metrics.getAccountUsage", {"metrics": ["processed_count"], "include_aggregates": True, **ends}],
        [
            "logs.list",
            {"events": ["accepted"], "filter": {"AND": [of_domain]}, "pagination": {"limit": 2}, **dates},
        ],
    )
    assert sum(day["delivered"]["total"] for day in stats["stats"]) >= 3
    assert {"temporary", "permanent"} == set(stats["stats"][0]["failed"])
    assert account["resolution"] == "day"
    for found in (texts, metrics):
        assert sum(item["metrics"]["delivered_count"] for item in found["items"]) >= 3
        assert found["aggregates"]["metrics"]["accepted_count"] >= 3
    assert usage["aggregates"]["metrics"]["processed_count"] >= 3
    assert [item["event"] for item in logs["items"]] == ["accepted", "accepted"]
    assert logs["pagination"]["next"]


def test_MG_26_the_node_client_manages_tags(happened: Client) -> None:
    tags = "domains.domainTags"
    page, one, told, again, counts, *by = happened.call(
        [f"{tags}.list", DOMAIN, {"limit": 1}],
        [f"{tags}.get", DOMAIN, "counted"],
        [f"{tags}.update", DOMAIN, "counted", "What is counted"],
        [f"{tags}.get", DOMAIN, "counted"],
        [f"{tags}.statistic", DOMAIN, "counted", {"event": ["accepted", "delivered"]}],
        [f"{tags}.countries", DOMAIN, "counted"],
        [f"{tags}.providers", DOMAIN, "counted"],
        [f"{tags}.devices", DOMAIN, "counted"],
        [f"{tags}.destroy", DOMAIN, "tag0"],
    )
    assert len(page["items"]) == 1 and set(page["pages"]) == PAGES
    assert (one["tag"], told["message"]) == ("counted", "Tag updated")
    assert again["description"] == counts["description"] == "What is counted"
    assert [sorted(each)[0] for each in by[:3]] == ["country", "provider", "device"]
    assert by[3]["message"] == "Tag deleted"
    following = happened.one(f"{tags}.list", DOMAIN, {"limit": 1, "page": page["pages"]["next"]["page"]})
    assert following["items"][0]["tag"] > page["items"][0]["tag"]
    listed, limits, told, gone = happened.call(
        [
            "tags.list",
            {"include_metrics": True, "pagination": {"include_total": True, "sort": "lastseen:asc"}},
        ],
        ["tags.limits"],
        ["tags.update", "tag1", "text"],
        ["tags.destroy", "tag2"],
    )
    assert {"counted", "tag1", "tag2"} <= {item["tag"] for item in listed["items"]}
    assert (limits["limit"], limits["limit_reached"]) == (20_000, False)
    assert (told["message"], gone["message"]) == ("Tag updated", "Tag deleted")
    left = {item["tag"] for item in happened.one(f"{tags}.list", DOMAIN, {"limit": 100})["items"]}
    assert "tag1" in left and not left & {"tag0", "tag2"}


# Domains


def test_MG_26_the_node_client_makes_changes_and_deletes_a_domain(client: Client) -> None:
    name = "made.test"
    made, taken, found, changed, verified, listed = client.call(
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
    gone, absent = client.call(["domains.destroy", name], ["domains.get", name])
    assert gone["message"] == "Domain will be deleted in the background"
    assert failed(absent, 404) == "Domain not found"


def test_MG_26_the_node_client_sets_tracking_and_connections(client: Client) -> None:
    tracking = "domains.domainTracking"
    footer = {
        "active": True,
        "html_footer": "<p>%unsubscribe_url%</p>",
        "text_footer": "Leave: %unsubscribe_url%",
    }
    *_, found, connection, kept = client.call(
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
    assert kept == {"require_tls": False, "skip_verification": True}
    client.call(
        *[
            [f"{tracking}.updateTracking", DOMAIN, kind, {"active": "no"}]
            for kind in ("open", "click", "unsubscribe")
        ]
    )
    found = client.one(f"{tracking}.getTracking", DOMAIN)
    assert [found[kind]["active"] for kind in ("open", "click", "unsubscribe")] == [False] * 3


def test_MG_26_the_node_client_manages_credentials(client: Client) -> None:
    login, users = f"someone@{DOMAIN}", "domains.domainCredentials"
    made, changed, listed, gone, absent = client.call(
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


def test_MG_26_the_node_client_manages_keys_for_signatures(client: Client) -> None:
    keys = "domains.domainKeys"
    made, listed, everywhere, early, off, gone = client.call(
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
    assert "s7" not in {item["selector"] for item in client.one(f"{keys}.list", DOMAIN)["items"]}


# Suppressions


@pytest.mark.parametrize(
    ("kind", "more"),
    [("bounces", {"code": 550, "error": "No"}), ("complaints", {}), ("unsubscribes", {"tags": ["t"]})],
)
def test_MG_26_the_node_client_manages_suppressions(client: Client, kind: str, more: dict[str, Any]) -> None:
    one, many = {"address": "bob@x.test", **more}, [{"address": f"a{n}@x.test"} for n in range(2)]
    lists = "suppressions"
    single, several, found, file, page = client.call(
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
            client.one(f"{lists}.list", DOMAIN, kind, {"limit": 2, "page": page["pages"]["next"]["page"]})
        )

    assert names(page) == ["a0@x.test", "a1@x.test"]
    wait_for(lambda: following() == ["bob@x.test", "up@x.test"], 20, "the file is taken in")
    off, absent, all_off, left = client.call(
        [f"{lists}.destroy", DOMAIN, kind, "bob@x.test"],
        [f"{lists}.get", DOMAIN, kind, "bob@x.test"],
        [f"{lists}.destroyAll", DOMAIN, kind],
        [f"{lists}.list", DOMAIN, kind],
    )
    assert (off["address"], off["status"]) == ("bob@x.test", 200)
    assert "found" in failed(absent, 404)
    assert (all_off["status"], left["items"]) == (200, [])


def test_MG_26_the_node_client_lets_a_suppressed_address_have_mail_again(
    client: Client, inbox: Inbox
) -> None:
    to = "mg13@far.test"
    client.one("suppressions.create", DOMAIN, "bounces", [{"address": to}])
    client.send(to=to, subject="First")
    asked = ["events.get", DOMAIN, {"event": "failed", "recipient": to}]
    wait_for(lambda: client.one(*asked)["items"], 20, "the first letter is dropped")
    assert client.one(*asked)["items"][0]["reason"] == "suppress-bounce"
    client.one("suppressions.destroy", DOMAIN, "bounces", to)
    client.send(to=to, subject="Second")
    assert received(inbox, to)["Subject"] == "Second"


def test_MG_26_the_node_client_manages_the_allowlist(client: Client) -> None:
    where = (DOMAIN, "whitelists")
    made, other, found, listed, off, absent, _ = client.call(
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


# Webhooks, templates, keys, addresses


def test_MG_26_the_node_client_manages_webhooks(client: Client) -> None:
    hooks = "webhooks"
    made, unknown, found, changed, listed, gone, absent = client.call(
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


def test_MG_26_the_node_client_manages_templates_and_versions(client: Client) -> None:
    kept = "domains.domainTemplates"
    made, empty, page, changed, version, versions, one = client.call(
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
    following = client.one(f"{kept}.list", DOMAIN, {"limit": 1, "page": page["pages"]["next"]["page"]})
    assert following["items"][0]["name"] != page["items"][0]["name"]
    assert (changed["templateName"], changed["message"]) == ("t1", "template has been updated")
    assert version["template"]["version"]["tag"] == "v2"
    assert [each["tag"] for each in versions["template"]["versions"]] == ["v1"]
    assert (one["version"]["template"], one["version"]["active"]) == ("{{b}}", True)
    updated, off, active, gone, all_gone, left = client.call(
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


def test_MG_26_the_node_client_manages_keys(client: Client, inbox: Inbox) -> None:
    made = client.one(
        "apiKeys.create",
        {"role": "sending", "kind": "domain", "description": "For sending", "domain_name": DOMAIN},
    )["key"]
    sent, refused = client.call(
        ["messages.create", DOMAIN, {**LETTER, "to": "mg14@far.test"}], ["domains.list"], key=made["secret"]
    )
    assert sent["message"] == QUEUED and refused["status"] in (401, 403)
    inbox.wait("mg14@far.test")
    (listed, gone) = client.call(
        ["apiKeys.list", {"domain_name": DOMAIN, "kind": "domain"}], ["apiKeys.destroy", made["id"]]
    )
    assert (made["id"], "For sending") in {(item["id"], item["description"]) for item in listed["items"]}
    assert gone["status"] == 200
    (answer,) = client.call(["messages.create", DOMAIN, {**LETTER, "to": "x@far.test"}], key=made["secret"])
    assert answer["status"] == 401
    told, new = client.call(
        ["accountManagement.getWebhookSigningKey"], ["accountManagement.createWebhookSigningKey"]
    )
    assert told["http_signing_key"] != new["http_signing_key"]


def test_MG_26_the_node_client_manages_addresses_and_pools(client: Client, gun_house: House) -> None:
    gun_house.cli("ip", "add", "127.0.0.1")
    gun_house.cli("ip", "add", "127.0.0.2")
    listed, one, made = client.call(
        ["ips.list"],
        ["ips.get", "127.0.0.1"],
        ["ip_pools.create", {"name": "news", "description": "For news", "ip": "127.0.0.1"}],
    )
    assert {"127.0.0.1", "127.0.0.2"} <= set(listed["items"])
    assert one["ip"] == "127.0.0.1"
    pool = made["pool_id"]
    changed, more, found, less, linked = client.call(
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
    *_, gone, left = client.call(
        ["domains.unlinkIpPoll", DOMAIN, {"ip": "shared"}],
        ["ip_pools.destroy", pool, {"ip": "shared"}],
        ["ip_pools.list"],
    )
    assert gone["status"] == 200
    assert pool not in {each["pool_id"] for each in left["ip_pools"]}


def test_MG_26_the_node_client_sees_that_there_are_no_lists_and_routes(client: Client) -> None:
    lists, routes, made = client.call(
        ["lists.list"], ["routes.list"], ["lists.create", {"address": f"a@{DOMAIN}"}]
    )
    assert lists["items"] == routes == []
    assert failed(made, 404) == "Posthouse has no mailing lists and no routes"
