"""MP-04: mail by MailPace's HTTP call, as it arrives, and its number in webhooks."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from house import books
from house.copies import read
from house.hook_receivers import Receivers
from house.house import DOMAIN, Auth, House, Houses, unique, until, with_settings

SETTINGS = with_settings(
    {"delivery": {"post_private_networks": "allow"}, "hooks": {"plain_http": "allow"}},
)
PAGE = '<p>Grüße <a href="https://shop.test/a?b=c">here</a> <img src="cid:logo.png"></p>'


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    return shared_houses.new(settings=SETTINGS)


@pytest.fixture(scope="module")
def token(house: House) -> Auth:
    return house.token()


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers() as running:
        yield running


def send(house: House, token: Auth, key: str = "", **fields: Any) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a call."""
    body = {"from": f"Shop <orders@{DOMAIN}>", "subject": "Ihre Bestellung: Grüße", **fields}
    headers = {"MailPace-Server-Token": token.user, "Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    url = f"http://127.0.0.1:{house.port_http}/api/v1/send"
    try:
        with urlopen(Request(url, json.dumps(body).encode(), headers, method="POST"), timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


def test_MP_04_the_mail_that_arrives_is_what_the_call_meant(house: House, token: Auth) -> None:
    to, blind = f"{unique()}@good.test", f"{unique()}@good.test"
    status, answer = send(
        house,
        token,
        to=f'"Bob, B" <{to}>',
        bcc=blind,
        replyto=f"help@{DOMAIN}",
        textbody="Hello",
        htmlbody=PAGE,
        tags=["one", "two, three"],
        list_unsubscribe="https://shop.test/leave",
        inreplyto="<1@far.test>",
        references="<0@far.test>, <1@far.test>",
        attachments=[
            {
                "name": "logo.png",
                "content": base64.b64encode(b"\x89PNG").decode(),
                "content_type": "image/png",
                "cid": "<logo.png>",
            },
            {"name": "Rechnung März.pdf", "content": "JVBERi0x\n", "content_type": "application/pdf"},
        ],
    )
    assert (status, answer["status"]) == (200, "pending")
    first, _ = [house.internet.copy(each) for each in (to, blind)]
    copy = read(first)
    assert copy.html.strip() == PAGE  # no tracking, not an octet changed
    assert copy.text.strip() == "Hello"
    assert copy.field("Subject") == "Ihre Bestellung: Grüße"
    assert copy.field("To") == f'"Bob, B" <{to}>'
    assert (copy.field("Reply-To"), copy.fields("Bcc")) == (f"help@{DOMAIN}", [])
    assert copy.field("List-Unsubscribe") == "<https://shop.test/leave>"
    assert copy.field("References") == "<0@far.test> <1@far.test>"
    assert copy.field("In-Reply-To") == "<1@far.test>"
    assert [name for name in copy.message if name.lower().startswith("x-")] == []
    (pdf,) = copy.message.iter_attachments()
    assert (pdf.get_filename(), pdf.get_content()) == ("Rechnung März.pdf", b"%PDF-1")
    images = [part for part in copy.message.walk() if part.get_content_type() == "image/png"]
    assert [(part["Content-ID"], part.get_content()) for part in images] == [("<logo.png>", b"\x89PNG")]
    assert house.event(to, "delivered")["tags"] == ["one", "two, three"]


def test_MP_04_the_number_of_the_answer_is_the_webhooks(
    house: House, token: Auth, receivers: Receivers
) -> None:
    path, to = f"/{unique()}", f"{unique()}@good.test"
    house.cli("hook-key", "new", "mailpace", "--domain", DOMAIN)
    hook = house.cli("hook", "add", receivers.url(path), "--form", "mailpace", "--domain", DOMAIN)
    status, answer = send(house, token, to=to, textbody="Hello", tags=["a"])
    assert status == 200

    def told() -> list[dict[str, Any]]:
        return [got.body for got in receivers.to(path) if got.body["payload"]["to"] == to]

    until(lambda: "email.delivered" in {body["event"] for body in told()}, 30, "a post about the delivery")
    for body in told():
        assert body["payload"]["id"] == answer["id"]
        assert body["payload"]["textbody"].strip() == "Hello"
    house.cli("hook", "remove", hook["id"])


def test_MP_04_one_key_one_letter(house: House, token: Auth) -> None:
    to, key = f"{unique()}@good.test", unique("key")
    answers = [send(house, token, key, to=to, textbody=text) for text in ("one", "two")]
    assert answers[0] == answers[1]
    assert read(house.internet.copy(to)).text.strip() == "one"
    found = books.rows(house.store, f"select id from delivery where recipient = '{to}'")
    assert len(found) == 1


def test_MP_04_an_address_that_bounced_is_refused(house: House, token: Auth) -> None:
    to = f"reject+{unique()}@bounce.test"
    assert send(house, token, to=to, textbody="x")[0] == 200
    house.event(to, "failed")
    until(lambda: to in str(house.cli_rows("suppression", "list")), 20, "the address is on the list")
    blocked = {"errors": {"to": ["contains a blocked address"]}}
    assert send(house, token, to=to, textbody="x") == (400, blocked)


def test_MP_04_another_domain_in_from_is_refused(house: House, token: Auth) -> None:
    status, answer = send(house, token, to="a@good.test", textbody="x", **{"from": "a@elsewhere.test"})
    text = "Verified domain does not match domain in From address of email"
    assert (status, answer) == (403, {"error": text})
