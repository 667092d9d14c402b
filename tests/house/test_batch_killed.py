"""A personalised batch whose workers are killed on the way arrives whole, each copy its own (F10, F11);
scheduled mail survives a restart."""

from __future__ import annotations

import json
import time

import pytest

from house import copies
from house.conftest import Stores
from house.house import Houses, letter, unique, until

pytestmark = pytest.mark.long

RECIPIENTS = 200


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_MG_18_D_05_a_batch_survives_its_workers(houses: Houses, stores: Stores, engine: str) -> None:
    house = houses.new(store=stores.fresh(engine))
    names = [f"{unique()}@late.test" for _ in range(RECIPIENTS)]
    values = json.dumps({name: {"n": number} for number, name in enumerate(names)})
    fields = [f"X-Mailgun-Recipient-Variables: {values}", "X-Mailgun-Track: yes", "Content-Type: text/html"]
    body = b'<p>number %recipient.n%. <a href="https://a.test/">x</a></p>\r\n'
    house.submit(names, letter(names[0], fields=fields, body=body))
    for share in (10, 60, 120):
        until(lambda share=share: house.counts().get("delivered", 0) >= share, 60, f"{share} copies")
        house.kill_worker()
    until(lambda: house.counts() == {"delivered": RECIPIENTS}, 90, "the whole batch")
    for number, name in enumerate(names):
        for arrival in house.internet.to(name):
            assert f"number {number}." in copies.read(arrival).html


def test_SG_03_MG_14_scheduled_mail_survives_a_restart(houses: Houses) -> None:
    house = houses.new()
    recipient = f"{unique()}@good.test"
    at = int(time.time()) + 4
    wish = json.dumps({"send_at": at})
    house.submit(recipient, letter(recipient, fields=[f"X-SMTPAPI: {wish}"]), auth=house.key())
    house.kill()
    house.start()
    arrival = house.internet.copy(recipient, seconds=30)
    assert house.event(recipient, "delivered")["at"] >= at
    assert b"X-SMTPAPI" not in arrival.content
