"""Mailgun's official Python program, unmodified and pointed here: what its README and examples show for
messages, events, stored messages, tags, statistics and metrics; and the requests that PHP frameworks make.

Its resend and its stored messages refuse hosts that are neither Mailgun's nor this machine: a safeguard of
that program.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from mailgun.builders import MailgunMessageBuilder
from mailgun.client import AsyncClient, Client

from house.copies import Copy, read
from house.house import DOMAIN, Auth, House, unique, until
from house.mailgun import people

SENDER = f"Excited User <orders@{DOMAIN}>"
HTML = '<body style="margin: 0"><table border="1"><tr><td>Hello!</td></tr></table></body>'
DEPRECATED = pytest.mark.filterwarnings("ignore:DEPRECATED API CALL")


@pytest.fixture(scope="module")
def key(house: House) -> str:
    return str(house.cli("key", "add", "--full")["key"])


@pytest.fixture(scope="module")
def base(house: House) -> str:
    return f"http://127.0.0.1:{house.port_http}"


@pytest.fixture
def client(base: str, key: str) -> Iterator[Client]:
    with Client(auth=("api", key), api_url=base) as opened:
        yield opened


def copy_for(house: House, recipient: str) -> Copy:
    return read(house.internet.copy(recipient))


def queued(response: Any) -> str:
    """The id of an accepted message."""
    assert response.status_code == 200, response.text
    assert response.json()["message"] == "Queued. Thank you."
    return str(response.json()["id"])


def events_of(client: Client, recipient: str, *names: str) -> list[dict[str, Any]]:
    """All events of a recipient, once these are among them."""

    def found() -> list[dict[str, Any]] | None:
        items = client.events.get(domain=DOMAIN, filters={"recipient": recipient}).json()["items"]
        return items if set(names) <= {item["event"] for item in items} else None

    return until(found, 20, f"events {names} of {recipient}")


# Messages


def test_MG_25_a_message_with_files_arrives_as_it_was_meant(house: House, client: Client) -> None:
    to, cc = people("to", "cc")
    data = {
        "from": SENDER,
        "to": to,
        "cc": cc,
        "subject": "Hello Vasyl Bodaj, größer",
        "html": HTML,
        "o:tag": "Python test",
    }
    files = [("attachment", ("test1.txt", b"one\n")), ("attachment", ("test2.txt", b"two\n"))]
    id = queued(client.messages.create(data=data, files=files, domain=DOMAIN))
    for recipient in (to, cc):
        copy = copy_for(house, recipient)
        assert copy.field("Message-ID") == id
        assert copy.field("From") == SENDER
        assert (copy.field("To"), copy.field("Cc")) == (to, cc)
        assert copy.field("Subject") == data["subject"]
        assert copy.field("X-Mailgun-Tag") == "Python test"
        assert copy.html.strip() == HTML
        found = [(part.get_filename(), part.get_content()) for part in copy.message.iter_attachments()]
        assert found == [("test1.txt", "one\n"), ("test2.txt", "two\n")]
        events = events_of(client, recipient, "accepted", "delivered")
        assert {f"<{event['message']['headers']['message-id']}>" for event in events} == {id}


def test_MG_25_the_options_of_the_examples(house: House, client: Client) -> None:
    tagged, untracked, scheduled, tested = people("tagged", "untracked", "scheduled", "tested")
    usual = {"from": SENDER, "subject": "Hello", "html": HTML}
    tags = {"o:tag": ["September newsletter", "newsletters"]}
    queued(client.messages.create(data={**usual, "to": tagged, **tags}, domain=DOMAIN))
    queued(client.messages.create(data={**usual, "to": untracked, "o:tracking": False}, domain=DOMAIN))
    at = {"o:deliverytime": "Thu Jan 28 2021 14:00:03 EST"}
    queued(client.messages.create(data={**usual, "to": scheduled, **at}, domain=DOMAIN))
    more = {
        "o:testmode": "yes",
        "o:deliverytime-optimize-period": "24h",
        "v:my-custom-id": "USER-12345",
    }
    queued(client.messages.create(data={**usual, "to": [tested], **more}, domain=DOMAIN))
    assert copy_for(house, tagged).fields("X-Mailgun-Tag") == tags["o:tag"]
    assert copy_for(house, untracked).html.strip() == copy_for(house, scheduled).html.strip() == HTML
    events = events_of(client, tested, "accepted", "delivered")
    for event in events:
        assert event["user-variables"] == {"my-custom-id": "USER-12345"}
    assert all(event["flags"]["is-test-mode"] for event in events)
    assert house.internet.to(tested) == []


def test_MG_25_a_finished_letter(house: House, client: Client) -> None:
    [to] = people("mime")
    letter = (
        f"From: orders@{DOMAIN}\nTo: {to}\nSubject: MIME Test\n"
        "Content-Type: text/plain; charset=utf-8\n\nThis is a raw MIME message.\n"
    ).encode()
    files = {"message": ("message.mime", letter)}
    id = queued(client.mimemessage.create(domain=DOMAIN, data={"to": to}, files=files))
    copy = copy_for(house, to)
    assert copy.field("Message-ID") == id
    assert copy.text == "This is a raw MIME message.\n"
    assert copy.field("Subject") == "MIME Test"


def test_MG_25_the_builders_batch_is_a_mail_for_each(house: House, client: Client) -> None:
    alice, bob = people("alice", "bob")
    builder = MailgunMessageBuilder(f"newsletter@{DOMAIN}").add_recipient(alice).add_recipient(bob)
    builder.set_subject("Hey %recipient.name%, your weekly update!")
    builder.set_text("Hi %recipient.name%, your user ID is %recipient.id%.")
    builder.set_recipient_variables({alice: {"name": "Alice", "id": 101}, bob: {"name": "Bob", "id": 102}})
    payload, files = builder.build()
    queued(client.messages.create(domain=DOMAIN, data=payload, files=files))
    for recipient, name, number in ((alice, "Alice", 101), (bob, "Bob", 102)):
        copy = copy_for(house, recipient)
        assert copy.field("To") == recipient
        assert copy.field("Subject") == f"Hey {name}, your weekly update!"
        assert copy.text.strip() == f"Hi {name}, your user ID is {number}."
        assert "recipient-variables" not in copy.raw.decode("latin-1").lower()


def test_MG_25_the_builders_pictures_templates_and_large_files(
    house: House, base: str, key: str, tmp_path: Path
) -> None:
    picture, report = tmp_path / "logo.png", tmp_path / "report.pdf"
    picture.write_bytes(b"dummy image data")
    report.write_bytes(b"0123456789abcdef" * (5 << 16))
    amp, templated, large = people("amp", "templated", "large")
    source = tmp_path / "promo.html"
    source.write_text("<p>{{discount}} with {{code}}</p>")
    house.cli(
        "template", "add", "promo-template", "--version", "v2", "--domain", DOMAIN, "--file", str(source)
    )
    with_amp = MailgunMessageBuilder(f"hello@{DOMAIN}").add_recipient(amp).set_subject("Interactive")
    with_amp.set_html('<html><body><img src="cid:logo.png"></body></html>')
    with_amp.set_amp_html("<!doctype html><html ⚡4email><body>AMP Content</body></html>")
    with_amp.attach_inline(str(picture), safe_base_dir=str(tmp_path))
    with_template = MailgunMessageBuilder(f"marketing@{DOMAIN}").add_recipient(templated)
    with_template.set_subject("Special Offer Inside!").set_template("promo-template")
    with_template.set_template_version("v2").set_template_text(enable=True)
    with_template.set_template_variables({"discount": "20%", "code": "SAVE20"})
    with_file = MailgunMessageBuilder(f"mailgun@{DOMAIN}").add_recipient(large).set_subject("Report")
    with_file.set_text("Here it is.").attach_stream(str(report), safe_base_dir=str(tmp_path))

    async def send() -> None:
        async with AsyncClient(auth=("api", key), api_url=base) as client:
            for builder in (with_amp, with_template, with_file):
                payload, files = builder.build()
                queued(await client.messages.create(domain=DOMAIN, data=payload, files=files))

    asyncio.run(send())
    copy = copy_for(house, amp)
    parts = [part for part in copy.message.walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == ["text/x-amp-html", "text/html", "image/png"]
    assert "⚡4email" in parts[0].get_content()
    assert (parts[2]["Content-ID"], parts[2].get_content()) == ("<logo.png>", b"dummy image data")
    copy = copy_for(house, templated)
    assert copy.html.strip() == "<p>20% with SAVE20</p>"
    assert copy.text.strip() == "20% with SAVE20"
    (attached,) = copy_for(house, large).message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("report.pdf", report.read_bytes())


def test_MG_25_what_is_wrong_is_told_to_the_program(client: Client) -> None:
    for data, status, message in (
        ({"to": "x@good.test", "text": "x"}, 400, "from parameter is missing"),
        ({"from": SENDER, "to": "nobody", "text": "x"}, 400, "to parameter is not a valid address"),
    ):
        answer = client.messages.create(data=data, domain=DOMAIN)
        assert answer.status_code == status and answer.json()["message"].startswith(message)
    answer = client.messages.create(
        data={"from": SENDER, "to": "x@good.test", "text": "x"}, domain="none.test"
    )
    assert (answer.status_code, answer.json()) == (404, {"message": "Domain not found: none.test"})


# Events and stored messages


def test_MG_26_events_stored_messages_and_sending_again(house: House, client: Client, key: str) -> None:
    [first], [second, third] = people("first"), people("second", "third")
    id = queued(
        client.messages.create(
            data={"from": SENDER, "to": first, "subject": "Stored", "text": "kept"}, domain=DOMAIN
        )
    )
    events_of(client, first, "accepted", "delivered")
    params = {
        "begin": "Tue, 24 Nov 2020 09:00:00 -0000",
        "ascending": "yes",
        "limit": 10,
        "pretty": "yes",
        "recipient": first,
    }
    wanted = ["accepted", "delivered"]

    def settled() -> list[dict[str, Any]] | None:
        items = client.events.get(domain=DOMAIN, filters=params).json()["items"]
        return items if [item["event"] for item in items] == wanted else None

    items = until(settled, 20, "events in their order")
    assert client.events.get(domain=DOMAIN, filters={"event": "rejected OR failed"}).status_code == 200
    url = items[0]["storage"]["url"]
    stored = requests.get(
        url, auth=("api", key), timeout=30
    ).json()  # the program's own call leaves the key out
    assert stored["Subject"] == "Stored" and stored["body-plain"].strip() == "kept"
    assert stored["Message-Id"] == id
    again = client.resend_message.create(data={"to": [second, third]}, domain=DOMAIN, storage_url=url)
    queued(again)
    for recipient in (second, third):
        assert copy_for(house, recipient).text.strip() == "kept"


def test_MG_26_following_the_pages_yields_every_event_once(base: str, key: str, client: Client) -> None:
    recipients = people("a", "b", "c")
    for recipient in recipients:
        queued(client.messages.create(data={"from": SENDER, "to": recipient, "text": "x"}, domain=DOMAIN))
        events_of(client, recipient, "delivered")
    tag = recipients[0].partition("@")[0].partition("+")[2]
    wanted = {(recipient, name) for recipient in recipients for name in ("accepted", "delivered")}
    seen: list[tuple[str, str]] = []
    url = f"{base}/v3/{DOMAIN}/events?ascending=yes&limit=2&event=accepted+OR+delivered&to={tag}"

    def next_page() -> bool:
        nonlocal url
        answer = requests.get(url, auth=("api", key), timeout=30).json()
        seen.extend((item["recipient"], item["event"]) for item in answer["items"])
        url = answer["paging"]["next"]
        assert urlsplit(url).query == ""
        return wanted <= set(seen)

    until(next_page, 30, "all events")
    assert sorted(seen) == sorted(wanted)


# Tags, statistics, metrics, logs


@DEPRECATED
def test_MG_26_tags_statistics_metrics_and_logs(house: House, client: Client) -> None:
    [to], tag = people("counted"), f"Tag {unique()}"
    queued(client.messages.create(data={"from": SENDER, "to": to, "text": "x", "o:tag": tag}, domain=DOMAIN))
    events_of(client, to, "delivered")

    def counted() -> Any:
        answer = client.tags_stats.get(domain=DOMAIN, filters={"event": "delivered"}, tag_name=tag)
        if answer.status_code != 200:
            return None
        return sum(bucket["delivered"]["total"] for bucket in answer.json()["stats"]) == 1

    until(counted, 20, "the tag is counted")
    assert tag in [item["tag"] for item in client.tags.get(domain=DOMAIN).json()["items"]]
    put = client.tags.put(domain=DOMAIN, tag_name=tag, data={"description": "Python testtt"})
    assert put.json() == {"message": "Tag updated"}
    assert client.tags.get(domain=DOMAIN, tag_name=tag).json()["description"] == "Python testtt"
    providers = client.tags_stats_aggregates_providers.get(domain=DOMAIN, tag_name=tag).json()
    assert providers["provider"]["good.test"]["accepted"] == 1
    for endpoint in (client.tags_stats_aggregates_countries, client.tags_stats_aggregates_devices):
        assert endpoint.get(domain=DOMAIN, tag_name=tag).status_code == 200
    total = client.stats_total.get(domain=DOMAIN, filters={"event": "delivered"}).json()
    assert sum(bucket["delivered"]["total"] for bucket in total["stats"]) >= 1

    in_domain = {
        "AND": [
            {"attribute": "domain", "comparator": "=", "values": [{"label": DOMAIN, "value": DOMAIN}]},
        ]
    }
    start, end = formatdate(time.time() - 86_400), formatdate(time.time() + 60)
    asked = {
        "start": start,
        "end": end,
        "resolution": "day",
        "dimensions": ["time"],
        "metrics": ["accepted_count", "delivered_count", "clicked_rate", "opened_rate"],
        "filter": in_domain,
        "include_subaccounts": True,
        "include_aggregates": True,
    }
    answer = client.analytics_metrics.create(
        data=json.dumps(asked), headers={"Content-Type": "application/json"}
    ).json()
    assert answer["aggregates"]["metrics"]["delivered_count"] >= 1
    assert answer["aggregates"]["metrics"]["clicked_rate"] == "0.0000"
    usage = {"dimensions": ["time"], "metrics": ["processed_count"], "include_aggregates": True}
    assert client.analytics_usage_metrics.create(data=usage).status_code == 200

    logs = {
        "start": start,
        "end": end,
        "filter": in_domain,
        "include_subaccounts": True,
        "pagination": {"sort": "timestamp:asc", "limit": 50},
    }
    answer = client.analytics_logs.create(
        data=json.dumps(logs), headers={"Content-Type": "application/json"}
    ).json()
    assert {item["event"] for item in answer["items"]} >= {"accepted", "delivered"}

    listed = client.analytics_tags.create(
        data={"pagination": {"sort": "lastseen:desc", "limit": 10}, "include_subaccounts": True}
    ).json()
    assert listed["pagination"]["total"] >= 1
    updated = client.analytics_tags.update(data={"tag": tag, "description": "new"})
    assert updated.json() == {"message": "Tag updated"}
    assert client.analytics_tags_limits.get().json()["limit"] == 20_000
    assert client.analytics_tags.delete(filters={"tag": tag}).json() == {"message": "Tag deleted"}
    assert client.tags.get(domain=DOMAIN, tag_name=tag).status_code == 404


def test_MG_26_the_queue_of_a_domain(house: House, client: Client) -> None:
    [to] = people("later")
    at = formatdate(time.time() + 86_400)
    data = {"from": SENDER, "to": to, "text": "x", "o:deliverytime": at}
    queued(client.messages.create(data=data, domain=DOMAIN))
    answer = client.domains_sendingqueues.get(domain=DOMAIN)
    assert answer.json() == {"regular": {"is_disabled": False}, "scheduled": {"is_disabled": False}}
    assert client.envelopes.delete(domain=DOMAIN).json() == {"message": "done"}
    assert house.state(to) == "cancelled"


# What PHP frameworks send


def test_MG_25_the_request_of_laravel(house: House, base: str, key: str) -> None:
    """`messages.mime` with the letter as a file and `to` as one list."""
    ann, bob = people("ann", "bob")
    letter = f"From: Shop <orders@{DOMAIN}>\r\nTo: {ann}\r\nSubject: L\r\n\r\nLaravel\r\n".encode()
    answer = requests.post(
        f"{base}/v3/{DOMAIN}/messages.mime",
        auth=("api", key),
        data={"to": f"{ann},{bob}", "o:tag": "php", "h:X-Own": "1"},
        files={"message": ("message.mime", letter)},
        timeout=30,
    )
    queued(answer)
    for recipient in (ann, bob):
        copy = copy_for(house, recipient)
        assert (copy.text, copy.field("X-Own"), copy.field("X-Mailgun-Tag")) == ("Laravel\n", "1", "php")


def test_MG_25_the_requests_of_symfony_and_of_php_lists(house: House, base: str, key: str) -> None:
    """Every part with a type of its own; lists as `to[0]`."""
    ann, bob = people("ann", "bob")
    fields = [
        ("from", f'"Größe" <orders@{DOMAIN}>'),
        ("to[0]", ann),
        ("to[1]", bob),
        ("subject", "Grüße"),
        ("html", "<p>ü</p>"),
        ("h:X-Own", "yes"),
        ("o:tag[]", "one"),
        ("v:data", '{"a": "ü"}'),
    ]
    typed = [(name, (None, value.encode(), "text/plain; charset=utf-8")) for name, value in fields]
    files = [*typed, ("attachment", ("a.txt", b"x", "text/plain"))]
    answer = requests.post(f"{base}/v3/{DOMAIN}/messages", auth=("api", key), files=files, timeout=30)
    queued(answer)
    for recipient in (ann, bob):
        copy = copy_for(house, recipient)
        assert (copy.field("Subject"), copy.html.strip()) == ("Grüße", "<p>ü</p>")
        assert copy.field("From") == f"Größe <orders@{DOMAIN}>"
        assert json.loads(copy.field("X-Mailgun-Variables")) == {"data": '{"a": "ü"}'}


def test_MG_25_a_password_of_a_user_is_no_key(base: str, house: House) -> None:
    auth = Auth("api", house.password)
    answer = requests.post(f"{base}/v3/{DOMAIN}/messages", auth=auth, data={}, timeout=30)
    assert (answer.status_code, answer.text) == (401, "Forbidden")
