"""Calls that send mail while their worker is killed: the same call again with its Idempotency-Key gets a
proper answer, and there is one letter, whichever side of the commit the worker died on (F2, F3, S29)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from house import books
from house.conftest import Stores
from house.house import DOMAIN, House, Houses, unique, until

pytestmark = pytest.mark.long

SENDER = f"orders@{DOMAIN}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, shared_houses: Houses, stores: Stores) -> House:
    order = shared_houses.folder / unique("order")
    env = {"POSTHOUSE_CRASH_AT": f"@{order}"}
    return shared_houses.new(store=stores.fresh(request.param), env=env)


def _mailgun(house: House) -> dict[str, Any]:
    key = house.cli("key", "add", "--full")["key"]
    return {"url": f"/v3/{DOMAIN}/messages", "auth": ("api", key)}


def _mailpace(house: House) -> dict[str, Any]:
    return {"url": "/api/v1/send", "headers": {"MailPace-Server-Token": house.token().user}}


def _sendgrid(house: House) -> dict[str, Any]:
    return {"url": "/v3/mail/send", "headers": {"Authorization": f"Bearer {house.key().password}"}}


def _native(house: House) -> dict[str, Any]:
    key = house.cli("key", "add", "--native", "--full")["key"]
    return {"url": "/posthouse/v1/messages", "headers": {"Authorization": f"Bearer {key}"}}


def _letter(service: str, to: str) -> dict[str, Any]:
    """The letter as the service wants it."""
    if service == "mailgun":
        return {"data": {"from": SENDER, "to": to, "subject": "Hello", "text": "Hello"}}
    if service == "mailpace":
        return {"json": {"from": SENDER, "to": to, "subject": "Hello", "textbody": "Hello"}}
    if service == "sendgrid":
        person = {"to": [{"email": to}]}
        content = [{"type": "text/plain", "value": "Hello"}]
        about = {"from": {"email": SENDER}, "subject": "Hello", "content": content}
        return {"json": {"personalizations": [person], **about}}
    return {"json": {"from": SENDER, "to": [to], "subject": "Hello", "text": "Hello"}}


CALLS: dict[str, Callable[[House], dict[str, Any]]] = {
    "mailgun": _mailgun,
    "mailpace": _mailpace,
    "native": _native,
    "sendgrid": _sendgrid,
}


def _post(house: House, call: dict[str, Any], content: dict[str, Any], key: str) -> requests.Response:
    headers = {**call.get("headers", {}), "Idempotency-Key": key}
    url = f"http://127.0.0.1:{house.port_http}{call['url']}"
    return requests.post(url, headers=headers, auth=call.get("auth"), timeout=30, **content)


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("point", ["accept.before_commit", "accept.after_commit"])
def test_S29_MG_25_SG_11_MP_04_a_call_killed_at_its_commit_and_made_again_sends_one_letter(
    house: House, service: str, point: str
) -> None:
    to, key, call = f"{unique()}@good.test", unique("key"), CALLS[service](house)
    content, order = _letter(service, to), Path(house.env["POSTHOUSE_CRASH_AT"].removeprefix("@"))
    order.write_text(point)
    with pytest.raises(requests.ConnectionError):
        _post(house, call, content, key)
    house.kills += 1
    assert not order.exists()  # it died there

    def again() -> requests.Response | None:
        try:
            return _post(house, call, content, key)
        except requests.ConnectionError:
            return None  # nobody is back yet

    # `Response` is false where it tells of an error
    answer = until(lambda: [found] if (found := again()) is not None else None, 30, "an answer")[0]
    assert answer.ok, answer.text
    repeated = _post(house, call, content, key)
    assert (repeated.status_code, repeated.content) == (answer.status_code, answer.content)
    house.internet.copy(to, seconds=30)
    house.event(to, "delivered", seconds=30)
    (counted,) = books.rows(house.store, f"select count(*) as n from delivery where recipient = '{to}'")
    assert int(counted["n"]) == 1
    assert len(house.events(to, "accepted")) == 1
    assert len(house.internet.to(to)) == 1
