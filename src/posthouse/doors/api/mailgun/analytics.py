"""`POST /v1/analytics/metrics`: counts and rates by time, domain, tag or sending address (mailgun.md 5.8).

Public: ENDPOINTS, Asked, Group, counted, filters.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.desk import tags
from posthouse.desk.statistics import Period
from posthouse.dialects.mailgun.metrics import METRICS, RATES, metric_of
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.analytics_filter import (
    Condition,
    conditions,
    object_at,
    read_body,
    rows_at,
    text_at,
)
from posthouse.doors.api.mailgun.asked import ZERO, date_text, whole
from posthouse.doors.api.mailgun.periods import read_period
from posthouse.doors.api.mailgun.phrases import said
from posthouse.rules.metrics import ACCOUNT, DOMAIN, DOMAIN_TAG, IP, TAG
from posthouse.store import tallies, tally_names
from posthouse.store.connection import Connection

_DIMENSIONS = ("time", "domain", "tag", "ip", "subaccount")
_USUAL = ("accepted_count", "delivered_count", "failed_count", "opened_count", "clicked_count")
_MOST_NAMES = 1_000
_MOST_ITEMS = 1_500  # documented
_MOST_GROUPS = 100_000  # each is some hundred octets, and all are there to be sorted

Group = tuple[tuple[str, str], ...]
"""Dimension and value, as far as they were asked for; the value of time is the number of the point."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`excluded`: conditions that no name fulfils by itself."""

    when: Period
    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]
    domains: tuple[str, ...] | None
    tags: tuple[str, ...] | None
    excluded: Sequence[Condition]


async def _metrics(call: Call) -> Answer:
    body = await read_body(call)
    asked = _read(call, body)
    counts = await call.read(counted, call, asked)
    page = object_at(body, "pagination")
    skip, limit = whole(text_at(page, "skip"), "skip", 0), whole(text_at(page, "limit"), "limit", _MOST_ITEMS)
    groups = await asyncio.to_thread(_ordered, asked, counts, text_at(page, "sort"))
    answer: dict[str, Any] = _head(asked) | {
        "pagination": {
            "sort": text_at(page, "sort"),
            "skip": skip,
            "limit": limit,
            "total": len(groups),
        },
        "items": [
            _item(asked, group, counts[group]) for group in groups[skip : skip + min(limit, _MOST_ITEMS)]
        ],
    }
    if body.get("include_aggregates"):
        total = sum(counts.values(), Counter())
        answer["aggregates"] = {"metrics": _values(asked.metrics, total)}
    return json_answer(answer)


def _head(asked: Asked) -> dict[str, Any]:
    return {
        "start": _time(asked.when, asked.when.first),
        "end": _time(asked.when, asked.when.last),
        "resolution": asked.when.span,
        "duration": "",
        "dimensions": list(asked.dimensions),
    }


def _read(call: Call, body: Mapping[str, Any]) -> Asked:
    dimensions = tuple(dict.fromkeys(rows_at(body, "dimensions"))) or ("time",)
    for each in dimensions:
        if each not in _DIMENSIONS:
            text = f"the dimension {each[:40]!r} is not counted here: use {', '.join(_DIMENSIONS)}"
            raise said(text)
    metrics = tuple(dict.fromkeys(rows_at(body, "metrics"))) or _USUAL
    for each in metrics:
        if each not in METRICS and each not in RATES:
            raise said(f"the metric {each[:60]!r} is not known")
    when = read_period(
        call.now, *[text_at(body, each) for each in ("start", "end", "resolution", "duration")]
    )
    domains, wanted_tags, excluded = filters(conditions(body))
    if "ip" in dimensions and ({"domain", "tag"} & set(dimensions) or domains or wanted_tags):
        raise said("the dimension 'ip' is counted for the whole account alone")
    return Asked(when, dimensions, metrics, domains, wanted_tags, excluded)


def filters(
    found: Iterable[Condition],
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None, list[Condition]]:
    """(domains, tags, what else is said about them). Raises Said."""
    named: dict[str, tuple[str, ...]] = {}
    others = []
    for each in found:
        if each.attribute not in ("domain", "tag", "subaccount"):
            raise said(f"the attribute {each.attribute[:40]!r} cannot be filtered by: use domain or tag")
        if each.attribute == "subaccount":
            continue
        if each.comparator == "=" and each.attribute not in named:
            named[each.attribute] = each.values
        else:
            others.append(each)
    return named.get("domain"), named.get("tag"), others


# Counting


def counted(conn: Connection, call: Call, asked: Asked) -> dict[Group, Counter[str]]:
    """Zero-filled counts by group. Raises Said where they are too many."""
    when = asked.when
    found: dict[Group, Counter[str]] = {}
    names = _names(conn, call, asked)
    points = list(when.points()) if "time" in asked.dimensions else []
    if len(names) * len(points) > _MOST_GROUPS:
        text = f"{len(names)} names at {len(points)} times are too many to count at once: ask for a shorter"
        raise said(f"{text} period, a longer resolution or fewer tags and domains")
    for dim, name, values in names:
        head = tuple((each, values.get(each, "")) for each in asked.dimensions if each != "time")
        if "time" not in asked.dimensions:
            totals = tallies.totals(conn, call.account_id, dim, name, when.counted, when.first, when.last)
            found.setdefault(head, Counter()).update(totals)
            continue
        for begin in points:
            found.setdefault((("time", str(begin)), *head), Counter())
        for each in tallies.read(conn, call.account_id, dim, name, when.counted, when.first, when.last):
            begin = when.begin_of(each.at)
            found[(("time", str(begin)), *head)][each.metric] += each.count
    return found


def _names(conn: Connection, call: Call, asked: Asked) -> list[tuple[str, str, dict[str, str]]]:
    """(dim, name, values of the dimensions) of all counters that are wanted, the first ones of many."""
    wants_tags = "tag" in asked.dimensions or asked.tags is not None or _mentions(asked, "tag")
    wants_domains = "domain" in asked.dimensions or asked.domains is not None or _mentions(asked, "domain")
    if "ip" in asked.dimensions:
        listed = tally_names.list_names(conn, call.account_id, IP, _MOST_NAMES)
        return [(IP, each.name, {"ip": each.name}) for each in listed]
    if not wants_tags and not wants_domains:
        return [(ACCOUNT, "", {})]
    domains = _domains(call, asked) if wants_domains else []
    if not wants_tags:
        return [(DOMAIN, name, {"domain": name}) for name in domains]
    if not wants_domains:
        return [(TAG, name, {"tag": name}) for name in _tags(conn, call, asked, "")]
    found = [
        (DOMAIN_TAG, f"{domain} {name}", {"domain": domain, "tag": name})
        for domain in domains
        for name in _tags(conn, call, asked, domain)
    ]
    return found[:_MOST_NAMES]


def _mentions(asked: Asked, attribute: str) -> bool:
    return any(each.attribute == attribute for each in asked.excluded)


def _domains(call: Call, asked: Asked) -> list[str]:
    """Another account's domain counts nothing, like one that is not there (S20)."""
    names = asked.domains
    if names is None:
        names = tuple(sorted(each.name for each in call.parts.identity.domains_of(call.account_id)))
    return [name for name in names if _is_wanted(asked, "domain", name)][:_MOST_NAMES]


def _tags(conn: Connection, call: Call, asked: Asked, domain: str) -> list[str]:
    """Tags are written as they were first; filters do not care for capitals."""
    listed = tags.list_tags(conn, account_id=call.account_id, domain=domain, limit=_MOST_NAMES)
    names = [each.name for each in listed]
    if asked.tags is not None:
        names = [name for name in names if name.lower() in asked.tags]
    return [name for name in names if _is_wanted(asked, "tag", name)]


def _is_wanted(asked: Asked, attribute: str, name: str) -> bool:
    return all(each.holds([name.lower()]) for each in asked.excluded if each.attribute == attribute)


# Writing


def _item(asked: Asked, group: Group, counts: Counter[str]) -> dict[str, Any]:
    values = dict(group)
    shown = {
        name: _time(asked.when, int(values[name])) if name == "time" else values[name]
        for name in asked.dimensions
    }
    return {
        "dimensions": [
            {"dimension": name, "value": value, "display_value": value} for name, value in shown.items()
        ],
        "metrics": _values(asked.metrics, counts),
    }


def _values(metrics: Iterable[str], counts: Mapping[str, int]) -> dict[str, int | str]:
    return {name: metric_of(name, counts) for name in metrics}


def _ordered(asked: Asked, counts: Mapping[Group, Counter[str]], by: str) -> list[Group]:
    """By time and names unless another order is wanted (`name:asc` or `name:desc`)."""
    groups = sorted(counts, key=lambda group: [_sortable(name, value) for name, value in group])
    name, _, way = by.partition(":")
    is_down = way.strip().lower() == "desc"
    if groups and name in dict(groups[0]):
        groups.sort(key=lambda group: _sortable(name, dict(group)[name]), reverse=is_down)
    elif name in asked.metrics:
        groups.sort(key=lambda group: float(metric_of(name, counts[group])), reverse=is_down)
    return groups


def _sortable(name: str, value: str) -> tuple[int, str]:
    return (int(value), "") if name == "time" else (0, value)


def _time(when: Period, number: int) -> str:
    return date_text(when.instant(number).timestamp(), ZERO)


# What the service bills for


async def _usage(call: Call) -> Answer:
    """Of the services that are counted there only sending is one here; the others are never used."""
    body = await read_body(call)
    wanted = tuple(dict.fromkeys(rows_at(body, "metrics")))
    asked = _read(call, {**body, "metrics": ["processed_count"]})
    counts = await call.read(counted, call, asked)
    items = [_item(asked, group, counts[group]) for group in _ordered(asked, counts, "")]
    for item in items:
        item["metrics"] = {name: item["metrics"].get(name, 0) for name in wanted}
    answer = _head(asked) | {"items": items}
    if body.get("include_aggregates"):
        totals = {"processed_count": metric_of("processed_count", sum(counts.values(), Counter()))}
        answer["aggregates"] = {"metrics": {name: totals.get(name, 0) for name in wanted}}
    return json_answer(answer)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v1/analytics/metrics", "stats.read", _metrics),
    Endpoint("POST", "/v1/analytics/usage/metrics", "stats.read", _usage),
)
