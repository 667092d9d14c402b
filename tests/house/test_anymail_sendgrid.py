"""SG-11: django-anymail's SendGrid backend, with another base URL and key: all that its messages can hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sendgrid import SendGridAPIClient

from house.anymailing import (
    SENDER,
    AnymailRequestsAPIError,
    attach_inline_image,
    get_connection,
    message,
    override_settings,
    timezone,
)
from house.copies import Copy, read
from house.house import House, Houses, unique
from house.mailgun import people

pytestmark = pytest.mark.filterwarnings("ignore:django-anymail has dropped official support for SendGrid")


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    return shared_houses.new()


@pytest.fixture(scope="module")
def base(house: House) -> str:
    return f"http://127.0.0.1:{house.port_http}"


@pytest.fixture(scope="module")
def connection(house: House, base: str) -> Iterator[Any]:
    """All that a project changes when it moves here."""
    key = str(house.cli("key", "add", "--send-only")["key"])
    told = {"SENDGRID_API_KEY": key, "SENDGRID_API_URL": f"{base}/v3/"}
    with override_settings(ANYMAIL=told, USE_TZ=True):
        yield get_connection("anymail.backends.sendgrid.EmailBackend")


def copy_for(house: House, recipient: str) -> Copy:
    return read(house.internet.copy(recipient))


def metadata_of(house: House, recipient: str) -> dict[str, str]:
    """Without the id that anymail adds."""
    return {
        name: value
        for name, value in house.event(recipient, "delivered")["metadata"].items()
        if name != "anymail_id"
    }


def test_SG_11_anymail_plain_html_pictures_and_files(house: House, connection: Any) -> None:
    to, cc, bcc = people("to", "cc", "bcc")
    made = message(
        connection,
        [f'"Bob, B" <{to}>'],
        cc=[cc],
        bcc=[bcc],
        reply_to=["Help <help@shop.test>", "two@shop.test"],
        headers={"X-Own": "Größe"},
    )
    cid = attach_inline_image(made, b"\x89PNG", filename="logo.png", subtype="png")
    made.attach_alternative(f'<p>ü <img src="cid:{cid}"></p>', "text/html")
    made.attach("Rechnung März.pdf", b"%PDF", "application/pdf")
    made.attach("note.txt", "ü\n", "text/plain")
    made.tags = ["one", "two"]
    made.metadata = {"order": 42, "name": "Größe"}
    assert made.send() == 1
    assert made.anymail_status.status == {"queued"}
    for recipient in (to, cc, bcc):
        copy = copy_for(house, recipient)
        assert (copy.field("To"), copy.field("Cc"), copy.fields("Bcc")) == (f'"Bob, B" <{to}>', cc, [])
        assert (copy.field("Subject"), copy.field("From")) == ("Grüße", SENDER)
        assert copy.field("Reply-To") == "Help <help@shop.test>, two@shop.test"
        assert copy.field("X-Own") == "Größe"
        assert copy.text.strip() == "plain ü"
        assert copy.html.strip() == f'<p>ü <img src="cid:{cid}"></p>'
        parts = {part.get_filename(): part for part in copy.message.walk()}
        assert parts["Rechnung März.pdf"].get_content() == b"%PDF"
        assert parts["note.txt"].get_content() == "ü\n"
        assert (parts["logo.png"]["Content-ID"], parts["logo.png"].get_content()) == (f"<{cid}>", b"\x89PNG")
        assert metadata_of(house, recipient) == {"order": "42", "name": "Größe"}
        assert house.event(recipient, "delivered")["tags"] == ["one", "two"]


def test_SG_11_anymail_batch_with_values_headers_and_metadata(house: House, connection: Any) -> None:
    alice, bob = people("alice", "bob")
    made = message(connection, [f"Alice <{alice}>", bob], subject="For :name", body="in :group")
    made.merge_data = {alice: {"name": "Alice"}, bob: {"name": "Bob"}}
    made.merge_global_data = {"group": "all"}
    made.merge_metadata = {alice: {"id": 1}, bob: {"id": 2}}
    made.merge_headers = {alice: {"X-Own": "a"}, bob: {"X-Own": "b"}}
    made.esp_extra = {"merge_field_format": ":{}"}
    assert made.send() == 1
    for recipient, shown, name, own, number in (
        (alice, f"Alice <{alice}>", "Alice", "a", "1"),
        (bob, bob, "Bob", "b", "2"),
    ):
        copy = copy_for(house, recipient)
        assert (copy.field("To"), copy.field("Subject")) == (shown, f"For {name}")
        assert (copy.text.strip(), copy.field("X-Own")) == ("in all", own)
        assert metadata_of(house, recipient) == {"id": number}
        anymail_id = house.event(recipient, "delivered")["metadata"]["anymail_id"]
        assert made.anymail_status.recipients[recipient].message_id == anymail_id


def test_SG_11_anymail_a_dynamic_template_for_each(house: House, connection: Any, base: str) -> None:
    alice, bob = people("alice", "bob")
    manager = SendGridAPIClient(house.cli("key", "add", "--full")["key"], host=base).client
    wanted = {"name": unique(), "generation": "dynamic"}
    id = json.loads(manager.templates.post(request_body=wanted).body)["id"]
    version = {
        "name": "1",
        "active": 1,
        "subject": "For {{name}}",
        "html_content": "<p>{{name}} of {{site}}</p>",
    }
    manager.templates._(id).versions.post(request_body=version)
    made = message(connection, [alice, bob], subject=None, body="")
    made.template_id = id
    made.merge_data = {alice: {"name": "Alice"}, bob: {"name": "Bob"}}
    made.merge_global_data = {"site": "shop"}
    assert made.send() == 1
    for recipient, name in ((alice, "Alice"), (bob, "Bob")):
        copy = copy_for(house, recipient)
        assert (copy.field("Subject"), copy.html.strip()) == (f"For {name}", f"<p>{name} of shop</p>")


def test_SG_11_anymail_options_of_the_service(house: House, connection: Any) -> None:
    [tried], [later] = people("tried"), people("later")
    made = message(connection, [later], send_at=timezone.now() + timedelta(hours=1), track_clicks=False)
    assert made.send() == 1
    assert house.state(later) == "waiting"
    house.cli("queue", "drop", "--recipient", later)
    made = message(connection, [tried], track_opens=False)
    made.esp_extra = {"mail_settings": {"sandbox_mode": {"enable": True}}}
    assert made.send() == 1
    assert house.events(tried, "accepted") == []


def test_SG_11_anymail_explains_what_is_refused(connection: Any) -> None:
    made = message(connection, ["x@good.test"])
    made.from_email = "x@strange.test"
    with pytest.raises(AnymailRequestsAPIError, match="does not match a verified Sender Identity"):
        made.send()
    made = message(connection, ["x@good.test"], tags=["one", "one"])
    with pytest.raises(AnymailRequestsAPIError, match="you have included one more than once"):
        made.send()
