"""SendGrid's activity as a CSV file: asked for, linked, read without a key (sendgrid.md 3.13)."""

from __future__ import annotations

import csv
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from posthouse.desk import keys
from posthouse.model.account import CredentialKind
from posthouse.model.event import EventKind
from unit.doors.api.calling import Api, Key
from unit.doors.api.sendgrid.test_sendgrid_activity import send, then

HERE = "/v3/messages/download"
ABSENT = {"errors": [{"message": "resource not found", "field": None}]}


async def asked(api: Api, query: str = "", key: Key | None = None) -> str:
    reply = await api.call("POST", f"{HERE}?{urlencode({'query': query})}", key=key or api.full)
    assert (reply.status, reply.json()["status"]) == (202, "pending"), reply.text
    return str(reply.json()["download_uuid"])


async def link(api: Api, id: str, key: Key | None = None) -> str:
    reply = await api.call("GET", f"{HERE}/{id}", key=key or api.full)
    assert reply.status == 200, reply.text
    return urlsplit(reply.json()["presigned_url"]).path


async def lines(api: Api, path: str) -> list[dict[str, Any]]:
    reply = await api.call("GET", path)
    assert reply.status == 200, reply.text
    assert reply.headers["content-type"].startswith("text/csv")
    assert "activity.csv" in reply.headers["content-disposition"]
    return list(csv.DictReader(reply.text.splitlines()))


async def test_SG_11_the_activity_is_read_as_a_file_without_a_key(any_api: Api) -> None:
    api = any_api
    await send(api, "ann@there.test", categories=["News"], custom_args={"order": "17"})
    await send(api, "bob@there.test", subject="=1+1")
    await then(api, "ann@there.test", EventKind.FAILED, code=550, text="No such user", reason="bad-mailbox")
    path = await link(api, await asked(api))
    found = await lines(api, path)
    assert [(row["email"], row["event"]) for row in found] == [
        ("bob@there.test", "processed"),
        ("ann@there.test", "processed"),
        ("ann@there.test", "bounced"),
    ]
    assert found[0]["subject"] == "'=1+1", "nothing runs as a formula"
    assert (found[2]["categories"], found[2]["unique_args"]) == ("News", '{"order":"17"}')
    assert "No such user" in found[2]["reason"] and found[2]["type"] == "hard"
    only = await lines(api, await link(api, await asked(api, 'to_email="bob@there.test"')))
    assert [row["email"] for row in only] == ["bob@there.test"]
    assert (await api.call("HEAD", path)).body == b""


async def test_SG_11_a_long_activity_comes_whole(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from posthouse.doors.api.sendgrid import activity_csv

    monkeypatch.setattr(activity_csv, "_AT_ONCE", 2)
    for number in range(5):
        await send(api, f"u{number}@there.test")
    found = await lines(api, await link(api, await asked(api)))
    assert [row["email"] for row in found] == [f"u{number}@there.test" for number in (4, 3, 2, 1, 0)]


async def test_SG_11_a_link_ends_after_three_days_and_with_its_key(api: Api) -> None:
    key = await api.issue(("events.read",))
    id = await asked(api, key=key)
    path = await link(api, id)
    api.clock.advance(3 * 86400 - 1)
    assert (await api.call("GET", path)).status == 200
    api.clock.advance(1)
    for late, secret in ((path, None), (f"{HERE}/{id}", api.full)):
        reply = await api.call("GET", late, key=secret or "")
        assert (reply.status, reply.json()) == (404, ABSENT)
    path = await link(api, await asked(api, key=key))
    kind = CredentialKind.API_KEY
    await api.write(keys.revoke, api.clock.now(), account_id=api.account_id, kind=kind, id=key.id)
    await api.all_parts.identity.refresh(api.store)
    assert (await api.call("GET", path)).json() == ABSENT


async def test_S20_another_accounts_file_and_a_made_up_link_are_not_there(api: Api) -> None:
    id = await asked(api, key=api.others)
    for method, path, key in (
        ("GET", f"{HERE}/{id}", api.full),
        ("GET", f"{HERE}/nothing", api.full),
        ("GET", f"{HERE}/{id[:-2]}AA", api.others),
        ("GET", f"{HERE}/{'A' * 5000}/activity.csv", ""),
        ("GET", f"{HERE}/{id[:-2]}AA/activity.csv", ""),
    ):
        reply = await api.call(method, path, key=key)
        assert (reply.status, reply.json()) == (404, ABSENT)


async def test_SG_11_a_file_of_what_no_query_says_is_refused(api: Api) -> None:
    reply = await api.call("POST", f"{HERE}?{urlencode({'query': 'bad_field=1'})}", key=api.full)
    assert reply.status == 400
    assert "'bad_field' is not a known field" in reply.json()["errors"][0]["message"]
    assert (await api.call("POST", HERE, key=api.sending)).status == 403
