"""Mailgun's own client for Node, unmodified, sends mail and reads what became of it."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import time as clock

import pytest
from bench.posthouse import wait_for

from clients.inbox import Inbox
from clients.mailgun_js import DOMAIN, LETTER, PAGES, QUEUED, Client, failed, octets, received

MIME = f"From: a@{DOMAIN}\r\nTo: {{}}\r\nSubject: Ready\r\n\r\nMade elsewhere.\r\n"


def time(text: str) -> dict[str, str]:
    return {"time": text}


def test_MG_25_the_node_client_sends_text_html_files_headers_and_variables(
    mailgun: Client, inbox: Inbox
) -> None:
    header_id = mailgun.send(
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
    mailgun: Client, inbox: Inbox
) -> None:
    made = mailgun.one(
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
    mailgun.send(**plain, to="mg5@far.test", **{"t:variables": values, "t:text": "yes"})
    mailgun.send(**plain, to="mg6@far.test", **{"h:X-Mailgun-Variables": values})
    mailgun.send(
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


def test_MG_25_the_node_client_sends_ready_mime_as_a_file_only(mailgun: Client, inbox: Inbox) -> None:
    ready = octets(MIME.format("mg9@far.test").encode())
    assert (
        mailgun.one("messages.create", DOMAIN, {"to": "mg9@far.test", "message": ready})["message"] == QUEUED
    )
    assert inbox.wait("mg9@far.test").own.endswith(b"Subject: Ready\r\n\r\nMade elsewhere.\r\n")
    answer = mailgun.one("messages.create", DOMAIN, {"to": "mg9@far.test", "message": "a text"})
    assert failed(answer, 400) == "'message' parameter is not a file"  # as Mailgun has it


def test_MG_25_the_node_client_plans_and_tests_without_a_letter(mailgun: Client, inbox: Inbox) -> None:
    mailgun.send(to="mg10@far.test", **{"o:testmode": True})
    (when,) = mailgun.call(
        ["messages.create", DOMAIN, {**LETTER, "to": "mg11@far.test", "o:deliverytime": "soon"}]
    )
    assert "not an RFC-2822 compliant date" in failed(when, 400)
    later = email.utils.formatdate(clock.time() + 3600)
    mailgun.send(to="mg11@far.test", **{"o:deliverytime": later})
    mailgun.send(to="mg12@far.test")
    inbox.wait("mg12@far.test")
    assert inbox.of("mg10@far.test") == inbox.of("mg11@far.test") == []
    queues = mailgun.one("messages.getMessagesQueueStatus", DOMAIN)
    assert queues["regular"]["is_disabled"] is queues["scheduled"]["is_disabled"] is False


def test_MG_25_the_node_client_tells_errors_apart(mailgun: Client) -> None:
    answers = mailgun.call(
        ["messages.create", DOMAIN, {**LETTER, "to": ""}],
        ["messages.create", DOMAIN, {**LETTER, "to": "x"}],
        ["messages.create", "elsewhere.test", {**LETTER, "to": "x@far.test"}],
    )
    assert [(answer["status"], answer["details"]) for answer in answers] == [
        (400, "to parameter is missing"),
        (400, "to parameter is not a valid address. please check documentation"),
        (404, "Domain not found: elsewhere.test"),
    ]
    (answer,) = mailgun.call(["messages.create", DOMAIN, {**LETTER, "to": "x@far.test"}], key="nonsense")
    assert answer["status"] == 401


# Events, statistics, tags


LONG_AGO = "Wed, 25 Nov 2020 10:00:00 -0000"


@pytest.fixture(scope="module")
def happened(mailgun: Client, inbox: Inbox) -> Client:
    """A client after three tagged letters that came in and were counted."""
    for number in range(3):
        mailgun.send(to=f"ev{number}@far.test", **{"o:tag": ["counted", f"tag{number}"]})
        inbox.wait(f"ev{number}@far.test")
    # oldest first, the log is told some three seconds late (docs/decisions/027)
    settled = {"event": "delivered", "tags": "counted", "ascending": "yes", "begin": LONG_AGO}
    asked = ["events.get", DOMAIN, settled]
    wait_for(lambda: len(mailgun.one(*asked)["items"]) == 3, 20, "three deliveries are noted")
    wait_for(
        lambda: mailgun.one("domains.domainTags.list", DOMAIN, {"limit": 100})["items"],
        20,
        "the tags are counted",
    )
    return mailgun


def test_MG_26_the_node_client_turns_the_pages_of_events(happened: Client) -> None:
    query = {
        "event": "accepted",
        "tags": "counted",
        "limit": 2,
        "ascending": "yes",
        "begin": LONG_AGO,
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
