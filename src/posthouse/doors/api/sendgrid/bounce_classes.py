"""Bounces by classification and by receiving domain, day by day (sendgrid.md 3.12).

They are counted in the event log, as far back as it goes (`keep.event_days`); a call that would have to look
at very many events is refused, and names the way out.

Public: ENDPOINTS.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Callable

from posthouse.dialects.event_values import Facts
from posthouse.dialects.sendgrid.event_fields import (
    CONTENT,
    FULL,
    INVALID,
    REPUTATION,
    TECHNICAL,
    TOO_MUCH,
    UNCLASSIFIED,
    bounce,
)
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.periods import date_of
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.doors.api.walking import SLACK_S, TooMany, walk
from posthouse.model.event import Event, EventKind
from posthouse.model.hook import Told
from posthouse.rules.metrics import own_word
from posthouse.store.events import EventQuery

_USUAL_DAYS, _MOST_DAYS = 30, 366
_DAY_S = 86400
_KINDS = (EventKind.FAILED, EventKind.BOUNCED)
_SPELLED = {TECHNICAL: "Technical Failure"}  # here, while events say it in one word (documented)
_NAMES = {
    name.lower(): name
    for name in (INVALID, "Technical Failure", CONTENT, REPUTATION, TOO_MUCH, FULL, UNCLASSIFIED)
} | {TECHNICAL.lower(): "Technical Failure"}

Counts = dict[dt.date, Counter[str]]


async def _of_all(call: Call) -> Answer:
    return _told(call, await _counted(call, _class_of), "classification")


async def _of_one(call: Call) -> Answer:
    wanted = _NAMES.get(call.params["classification"].strip().lower())
    if wanted is None:
        names = ", ".join(dict.fromkeys(_NAMES.values()))
        raise said(f"classification must be one of {names}", field="classification")

    def domain_of(event: Event) -> str:
        return event.recipient.rpartition("@")[2].lower() if _class_of(event) == wanted else ""

    return _told(call, await _counted(call, domain_of), "domain")


def _class_of(event: Event) -> str:
    """ "" for letters of ours and for copies, as in the statistics."""
    if own_word(event) != event.kind.value:
        return ""
    found = bounce(Facts(Told(event)))["bounce_classification"]
    return _SPELLED.get(found, found)


async def _counted(call: Call, name_of: Callable[[Event], str]) -> Counts:
    """Every day of the period with how often each name was met on it. Raises Said."""
    first, last = _period(call)
    counts: Counts = {first + dt.timedelta(days=day): Counter() for day in range((last - first).days + 1)}
    begin = dt.datetime.combine(first, dt.time(), dt.UTC).timestamp()
    query = EventQuery(
        account_id=call.account_id,
        kinds=_KINDS,
        since=begin,
        until=begin + len(counts) * _DAY_S + SLACK_S,
    )
    try:
        async for event in walk(call, query):
            day = dt.datetime.fromtimestamp(event.at, dt.UTC).date()
            if day in counts and (name := name_of(event)):
                counts[day][name] += 1
    except TooMany as error:
        text = "there are too many bounces in this time to count: ask for fewer days"
        raise said(text, field="start_date") from error
    return counts


def _period(call: Call) -> tuple[dt.date, dt.date]:
    """The days from `start_date` to `end_date`, both included; without the one 30 days, without the other
    until today. Raises Said."""
    today = dt.datetime.fromtimestamp(call.now, dt.UTC).date()
    until, since = date_of(call, "end_date"), date_of(call, "start_date")
    last = dt.date.fromisoformat(until) if until else today
    first = dt.date.fromisoformat(since) if since else last - dt.timedelta(days=_USUAL_DAYS - 1)
    if first > last:
        raise said("start_date must not be later than end_date", field="start_date")
    if (last - first).days >= _MOST_DAYS:
        raise said("the period is too long", field="start_date")
    return first, last


def _told(call: Call, counts: Counts, noun: str) -> Answer:
    """Of a day the most frequent first; as CSV where the call asks for that."""
    days = [
        (day.isoformat(), sorted(found.items(), key=lambda item: (-item[1], item[0])))
        for day, found in counts.items()
    ]
    if "text/csv" not in call.request.headers.get("accept", "").lower():
        result = [
            {"date": day, "stats": [{noun: name, "count": count} for name, count in found]}
            for day, found in days
        ]
        return json_answer({"result": result})
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(("date", noun, "count"))
    lines.writerows((day, name, count) for day, found in days for name, count in found)
    return Answer(200, text.getvalue().encode(), {"Content-Type": "text/csv; charset=utf-8"})


_HERE, _READ = "/v3/suppression/bounces/classifications", "suppressions.read"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _HERE, _READ, _of_all),
    Endpoint("GET", f"{_HERE}/{{classification}}", _READ, _of_one),
)
