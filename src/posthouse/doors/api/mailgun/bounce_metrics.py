"""`POST /v2/bounce-classification/metrics`: failures by provider, domain, reason and what else they have
(documented).

Failures are counted in the event log, for the counters do not know every reason; so are deliveries where no
counter has the dimensions that are asked for. A call that would have to look at very many events is refused,
and names the way out.

Public: ENDPOINTS.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence, Sized
from dataclasses import replace
from itertools import product
from typing import Any

from posthouse.desk.statistics import Period
from posthouse.dialects.event_values import Facts
from posthouse.dialects.mailgun.bounce_classes import (
    DELIVERED,
    DIMENSIONS,
    OF_FAILURES,
    metrics_of,
    word_of,
)
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun import analytics
from posthouse.doors.api.mailgun.analytics_filter import Condition, read_body, text_at
from posthouse.doors.api.mailgun.asked import ZERO, date_text
from posthouse.doors.api.mailgun.bounce_query import TAG, TIME, Asked, read
from posthouse.doors.api.mailgun.phrases import said
from posthouse.doors.api.walking import SLACK_S, TooMany, walk
from posthouse.model.event import Event, EventKind
from posthouse.model.hook import Told
from posthouse.rules.metrics import HOUR, own_word
from posthouse.store.events import EventQuery

_MOST_GROUPS = 20_000  # each is some hundred octets, and all are there to be sorted
_FAILURES = (EventKind.FAILED, EventKind.BOUNCED, EventKind.DEFERRED)
_COUNTED = {TIME: "time", "domain.name": "domain", TAG: "tag", "envelope.sending-ip": "ip"}
"""Dimension -> as the counters name it."""
_SHOWN = ("account.id", *DIMENSIONS, "recipient-provider", "envelope.i-ip-pool-id", "sample-text")
_EMPTY = dict.fromkeys((*_SHOWN, "envelope.i-ip-pool-name", "explanation", TIME))

_Group = tuple[str, ...]
"""The values of the dimensions in their order; of the timestamp the number of the point."""
_Counts = dict[_Group, Counter[str]]


async def _metrics(call: Call) -> Answer:
    body = await read_body(call)
    asked = read(call.now, body)
    counts = await _counted(call, asked)
    groups = await asyncio.to_thread(_ordered, asked, counts)
    shown = groups[asked.skip : asked.skip + asked.limit]
    page = {"sort": asked.sort, "skip": asked.skip, "limit": asked.limit, "total": len(groups)}
    answer = {
        "start": _date(asked.when, asked.when.first),
        "end": _date(asked.when, asked.when.last),
        "resolution": asked.when.span,
        "duration": text_at(body, "duration"),
        "dimensions": list(asked.dimensions),
        "pagination": page,
        "items": [_item(asked, group, counts[group]) for group in shown],
    }
    return json_answer(answer)


# Counting


async def _counted(call: Call, asked: Asked) -> _Counts:
    """Only groups with failures (documented). Raises Said."""
    wants = asked.wants_deliveries
    looked = _of_counters(asked) if wants else None
    kinds = (*_FAILURES, EventKind.DELIVERED) if wants and looked is None else _FAILURES
    counts, deliveries = _Counts(), Counter[_Group]()
    try:
        async for event in walk(call, _query(call, asked, kinds)):
            _count(asked, event, counts, deliveries)
    except TooMany as error:
        raise said(_way_out(asked, EventKind.DELIVERED in kinds)) from error
    if looked is not None:
        found = await call.read(analytics.counted, call, looked)
        deliveries = Counter({_place(asked, group): words["delivered"] for group, words in found.items()})
    for group, words in counts.items():
        values = dict(zip(asked.dimensions, group, strict=True))
        words[DELIVERED] = deliveries[tuple(values[name] for name in asked.of_deliveries)]
    return counts


def _query(call: Call, asked: Asked, kinds: tuple[EventKind, ...]) -> EventQuery:
    """The only domain that can match is asked for: then its index serves."""
    when = asked.when
    named = [
        test.values for test in asked.tests if test.attribute == "domain.name" and test.comparator == "="
    ]
    return EventQuery(
        account_id=call.account_id,
        domain=named[0][0] if named and len(named[0]) == 1 else "",
        kinds=kinds,
        since=when.instant(when.first).timestamp(),
        until=when.instant(when.last + 1).timestamp() + SLACK_S,
    )


def _count(asked: Asked, event: Event, counts: _Counts, deliveries: Counter[_Group]) -> None:
    """Letters of ours and copies are left out, as in the statistics. Raises Said."""
    at = int(event.at // (3600 if asked.when.counted == HOUR else 86400))
    if own_word(event) != event.kind.value or not asked.when.first <= at <= asked.when.last:
        return
    facts = Facts(Told(event))
    is_delivered = event.kind is EventKind.DELIVERED
    if not all(_holds(test, facts) for test in asked.tests if not (is_delivered and _is_of_failures(test))):
        return
    if is_delivered:
        deliveries.update(_groups(asked.of_deliveries, facts, at))
        _judge_room(deliveries)
        return
    for group in _groups(asked.dimensions, facts, at):
        _judge_room(counts)
        counts.setdefault(group, Counter())[word_of(facts)] += 1


def _judge_room(groups: Sized) -> None:
    if len(groups) > _MOST_GROUPS:
        raise said("there are too many groups to count at once: ask for fewer days or dimensions")


def _is_of_failures(test: Condition) -> bool:
    return test.attribute in OF_FAILURES


def _holds(test: Condition, facts: Facts) -> bool:
    return test.holds([value.lower() for value in DIMENSIONS[test.attribute](facts)])


def _groups(dimensions: Sequence[str], facts: Facts, at: int) -> Iterator[_Group]:
    """Several where it is counted by each of its tags."""
    return product(*([str(at)] if name == TIME else DIMENSIONS[name](facts) for name in dimensions))


def _way_out(asked: Asked, has_deliveries: bool) -> str:
    if not has_deliveries:
        return "there are too many failures in this time to count: ask for fewer days"
    names = ", ".join(asked.dimensions)
    return (
        f"there are too many deliveries in this time to count them by {names}: ask for fewer days, by "
        f"{', '.join(_COUNTED)} alone, or without {DELIVERED} and rates"
    )


# Deliveries, of the counters


def _of_counters(asked: Asked) -> analytics.Asked | None:
    """None: no counter has these dimensions or fulfils these conditions."""
    tests = [test for test in asked.tests if not _is_of_failures(test)]
    names = [_COUNTED.get(name, "") for name in asked.of_deliveries]
    attributes = [_COUNTED.get(test.attribute, "") for test in tests]
    others = {*names, *attributes} - {"time", "ip"}
    if "" in others or "ip" in attributes or ("ip" in names and others):
        return None
    translated = [replace(test, attribute=name) for test, name in zip(tests, attributes, strict=True)]
    domains, tags, excluded = analytics.filters(translated)
    return analytics.Asked(asked.when, tuple(names), (), domains, tags, excluded)


def _place(asked: Asked, group: analytics.Group) -> _Group:
    values = dict(group)
    return tuple(values[_COUNTED[name]] for name in asked.of_deliveries)


# Writing


def _ordered(asked: Asked, counts: _Counts) -> list[_Group]:
    """By a dimension or a metric, upwards or downwards; the dimensions decide where that is the same."""
    name, _, way = asked.sort.partition(":")
    groups = sorted(counts, key=lambda group: [_sortable(value) for value in group])
    is_down = way.strip().lower() == "desc"
    if name in asked.dimensions:
        place = asked.dimensions.index(name)
        return sorted(groups, key=lambda group: _sortable(group[place]), reverse=is_down)
    return sorted(groups, key=lambda group: metrics_of(counts[group], [name])[name], reverse=is_down)


def _sortable(value: str) -> tuple[int, str]:
    return (int(value), "") if value.isascii() and value.isdigit() and len(value) < 12 else (0, value)


def _item(asked: Asked, group: _Group, counts: Counter[str]) -> dict[str, Any]:
    """Dimensions that were not asked for are null (observed: mailgun.js)."""
    values = dict(zip(asked.dimensions, group, strict=True))
    if TIME in values:
        values[TIME] = _date(asked.when, int(values[TIME]))
    return {**_EMPTY, **values, "metrics": metrics_of(counts, asked.metrics)}


def _date(when: Period, number: int) -> str:
    return date_text(when.instant(number).timestamp(), ZERO)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v2/bounce-classification/metrics", "stats.read", _metrics),
)
