"""SendGrid's statistics over counters that real events made (sendgrid.md 3.13)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from posthouse.desk import tags
from posthouse.dialects.sendgrid.metrics import METRICS
from posthouse.model.event import Event, EventKind
from posthouse.store import events
from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Reply

DAY = 86_400.0


async def get(api: Api, path: str, key: Any = None, **query: Any) -> Reply:
    return await api.call("GET", f"/v3{path}?{urlencode(query, doseq=True)}", key=key or api.full)


def date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


async def note(api: Api, kind: EventKind, delivery: str = "", **data: Any) -> None:
    number = len(api.rows("select id from event"))
    domain, account = data.pop("domain", DOMAIN), data.pop("account", api.account_id)
    event = Event(
        api.ids.new(), kind, api.clock.now(), account, domain, "", delivery or f"m.{number}",
        "bob@gmail.com", data,
    )  # fmt: skip
    await api.write(events.append, [event])


async def happen(api: Api) -> str:
    """A day with mail, a day without, and today; the date of the first."""
    first = date(api.clock.now())
    for _ in range(6):
        await note(api, EventKind.ACCEPTED, tags=["news"])
    await note(api, EventKind.DEFERRED, reason="greylisted", tags=["news"])
    for _ in range(2):
        await note(api, EventKind.DELIVERED, attempt=1, tags=["news"])
    await note(api, EventKind.FAILED, reason="bad-mailbox", tags=["news"])
    await note(api, EventKind.FAILED, reason="mailbox-full", tags=["news"])
    for reason in ("bounce", "complaint", "unsubscribe", "invalid"):
        await note(api, EventKind.DROPPED, reason=f"suppress-{reason}", tags=["news"])
    for _ in range(2):
        await note(api, EventKind.OPENED, "m.7", tags=["news"])
        await note(api, EventKind.CLICKED, "m.7", tags=["news"])
    await note(api, EventKind.COMPLAINED, "m.7", tags=["news"])
    await note(api, EventKind.UNSUBSCRIBED, "m.7", tags=["news"])
    await note(api, EventKind.ACCEPTED, account=api.other_id, domain=OTHER_DOMAIN, tags=["secret"])
    api.clock.advance(2 * DAY)
    for name in ("alpha", "alpha", "beta"):
        await note(api, EventKind.ACCEPTED, tags=[name])
        await note(api, EventKind.DELIVERED, tags=[name])
    await api.fold()
    return first


FIRST_DAY = {
    "blocks": 1,
    "bounce_drops": 1,
    "bounces": 1,
    "clicks": 2,
    "deferred": 1,
    "delivered": 2,
    "invalid_emails": 1,
    "opens": 2,
    "processed": 2,
    "requests": 6,
    "spam_report_drops": 1,
    "spam_reports": 1,
    "unique_clicks": 1,
    "unique_opens": 1,
    "unsubscribe_drops": 1,
    "unsubscribes": 1,
}
NONE = dict.fromkeys(METRICS, 0)


async def test_each_day_has_all_figures_and_days_without_mail_are_there(api: Api) -> None:
    first = await happen(api)
    reply = await get(api, "/stats", start_date=first)
    now = api.clock.now()
    assert reply.json() == [
        {"date": first, "stats": [{"metrics": FIRST_DAY}]},
        {"date": date(now - DAY), "stats": [{"metrics": NONE}]},
        {"date": date(now), "stats": [{"metrics": NONE | {"delivered": 3, "processed": 3, "requests": 3}}]},
    ]
    assert sorted(FIRST_DAY) == list(METRICS)


async def test_limit_and_offset_are_of_days(api: Api) -> None:
    first = await happen(api)
    days = (await get(api, "/stats", start_date=first, limit=1, offset=2)).json()
    assert [day["date"] for day in days] == [date(api.clock.now())]
    assert days[0]["stats"][0]["metrics"]["requests"] == 3
    assert (await get(api, "/stats", start_date=first, limit=1, offset=3)).json() == []
    century = (await get(api, "/stats", start_date="1970-01-01", end_date="2040-01-01")).json()
    assert len(century) == 500 and century[0]["date"] == "1970-01-01"


@pytest.mark.parametrize("span", ["week", "month"])
async def test_weeks_and_months_are_whole(api: Api, span: str) -> None:
    first = await happen(api)
    days = (await get(api, "/stats", start_date=first, aggregated_by=span)).json()
    assert sum(day["stats"][0]["metrics"]["requests"] for day in days) == 9
    assert days[0]["date"] <= first and len(days) <= 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "start_date"),
        ({"start_date": "yesterday"}, "start_date"),
        ({"start_date": "2026-02-30"}, "start_date"),
        ({"start_date": "1969-12-31"}, "start_date"),
        ({"start_date": "9999-12-31"}, "start_date"),
        ({"start_date": "٢٠٢٦-01-01"}, "start_date"),
        ({"start_date": "1970-01-01", "end_date": "9999-12-31"}, "start_date"),
        ({"start_date": "2020-01-01", "end_date": "2020-1-2"}, "end_date"),
        ({"start_date": "2020-01-01", "aggregated_by": "hour"}, "aggregated_by"),
        ({"start_date": "2020-01-01", "limit": "-1"}, "limit"),
    ],
)
@pytest.mark.parametrize("path", ["/stats", "/browsers/stats"])
async def test_what_is_no_period_is_said_by_field(
    api: Api, path: str, query: dict[str, str], field: str
) -> None:
    reply = await get(api, path, **query)
    assert (reply.status, reply.json()["errors"][0]["field"]) == (400, field)


# Categories


async def test_categories_are_the_tags_by_name(api: Api) -> None:
    await happen(api)
    names = [each["category"] for each in (await get(api, "/categories")).json()]
    assert names == ["alpha", "beta", "news"]
    page = await get(api, "/categories", limit=1, offset=1)
    assert page.json() == [{"category": "beta"}]
    assert (await get(api, "/categories", category="ne")).json() == [{"category": "news"}]
    bad = await get(api, "/categories", sort_by="size")
    assert (bad.status, bad.json()["errors"][0]["message"]) == (400, "invalid sort value")


async def test_categories_have_figures_by_day(api: Api) -> None:
    first = await happen(api)
    days = (await get(api, "/categories/stats", start_date=first, categories=["news", "nobody"])).json()
    assert days[0]["stats"] == [
        {"type": "category", "name": "news", "metrics": FIRST_DAY},
        {"type": "category", "name": "nobody", "metrics": NONE},
    ]
    assert len(days) == 3
    for wanted in ([], [str(number) for number in range(11)], ["x" * 256]):
        reply = await get(api, "/categories/stats", start_date=first, categories=wanted)
        assert (reply.status, reply.json()["errors"][0]["field"]) == (400, "categories")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["alpha", "news", "beta"]),
        ({"sort_by_metric": "requests"}, ["news", "alpha", "beta"]),
        ({"sort_by_metric": "blocks"}, ["news", "alpha", "beta"]),
        ({"sort_by_metric": "bounces", "sort_by_direction": "asc"}, ["alpha", "beta", "news"]),
        ({"limit": 1, "offset": 1}, ["news"]),
    ],
)
async def test_sums_are_in_the_order_of_a_figure(api: Api, query: dict[str, Any], names: list[str]) -> None:
    first = await happen(api)
    reply = (await get(api, "/categories/stats/sums", start_date=first, **query)).json()
    assert reply["date"] == first
    assert [each["name"] for each in reply["stats"]] == names
    news = next(each for each in reply["stats"] if each["name"] == "news")
    assert news == {"type": "category", "name": "news", "metrics": FIRST_DAY}


@pytest.mark.parametrize("query", [{"sort_by_metric": "size"}, {"sort_by_direction": "sideways"}])
async def test_an_unknown_order_is_no_sort_value(api: Api, query: dict[str, str]) -> None:
    reply = await get(api, "/categories/stats/sums", start_date="2020-01-01", **query)
    assert (reply.status, reply.json()["errors"][0]["message"]) == (400, "invalid sort value")


async def test_a_category_that_was_forgotten_is_gone(api: Api) -> None:
    first = await happen(api)
    await api.write(tags.delete_tag, "news", api.clock.now(), account_id=api.account_id)
    assert [each["category"] for each in (await get(api, "/categories")).json()] == ["alpha", "beta"]
    sums = (await get(api, "/categories/stats/sums", start_date=first)).json()
    assert [each["name"] for each in sums["stats"]] == ["alpha", "beta"]


# What is not counted


@pytest.mark.parametrize(
    ("path", "parameter", "type"),
    [
        ("/mailbox_providers/stats", "mailbox_providers", "mailbox_provider"),
        ("/browsers/stats", "browsers", "browser"),
        ("/devices/stats", "devices", "device"),
        ("/clients/stats", "clients", "client"),
        ("/geo/stats", "country", "country"),
    ],
)
async def test_what_is_not_counted_has_days_and_zeros(api: Api, path: str, parameter: str, type: str) -> None:
    first = await happen(api)
    days = (await get(api, path, start_date=first)).json()
    assert [day["stats"] for day in days] == [[], [], []]
    (stat,) = (await get(api, path, start_date=first, **{parameter: "US"})).json()[0]["stats"]
    assert (stat["type"], stat["name"], set(stat["metrics"].values())) == (type, "US", {0})
    assert set(stat["metrics"]) & {"opens", "clicks"}


# Accounts and permissions


async def test_S20_another_accounts_figures_and_categories_are_not_there(api: Api) -> None:
    first = await happen(api)
    theirs = (await get(api, "/stats", key=api.others, start_date=first)).json()
    assert [day["stats"][0]["metrics"]["requests"] for day in theirs] == [1, 0, 0]
    assert (await get(api, "/categories", key=api.others)).json() == [{"category": "secret"}]
    for name in ("secret", "nobody"):
        days = (await get(api, "/categories/stats", start_date=first, categories=name)).json()
        assert all(day["stats"][0]["metrics"] == NONE for day in days)


async def test_statistics_need_their_permission(api: Api) -> None:
    reader = await api.issue(("stats.read",))
    assert (await get(api, "/stats", key=reader, start_date="2020-01-01", limit=1)).status == 200
    for key in (api.sending, api.bound):
        reply = await get(api, "/stats", key=key, start_date="2020-01-01")
        assert (reply.status, reply.json()["errors"][0]["message"]) == (403, "access forbidden")
