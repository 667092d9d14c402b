"""Statistics, tags, aggregates, metrics and logs over counters that real events made."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from posthouse.desk import recount
from posthouse.doors.api.mailgun import analytics
from posthouse.model.event import Event, EventKind
from posthouse.store import events
from posthouse.store.engine import connect
from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Reply

DAY = 86_400.0
STATS = f"/v3/{DOMAIN}/stats/total"
TAGS = f"/v3/{DOMAIN}/tags"


async def get(api: Api, path: str, **query: Any) -> Reply:
    return await api.call("GET", f"{path}?{urlencode(query, doseq=True)}" if query else path, basic=api.full)


async def post(api: Api, path: str, body: Any) -> Reply:
    return await api.call("POST", path, basic=api.full, json=body)


async def note(api: Api, kind: EventKind, recipient: str = "bob@gmail.com", **data: Any) -> None:
    number = len(api.rows("select id from event"))
    domain, account = data.pop("domain", DOMAIN), data.pop("account", api.account_id)
    event = Event(
        api.ids.new(), kind, api.clock.now(), account, domain, "", data.pop("delivery", f"m.{number}"),
        recipient, data,
    )  # fmt: skip
    await api.write(events.append, [event])


async def happen(api: Api) -> None:
    """A day with mail, a day without, and today."""
    news = {"tags": ["news", "Spring sale"]}
    for _ in range(4):
        await note(api, EventKind.ACCEPTED, **news)
    await note(api, EventKind.DEFERRED, reason="policy-block", attempt=1)
    await note(api, EventKind.DELIVERED, attempt=1, **news)
    await note(api, EventKind.DELIVERED, attempt=2)
    await note(api, EventKind.FAILED, reason="bad-mailbox")
    await note(api, EventKind.DROPPED, reason="suppress-unsubscribe")
    for _ in range(2):
        await note(
            api,
            EventKind.OPENED,
            delivery="m.9",
            client={"device-type": "mobile"},
            geolocation={"country": "CH"},
            **news,
        )
    await note(api, EventKind.ACCEPTED, account=api.other_id, domain=OTHER_DOMAIN, tags=["secret"])
    api.clock.advance(2 * DAY)
    await note(api, EventKind.ACCEPTED, "ann@yahoo.com", tags=["alpha"])
    await api.fold()


ALL = [
    "accepted",
    "delivered",
    "failed",
    "opened",
    "clicked",
    "unsubscribed",
    "complained",
    "stored",
]


async def test_totals_of_a_domain_day_by_day(api: Api) -> None:
    await happen(api)
    shown = (await get(api, STATS, event=ALL, duration="2d")).json()
    assert (shown["resolution"], shown["description"], len(shown["stats"])) == ("day", "", 3)
    first, empty, last = shown["stats"]
    assert first["time"] == shown["start"] and last["time"] == shown["end"]
    assert first["time"].endswith(" 00:00:00 UTC")
    assert first | {"time": ""} == {
        "time": "",
        "accepted": {"incoming": 0, "outgoing": 4, "total": 4},
        "delivered": {"smtp": 2, "http": 0, "optimized": 0, "total": 2},
        "failed": {
            "temporary": {"espblock": 1, "total": 1},
            "permanent": {
                "bounce": 1,
                "delayed-bounce": 0,
                "suppress-bounce": 0,
                "suppress-unsubscribe": 1,
                "suppress-complaint": 0,
                "optimized": 0,
                "webhook": 0,
                "total": 2,
            },
        },
        "opened": {"total": 2, "unique": 1},
        "clicked": {"total": 0, "unique": 0},
        "unsubscribed": {"total": 0},
        "complained": {"total": 0},
        "stored": {"total": 0},
    }
    assert empty["accepted"]["total"] == 0 and last["accepted"]["total"] == 1


async def test_only_what_was_asked_for_appears(api: Api) -> None:
    await happen(api)
    shown = (await get(api, STATS, event="accepted")).json()
    assert len(shown["stats"]) == 8
    assert all(set(bucket) == {"time", "accepted"} for bucket in shown["stats"])
    account = (await get(api, "/v3/stats/total", event="accepted", resolution="month")).json()
    assert sum(bucket["accepted"]["total"] for bucket in account["stats"]) == 5
    hours = (await get(api, STATS, event="accepted", resolution="hour", duration="3h")).json()
    assert [bucket["accepted"]["total"] for bucket in hours["stats"]] == [0, 0, 0, 1]


REFUSED: dict[str, dict[str, str]] = {
    "no event": {},
    "an unknown event": {"event": "sent"},
    "resolution": {"event": "accepted", "resolution": "minute"},
    "duration": {"event": "accepted", "duration": "soon"},
    "start": {"event": "accepted", "start": "soon"},
    "the wrong way round": {"event": "accepted", "start": "200", "end": "100"},
    "too many hours": {"event": "accepted", "start": "1", "resolution": "hour"},
}


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_asked(api: Api, query: dict[str, str]) -> None:
    reply = await get(api, STATS, **query)
    assert reply.status == 400 and reply.json()["message"]


async def test_tags_are_listed_page_by_page(any_api: Api) -> None:
    api = any_api
    await happen(api)
    names = ["Spring sale", "alpha", "news"]
    reply = (await get(api, TAGS, limit=2)).json()
    assert [item["tag"] for item in reply["items"]] == names[:2]
    assert set(reply["items"][0]) == {"tag", "description", "first-seen", "last-seen"}
    assert reply["items"][0]["first-seen"].endswith(":00:00Z")
    following = await follow(api, reply["paging"]["next"])
    assert [item["tag"] for item in following["items"]] == names[2:]
    assert (await follow(api, following["paging"]["next"]))["items"] == []
    back = await follow(api, following["paging"]["previous"])
    assert [item["tag"] for item in back["items"]] == names[:2]
    last = await follow(api, reply["paging"]["last"])
    assert [item["tag"] for item in last["items"]] == names[1:]
    assert [item["tag"] for item in (await get(api, TAGS, prefix="al")).json()["items"]] == ["alpha"]
    assert [item["tag"] for item in (await get(api, TAGS, prefix="alpha")).json()["items"]] == ["alpha"]


async def follow(api: Api, url: str) -> Any:
    parts = urlsplit(url)
    return (await get(api, f"{parts.path}?{parts.query}")).json()


@pytest.mark.parametrize("form", ["/v3/{domain}/tags/{tag}", "/v3/{domain}/tag?tag={tag}"])
async def test_a_tag_is_described_and_deleted(any_api: Api, form: str) -> None:
    api = any_api
    await happen(api)
    path = form.format(domain=DOMAIN, tag=quote("Spring sale"))
    reply = await api.call("PUT", path, basic=api.full, form={"description": "In April"})
    assert (reply.status, reply.json()) == (200, {"message": "Tag updated"})
    assert (await get(api, path)).json()["description"] == "In April"
    reply = await api.call("DELETE", path, basic=api.full)
    assert (reply.status, reply.json()) == (200, {"message": "Tag deleted"})
    assert (await get(api, path)).json() == {"message": "tag not found"}
    assert [item["tag"] for item in (await get(api, TAGS)).json()["items"]] == ["alpha", "news"]
    assert wrong(api) == []
    api.clock.advance(DAY)
    await note(api, EventKind.ACCEPTED, tags=["Spring sale"])
    await api.fold()
    shown = (await get(api, f"{TAGS}/{quote('Spring sale')}/stats", event="accepted")).json()
    assert [bucket["accepted"]["total"] for bucket in shown["stats"]][-4:] == [0, 0, 0, 1]
    assert wrong(api) == []
    # the mail itself stays counted
    assert (await get(api, STATS, event="delivered", duration="3d")).json()["stats"][0]["delivered"]["total"]


def wrong(api: Api) -> list[recount.Difference]:
    """Counters that differ from the log and are not meant to."""
    with connect(api.url) as conn:
        days = recount.covered_days(conn)
        assert days is not None
        return [each for day in range(days[0], days[1] + 1) for each in recount.differences(conn, day)]


async def test_statistics_of_a_tag(api: Api) -> None:
    await happen(api)
    for path, more in ((f"{TAGS}/news/stats", {}), (f"/v3/{DOMAIN}/tag/stats", {"tag": "news"})):
        shown = (await get(api, path, event=["accepted", "opened"], duration="2d", **more)).json()
        assert shown["tag"] == "news"
        assert shown["stats"][0]["accepted"]["total"] == 4
        assert shown["stats"][0]["opened"] == {"total": 2, "unique": 1}
    assert (await get(api, f"{TAGS}/none/stats", event="accepted")).status == 404


async def test_aggregates(api: Api) -> None:
    await happen(api)
    shown = (await get(api, f"/v3/{DOMAIN}/tag/stats/aggregates", tag="news", type="provider")).json()
    assert shown["tag"] == "news"
    assert shown["provider"]["gmail.com"] == {
        "accepted": 4,
        "delivered": 1,
        "opened": 2,
        "unique_opened": 1,
        "clicked": 0,
        "unique_clicked": 0,
        "unsubscribed": 0,
        "complained": 0,
    }
    devices = (await get(api, f"{TAGS}/news/stats/aggregates/devices")).json()["device"]
    assert devices["mobile"]["opened"] == 2
    countries = (await get(api, f"{TAGS}/news/stats/aggregates/countries")).json()["country"]
    assert list(countries) == ["CH"]
    of_domain = (await get(api, f"/v3/{DOMAIN}/aggregates/providers")).json()["providers"]
    assert set(of_domain) == {"gmail.com", "yahoo.com"}
    assert (await get(api, f"/v3/{DOMAIN}/aggregates/browsers")).status == 404


async def test_how_many_tags_there_may_be(api: Api) -> None:
    await happen(api)
    shown = (await get(api, f"/v3/domains/{DOMAIN}/limits/tag")).json()
    assert (shown["limit"], shown["count"]) == (20_000, 3)
    assert (await get(api, "/v1/analytics/tags/limits")).json() == {
        "limit": 20_000,
        "count": 3,
        "limit_reached": False,
    }


# v1

METRICS = "/v1/analytics/metrics"


def of(attribute: str, *values: str, comparator: str = "=") -> dict[str, Any]:
    listed = [{"label": value, "value": value} for value in values]
    return {"attribute": attribute, "comparator": comparator, "values": listed}


async def test_metrics_of_too_many_names_and_times_are_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happen(api)
    monkeypatch.setattr(analytics, "_MOST_GROUPS", 6)
    asked = {"resolution": "day", "duration": "1d", "dimensions": ["time", "tag"]}
    assert (await post(api, METRICS, asked)).status == 200
    refused = await post(api, METRICS, asked | {"duration": "2d"})
    assert refused.status == 400
    assert refused.json()["message"].startswith("3 names at 3 times are too many to count at once")


async def test_metrics_by_time_with_totals(api: Api) -> None:
    await happen(api)
    body = {
        "resolution": "day",
        "duration": "2d",
        "dimensions": ["time"],
        "metrics": ["accepted_count", "delivered_count", "opened_rate", "delivered_rate", "clicked_rate"],
        "filter": {"AND": [of("domain", DOMAIN)]},
        "include_subaccounts": True,
        "include_aggregates": True,
    }
    shown = (await post(api, METRICS, body)).json()
    assert (shown["resolution"], shown["dimensions"], shown["pagination"]["total"]) == ("day", ["time"], 3)
    first = shown["items"][0]
    assert first["metrics"] == {
        "accepted_count": 4,
        "delivered_count": 2,
        "opened_rate": "1.0000",
        "delivered_rate": "0.5000",
        "clicked_rate": "0.0000",
    }
    (dimension,) = first["dimensions"]
    assert dimension["dimension"] == "time" and dimension["value"] == shown["start"]
    assert dimension["value"].endswith(" 00:00:00 +0000")
    assert shown["aggregates"]["metrics"]["accepted_count"] == 5


async def test_metrics_by_domain_and_tag(api: Api) -> None:
    await happen(api)
    body: dict[str, Any] = {"dimensions": ["domain", "tag"], "metrics": ["accepted_count"]}
    rows = [
        ([each["value"] for each in item["dimensions"]], item["metrics"]["accepted_count"])
        for item in (await post(api, METRICS, body)).json()["items"]
    ]
    assert rows == [([DOMAIN, "Spring sale"], 4), ([DOMAIN, "alpha"], 1), ([DOMAIN, "news"], 4)]
    body = {
        "dimensions": ["tag"],
        "metrics": ["accepted_count"],
        "filter": {"AND": [of("tag", "news", comparator="!=")]},
        "pagination": {"sort": "accepted_count:desc", "limit": 1},
    }
    shown = (await post(api, METRICS, body)).json()
    assert [item["dimensions"][0]["value"] for item in shown["items"]] == ["Spring sale"]
    assert shown["pagination"]["total"] == 2


async def test_S20_metrics_of_anothers_domain_are_those_of_an_unknown_one(api: Api) -> None:
    await happen(api)
    found = [
        (await post(api, METRICS, {"dimensions": ["domain"], "filter": {"AND": [of("domain", name)]}})).json()
        for name in (OTHER_DOMAIN, "none.test")
    ]
    assert [item["metrics"]["accepted_count"] for shown in found for item in shown["items"]] == [0, 0]


BAD_BODIES: dict[str, Any] = {
    "a list": [],
    "a dimension": {"dimensions": ["moon"]},
    "dimensions are no list": {"dimensions": {"time": 1}},
    "a metric": {"metrics": ["opens"]},
    "a filter": {"filter": {"AND": [of("country", "CH")]}},
    "a comparator": {"filter": {"AND": [of("domain", "x", comparator="~")]}},
    "values": {"filter": {"AND": [{"attribute": "domain", "comparator": "=", "values": []}]}},
    "a value": {"filter": {"AND": [{"attribute": "domain", "comparator": "=", "values": [[]]}]}},
    "AND": {"filter": {"AND": {}}, "dimensions": ["time"], "x": 1} | {"filter": {"AND": {"a": 1}}},
    "start": {"start": "soon"},
    "start is an object": {"start": {}},
    "limit": {"pagination": {"limit": "many"}},
    "ip and tag": {"dimensions": ["ip", "tag"]},
    "deep": {"filter": {"AND": [{"attribute": {"a": {"b": []}}}]}},
}


@pytest.mark.parametrize("path", [METRICS, "/v1/analytics/logs"])
@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_S19_a_body_of_another_form_is_refused(api: Api, path: str, body: Any) -> None:
    reply = await post(api, path, body)
    assert reply.status in ((400,) if path == METRICS else (200, 400))
    for octets in (b"{", b'{"start": NaN}', b"[" * 5_000, b'{"start": "\\ud800"}'):
        reply = await api.call(
            "POST", path, basic=api.full, body=octets, headers={"Content-Type": "application/json"}
        )
        assert reply.status == 400


async def test_tags_of_the_account(api: Api) -> None:
    await happen(api)
    body = {"pagination": {"sort": "lastseen:desc", "limit": 10}, "include_subaccounts": True}
    shown = (await post(api, "/v1/analytics/tags", body)).json()
    assert shown["items"][0]["tag"] == "alpha"
    assert shown["pagination"]["total"] == 3
    reply = await api.call(
        "PUT", "/v1/analytics/tags", basic=api.full, json={"tag": "news", "description": "All"}
    )
    assert reply.json() == {"message": "Tag updated"}
    found = (await post(api, "/v1/analytics/tags", {"tag": "ne"})).json()["items"]
    assert [(item["tag"], item["description"]) for item in found] == [("news", "All")]
    reply = await api.call("DELETE", "/v1/analytics/tags?tag=news", basic=api.full)
    assert reply.json() == {"message": "Tag deleted"}
    assert (await get(api, f"{TAGS}/news")).status == 404
    for method in ("PUT", "DELETE"):
        reply = await api.call(method, "/v1/analytics/tags", basic=api.full, json={"tag": "secret"})
        assert (reply.status, reply.json()) == (404, {"message": "tag not found"})


async def test_a_tag_is_deleted_by_json_that_is_called_a_form(api: Api) -> None:
    await happen(api)
    called = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = await api.call(
        "DELETE", "/v1/analytics/tags", basic=api.full, body=b'{"tag":"news"}', headers=called
    )
    assert (reply.status, reply.json()) == (200, {"message": "Tag deleted"})
    assert (await get(api, f"{TAGS}/news")).status == 404


@pytest.mark.parametrize(
    "form", ["%Y-%m-%dT%H:%M:%S.661Z", "%Y-%m-%dt%H:%M:%S+00:00", "%a, %d %b %Y %H:%M:%S GMT"]
)
async def test_a_period_has_dates_of_two_forms(api: Api, form: str) -> None:
    await happen(api)
    now = dt.datetime.fromtimestamp(api.clock.now(), dt.UTC)
    ends = {"start": (now - dt.timedelta(days=2)).strftime(form), "end": now.strftime(form)}
    shown = (await post(api, METRICS, ends | {"dimensions": ["time"]})).json()
    assert len(shown["items"]) == 3
    reply = await post(api, METRICS, {"start": "2026-13-40T10:47:51Z"})
    assert reply.status == 400 and "'start' parameter is not valid" in reply.json()["message"]


async def test_usage_counts_what_was_processed(api: Api) -> None:
    await happen(api)
    body = {
        "duration": "2d",
        "metrics": ["processed_count", "email_validation_count"],
        "include_aggregates": True,
    }
    shown = (await post(api, "/v1/analytics/usage/metrics", body)).json()
    assert shown["aggregates"]["metrics"] == {"processed_count": 4, "email_validation_count": 0}


# logs

LOGS = "/v1/analytics/logs"


async def test_logs_are_events_in_another_form(api: Api) -> None:
    form = {"from": f"a@{DOMAIN}", "to": "bob@example.net", "text": "x", "v:order": "1"}
    await api.call("POST", f"/v3/{DOMAIN}/messages", basic=api.full, form=form)
    api.clock.advance(60)
    body = {"filter": {"AND": [of("domain", DOMAIN)]}, "pagination": {"sort": "timestamp:asc", "limit": 50}}
    shown = (await post(api, LOGS, body)).json()
    (item,) = shown["items"]
    assert item["event"] == "accepted" and "timestamp" not in item
    assert item["@timestamp"].endswith("Z")
    assert item["user-variables"] == '{"order": "1"}'
    assert isinstance(item["storage"]["url"], list)
    assert (item["account"]["id"], item["domain"]["name"]) == (api.account_id, DOMAIN)
    body["pagination"]["token"] = shown["pagination"]["next"]  # type: ignore[index]
    assert (await post(api, LOGS, body)).json()["items"] == []


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({}, 11),
        ({"events": ["opened"]}, 2),
        ({"events": ["failed"], "filter": {"AND": [of("severity", "permanent")]}}, 2),
        ({"filter": {"AND": [of("tag", "spring sale")]}}, 7),
        ({"filter": {"AND": [of("recipient", "gmail", comparator="contains")]}}, 11),
        ({"filter": {"AND": [of("recipient", "gmail", comparator="not contains")]}}, 0),
        ({"filter": {"AND": [of("domain", OTHER_DOMAIN)]}}, 0),
    ],
)
async def test_what_logs_are_asked_for(api: Api, more: dict[str, Any], count: int) -> None:
    await happen(api)
    body = {"start": str(api.clock.now() - 3 * DAY), "end": str(api.clock.now() - DAY)}
    shown = (await post(api, LOGS, body | more)).json()
    assert len(shown["items"]) == count


async def test_logs_take_dates_of_two_forms(api: Api) -> None:
    await happen(api)
    begin, end = api.clock.now() - 3 * DAY, api.clock.now() - DAY
    counts = []
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%a, %d %b %Y %H:%M:%S +0000"):
        ends = {
            name: dt.datetime.fromtimestamp(at, dt.UTC).strftime(form)
            for name, at in (("start", begin), ("end", end))
        }
        counts.append(len((await post(api, LOGS, ends)).json()["items"]))
    assert counts == [11, 11]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"metric_events": ["accepted_outgoing"]}, "'events'"),
        ({"filter": {"OR": [of("domain", DOMAIN)]}}, "AND"),
    ],
)
async def test_logs_refuse_what_would_not_be_looked_at(api: Api, body: dict[str, Any], word: str) -> None:
    reply = await post(api, LOGS, body)
    assert reply.status == 400 and word in reply.json()["message"]


async def test_usage_is_counted_through_a_filter(api: Api) -> None:
    await happen(api)
    body = {"duration": "2d", "metrics": ["processed_count"], "include_aggregates": True}
    for domain, count in ((DOMAIN, 4), (OTHER_DOMAIN, 0)):
        asked = body | {"filter": {"AND": [of("domain", domain)]}}
        shown = (await post(api, "/v1/analytics/usage/metrics", asked)).json()
        assert shown["aggregates"]["metrics"] == {"processed_count": count}
