"""The stretch of time of a statistics call: start, end, resolution, duration (mailgun.md 5.8).

Public: read_period, read_instant.
"""

from __future__ import annotations

import datetime as dt
import re

from posthouse.desk.statistics import MONTH, Period, period
from posthouse.dialects.mailgun.times import BadValue, instant
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.errors import Refused
from posthouse.rules.metrics import DAY, HOUR

_RESOLUTIONS = (HOUR, DAY, MONTH)
_USUAL_S = 7 * 86_400.0
_DURATION = re.compile(r"(\d{1,4})([hdm])\Z")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_UNIT_S = {"h": 3600.0, "d": 86_400.0, "m": 30 * 86_400.0}
_LATEST = 253_402_300_799.0


def read_period(now: float, start: str, end: str, resolution: str, duration: str) -> Period:
    """Both ends included; a duration counts back from the end and beats the start. Raises Said (400)."""
    span = resolution.strip().lower() or DAY
    if span not in _RESOLUTIONS:
        raise said(f"'resolution' parameter is not valid: use {', '.join(_RESOLUTIONS)}")
    until = read_instant("end", end) if end.strip() else now
    since = until - _USUAL_S
    if duration.strip():
        match = _DURATION.match(duration.strip().lower())
        if match is None:
            raise said("'duration' parameter is not valid: use a number and h, d or m, such as 7d")
        since = until - int(match[1]) * _UNIT_S[match[2]]
    elif start.strip():
        since = read_instant("start", start)
    if since > until:
        raise said("'start' parameter must not be later than 'end'")
    try:
        return period(now, span, _iso(max(since, 0.0)), _iso(until))
    except Refused as refused:
        raise said("the period is too long for this resolution") from refused


def read_instant(name: str, text: str) -> float:
    """Seconds, of an RFC 2822 date or, as the official program for Node shows, of an ISO 8601 one with a
    zone. `name`: the parameter's. Raises Said (400)."""
    try:
        if _ISO_DATE.fullmatch(text.strip()):
            return _iso_instant(text.strip())
        return min(instant(text.strip()), _LATEST)
    except BadValue as error:
        raise said(f"'{name}' parameter is not valid: {error}") from error


def _iso_instant(text: str) -> float:
    """Raises BadValue."""
    try:
        return min(dt.datetime.fromisoformat(text.upper()).timestamp(), _LATEST)
    except (ValueError, OverflowError) as error:
        raise BadValue(f"{text} is not a date") from error


def _iso(at: float) -> str:
    return dt.datetime.fromtimestamp(max(at, 0.0), dt.UTC).isoformat()
