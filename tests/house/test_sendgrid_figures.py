"""SG-11: the official Python client reads figures and activity, and holds batches back; older calls send."""

from __future__ import annotations

import csv
import datetime as dt
import json
import time
from typing import Any
from urllib.parse import quote

import pytest
import requests
from python_http_client.exceptions import BadRequestsError, NotFoundError
from sendgrid import SendGridAPIClient

from house.copies import read as arrived
from house.house import DOMAIN, House, Houses, unique, until
from posthouse.rules.permissions import FULL

GOOD = "good.test"


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    return shared_houses.new()


@pytest.fixture(scope="module")
def key(house: House) -> str:
    words = [word for permission in FULL for word in ("--permission", permission)]
    return str(house.cli("key", "add", *words)["key"])


@pytest.fixture(scope="module")
def sg(house: House, key: str) -> Any:
    return SendGridAPIClient(key, host=f"http://127.0.0.1:{house.port_http}").client


def read(response: Any) -> Any:
    return json.loads(response.body) if response.body else None


def today() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%d")


def send(sg: Any, to: str, **more: Any) -> None:
    letter = {
        "from": {"email": f"me@{DOMAIN}"},
        "subject": "hello",
        "personalizations": [{"to": [{"email": to}]}],
        "content": [{"type": "text/plain", "value": "the text"}],
        **more,
    }
    assert sg.mail.send.post(request_body=letter).status_code == 202


def test_SG_11_the_official_client_reads_statistics_of_account_and_category(house: House, sg: Any) -> None:
    category = unique("category")
    for _ in range(2):
        to = f"{unique()}@{GOOD}"
        send(sg, to, categories=[category])
        house.event(to, "delivered")
    asked = {"start_date": today(), "aggregated_by": "day"}

    def counted() -> Any:
        (day,) = read(sg.categories.stats.get(query_params={**asked, "categories": category}))
        (of,) = day["stats"]
        return of if of["metrics"]["delivered"] == 2 else None

    of = until(counted, 10, "both deliveries are counted")
    assert (of["name"], of["metrics"]["requests"], of["metrics"]["bounces"]) == (category, 2, 0)
    (day,) = read(sg.stats.get(query_params=asked))
    assert day["date"] == today() and day["stats"][0]["metrics"]["delivered"] >= 2
    found = read(sg.categories.get(query_params={"category": category, "limit": 5, "offset": 0}))
    assert found == [{"category": category}]
    sums = read(sg.categories.stats.sums.get(query_params={"start_date": today(), "limit": 50, "offset": 0}))
    by_name = {row["name"]: row["metrics"] for row in sums["stats"]}
    assert by_name[category]["delivered"] == 2
    with pytest.raises(BadRequestsError):
        sg.stats.get(query_params={"start_date": "soon"})


def test_SG_11_the_official_client_finds_a_message_in_the_activity(house: House, sg: Any) -> None:
    to = f"{unique('seen')}@{GOOD}"
    send(sg, to)
    house.event(to, "delivered")
    query = {"query": f'to_email="{to}"', "limit": 10}

    def found() -> Any:
        rows = read(sg.messages.get(query_params=query))["messages"]
        return rows[0] if rows and rows[0]["status"] == "delivered" else None

    row = until(found, 10, "the activity shows the delivery")
    assert (row["to_email"], row["from_email"], row["subject"]) == (to, f"me@{DOMAIN}", "hello")
    shown = read(sg.messages._(row["msg_id"]).get())
    assert {event["event_name"] for event in shown["events"]} >= {"processed", "delivered"}
    assert read(sg.messages.get(query_params={**query, "query": 'to_email="nobody@x.test"'})) == {
        "messages": []
    }
    with pytest.raises(BadRequestsError):
        sg.messages.get(query_params={"query": "to_email=", "limit": 10})


def test_SG_11_the_official_client_asks_for_the_activity_as_a_file(house: House, sg: Any) -> None:
    to = f"{unique('filed')}@{GOOD}"
    send(sg, to)
    house.event(to, "delivered")
    asked = sg.messages.download.post(query_params={"query": f'to_email="{to}"'})
    assert asked.status_code == 202
    url = read(sg.messages.download._(read(asked)["download_uuid"]).get())["presigned_url"]
    answer = requests.get(url, timeout=20)
    assert answer.status_code == 200
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert {row["event"] for row in rows} >= {"processed", "delivered"}
    assert {row["email"] for row in rows} == {to}


def test_SG_11_the_official_client_counts_bounces_by_class(house: House, sg: Any) -> None:
    def count() -> int:
        found = read(sg.suppression.bounces.classifications.get(query_params={"start_date": today()}))
        stats = [stat for day in found["result"] for stat in day["stats"]]
        return sum(stat["count"] for stat in stats if stat["classification"] == "Invalid Address")

    before = count()
    to = f"{unique('nobody')}@bounce.test"
    send(sg, to)
    house.event(to, "failed")
    until(lambda: count() == before + 1, 10, "the bounce is counted")
    of_one = sg.suppression.bounces.classifications._(quote("Invalid Address")).get(
        query_params={"start_date": today()}
    )
    domains = {stat["domain"] for day in read(of_one)["result"] for stat in day["stats"]}
    assert "bounce.test" in domains


def test_SG_11_the_official_client_pauses_and_cancels_scheduled_sends(house: House, sg: Any) -> None:
    batch = read(sg.mail.batch.post())["batch_id"]
    assert read(sg.mail.batch._(batch).get()) == {"batch_id": batch}
    at = int(time.time()) + 5
    to = f"{unique('later')}@{GOOD}"
    send(sg, to, batch_id=batch, send_at=at)
    sends = sg.user.scheduled_sends
    made = sends.post(request_body={"batch_id": batch, "status": "pause"})
    assert (made.status_code, read(made)) == (201, {"batch_id": batch, "status": "pause"})
    assert read(sends._(batch).get()) == [{"batch_id": batch, "status": "pause"}]
    assert {"batch_id": batch, "status": "pause"} in read(sends.get())
    assert house.state(to) == "held"
    assert sends._(batch).delete().status_code == 204  # it goes on, and waits for its hour
    assert sends._(batch).get().status_code == 200
    assert house.event(to, "delivered")
    other = read(sg.mail.batch.post())["batch_id"]
    never = f"{unique('never')}@{GOOD}"
    send(sg, never, batch_id=other, send_at=at + 3600)
    assert sends.post(request_body={"batch_id": other, "status": "cancel"}).status_code == 201
    assert house.event(never, "cancelled")
    with pytest.raises(BadRequestsError):
        sends.post(request_body={"batch_id": other, "status": "pause"})
    with pytest.raises(NotFoundError):
        sg.mail.batch._(unique("none")[:20].replace("-", "x") + "x" * 10).get()


def test_SG_11_a_template_that_cannot_be_rendered_is_told_and_a_subject_is_rendered(
    house: House, sg: Any
) -> None:
    id = read(sg.templates.post(request_body={"name": unique(), "generation": "dynamic"}))["id"]
    versions = sg.templates._(id).versions
    broken = {"name": "broken", "subject": "s", "html_content": "<p>{{#if a}}never closed</p>"}
    with pytest.raises(BadRequestsError) as told:
        versions.post(request_body=broken)
    assert "html_content" in str(json.loads(told.value.body))
    whole = {
        "name": "whole",
        "subject": "{{#if count}}{{count}} orders for {{name}}{{else}}Nothing for {{name}}{{/if}}",
        "html_content": "<p>Hi {{name}}</p>",
    }
    assert versions.post(request_body=whole).status_code == 201
    for count, subject in ((3, "3 orders for Zoë & Co"), (0, "Nothing for Zoë & Co")):
        to = f"{unique('subject')}@{GOOD}"
        body = {
            "from": {"email": f"me@{DOMAIN}"},
            "template_id": id,
            "personalizations": [
                {"to": [{"email": to}], "dynamic_template_data": {"name": "Zoë & Co", "count": count}}
            ],
        }
        assert sg.mail.send.post(request_body=body).status_code == 202
        copy = arrived(house.internet.copy(to))
        assert copy.field("Subject") == subject
        assert "Hi Zoë &amp; Co" in copy.html


def test_SG_11_a_call_of_the_second_version_sends(house: House, key: str) -> None:
    to = f"{unique('old')}@{GOOD}"
    form = {"to": to, "from": f"me@{DOMAIN}", "fromname": "Me", "subject": "Old", "text": "Still works"}
    form["x-smtpapi"] = json.dumps({"category": "old"})
    url = f"http://127.0.0.1:{house.port_http}/api/mail.send.json"
    reply = requests.post(url, form, headers={"Authorization": f"Bearer {key}"}, timeout=20)
    assert (reply.status_code, reply.json()) == (200, {"message": "success"})
    copy = arrived(house.internet.copy(to))
    assert (copy.field("From"), copy.field("Subject")) == (f"Me <me@{DOMAIN}>", "Old")
    assert copy.text.strip() == "Still works"
    assert quote(key) not in house.story()
