"""At every door a key makes nothing that is wider than itself or outlives it (S21)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from posthouse.desk.terms import Terms
from unit.doors.api.calling import DOMAIN, Api, Key, Reply

V1 = "/posthouse/v1"
DAY_S = 86400.0


async def maker(api: Api) -> Key:
    """A key that may do everything, for a day, from the network of the tests' client."""
    terms = Terms(ranges=["192.0.2.0/24"], expires_at=api.clock.now() + DAY_S)
    return await api.issue(dialect="native", terms=terms)


async def call(api: Api, key: Key, method: str, path: str, said: dict[str, Any]) -> Reply:
    """As programs of the service of that path do it."""
    if path.startswith("/v3/api_keys"):
        return await api.call(method, path, key=key, json=said)
    if path.startswith(V1):
        return await api.call(method, path, key=key, json=said)
    return await api.call(method, path, basic=key, form=said)


def in_days(api: Api, days: int) -> str:
    return dt.datetime.fromtimestamp(api.clock.now() + days * DAY_S, dt.UTC).isoformat()


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("POST", f"{V1}/keys", {"expires_at": None}),
        ("POST", f"{V1}/keys", {"expires_at": 2}),
        ("POST", f"{V1}/keys", {"ranges": []}),
        ("POST", f"{V1}/tokens", {"domain": DOMAIN, "ranges": ["198.51.100.0/24"]}),
        ("POST", f"{V1}/users", {"login": f"new@{DOMAIN}", "expires_at": None}),
        ("POST", "/v1/keys", {"role": "sending", "expiration": str(int(2 * DAY_S))}),
        ("PATCH", f"{V1}/keys/MAKER", {"expires_at": None}),
        ("PATCH", f"{V1}/keys/MAKER", {"ranges": []}),
        ("POST", f"{V1}/users/app@{DOMAIN}/reset", {}),
        ("PUT", f"/v3/domains/{DOMAIN}/credentials/app", {"password": "quite-long-enough-7"}),
    ],
)
async def test_S21_a_key_that_ends_and_is_for_one_network_makes_none_without_bounds(
    api: Api, method: str, path: str, said: dict[str, Any]
) -> None:
    key = await maker(api)
    await api.all_parts.identity.refresh(api.store)
    assert (await call(api, api.full, "POST", f"{V1}/users", {"login": f"app@{DOMAIN}"})).status == 201
    if said.get("expires_at") == 2:
        said = {**said, "expires_at": in_days(api, 2)}
    reply = await call(api, key, method, path.replace("MAKER", key.id), said)
    assert reply.status == 403 and b"A key cannot give what it does not have: it " in reply.body


@pytest.mark.parametrize(
    ("path", "said", "name"),
    [
        (f"{V1}/keys", {}, "id"),
        ("/v1/keys", {"role": "sending"}, "id"),
        ("/v3/api_keys", {"name": "new", "scopes": ["mail.send"]}, "api_key_id"),
    ],
)
async def test_S21_what_it_makes_ends_with_it_and_is_for_its_network(
    api: Api, path: str, said: dict[str, Any], name: str
) -> None:
    key = await maker(api)
    await api.all_parts.identity.refresh(api.store)
    reply = await call(api, key, "POST", path, said)
    assert reply.status in (200, 201), reply.body
    made = reply.json()
    id = (made.get("key") or made)[name]
    listed = await api.call("GET", f"{V1}/keys?limit=100", key=api.full)
    [row] = [each for each in listed.json()["items"] if each["id"] == id]
    assert row["ranges"] == ["192.0.2.0/24"]
    ends = dt.datetime.fromisoformat(row["expires_at"]).timestamp()
    assert abs(ends - api.clock.now() - DAY_S) < 60
