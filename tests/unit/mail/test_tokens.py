"""mail.tokens: what a link says, and that nobody else can write one (S17)."""

from __future__ import annotations

import base64
import hmac

import pytest

from posthouse.mail.tokens import (
    Links,
    click_data,
    domain_tag,
    old_tag,
    packed,
    read_token,
    verify,
    write_token,
)
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.message import Message, Recipient
from posthouse.rules.plan import deliveries

ID = "01HF000000ABCDEFGHJKMNPQRS"
LINKS = Links(b"k" * 32, "https://email.shop.test", "shop.test")
IDS = {
    "usual": f"{ID}.0000",
    "one octet": f"{ID}.0251",
    "two octets": f"{ID}.0252",
    "many": f"{ID}.999999999",
    "largest id": "7ZZZZZZZZZZZZZZZZZZZZZZZZZ.0001",
    "other form": "m1.252",
    "too few digits": f"{ID}.01",
    "too many digits": f"{ID}.00001",
    "no number": ID,
    "longer number": f"{ID}.1234567890",
    "lower case": f"{ID.lower()}.1",
    "beyond ASCII": "é.1",
}


@pytest.mark.parametrize("delivery_id", IDS.values(), ids=IDS)
def test_a_token_names_its_delivery(delivery_id: str) -> None:
    token = read_token(write_token(b"key", b"tag4", "u", delivery_id, b"group:5"))
    assert token is not None
    assert (token.kind, token.tag, token.delivery_id, token.scope) == ("u", b"tag4", delivery_id, "group:5")
    assert verify(token, b"key")
    assert not verify(token, b"kez")


@pytest.mark.parametrize("delivery_id", ["", "x" * 256])
def test_ids_that_cannot_be_packed(delivery_id: str) -> None:
    with pytest.raises(ValueError, match="255 octets"):
        packed(delivery_id)


@pytest.mark.parametrize("part", ["html", "text"])
def test_a_click_carries_its_destination(part: str) -> None:
    url = "https://a.test/ä?x=1&y=2#z"
    data = click_data(url, 300, part)
    link = LINKS.click(packed(f"{ID}.0007"), data)
    assert link.startswith(b"https://email.shop.test/c/")
    assert len(link) <= LINKS.longest_click(data)
    token = read_token(link.decode().rpartition("/")[2])
    assert token is not None
    assert (token.url, token.index, token.part, token.delivery_id) == (url, 300, part, f"{ID}.0007")
    assert token.tag == domain_tag("shop.test")
    assert verify(token, b"k" * 32)


@pytest.mark.parametrize("kind", ["c", "o", "u"])
def test_both_forms_are_read_and_tell_themselves_apart(kind: str) -> None:
    data = click_data("https://a.test/", 1, "text") if kind == "c" else b"tags"
    for tag in (domain_tag("shop.test"), old_tag("shop.test")):
        token = read_token(write_token(b"key", tag, kind, f"{ID}.0001", data))
        assert token is not None and verify(token, b"key")
        assert (token.kind, token.tag, token.delivery_id, token.data) == (kind, tag, f"{ID}.0001", data)


def test_a_link_of_older_mail_still_works() -> None:
    """As version 0.3 wrote it for shop.test, with this key."""
    octets = b"u" + old_tag("shop.test") + packed(f"{ID}.0003") + b"group:5"
    old = base64.urlsafe_b64encode(octets + hmac.digest(b"key", octets, "sha256")[:16]).rstrip(b"=").decode()
    token = read_token(old)
    assert token is not None and verify(token, b"key")
    assert (token.kind, token.delivery_id, token.scope) == ("u", f"{ID}.0003", "group:5")


@pytest.mark.parametrize(
    ("url", "leads"),
    [
        ("https://a.test", True),
        ("HTTP://a.test", True),
        ("javascript:alert(1)//http://", False),
        ("//a.test", False),
        (" https://a.test", False),
        ("https:/a.test", False),
    ],
)
def test_where_a_click_may_lead(url: str, leads: bool) -> None:
    token = read_token(
        write_token(b"key", domain_tag("a.test"), "c", f"{ID}.0001", click_data(url, 0, "html"))
    )
    assert token is not None and token.leads_to_the_web == leads


def test_the_key_belongs_to_the_domain_and_the_data_to_the_kind() -> None:
    text = write_token(b"key", b"tag4", "o", f"{ID}.0001")
    token = read_token("dQ" + text[2:])  # the kind exchanged
    assert token is None or not verify(token, b"key")


def test_the_addresses_of_open_and_unsubscribe() -> None:
    delivery = packed(f"{ID}.0001")
    assert LINKS.pixel(delivery).startswith("https://email.shop.test/o/")
    assert LINKS.pixel(delivery).endswith(".gif")
    token = read_token(LINKS.unsubscribe(delivery, "tags").rpartition("/")[2])
    assert token is not None
    assert (token.kind, token.scope) == ("u", "tags")
    local, _, domain = LINKS.unsubscribe_email(packed(f"{ID}.999999999")).partition("@")
    assert domain == "shop.test"
    assert len(local) <= 64
    token = read_token(local.removeprefix("u+"))
    assert token is not None
    assert verify(token, b"k" * 32)


GOOD = write_token(b"key", b"tag4", "c", f"{ID}.0001", click_data("https://a.test", 0, "html"))
BAD = {
    "empty": "",
    "too short": GOOD[:20],
    "no base64": "!" * 60,
    "standard alphabet": GOOD.replace("-", "+").replace("_", "/") + "+/+/",
    "padding": GOOD + "=",
    "blank": GOOD[:30] + " " + GOOD[30:],
    "line break": GOOD + "\n",
    "beyond ASCII": GOOD + "é",
    "unknown kind": "eA" + GOOD[2:],
    "far too long": "A" * 20_000,
    "delivery cut off": write_token(b"k", b"tag4", "c", "x" * 200)[:60],
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_no_token(text: str) -> None:
    token = read_token(text)
    assert token is None or not verify(token, b"key")
    if text in (
        BAD["padding"],
        BAD["line break"],
        BAD["blank"],
        BAD["standard alphabet"],
        BAD["unknown kind"],
    ):
        assert token is None


def test_links_do_not_show_their_key() -> None:
    assert "kkkk" not in repr(LINKS)


def test_the_ids_of_deliveries_are_packed_well() -> None:
    id = Ids(FakeClock()).new()
    message = Message(id, "acc", "shop.test", "c", "", "", "", 0, 0.0, 1.0)
    [delivery] = deliveries(message, [Recipient("b@far.test", "far.test")], 0.0)
    assert len(packed(delivery.id)) == 19
