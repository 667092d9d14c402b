"""S20: by our own API another account's things are answered exactly like things that do not exist."""

from __future__ import annotations

import re
from typing import Any

import pytest

from posthouse.doors.api.native.endpoint import NativeEndpoint
from posthouse.doors.api.native.table import ENDPOINTS
from unit.doors.api.calling import DOMAIN, Api
from unit.doors.api.native.test_native_messages import sent

V1 = "/posthouse/v1"
BODIES: dict[str, Any] = {
    "activate_version": {"version": "initial"},
    "redeliver": {"since": "1h"},
    "put_pool": {"ips": []},
    "set_contact": {"time_zone": "Europe/Berlin"},
    "store_version": {"html": "x"},
    "install_certificate": {"chain": "x", "key": "x"},
}
NAMED = [each for each in ENDPOINTS if "{" in each.path and each.name != "make_hook_key"]


async def furnished(api: Api) -> dict[str, str]:
    """One thing of each kind that a path names, of the usual account."""

    async def made(path: str, json: Any) -> Any:
        reply = await api.call("POST", V1 + path, key=api.full, json=json)
        assert reply.status == 201, reply
        return reply.json()

    message = await sent(api, batch="batch1")
    await made("/templates/welcome/versions", {"html": "x"})
    return {
        "message_id": message,
        "domain": DOMAIN,
        "batch_id": "batch1",
        "name": "welcome",
        "hook_id": (await made("/webhooks", {"url": "https://hooks.test/x"}))["id"],
        "number": str((await made("/groups", {"name": "News"}))["number"]),
        "login": (await made("/users", {"login": f"app@{DOMAIN}"}))["login"],
        "id": (await made("/keys", {}))["id"],
        "selector": "ph1",
        "attempt_id": message,
        "delivery_id": f"{message}.0000",
        "address": "127.0.0.5",
        "dialect": "native",
    }


def absent(name: str, real: str) -> str:
    """A name of the same form that nothing has."""
    forms = {"number": "99", "domain": "none.test", "login": "app@none.test", "address": "127.0.0.9"}
    return forms.get(name, real if name == "dialect" else real[:-1] + ("Y" if real[-1] != "Y" else "Z"))


async def said(api: Api, endpoint: NativeEndpoint, names: dict[str, str]) -> tuple[int, str]:
    """What the other account hears, without the names."""
    path = re.sub(r"\{(\w+)\}", lambda match: names[match[1]], endpoint.path)
    body = BODIES.get(endpoint.name, {}) if endpoint.has_body else None
    reply = await api.call(endpoint.method, path, key=api.others, json=body)
    text = reply.text
    for name in re.findall(r"\{(\w+)\}", endpoint.path):
        text = re.sub(rf"\b{re.escape(names[name])}\b", "?", text, flags=re.IGNORECASE)
    return reply.status, re.sub(r'"id":"[^"]*"', "", text)  # of what the call made itself


@pytest.mark.parametrize("endpoint", NAMED, ids=lambda each: f"{each.method} {each.path}")
async def test_S_20_what_is_anothers_is_like_what_is_not_there(api: Api, endpoint: NativeEndpoint) -> None:
    from posthouse.desk import egress

    await api.write(egress.add_ip, api.clock.now(), "127.0.0.5", "", api.account_id)
    real = await furnished(api)
    before = api.accepted_one()
    answers = []
    for names in ({name: absent(name, value) for name, value in real.items()}, real):
        answers.append(await said(api, endpoint, names))
    assert answers[0] == answers[1]
    after = api.accepted_one()
    assert (after.message, after.deliveries) == (before.message, before.deliveries)
