"""SendGrid's calls about bounces by classification and by receiving domain (sendgrid.md 3.12)."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import quote

import pytest

from posthouse.model.event import Event, EventKind
from posthouse.store import events
from unit.doors.api.calling import DOMAIN, Api, Reply

HERE = "/v3/suppression/bounces/classifications"


async def get(api: Api, path: str = "", **more: Any) -> Reply:
    return await api.call("GET", HERE + path, **({"key": api.full} | more))


async def bounced(
    api: Api, domain: str, reason: str, kind: EventKind = EventKind.FAILED, **more: Any
) -> None:
    data = {"reason": reason, "code": 550, **more}
    at, id, account_id = api.clock.now(), api.ids.new(), more.pop("account_id", api.account_id)
    event = Event(id, kind, at, account_id, DOMAIN, "m", f"m.{id}", f"ann@{domain}", data)
    await api.write(events.append, [event])


def day(api: Api) -> str:
    return dt.datetime.fromtimestamp(api.clock.now(), dt.UTC).date().isoformat()


async def happen(api: Api) -> tuple[str, str]:
    first = day(api)
    for domain, reason in (
        ("there.test", "bad-mailbox"), ("there.test", "bad-mailbox"), ("here.test", "bad-mailbox"),
        ("there.test", "spam-content"), ("there.test", "no-mx-said"),
    ):  # fmt: skip
        await bounced(api, domain, reason)
    await bounced(api, "there.test", "mailbox-full", EventKind.BOUNCED)
    await bounced(api, "there.test", "bad-mailbox", is_notice=True)
    await bounced(api, "there.test", "bad-mailbox", account_id=api.other_id)
    await bounced(api, "there.test", "rate-limited", EventKind.DEFERRED)
    api.clock.advance(86400)
    await bounced(api, "there.test", "spam-content")
    return first, day(api)


async def test_SG_11_bounces_are_counted_by_class_and_day_the_most_frequent_first(any_api: Api) -> None:
    api = any_api
    first, second = await happen(api)
    found = (await get(api, f"?start_date={first}")).json()["result"]
    assert [each["date"] for each in found] == [first, second]
    assert found[0]["stats"] == [
        {"classification": "Invalid Address", "count": 3},
        {"classification": "Content", "count": 1},
        {"classification": "Mailbox Unavailable", "count": 1},
        {"classification": "Technical Failure", "count": 1},
    ]
    assert found[1]["stats"] == [{"classification": "Content", "count": 1}]
    usual = (await get(api)).json()["result"]
    assert len(usual) == 30 and usual[-2:] == found
    (only,) = (await get(api, f"?start_date={first}&end_date={first}")).json()["result"]
    assert only == found[0]


async def test_SG_11_the_bounces_of_one_class_are_counted_by_receiving_domain(api: Api) -> None:
    first, _ = await happen(api)
    path = quote("/Invalid Address") + f"?start_date={first}"
    found = (await get(api, path)).json()["result"]
    assert [each["stats"] for each in found] == [
        [{"domain": "there.test", "count": 2}, {"domain": "here.test", "count": 1}],
        [],
    ]
    for name in ("Technical Failure", "technical"):
        found = (await get(api, quote(f"/{name}") + f"?start_date={first}")).json()["result"]
        assert found[0]["stats"] == [{"domain": "there.test", "count": 1}]


async def test_SG_11_bounces_by_class_come_as_csv_where_that_is_wanted(api: Api) -> None:
    first, second = await happen(api)
    reply = await get(api, f"?start_date={first}", headers={"Accept": "text/csv"})
    assert reply.headers["content-type"].startswith("text/csv")
    assert reply.text.splitlines() == [
        "date,classification,count",
        f"{first},Invalid Address,3",
        f"{first},Content,1",
        f"{first},Mailbox Unavailable,1",
        f"{first},Technical Failure,1",
        f"{second},Content,1",
    ]


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/Bad%20Luck", "classification must be one of Invalid Address, Technical Failure"),
        ("?start_date=yesterday", "start_date must be a date"),
        ("?start_date=2024-02-02&end_date=2024-02-01", "must not be later"),
        ("?start_date=2020-01-01&end_date=2024-02-01", "the period is too long"),
    ],
)
async def test_SG_11_a_call_about_classes_that_cannot_be_is_refused(api: Api, path: str, part: str) -> None:
    reply = await get(api, path)
    assert reply.status == 400 and part in reply.json()["errors"][0]["message"]
