"""Our own API with real processes: mail that arrives is what the call meant, streams follow it and end."""

from __future__ import annotations

import base64
import json
import signal
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from typing import Any

import pytest
import requests

from house.house import House, Houses, letter, unique


class Client:
    """A program with a key."""

    def __init__(self, house: House, *words: str) -> None:
        made = house.cli("key", "add", "--native", *(words or ("--full",)))
        self.id, self.url = made["id"], f"http://127.0.0.1:{house.port_http}/posthouse/v1"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {made['key']}"

    def call(self, method: str, path: str, json: Any = None, **more: Any) -> Any:
        answer = self.session.request(method, self.url + path, json=json, timeout=60, **more)
        assert answer.ok, (answer.status_code, answer.text)
        return answer.json()

    def stream(self, query: str = "", **headers: str) -> Iterator[str]:
        """Lines; ends when the server ends it in order, raises when the connection breaks."""
        answer = self.session.get(
            f"{self.url}/events/stream?{query}", headers=headers, stream=True, timeout=(10, 60)
        )
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
        return answer.iter_lines(chunk_size=1, decode_unicode=True)


def next_event(lines: Iterator[str]) -> dict[str, Any]:
    for line in lines:
        if line.startswith("data: "):
            found: dict[str, Any] = json.loads(line.removeprefix("data: "))
            return found
    raise AssertionError("the stream ended")


@pytest.fixture(scope="module")
def client(house: House) -> Client:
    return Client(house)


def arrived(house: House, recipient: str) -> EmailMessage:
    house.event(recipient, "delivered")
    (copy,) = [each for each in house.internet.arrivals_from(house.hellos) if recipient in each.recipients]
    found = message_from_bytes(copy.content, policy=modern)
    assert isinstance(found, EmailMessage)
    return found


def test_the_mail_that_arrives_is_what_the_call_meant(house: House, client: Client) -> None:
    ann, bob = f"{unique()}@good.test", f"{unique()}@good.test"
    picture = base64.b64encode(b"\x89PNG picture").decode()
    sent = client.call(
        "POST",
        "/messages",
        {
            "from": "Größe & Co <orders@shop.test>",
            "to": [
                {"address": ann, "name": "Ann", "variables": {"name": "Ann"}},
                {"address": bob, "variables": {"name": "Bob"}},
            ],
            "to_each": True,
            "is_template": True,
            "subject": "Grüße, {{name}}",
            "text": "Dear {{name}}",
            "html": '<p>Dear {{name}} <img src="cid:logo"></p>',
            "attachments": [
                {"name": "logo.png", "type": "image/png", "content": picture, "content_id": "logo",
                 "is_inline": True},
                {"name": "Übersicht.txt", "type": "text/plain", "content": "NyBFVVI="},
            ],
            "headers": {"X-Order": "7"},
            "metadata": {"order": 7},
        },
    )  # fmt: skip
    assert sent["recipients"] == 2
    mail = arrived(house, ann)
    assert mail["Subject"] == "Grüße, Ann" and mail["X-Order"] == "7" and ann in mail["To"]
    assert bob not in mail["To"] and mail["From"].addresses[0].display_name == "Größe & Co"
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None and "Dear Ann" in html.get_content() and text is not None
    files = {part.get_filename(): part.get_content() for part in mail.walk() if part.get_filename()}
    assert files["logo.png"] == b"\x89PNG picture" and set(files) == {"logo.png", "Übersicht.txt"}
    assert arrived(house, bob)["Subject"] == "Grüße, Bob"
    story = client.call("GET", f"/messages/{sent['id']}")
    assert {each["state"] for each in story["deliveries"]} == {"delivered"}
    assert story["events"][0]["metadata"] == {"order": 7}


def test_the_same_options_over_smtp(house: House, client: Client) -> None:
    recipient = f"{unique()}@good.test"
    options = {"tags": ["by-smtp"], "metadata": {"n": 1}}
    id = house.submit(recipient, letter(recipient, fields=[f"X-Posthouse-Options: {json.dumps(options)}"]))
    mail = arrived(house, recipient)
    assert mail["X-Posthouse-Options"] is None
    assert client.call("GET", f"/messages/{id}")["message"]["tags"] == ["by-smtp"]
    wrong = letter(recipient, fields=['X-Posthouse-Options: {"tag": "x"}'])
    code, text = house.refusal(recipient, wrong)
    assert code == 554 and "X-Posthouse-Options" in text


def test_a_stream_tells_each_event_once_and_goes_on(house: House, client: Client) -> None:
    tag = unique("tag")
    lines = client.stream(f"tag={tag}")
    body = {"from": "orders@shop.test", "to": [f"{unique()}@good.test"], "text": "x", "tags": [tag]}
    sent = client.call("POST", "/messages", body)
    first, second = next_event(lines), next_event(lines)
    assert [first["kind"], second["kind"]] == ["accepted", "delivered"]
    assert {first["message_id"], second["message_id"]} == {sent["id"]}
    again = client.stream(f"tag={tag}", **{"Last-Event-ID": first["id"]})
    assert next_event(again) == second


def test_a_stream_ends_when_its_key_is_revoked(house: House) -> None:
    client = Client(house, "--permission", "events.read")
    lines = client.stream()
    assert next(lines).startswith("retry")
    house.cli("key", "revoke", client.id)
    assert not [line for line in lines if line.startswith("data: ")]  # and no error: it ended in order


def test_F_16_streams_and_waits_end_when_the_server_stops(houses: Houses) -> None:
    house = houses.new()
    client = Client(house)
    lines = client.stream()
    assert next(lines).startswith("retry")
    house.signal(signal.SIGTERM)
    assert not [line for line in lines if line.startswith("data: ")]
