"""The days of a statistics call: start_date, end_date, aggregated_by, and its page (sendgrid.md 3.13).

Public: Days, read_days, date_of.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from itertools import islice

from posthouse.desk.statistics import MONTH, WEEK, Period, period
from posthouse.doors.api.call import Call
from posthouse.doors.api.sendgrid.asked import page_of
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.model.errors import Refused
from posthouse.rules.metrics import DAY

MOST_DATES = 500
_ALL_DAYS = 100_000
_SPANS = (DAY, WEEK, MONTH)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


@dataclass(frozen=True, slots=True)
class Days:
    """`when`: the page's days, None where the page is behind the end; `dates`: its points, YYYY-MM-DD."""

    when: Period | None
    dates: tuple[str, ...]


def read_days(call: Call, *, is_whole: bool = False) -> Days:
    """Both ends included, until today unless it says otherwise; dates are UTC, as everything is counted.
    Weeks and months are whole. `is_whole`: all days, limit and offset are of something else. Raises Said."""
    span = call.query.get("aggregated_by", "").strip().lower() or DAY
    if span not in _SPANS:
        raise said("aggregated_by must be one of day, week, month", field="aggregated_by")
    since = date_of(call, "start_date")
    if not since:
        raise said("start_date is required", field="start_date")
    until = date_of(call, "end_date") or dt.datetime.fromtimestamp(call.now, dt.UTC).date().isoformat()
    if since > until:
        raise said("start_date must not be later than end_date", field="start_date")
    limit, offset = (_ALL_DAYS, 0) if is_whole else page_of(call, MOST_DATES, MOST_DATES)
    try:
        return _page(period(call.now, span, since, until), limit, offset)
    except Refused as refused:
        raise said("the period is too long", field="start_date") from refused


def date_of(call: Call, name: str) -> str:
    """A date of the query, YYYY-MM-DD, "" where it is not said. Raises Said."""
    text: str = call.query.get(name, "").strip()
    if not text:
        return ""
    try:
        if not _DATE.match(text) or dt.date.fromisoformat(text).year < 1970:
            raise ValueError
    except ValueError:
        raise said(f"{name} must be a date, written as YYYY-MM-DD", field=name) from None
    return text


def _page(whole: Period, limit: int, offset: int) -> Days:
    """Only the days of the page are read: the answer to a century is as small as that to a year."""
    begins = list(islice(whole.points(), offset, offset + limit + 1))
    shown = begins[:limit]
    if not shown:
        return Days(None, ())
    last = begins[limit] - 1 if len(begins) > limit else whole.last
    dates = tuple(whole.instant(begin).date().isoformat() for begin in shown)
    return Days(Period(whole.span, shown[0], last), dates)
