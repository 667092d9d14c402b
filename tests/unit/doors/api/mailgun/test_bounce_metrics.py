"""Mailgun's call about bounce classification, over events that happened and counters that they made."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from posthouse.doors.api import walking
from posthouse.model.event import Event, EventKind
from posthouse.store import events
from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Reply

HERE = "/v2/bounce-classification/metrics"
DAY = 86_400.0
SECOND = "mail.shop.test"
ALL = [
    "critical_bounce_count",
    "non_critical_bounce_count",
    "critical_delay_count",
    "non_critical_delay_count",
    "delivered_smtp_count",
    "classified_failures_count",
    "critical_bounce_rate",
    "non_critical_bounce_rate",
    "critical_delay_rate",
    "non_critical_delay_rate",
]


async def ask(api: Api, **body: Any) -> Reply:
    return await api.call("POST", HERE, basic=body.pop("basic", api.full), json=body)


async def items(api: Api, **body: Any) -> list[dict[str, Any]]:
    reply = await ask(api, **body)
    assert reply.status == 200, reply.text
    return list(reply.json()["items"])


async def note(api: Api, kind: EventKind, to: str = "bob@gmail.com", times: int = 1, **data: Any) -> None:
    domain, account = data.pop("domain", DOMAIN), data.pop("account", api.account_id)
    made = [
        Event(api.ids.new(), kind, api.clock.now(), account, domain, "m", f"{api.ids.new()}.0", to, data)
        for _ in range(times)
    ]
    await api.write(events.append, made)


async def happen(api: Api) -> None:
    """A day with mail to two providers from two domains, and a letter of the day after."""
    news = {"tags": ["news", "spring"], "source": "192.0.2.1"}
    await note(api, EventKind.DELIVERED, times=10, **news)
    await note(api, EventKind.DELIVERED, "ann@yahoo.com", times=4, domain=SECOND, source="192.0.2.2")
    await note(api, EventKind.FAILED, reason="policy-block", **news)
    await note(api, EventKind.FAILED, times=2, reason="bad-mailbox", **news)
    await note(api, EventKind.BOUNCED, reason="mailbox-full")
    await note(api, EventKind.DEFERRED, times=3, reason="greylisted", **news)
    await note(api, EventKind.DEFERRED, "ann@yahoo.com", reason="spam-content", domain=SECOND)
    await note(api, EventKind.FAILED, reason="bad-mailbox", is_notice=True)
    await note(api, EventKind.FAILED, reason="bad-mailbox", account=api.other_id, domain=OTHER_DOMAIN)
    api.clock.advance(DAY)
    await note(api, EventKind.FAILED, "eve@there.test", reason="bad-mailbox", source="192.0.2.2")
    await api.fold()


async def test_MG_26_failures_are_told_by_provider_and_domain_as_the_programs_show(api: Api) -> None:
    await happen(api)
    dimensions = ["entity-name", "domain.name"]
    pagination = {"sort": "entity-name:asc", "limit": 10}
    reply = await ask(
        api,
        duration="48h0m0s",
        resolution="day",
        dimensions=dimensions,
        metrics=ALL,
        pagination=pagination,
        include_subaccounts=True,
    )
    told = reply.json()
    assert [(item["entity-name"], item["domain.name"]) for item in told["items"]] == [
        ("Gmail", DOMAIN),
        ("Other", DOMAIN),
        ("Yahoo", SECOND),
    ]
    assert told["items"][0]["metrics"] == {
        "critical_bounce_count": 1,
        "non_critical_bounce_count": 3,
        "critical_delay_count": 0,
        "non_critical_delay_count": 3,
        "delivered_smtp_count": 10,
        "classified_failures_count": 7,
        "critical_bounce_rate": 10.0,
        "non_critical_bounce_rate": 30.0,
        "critical_delay_rate": 0.0,
        "non_critical_delay_rate": 30.0,
    }
    assert told["items"][1]["metrics"]["non_critical_bounce_rate"] == 0, "nothing was delivered there"
    assert told["pagination"] == {"sort": "entity-name:asc", "skip": 0, "limit": 10, "total": 3}
    assert (told["resolution"], told["duration"], told["dimensions"]) == ("day", "48h0m0s", dimensions)
    assert told["items"][0]["tag"] is None
    since, until = parsedate_to_datetime(told["start"]), parsedate_to_datetime(told["end"])
    assert (until - since).days == 2 and told["start"].endswith(" +0000")


BY: dict[str, tuple[list[str], dict[tuple[str, ...], tuple[int, int]]]] = {
    "domain": (["domain.name"], {(DOMAIN,): (8, 10), (SECOND,): (1, 4)}),
    "tag": (["tag"], {("",): (3, 0), ("news",): (6, 10), ("spring",): (6, 10)}),
    "sending address": (
        ["envelope.sending-ip"], {("",): (2, 0), ("192.0.2.1",): (6, 10), ("192.0.2.2",): (1, 4)},
    ),
    "both tags": (["tags"], {("",): (3, 4), ("news, spring",): (6, 10)}),
    "recipient's domain": (
        ["recipient-domain"], {("gmail.com",): (7, 10), ("there.test",): (1, 0), ("yahoo.com",): (1, 4)},
    ),
    "category": (
        ["category"],
        {("BOUNCE",): (3, 14), ("ESPBLOCK",): (2, 14), ("GENERIC",): (1, 14), ("GREYLISTED",): (3, 14)},
    ),
    "criticality and severity": (
        ["criticality", "severity"],
        {("CRITICAL", "PERMANENT"): (1, 14), ("CRITICAL", "TEMPORARY"): (1, 14),
         ("NON-CRITICAL", "PERMANENT"): (4, 14), ("NON-CRITICAL", "TEMPORARY"): (3, 14)},
    ),
    "domain and reason": (
        ["domain.name", "group-id"],
        {(DOMAIN, "bad-mailbox"): (3, 10), (DOMAIN, "greylisted"): (3, 10), (DOMAIN, "mailbox-full"): (1, 10),
         (DOMAIN, "policy-block"): (1, 10), (SECOND, "spam-content"): (1, 4)},
    ),
    "account": (["account.name"], {("",): (9, 14)}),
}  # fmt: skip


@pytest.mark.parametrize(("dimensions", "wanted"), BY.values(), ids=BY)
async def test_MG_26_failures_and_deliveries_are_counted_by_each_dimension(
    api: Api, dimensions: list[str], wanted: dict[tuple[str, ...], tuple[int, int]]
) -> None:
    """By counters where they have it, by the log where not."""
    await api.add_domain(SECOND)
    await happen(api)
    names = ["classified_failures_count", "delivered_smtp_count"]
    found = await items(api, dimensions=dimensions, metrics=names)
    assert {
        tuple(item[name] for name in dimensions): tuple(item["metrics"][name] for name in names)
        for item in found
    } == wanted


@pytest.mark.parametrize(
    ("attribute", "comparator", "value", "count", "delivered"),
    [
        ("domain.name", "=", SECOND, 1, 4),
        ("domain.name", "!=", SECOND, 8, 10),
        ("domain.name", "=", OTHER_DOMAIN, 0, 0),
        ("tag", "=", "News", 6, 10),
        ("criticality", "=", "CRITICAL", 2, 14),
        ("recipient-domain", "contains", "yahoo", 1, 4),
        ("entity-name", "not contains", "Gmail", 2, 4),
        ("envelope.sending-ip", "=", "192.0.2.1", 6, 10),
    ],
)
async def test_MG_26_failures_and_deliveries_are_filtered_by_what_events_have(
    api: Api, attribute: str, comparator: str, value: str, count: int, delivered: int
) -> None:
    await api.add_domain(SECOND)
    await happen(api)
    test = {"attribute": attribute, "comparator": comparator, "values": [{"label": value, "value": value}]}
    names = ["classified_failures_count", "delivered_smtp_count"]
    found = await items(api, dimensions=["account.name"], metrics=names, filter={"AND": [test]})
    assert [[item["metrics"][name] for name in names] for item in found] == [[count, delivered]] * bool(count)


async def test_MG_26_failures_come_day_by_day_or_hour_by_hour_in_pages(any_api: Api) -> None:
    api = any_api
    await happen(api)
    body: dict[str, Any] = {"dimensions": ["timestamp"], "metrics": ["classified_failures_count"]}
    days = await items(api, **body, pagination={"sort": "timestamp:desc"})
    assert [item["metrics"]["classified_failures_count"] for item in days] == [1, 8]
    assert all(" 00:00:00 +0000" in item["timestamp"] for item in days)
    (only,) = await items(api, **body, pagination={"limit": 1, "skip": 1})
    assert only == days[0]
    hours = await items(api, **body, resolution="hour", duration="30h")
    assert [item["metrics"]["classified_failures_count"] for item in hours] == [8, 1]
    (today,) = await items(api, **body, resolution="hour", duration="60m")
    assert today == hours[1]
    sort = {"sort": "classified_failures_count:desc"}
    assert await items(api, **body, pagination=sort) == days[::-1]


async def test_MG_26_deliveries_come_from_counters_where_they_have_the_dimensions(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_AT_ONCE", "_MOST"):
        monkeypatch.setattr(walking, name, 10)
    await note(api, EventKind.DELIVERED, times=30)
    await note(api, EventKind.FAILED, reason="bad-mailbox")
    await api.fold()
    (item,) = await items(api, dimensions=["domain.name"], metrics=ALL)
    assert item["metrics"]["delivered_smtp_count"] == 30
    (item,) = await items(api, dimensions=["entity-name"], metrics=["classified_failures_count"])
    assert item["metrics"] == {"classified_failures_count": 1}
    refused = await ask(api, dimensions=["entity-name"], metrics=ALL)
    assert refused.status == 400
    assert "too many deliveries in this time to count them by entity-name" in refused.json()["message"]
    await note(api, EventKind.FAILED, times=10, reason="bad-mailbox")
    refused = await ask(api, dimensions=["domain.name"], metrics=ALL)
    assert (refused.status, "too many failures" in refused.json()["message"]) == (400, True)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"dimensions": ["envelope.i-ip-pool-name"]}, "'envelope.i-ip-pool-name' is not counted"),
        ({"dimensions": ["tag", "tags"]}, "the dimension 'tags' is not compatible with 'tag'"),
        ({"metrics": ["opened_count"]}, "the metric 'opened_count' is not known"),
        ({"resolution": "month"}, "'resolution' parameter is not valid"),
        ({"duration": "7d"}, "'duration' parameter is not valid"),
        ({"start": "soon"}, "'start' parameter is not valid"),
        ({"pagination": {"sort": "tag:asc"}}, "cannot sort by 'tag:asc'"),
        ({"filter": {"AND": [{"attribute": "color", "values": ["red"]}]}}, "the dimension 'color'"),
        ({"filter": {"OR": []}}, "'filter' has a list AND"),
    ],
)  # fmt: skip
async def test_MG_26_a_call_about_bounces_that_cannot_be_is_refused(
    api: Api, body: dict[str, Any], text: str
) -> None:
    reply = await ask(api, **body)
    assert (reply.status, text in reply.json()["message"]) == (400, True), reply.text


async def test_MG_26_a_form_with_a_time_alone_will_do(api: Api) -> None:
    reply = await api.call("POST", HERE, basic=api.full, form={"start": 0, "end": 100})
    assert (reply.status, reply.json()["items"]) == (200, [])
    small = await api.issue(["events.read"], dialect="native")
    assert (await ask(api, basic=small)).status == 403
