"""Mailgun's calls that let DKIM keys rotate (`/v1/dkim_management`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from posthouse.desk import domains, published
from posthouse.model.account import KeyState
from posthouse.rules.records import dkim_record
from posthouse.store import identity
from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Reply

NEW = "new.test"
HERE = "/v1/dkim_management/domains"


async def call(api: Api, method: str, path: str, **more: Any) -> Reply:
    return await api.call(method, f"{HERE}/{path}", **({"basic": api.full} | more))


def refusal(reply: Reply, status: int) -> str:
    """Programs look for the text under either name."""
    said = reply.json()
    assert reply.status == status and said["message"] == said["Reason"], reply.text
    return str(said["message"])


async def states(api: Api, name: str) -> dict[str, str]:
    _, keys = await api.read(domains.load, api.account_id, name)
    return {key.selector: key.state.value for key in keys}


async def publish(api: Api, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let DNS show the records of all keys that the domain has now."""
    domain, keys = await api.read(domains.load, api.account_id, name)
    known = {record.name: [record.value] for record in (dkim_record(domain, key) for key in keys)}

    def texts_at(at: str, servers: Sequence[Any]) -> list[str]:
        return known.get(at, [])

    monkeypatch.setattr(published, "texts_at", texts_at)


@pytest.fixture
async def twice(api: Api) -> Api:
    """With a domain that has a key that signs and one that stands by."""
    assert (await api.call("POST", "/v4/domains", basic=api.full, form={"name": NEW})).status == 200
    return api


async def test_MG_26_a_rotation_lets_the_key_that_stands_by_sign_once_dns_shows_it(
    twice: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = refusal(await call(twice, "POST", f"{NEW}/rotate"), 400)
    assert waits == "only domains in enabled can rotate their keys. Current state: wait_verify"
    await twice.write(identity.set_verified, NEW, twice.clock.now())
    monkeypatch.setattr(published, "texts_at", lambda name, servers: [])
    assert "DNS has nothing at ph2._domainkey" in refusal(await call(twice, "POST", f"{NEW}/rotate"), 400)
    assert await states(twice, NEW) == {"ph1": KeyState.ACTIVE, "ph2": KeyState.STANDBY}
    await publish(twice, monkeypatch, NEW)
    done = await call(twice, "POST", f"{NEW}/rotate", json={})
    assert (done.status, done.json()) == (200, {"message": "ok"})
    assert await states(twice, NEW) == {"ph1": KeyState.RETIRING, "ph2": KeyState.ACTIVE}
    again = refusal(await call(twice, "POST", f"{NEW}/rotate"), 400)
    assert again == f"{NEW} has no key that stands by: add one and publish its record first"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"rotation_enabled": "true", "rotation_interval": "5d"}, "does not rotate DKIM keys by itself"),
        ({"rotation_enabled": "true"}, f"then POST {HERE}/{NEW}/rotate"),
        ({"rotation_enabled": "false", "rotation_interval": "5d"}, "rotation_interval is not allowed unless"),
    ],
    ids=["every five days", "by itself", "an interval of nothing"],
)
async def test_MG_26_a_rotation_by_itself_is_refused_and_says_why(
    twice: Api, form: dict[str, str], text: str
) -> None:
    assert text in refusal(await call(twice, "PUT", f"{NEW}/rotation", form=form, multipart=True), 400)


async def test_MG_26_that_keys_do_not_rotate_by_themselves_is_confirmed_with_the_records(twice: Api) -> None:
    reply = await call(twice, "PUT", f"{NEW}/rotation", form={"rotation_enabled": "false"}, multipart=True)
    domain = reply.json()["domain"]
    assert (domain["name"], domain["state"], domain["active_selector"]) == (NEW, "wait_verify", "ph1")
    assert (domain["rotation_enabled"], domain["rotation_interval"]) == ("false", "")
    names = {record["name"]: record["comment"] for record in domain["records"]}
    assert names[f"ph1._domainkey.{NEW}"] == "Signs mail"
    assert names[f"ph2._domainkey.{NEW}"].startswith("Stands by")
    assert {(record["type"], record["identifier"]) for record in domain["records"]} == {("TXT", "DKIM")}
    for form in ({}, {"rotation_enabled": ""}, {"rotation_enabled": "soon"}):
        assert (await call(twice, "PUT", f"{NEW}/rotation", form=form)).status == 400


@pytest.mark.parametrize("name", [OTHER_DOMAIN, "none.test"])
async def test_S20_keys_of_another_account_rotate_as_little_as_those_that_do_not_exist(
    api: Api, name: str
) -> None:
    for method, path in (("POST", "rotate"), ("PUT", "rotation")):
        reply = await call(api, method, f"{name}/{path}", form={"rotation_enabled": "false"})
        assert (reply.status, reply.json()) == (
            404,
            {"message": "Domain not found", "Description": "domain not found"},
        )
    small = await api.issue(["domains.read"], dialect="native")
    assert (await call(api, "POST", f"{DOMAIN}/rotate", basic=small)).status == 403
