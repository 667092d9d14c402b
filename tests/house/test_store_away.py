"""The store goes away under a running house and under workers that start: nobody is left hanging, nothing is
refused for good (F20)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests

from blank_store import make_database
from crash.postgres import Postgres
from house.house import DOMAIN, House, Houses, letter, unique, until


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """One of this file's own: it is stopped."""
    running = Postgres().start()
    yield running
    with suppress(RuntimeError):  # a test that failed left it stopped
        running.__exit__()


def _status(house: House, path: str, secret: str = "") -> tuple[int, str]:
    """What an address answers, and when to come again."""
    token = b64encode(f"api:{secret}".encode()).decode()
    way = f"Bearer {secret}" if path.startswith("/posthouse/") else f"Basic {token}"
    url = f"http://127.0.0.1:{house.port_http}{path}"
    answer = requests.get(url, headers={"Authorization": way} if secret else {}, timeout=60)
    return answer.status_code, answer.headers.get("Retry-After", "")


def _greeting(house: House, *, is_tls: bool = False) -> str:
    with house.wire(is_tls=is_tls) as wire:
        return wire.greeting[:9]


@pytest.mark.long
def test_F20_while_the_store_is_away_everybody_hears_to_come_again(
    postgres: Postgres, houses: Houses
) -> None:
    store = make_database(postgres.url, postgres.query)
    house = houses.new(store=store, settings={"": {"workers": 1}})  # what one notices, another may not yet
    key = house.cli("key", "add", "--full")["key"]
    with house.wire(signed_in=True) as wire:
        postgres.stop()
        until(lambda: _status(house, "/healthz")[0] == 503, 60, "the house notices")
        wire.send(f"MAIL FROM:<orders@{DOMAIN}>\r\n".encode())
        assert wire.read().startswith("451 4.3.0 ")
    assert _status(house, "/v4/domains", key) == (503, "10")
    assert _status(house, "/posthouse/v1/domains", "unknown")[0] == 503
    assert _status(house, "/sign-in")[0] == 200, "a page that asks no store"
    before = house.workers()
    house.kill_worker()
    until(lambda: house.workers() and not set(house.workers()) & set(before), 60, "another worker")
    assert _greeting(house) == "421 4.3.2"
    assert _greeting(house, is_tls=True) == "421 4.3.2"
    for path in ("/v4/domains", "/posthouse/v1/domains", "/healthz", "/sign-in"):
        assert _status(house, path, key) == (503, "10"), path
    postgres.start()
    until(lambda: _greeting(house)[:3] == "220", 60, "the house opens its doors")
    until(lambda: _status(house, "/v4/domains", key)[0] == 200, 60, "the APIs")
    recipient = f"{unique()}@good.test"
    house.submit(recipient, letter(recipient))
    house.event(recipient, "delivered", seconds=60)
