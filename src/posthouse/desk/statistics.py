"""What the counters say, as plain JSON values: series over time, totals, rates, the largest names, delivery
times.

Times are UTC, weeks begin on Monday.

Public: Period, period, series, largest, ranked, delivery_times, SPANS, METRICS.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.model.errors import Refused
from posthouse.rules.delivery_times import TOOK, percentiles
from posthouse.rules.metrics import ACCOUNT, DAY, DIMS, DOMAIN, HOUR, OTHER_NAMES, SITE
from posthouse.rules.metrics import MOST_NAMES as MOST_OF_DIM
from posthouse.store import tallies
from posthouse.store.connection import Connection

WEEK, MONTH = "week", "month"
SPANS = (HOUR, DAY, WEEK, MONTH)
METRICS = (
    "accepted",
    "delivered",
    "deferred",
    "failed",
    "dropped",
    "opened",
    "clicked",
    "bounced",
    "complained",
)
"""What is shown when nobody says what."""
MOST_POINTS = 10_000
MOST_NAMES = 1000
_USUAL_DAYS = 7
_LENGTH = {HOUR: 3600, DAY: 86400}
_RATES = {  # of what, in percent
    "delivered": ("delivered", ("delivered", "failed")),
    "failed": ("failed", ("delivered", "failed")),
    "bounced": ("failed.hard", ("delivered", "failed")),
    "opened": ("opened.unique", ("delivered",)),
    "clicked": ("clicked.unique", ("delivered",)),
    "unsubscribed": ("unsubscribed", ("delivered",)),
    "complained": ("complained", ("delivered",)),
}


@dataclass(frozen=True, slots=True)
class Period:
    """Points in time from `first` to `last`, both included, as `span` cuts it. `first` and `last` are numbers
    of the counted span `counted` (hours or days since the epoch), at the edges of whole weeks and months."""

    span: str
    first: int
    last: int

    @property
    def counted(self) -> str:
        return HOUR if self.span == HOUR else DAY

    @property
    def before(self) -> Period:
        """The period of the same length that ends where this one begins."""
        length = self.last - self.first + 1
        return Period(self.span, self.first - length, self.first - 1)

    def instant(self, number: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(number * _LENGTH[self.counted], dt.UTC)

    def begin_of(self, number: int) -> int:
        """The number with which the point that holds `number` begins."""
        if self.span == WEEK:
            return number - (number + 3) % 7  # 1970-01-01 was a Thursday
        if self.span == MONTH:
            return number - self.instant(number).day + 1
        return number

    def points(self) -> Iterator[int]:
        """The beginnings of all points."""
        seen = -1
        for number in range(self.first, self.last + 1):
            begin = self.begin_of(number)
            if begin != seen:
                seen = begin
                yield begin


def period(now: float, span: str = DAY, since: str = "", until: str = "") -> Period:
    """`since` and `until`: YYYY-MM-DD or YYYY-MM-DDTHH:MM, both included; "" is the last seven days until
    now. Weeks and months are whole. Raises Refused."""
    if span not in SPANS:
        raise _refused(f"there is no span {span}; allowed are {', '.join(SPANS)}")
    end = _instant(until, is_end=True) if until else now
    begin = _instant(since) if since else end - (_USUAL_DAYS - 1) * 86400
    length = _LENGTH[HOUR if span == HOUR else DAY]
    first, last = int(begin // length), int(end // length)
    if first > last:
        raise _refused("the period ends before it begins")
    if last - first >= MOST_POINTS * (1 if span == HOUR else 3):
        raise _refused("the period is too long for this span; begin later, or choose a larger span")
    found = Period(span, first, last)
    begin_number = found.begin_of(first)
    return Period(span, begin_number, _end_of(found, last))


def _end_of(whole: Period, last: int) -> int:
    end = last
    while whole.span in (WEEK, MONTH) and whole.begin_of(end + 1) == whole.begin_of(last):
        end += 1
    return end


def _instant(text: str, *, is_end: bool = False) -> float:
    try:
        found = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise _refused(f"{text!r} is no time: write it as 2026-11-27 or 2026-11-27T15:00 (UTC)") from None
    found = found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found
    is_day = len(text.strip()) <= 10
    try:
        return found.timestamp() + (86399 if is_end and is_day else 0)
    except (OverflowError, ValueError):
        raise _refused(f"{text!r} is too far away") from None


def _refused(text: str) -> Refused:
    return Refused(501, "5.5.4", text[0].upper() + text[1:], reason="bad-period")


def series(
    conn: Connection,
    account_id: str,
    when: Period,
    *,
    dim: str = ACCOUNT,
    name: str = "",
    metrics: Sequence[str] = METRICS,
) -> dict[str, Any]:
    """Zero-filled points of some metrics for one name, their totals and rates, and those of the period
    before. An unknown name has zeros. Raises Refused for an unknown dim."""
    _must_be_dim(dim)
    points = {begin: Counter[str]() for begin in when.points()}
    totals: Counter[str] = Counter()
    for tally in tallies.read(conn, account_id, dim, name, when.counted, when.first, when.last):
        points[when.begin_of(tally.at)][tally.metric] += tally.count
        totals[tally.metric] += tally.count
    before = when.before
    earlier = tallies.totals(conn, account_id, dim, name, before.counted, before.first, before.last)
    return {
        **_head(when, dim, name),
        "series": [
            {"time": _text(when, begin), **{metric: counts[metric] for metric in metrics}}
            for begin, counts in points.items()
        ],
        "totals": {metric: totals[metric] for metric in metrics},
        "rates": rates(totals),
        "before": {
            "since": _text(before, before.first),
            "totals": {metric: earlier.get(metric, 0) for metric in metrics},
            "rates": rates(earlier),
        },
    }


def _head(when: Period, dim: str, name: str) -> dict[str, Any]:
    since, until = _text(when, when.first), _text(when, when.last)
    return {"by": dim, "name": name, "span": when.span, "since": since, "until": until}


def _text(when: Period, number: int) -> str:
    at = when.instant(number)
    return at.strftime("%Y-%m-%dT%H:%MZ") if when.span == HOUR else at.date().isoformat()


def rates(totals: Mapping[str, int]) -> dict[str, float | None]:
    """Shares in percent with two digits; None where there is nothing to take a share of."""
    found: dict[str, float | None] = {}
    for rate, (part, wholes) in _RATES.items():
        whole = sum(totals.get(metric, 0) for metric in wholes)
        found[rate] = round(100 * totals.get(part, 0) / whole, 2) if whole else None
    return found


def largest(
    conn: Connection,
    account_id: str,
    when: Period,
    *,
    dim: str,
    metrics: Sequence[str] = METRICS,
    by: str = "",
    limit: int = 20,
) -> dict[str, Any]:
    """The names of a dim with most of one metric (`by`, else the first of `metrics` that the dim has), with
    totals and rates. Raises Refused for an unknown dim."""
    _must_be_dim(dim)
    by = by or ("accepted" if dim not in (SITE, "ip") else "delivered")
    found = tallies.by_name(
        conn, account_id, dim, when.counted, when.first, when.last, by, min(limit, MOST_NAMES)
    )
    rows = []
    for name, _ in found:
        totals = tallies.totals(conn, account_id, dim, name, when.counted, when.first, when.last)
        chosen = {metric: totals.get(metric, 0) for metric in metrics}
        rows.append({"name": name, "totals": chosen, "rates": rates(totals)})
    return {**_head(when, dim, ""), "sorted_by": by, "names": rows}


def ranked(
    conn: Connection,
    account_id: str,
    when: Period,
    *,
    dim: str,
    words: Sequence[str],
    by: Callable[[Mapping[str, int]], int],
    is_up: bool = False,
    limit: int = 20,
    offset: int = 0,
) -> list[tuple[str, dict[str, int]]]:
    """Names of a dim that had mail, in the order of a figure that is made of several `words`, with all of
    their totals. The figure of a name is `by` of its counts of these words."""
    found: dict[str, dict[str, int]] = {}
    for word in dict.fromkeys(("accepted", *words)):
        most = MOST_OF_DIM.get(dim, 1)
        for name, count in tallies.by_name(
            conn, account_id, dim, when.counted, when.first, when.last, word, most
        ):
            found.setdefault(name, {})[word] = count
    found.pop(OTHER_NAMES, None)
    sign = 1 if is_up else -1
    order = sorted((sign * by(counts), name) for name, counts in found.items())
    return [
        (name, tallies.totals(conn, account_id, dim, name, when.counted, when.first, when.last))
        for _, name in order[offset : offset + limit]
    ]


def delivery_times(
    conn: Connection, account_id: str, when: Period, *, dim: str = ACCOUNT, name: str = ""
) -> dict[str, Any]:
    """How long delivery took, in seconds, by share of the delivered copies (right within 10 %): the account's
    by hours or days, a domain's or a site's by days. Raises Refused for another dim."""
    if dim not in (ACCOUNT, DOMAIN, SITE):
        raise _refused(f"delivery times are kept by {ACCOUNT}, {DOMAIN} and {SITE}, not by {dim}")
    if dim != ACCOUNT and when.span == HOUR:
        raise _refused(f"delivery times by {dim} are kept by day; choose another span")
    totals = tallies.totals(conn, account_id, dim, name, when.counted, when.first, when.last)
    counts = {
        int(metric.removeprefix(TOOK)): count
        for metric, count in totals.items()
        if metric.startswith(TOOK) and count > 0
    }
    shares = {f"p{share}": took_s for share, took_s in percentiles(counts).items()}
    return {**_head(when, dim, name), "deliveries": sum(counts.values()), "seconds": shares}


def _must_be_dim(dim: str) -> None:
    if dim not in DIMS:
        raise _refused(f"nothing is counted by {dim}; allowed are {', '.join(DIMS[1:])}")
