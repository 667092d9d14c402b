"""django-anymail's Mailgun backend, with another base URL and key: all that its messages can hold, and its
webhook reader for what we tell of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

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
from house.hook_receivers import Receivers
from house.house import DOMAIN, House, Houses, until, with_settings
from house.mailgun import people

SETTINGS = with_settings(
    {"delivery": {"post_private_networks": "allow"}, "hooks": {"plain_http": "allow"}},
    {"http": {"url": "https://api.house.test"}},
)


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    return shared_houses.new(settings=SETTINGS)


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers() as running:
        yield running


@pytest.fixture(scope="module")
def connection(house: House) -> Iterator[Any]:
    """All that a project changes when it moves here."""
    key = str(house.cli("key", "add", "--send-only")["key"])
    told = {
        "MAILGUN_API_KEY": key,
        "MAILGUN_API_URL": f"http://127.0.0.1:{house.port_http}/v3",
        "MAILGUN_SENDER_DOMAIN": DOMAIN,
    }
    with override_settings(ANYMAIL=told, USE_TZ=True):
        yield get_connection("anymail.backends.mailgun.EmailBackend")


def copy_for(house: House, recipient: str) -> Copy:
    return read(house.internet.copy(recipient))


def test_MG_25_anymail_plain_html_pictures_and_files(house: House, connection: Any) -> None:
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
    made.tags = ["one", "two"]
    made.metadata = {"order": 42, "name": "Größe"}
    assert made.send() == 1
    id = made.anymail_status.message_id
    assert made.anymail_status.status == {"queued"}
    for recipient in (to, cc, bcc):
        copy = copy_for(house, recipient)
        assert copy.field("Message-ID") == id
        assert copy.field("To") == f'"Bob, B" <{to}>'
        assert (copy.field("Cc"), copy.fields("Bcc")) == (cc, [])
        assert copy.field("Subject") == "Grüße"
        assert copy.field("From") == SENDER
        assert copy.field("Reply-To") == "Help <help@shop.test>, two@shop.test"
        assert copy.field("X-Own") == "Größe"
        assert copy.fields("X-Mailgun-Tag") == ["one", "two"]
        assert json.loads(copy.field("X-Mailgun-Variables")) == {"order": "42", "name": "Größe"}
        assert copy.text.strip() == "plain ü"
        assert copy.html.strip() == f'<p>ü <img src="cid:{cid}"></p>'
        parts = {part.get_filename() or part["Content-ID"]: part for part in copy.message.walk()}
        picture = next(part for part in copy.message.walk() if part["Content-ID"])
        assert (picture["Content-ID"], picture.get_content()) == (f"<{cid}>", b"\x89PNG")
        assert parts["Rechnung März.pdf"].get_content() == b"%PDF"


def test_MG_25_anymail_batch_with_values_headers_and_metadata(house: House, connection: Any) -> None:
    alice, bob = people("alice", "bob")
    made = message(
        connection, [f"Alice <{alice}>", bob], subject="%recipient.name%", body="%recipient.group%"
    )
    made.merge_data = {alice: {"name": "Alice"}, bob: {"name": "Bob"}}
    made.merge_global_data = {"group": "all"}
    made.merge_metadata = {alice: {"id": 1}, bob: {"id": 2}}
    made.merge_headers = {alice: {"Reply-To": "a@shop.test"}, bob: {"Reply-To": "b@shop.test"}}
    assert made.send() == 1
    for recipient, shown, name, reply in ((alice, f"Alice <{alice}>", "Alice", "a"), (bob, bob, "Bob", "b")):
        copy = copy_for(house, recipient)
        assert (copy.field("To"), copy.field("Subject"), copy.text.strip()) == (shown, name, "all")
        assert copy.field("Reply-To") == f"{reply}@shop.test"
    for recipient, number in ((alice, "1"), (bob, "2")):
        assert house.event(recipient, "delivered")["metadata"] == {"id": number}


def test_MG_25_anymail_a_stored_template_for_each(house: House, connection: Any, tmp_path: Any) -> None:
    alice, bob = people("alice", "bob")
    source = tmp_path / "t.html"
    source.write_text("<p>Hi {{name}} of {{site}}</p>")
    house.cli(
        "template", "add", "greeting", "--domain", DOMAIN, "--file", str(source),
        "--subject", "For {{name}}",
    )  # fmt: skip
    made = message(connection, [alice, bob], subject=None, body="")
    made.template_id = "greeting"
    made.merge_data = {alice: {"name": "Alice"}, bob: {"name": "Bob"}}
    made.merge_global_data = {"site": "shop"}
    assert made.send() == 1
    for recipient, name in ((alice, "Alice"), (bob, "Bob")):
        copy = copy_for(house, recipient)
        assert copy.html.strip() == f"<p>Hi {name} of shop</p>"
        assert copy.field("Subject") == f"For {name}"


def test_MG_25_anymail_options_of_the_service(house: House, connection: Any) -> None:
    [tested], [later] = people("tested"), people("later")
    made = message(connection, [tested], track_clicks=False, track_opens=False)
    made.esp_extra = {"o:testmode": "yes", "o:dkim": "no"}
    assert made.send() == 1
    assert house.event(tested, "delivered")["is_test"]
    made = message(connection, [later], send_at=timezone.now() + timedelta(hours=1))
    assert made.send() == 1
    assert house.event(later, "accepted")["scheduled_for"]
    assert house.state(later) == "waiting"
    house.cli("queue", "drop", "--recipient", later)


def test_MG_25_anymail_explains_a_domain_that_is_not_there(connection: Any) -> None:
    made = message(connection, ["x@good.test"])
    made.esp_extra = {"sender_domain": "none.test"}
    with pytest.raises(AnymailRequestsAPIError, match=r"Unknown sender domain 'none\.test'"):
        made.send()
    made = message(connection, ["x@good.test"])
    made.esp_extra = {"o:deliverytime": "soon"}
    with pytest.raises(AnymailRequestsAPIError, match="soon is not an RFC-2822 compliant date"):
        made.send()


def test_MG_25_anymail_knows_the_event_by_the_messages_id(
    house: House, connection: Any, receivers: Receivers
) -> None:
    [to] = people("told")
    url = receivers.url("/told")
    house.cli("hook", "add", url, "--form", "mailgun", "--event", "delivered", "--domain", DOMAIN)
    made = message(connection, [to], metadata={"order": "7"}, tags=["told"])
    assert made.send() == 1

    def told() -> Any:
        bodies = [post.body["event-data"] for post in receivers.to("/told")]
        return next((body for body in bodies if body["recipient"] == to), None)

    event = until(told, 20, "a post")
    assert f"<{event['message']['headers']['message-id']}>" == made.anymail_status.message_id
    assert (event["user-variables"], event["tags"]) == ({"order": "7"}, ["told"])
    key = event["storage"]["key"]
    assert event["storage"]["url"] == f"https://api.house.test/v3/domains/{DOMAIN}/messages/{key}"
