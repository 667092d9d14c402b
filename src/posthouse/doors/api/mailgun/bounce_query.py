"""What a call about bounce classification asks for: its time, dimensions, metrics, conditions and page.

Public: Asked, read, TIME, TAG.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.desk.statistics import Period
from posthouse.dialects.mailgun.bounce_classes import COUNTS, DELIVERED, DIMENSIONS, OF_FAILURES, RATES
from posthouse.doors.api.mailgun.analytics_filter import Condition, conditions, object_at, rows_at, text_at
from posthouse.doors.api.mailgun.asked import whole
from posthouse.doors.api.mailgun.periods import read_instant, read_period
from posthouse.doors.api.mailgun.phrases import said
from posthouse.rules.metrics import DAY, HOUR

TIME, TAG, _TAGS = "timestamp", "tag", "tags"
_USUAL = ("entity-name",)
_MOST_ITEMS, _USUAL_ITEMS = 50, 10  # documented
_DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """`tests`: conditions that all hold. `sort`: a dimension or metric, a colon and the way."""

    when: Period
    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]
    tests: Sequence[Condition]
    sort: str
    skip: int
    limit: int

    @property
    def of_deliveries(self) -> tuple[str, ...]:
        """The dimensions that deliveries have too."""
        return tuple(name for name in self.dimensions if name not in OF_FAILURES)

    @property
    def wants_deliveries(self) -> bool:
        return any(name == DELIVERED or name in RATES for name in self.metrics)


def read(now: float, body: Mapping[str, Any]) -> Asked:
    """Raises Said."""
    dimensions = tuple(dict.fromkeys(rows_at(body, "dimensions"))) or _USUAL
    for each in dimensions:
        _judge(each, (*DIMENSIONS, TIME))
    if {TAG, _TAGS} <= set(dimensions):
        raise said("the dimension 'tags' is not compatible with 'tag'")
    metrics = tuple(dict.fromkeys(rows_at(body, "metrics"))) or (*COUNTS, *RATES)
    for each in metrics:
        if each not in COUNTS and each not in RATES:
            raise said(f"the metric {each[:60]!r} is not known: use {', '.join((*COUNTS, *RATES))}")
    tests = conditions(body)
    for test in tests:
        _judge(test.attribute, tuple(DIMENSIONS))
    page = object_at(body, "pagination")
    sort = text_at(page, "sort") or f"{dimensions[0]}:asc"
    if sort.partition(":")[0] not in (*dimensions, *metrics):
        raise said(f"cannot sort by {sort[:40]!r}: use a dimension or metric, such as {dimensions[0]}:asc")
    limit = min(whole(text_at(page, "limit"), "limit", _USUAL_ITEMS) or _USUAL_ITEMS, _MOST_ITEMS)
    skip = whole(text_at(page, "skip"), "skip", 0)
    return Asked(_period(now, body), dimensions, metrics, tests, sort, skip, limit)


def _judge(name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise said(f"the dimension {name[:40]!r} is not counted here: use {', '.join(known)}")


def _period(now: float, body: Mapping[str, Any]) -> Period:
    """Whole days or hours, both ends included. A duration (48h, 24h0m0s) beats the start."""
    start, end, resolution = (text_at(body, name) for name in ("start", "end", "resolution"))
    if resolution.strip().lower() not in ("", DAY, HOUR):
        raise said("'resolution' parameter is not valid: use day, hour")
    if duration := text_at(body, "duration").strip().lower():
        match = _DURATION.fullmatch(duration)
        if match is None:
            raise said("'duration' parameter is not valid: use hours, minutes and seconds, such as 48h0m0s")
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        until = read_instant("end", end) if end.strip() else now
        start = str(max(0, round(until - (hours * 3600 + minutes * 60 + seconds))))
    return read_period(now, start, end, resolution, "")
