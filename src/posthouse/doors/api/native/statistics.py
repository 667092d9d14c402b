"""Figures about mail: over time, by name, and how long delivery takes.

Public: ENDPOINTS.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from posthouse.desk import statistics
from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, one, reading
from posthouse.doors.api.native.scope import bound_domain
from posthouse.store.connection import Connection

By = Literal["account", "domain", "tag", "domain-tag", "site", "ip", "credential"]
Time = Annotated[str, Meta(max_length=40, examples=["2026-01-31"])]
Metric = Annotated[str, Meta(min_length=1, max_length=100, examples=["delivered"])]
Metrics = Annotated[list[Metric], Meta(max_length=50, description="Another choice of figures.")]
Counts = dict[str, int]
Rates = dict[str, float | None]


class Period(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When; without times the last seven days."""

    since: Annotated[Time, Meta(description="From this day, or time, on, UTC.")] = ""
    until: Annotated[Time, Meta(description="Up to this day, or time, included.")] = ""
    span: Annotated[Literal["hour", "day", "week", "month"], Meta(description="One point for each.")] = "day"
    name: Annotated[
        str, Meta(max_length=1000, description="Of this one only, such as a domain's name; with `by`.")
    ] = ""


class SeriesQuestion(Period, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to count."""

    by: By = "account"
    metric: Metrics = []


class NamesQuestion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to compare."""

    by: Literal["domain", "tag", "domain-tag", "site", "ip", "credential"]
    since: Time = ""
    until: Time = ""
    metric: Metrics = []
    limit: Annotated[int, Meta(ge=1, le=1000)] = 20


class TimesQuestion(Period, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose deliveries."""

    by: Literal["account", "domain", "site"] = "account"


class Before(Struct, frozen=True, kw_only=True):
    """The period of the same length before."""

    since: str
    totals: Counts
    rates: Rates


class Series(Struct, frozen=True, kw_only=True):
    """Points with `time` and the figures; `rates`: shares in percent, null of nothing."""

    by: By
    name: str
    span: str
    since: str
    until: str
    series: list[dict[str, int | str]]
    totals: Counts
    rates: Rates
    before: Before


class NameRow(Struct, frozen=True, kw_only=True):
    """One name's figures."""

    name: str
    totals: Counts
    rates: Rates


class Names(Struct, frozen=True, kw_only=True):
    """The names with most of `sorted_by`."""

    by: By
    span: str
    since: str
    until: str
    sorted_by: str
    names: list[NameRow]


class Times(Struct, frozen=True, kw_only=True):
    """`seconds`: within how many seconds which share of the copies was delivered (`p50`, …)."""

    by: By
    name: str
    span: str
    since: str
    until: str
    deliveries: int
    seconds: dict[str, float]


async def show_statistics(call: Call, asked: SeriesQuestion) -> Answer:
    by, name = _scoped(call, asked.by, asked.name)
    when = statistics.period(call.now, asked.span, asked.since, asked.until)

    def read(conn: Connection) -> dict[str, Any]:
        metrics = tuple(asked.metric) or statistics.METRICS
        return statistics.series(conn, call.account_id, when, dim=by, name=name, metrics=metrics)

    return one(Series)(await call.read(read))


def _scoped(call: Call, by: str, name: str) -> tuple[str, str]:
    """A key of one domain sees that domain's figures. Raises Problem (403, 422)."""
    own = bound_domain(call)
    if by == "account" and name:
        raise Problem(422, "bad-choice", "`name` needs `by`: what it is the name of", field="name")
    if not own:
        return by, name
    if by == "account":
        return "domain", own
    if (by, name) != ("domain", own):
        raise Problem(
            403, "no-permission", f"This key is for one domain: ask by=domain&name={own}", field="by"
        )
    return by, name


async def compare_names(call: Call, asked: NamesQuestion) -> Answer:
    when = statistics.period(call.now, "day", asked.since, asked.until)

    def read(conn: Connection) -> dict[str, Any]:
        metrics = tuple(asked.metric) or statistics.METRICS
        return statistics.largest(
            conn, call.account_id, when, dim=asked.by, metrics=metrics, limit=asked.limit
        )

    return one(Names)(await call.read(read))


async def show_times(call: Call, asked: TimesQuestion) -> Answer:
    by, name = _scoped(call, asked.by, asked.name)
    when = statistics.period(call.now, asked.span, asked.since, asked.until)

    def read(conn: Connection) -> dict[str, Any]:
        return statistics.delivery_times(conn, call.account_id, when, dim=by, name=name)

    return one(Times)(await call.read(read))


_READ = "stats.read"
_TOPIC: dict[str, Any] = {"topic": "Statistics"}
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/statistics", _READ, show_statistics, "Count over time", **_TOPIC, asks=SeriesQuestion,
            gives=Series, is_for_domains=True),
    reading("/statistics/names", _READ, compare_names, "Compare names", **_TOPIC, asks=NamesQuestion,
            text="Domains, tags, receiving sites, … with most mail.", gives=Names),
    reading("/statistics/times", _READ, show_times, "Tell how long delivery takes", **_TOPIC,
            asks=TimesQuestion, gives=Times, is_for_domains=True),
)  # fmt: skip
