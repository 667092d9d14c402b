"""`formatDate`: an instant in a written form (SendGrid's tokens, documented; literal text otherwise).

Public: format_date.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from posthouse.mail.handlebars.nodes import TemplateError

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_TOKEN = re.compile(r"YYYY|YY|MMMM|MMM|MM|M|DD|D|dddd|ddd|hh|h|HH|H|mm|m|ss|s|A|ZZ|Z")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)\Z")
_LATEST = 253_402_300_799.0


def format_date(value: Any, form: str, offset: str = "") -> str:
    """`value`: ISO 8601, or seconds or milliseconds since the epoch; `offset` such as -0800.

    Raises TemplateError for a value that is no instant.
    """
    at = _shifted(_instant(value), offset)
    return _TOKEN.sub(lambda match: _written(match[0], at), form)


def _instant(value: Any) -> dt.datetime:
    if isinstance(value, str) and not value.lstrip("-").replace(".", "", 1).isdigit():
        try:
            at = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            raise TemplateError("formatDate needs an ISO 8601 date or an epoch time") from None
        return at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        raise TemplateError("formatDate needs an ISO 8601 date or an epoch time") from None
    seconds = seconds / 1000 if abs(seconds) > 1e11 else seconds
    if not 0 <= seconds <= _LATEST:
        raise TemplateError("formatDate needs a date between 1970 and 9999")
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _shifted(at: dt.datetime, offset: str) -> dt.datetime:
    match = _OFFSET.match(offset.strip())
    if not match:
        return at
    minutes = int(match[2]) * 60 + int(match[3])
    try:
        zone = dt.timezone(dt.timedelta(minutes=minutes if match[1] == "+" else -minutes))
        return at.astimezone(zone)
    except (ValueError, OverflowError):
        raise TemplateError(f"formatDate: {offset!r} is not an offset from UTC") from None


def _written(token: str, at: dt.datetime) -> str:
    hour12 = at.hour % 12 or 12
    numbers = {
        "YYYY": f"{at.year:04d}", "YY": f"{at.year % 100:02d}", "MMMM": _MONTHS[at.month - 1],
        "MMM": _MONTHS[at.month - 1][:3], "MM": f"{at.month:02d}", "M": str(at.month), "DD": f"{at.day:02d}",
        "D": str(at.day), "dddd": _DAYS[at.weekday()], "ddd": _DAYS[at.weekday()][:3], "hh": f"{hour12:02d}",
        "h": str(hour12), "HH": f"{at.hour:02d}", "H": str(at.hour), "mm": f"{at.minute:02d}",
        "m": str(at.minute), "ss": f"{at.second:02d}", "s": str(at.second),
        "A": "AM" if at.hour < 12 else "PM",
    }  # fmt: skip
    return numbers[token] if token in numbers else _zone(at, {"Z": ":"}.get(token, ""))


def _zone(at: dt.datetime, colon: str) -> str:
    minutes = int((at.utcoffset() or dt.timedelta()).total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{colon}{abs(minutes) % 60:02d}"
