"""Statistics of the account and of its categories, which are our tags (sendgrid.md 3.13).

What readers use and where they are is not counted by day: those calls answer with the days, and with zeros
for the names that they were asked for.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse.desk import tags
from posthouse.desk.statistics import Period, ranked, series
from posthouse.dialects.sendgrid.metrics import METRICS, OF_PROVIDERS, OF_READERS, WORDS, Counts
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint, Handler
from posthouse.doors.api.sendgrid.asked import number_of, page_of
from posthouse.doors.api.sendgrid.periods import Days, read_days
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.rules.metrics import ACCOUNT, TAG
from posthouse.store.connection import Connection

MOST_CATEGORIES = 10
_MOST_LISTED, _USUAL_LISTED = 1_000, 50
_MOST_OFFSET = 20_000
_MOST_SUMS, _USUAL_SUMS = 100, 5
_MOST_NAMES, _LONGEST_NAME = 20, 255


def _figures(counts: Counts) -> dict[str, int]:
    return {name: metric.of(counts) for name, metric in METRICS.items()}


# Series


async def _of_account(call: Call) -> Answer:
    days = read_days(call)
    (found,) = await call.read(_series, call.account_id, days, ACCOUNT, ("",))
    return json_answer(
        [
            {"date": date, "stats": [{"metrics": figures}]}
            for date, figures in zip(days.dates, found, strict=True)
        ]
    )


async def _of_categories(call: Call) -> Answer:
    wanted = _names(call, "categories", MOST_CATEGORIES)
    if not wanted:
        raise said("categories is required", field="categories")
    days = read_days(call)
    found = await call.read(_series, call.account_id, days, TAG, wanted)
    return json_answer(
        [
            {
                "date": date,
                "stats": [_stat("category", name, one) for name, one in zip(wanted, each, strict=True)],
            }
            for date, each in zip(days.dates, zip(*found, strict=True), strict=True)
        ]
    )


def _series(
    conn: Connection, account_id: str, days: Days, dim: str, names: Sequence[str]
) -> list[list[dict[str, int]]]:
    """For each name the figures of each day; an unknown name has zeros."""
    when = days.when
    if when is None:
        return [[] for _ in names]
    found = [series(conn, account_id, when, dim=dim, name=name, metrics=WORDS)["series"] for name in names]
    return [[_figures(counts) for counts in points] for points in found]


def _names(call: Call, name: str, most: int) -> tuple[str, ...]:
    """The values of a repeated parameter, each once. Raises Said."""
    found = tuple(dict.fromkeys(each for each in call.query.getlist(name) if each))
    if len(found) > most:
        raise said(f"at most {most} {name} can be asked for at once", field=name)
    if any(len(each) > _LONGEST_NAME for each in found):
        raise said(f"{name} must be texts of at most {_LONGEST_NAME} characters", field=name)
    return found


def _stat(type: str, name: str, metrics: dict[str, int]) -> dict[str, Any]:
    return {"type": type, "name": name, "metrics": metrics}


# Categories


async def _list(call: Call) -> Answer:
    limit, offset = page_of(call, _USUAL_LISTED, _MOST_LISTED)
    if call.query.get("sort_by", "category") != "category":
        raise said("invalid sort value", field="sort_by")
    prefix = call.query.get("category", "")[:_LONGEST_NAME]
    found = await call.read(_listed, call.account_id, prefix, min(offset, _MOST_OFFSET) + limit)
    return json_answer([{"category": name} for name in found[offset:]])


def _listed(conn: Connection, account_id: str, prefix: str, most: int) -> list[str]:
    return [tag.name for tag in tags.list_tags(conn, account_id=account_id, prefix=prefix, limit=most)]


async def _sums(call: Call) -> Answer:
    metric = call.query.get("sort_by_metric", "") or "delivered"
    direction = call.query.get("sort_by_direction", "").lower() or "desc"
    if metric not in METRICS:
        raise said("invalid sort value", field="sort_by_metric")
    if direction not in ("desc", "asc"):
        raise said("invalid sort value", field="sort_by_direction")
    limit = max(1, number_of(call, "limit", _USUAL_SUMS, _MOST_SUMS))
    offset = number_of(call, "offset", 0, _MOST_OFFSET)
    days = read_days(call, is_whole=True)
    assert days.when is not None, "a whole period has days"
    is_up = direction == "asc"
    found = await call.read(_summed, call.account_id, days.when, metric, is_up, limit, offset)
    return json_answer({"date": days.dates[0], "stats": [_stat("category", *each) for each in found]})


def _summed(
    conn: Connection, account_id: str, when: Period, by: str, is_up: bool, limit: int, offset: int
) -> list[tuple[str, dict[str, int]]]:
    """The page of the categories that had mail, in the order of one figure."""
    found = ranked(
        conn, account_id, when, dim=TAG, words=METRICS[by].words, by=METRICS[by].of, is_up=is_up,
        limit=limit, offset=offset,
    )  # fmt: skip
    return [(name, _figures(counts)) for name, counts in found]


# What is not counted


def _uncounted(type: str, parameter: str, figures: Sequence[str], one: str = "") -> Handler:
    """`one`: the path's parameter that names the only one that is asked for."""

    async def handler(call: Call) -> Answer:
        names = (call.params[one],) if one else _names(call, parameter, _MOST_NAMES)
        stats = [_stat(type, name, dict.fromkeys(figures, 0)) for name in names]
        return json_answer([{"date": date, "stats": stats} for date in read_days(call).dates])

    return handler


_OPENS, _CLICKS = ("opens", "unique_opens"), ("clicks", "unique_clicks")
_READ = "stats.read"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/stats", _READ, _of_account),
    Endpoint("GET", "/v3/categories", _READ, _list),
    Endpoint("GET", "/v3/categories/stats", _READ, _of_categories),
    Endpoint("GET", "/v3/categories/stats/sums", _READ, _sums),
    Endpoint(
        "GET",
        "/v3/mailbox_providers/stats",
        _READ,
        _uncounted("mailbox_provider", "mailbox_providers", OF_PROVIDERS),
    ),
    Endpoint("GET", "/v3/browsers/stats", _READ, _uncounted("browser", "browsers", _CLICKS)),
    Endpoint("GET", "/v3/devices/stats", _READ, _uncounted("device", "devices", _OPENS)),
    Endpoint("GET", "/v3/clients/stats", _READ, _uncounted("client", "clients", _OPENS)),
    Endpoint("GET", "/v3/clients/{client}/stats", _READ, _uncounted("client", "", _OPENS, "client")),
    Endpoint("GET", "/v3/geo/stats", _READ, _uncounted("country", "country", OF_READERS)),
)
