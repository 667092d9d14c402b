"""Whose envelope sender a letter leaves with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.mail.return_path import read_return_path
from posthouse.model.account import DEFAULTS, DomainSettings
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.model.options import SendOptions
from posthouse.pipeline.return_paths import ReturnPaths

KEY = b"k" * 32
ID = Ids(FakeClock()).new()
MESSAGE = Message(ID, "acc", "shop.test", "cred", "ann@shop.test", "", "", 1, 0.0, 9.0)
DELIVERY = Delivery(f"{ID}.0001", ID, "acc", "bob@far.test", "far.test", "", DeliveryState.TAKEN, 0.0, 9.0)
KEEPING = {"keeping.test": DomainSettings(return_path="keep")}
PATHS = ReturnPaths(
    KEY,
    lambda domain: "" if domain == "bare.test" else f"return.{domain}",
    lambda domain: KEEPING.get(domain, DEFAULTS),
)


def test_ours_names_the_delivery() -> None:
    local, _, host = PATHS.sender_of(MESSAGE, DELIVERY).rpartition("@")
    assert host == "return.shop.test"
    assert read_return_path(KEY, local) == ("b", DELIVERY.id)


KEPT = {
    "the null sender": replace(MESSAGE, sender=""),
    "a letter of ours": replace(MESSAGE, credential_id=""),
    "an author who wants it": replace(MESSAGE, options=SendOptions(keeps_return_path=True)),
    "a domain that wants it": replace(MESSAGE, domain="keeping.test"),
    "a domain without a return host": replace(MESSAGE, domain="bare.test"),
}


@pytest.mark.parametrize("message", KEPT.values(), ids=KEPT.keys())
def test_the_authors_stays_for(message: Message) -> None:
    assert PATHS.sender_of(message, DELIVERY) == message.sender


def test_the_authors_stays_for_an_id_of_another_form() -> None:
    assert PATHS.sender_of(MESSAGE, replace(DELIVERY, id="m1.0001")) == MESSAGE.sender


def test_an_address_to_unsubscribe_by_mail() -> None:
    local, _, host = PATHS.unsubscribe_address("shop.test", DELIVERY.id).rpartition("@")
    assert (read_return_path(KEY, local), host) == (("u", DELIVERY.id), "return.shop.test")
    assert PATHS.unsubscribe_address("bare.test", DELIVERY.id) == ""
