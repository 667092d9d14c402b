"""The first page: how mail goes, against the period before, and what needs somebody now.

Public: PAGES.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from posthouse.desk import accounts, statistics
from posthouse.desk.attention import Concern, concerns
from posthouse.desk.statistics import Period
from posthouse.doors.web.dashboard.choices import Choices, domain_choices
from posthouse.doors.web.dashboard.page import Page
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.rules.metrics import ACCOUNT, DAY, DOMAIN, HOUR, SITE, TAG
from posthouse.store import identity
from posthouse.store.connection import Connection

_DAY_S = 86400.0
PERIODS = {
    "day": ("24 hours", HOUR, _DAY_S),
    "week": ("7 days", DAY, 6 * _DAY_S),
    "month": ("30 days", DAY, 29 * _DAY_S),
    "quarter": ("90 days", DAY, 89 * _DAY_S),
}
_METRICS = (
    "accepted",
    "delivered",
    "failed",
    "deferred",
    "opened.unique",
    "clicked.unique",
    "complained",
    "bounced",
)
_NAMES = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of the period and how it stands to the one before. `better`: is more of it good news?"""

    label: str
    count: int
    share: float | None
    change: float | None
    unit: str
    better: bool | None

    @property
    def tone(self) -> str:
        """The class of its change."""
        if not self.change or self.better is None:
            return "quiet-text"
        return "good-text" if (self.change > 0) == self.better else "bad-text"


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the page shows; `domain`: of this one alone, "" for all."""

    concerns: list[Concern]
    figures: list[Figure]
    charts: list[tuple[str, dict[str, Any]]]
    rows: list[dict[str, Any]]
    times: dict[str, Any] | None
    domains: Choices
    domain: str


async def _look(visit: Visit) -> Response:
    return visit.page("overview.html", "Overview", **await _values(visit))


async def _figures(visit: Visit) -> Response:
    return visit.fragment("_overview.html", **await _values(visit))


async def _names(visit: Visit) -> Response:
    """What has most mail: asked for when the page is there, because it reads the counters of every name."""
    _, span, back_s = PERIODS[_period_key(visit)]
    when = _period(visit.now, span, back_s)
    return visit.fragment("_largest.html", largest=await visit.read(_largest, visit.account_id, when))


def _period_key(visit: Visit) -> str:
    key = visit.query("period")
    return key if key in PERIODS else "week"


async def _values(visit: Visit) -> dict[str, Any]:
    key = _period_key(visit)
    domain = visit.query("domain")
    shown = await visit.read(_shown, visit, key, domain)
    return {
        "shown": shown,
        "period": key,
        "periods": PERIODS,
        "domain": shown.domain,
    }


def _shown(conn: Connection, visit: Visit, key: str, domain: str) -> Shown:
    account_id, now = visit.account_id, visit.now
    found = identity.find_domain(conn, domain.lower()) if domain else None
    is_own = found is not None and found.account_id == account_id
    domain = domain.lower() if is_own else ""
    of = (DOMAIN, domain) if domain else (ACCOUNT, "")
    _, span, back_s = PERIODS[key]
    when = _period(now, span, back_s)
    series = statistics.series(conn, account_id, when, dim=of[0], name=of[1], metrics=_METRICS)
    before = statistics.series(conn, account_id, when.before, dim=of[0], name=of[1], metrics=_METRICS)
    has_times = of[0] == ACCOUNT or span != HOUR  # a domain's are kept by day
    account = accounts.load(conn, visit.account)
    return Shown(
        concerns=concerns(conn, account, now, is_operator=visit.is_operator),
        figures=_cards(series),
        charts=_charts(when, series, before),
        rows=series["series"],
        times=statistics.delivery_times(conn, account_id, when, dim=of[0], name=of[1]) if has_times else None,
        domains=domain_choices(conn, account_id),
        domain=domain,
    )


def _period(now: float, span: str, back_s: float) -> Period:
    length = 3600 if span == HOUR else 86400
    return Period(span, int((now - back_s) // length) + (span == HOUR), int(now // length))


def _cards(series: Mapping[str, Any]) -> list[Figure]:
    now, before = series["totals"], series["before"]["totals"]
    shares, shares_before = series["rates"], series["before"]["rates"]

    def rate(label: str, metric: str, share: str, better: bool) -> Figure:
        was, is_ = shares_before[share], shares[share]
        change = None if was is None or is_ is None else round(is_ - was, 1)
        return Figure(label, now[metric], is_, change, "points", better)

    grown = round(100 * (now["accepted"] / before["accepted"] - 1), 1) if before["accepted"] else None
    return [
        Figure("Accepted", now["accepted"], None, grown, "%", None),
        rate("Delivered", "delivered", "delivered", True),
        rate("Bounced", "failed", "failed", False),
        rate("Complaints", "complained", "complained", False),
        rate("Opened", "opened.unique", "opened", True),
        rate("Clicked", "clicked.unique", "clicked", True),
    ]


def _charts(
    when: Period, series: Mapping[str, Any], before: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    times = [when.instant(number).timestamp() for number in when.points()]

    def line(
        label: str, metric: str, color: str, of: Mapping[str, Any] = series, dashed: bool = False
    ) -> dict[str, Any]:
        values = [point[metric] for point in of["series"]]
        return {"label": label, "values": values[: len(times)], "color": color, "dashed": dashed}

    mail = [
        line("Accepted", "accepted", "act"),
        line("Delivered", "delivered", "good"),
        line("Failed", "failed", "bad"),
        line("Accepted before", "accepted", "edge", before, dashed=True),
    ]
    people = [
        line("Opened", "opened.unique", "act"),
        line("Clicked", "clicked.unique", "good"),
        line("Opened before", "opened.unique", "edge", before, dashed=True),
    ]
    return [
        ("Mail", {"times": times, "series": mail}),
        ("Opens and clicks", {"times": times, "series": people}),
    ]


def _largest(conn: Connection, account_id: str, when: Period) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """What has most of it: (heading, head of the column, rows)."""
    metrics = ("accepted", "delivered", "failed", "complained")
    return [
        (
            title,
            head,
            statistics.largest(conn, account_id, when, dim=dim, metrics=metrics, limit=_NAMES)["names"],
        )
        for title, head, dim in (
            ("Receiving sites", "Site", SITE),
            ("Sending domains", "Domain", DOMAIN),
            ("Tags", "Tag", TAG),
        )
    ]


PAGES = (
    Page("", "stats.read", _look),
    Page("/figures", "stats.read", _figures),
    Page("/largest", "stats.read", _names),
)
