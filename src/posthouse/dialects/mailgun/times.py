"""The grammars of time: an instant, a delivery window, a number of hours, a time of day.

Each takes the header's text and gives seconds (or HH:MM), or raises `BadValue` with the sentence that the
service's HTTP interface answers to the same value, where one is known.

Public: instant, deliver_at, window, optimise_period, time_of_day, utc_text, span_text, BadValue.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from posthouse.dialects.dialect import Context

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
SHOWN_CHARS = 100  # of a wrong value, in a reply

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# RFC 2822 4.3. Names beyond these mean different things in different places.
_ZONES = {"": 0, "gmt": 0, "utc": 0, "ut": 0, "z": 0} | {
    "edt": -4, "est": -5, "cdt": -5, "cst": -6, "mdt": -6, "mst": -7, "pdt": -7, "pst": -8
}  # fmt: skip
_DATE = re.compile(
    r"(?:[A-Za-z]{3,9}\.?,?\s+)?(\d{1,2})\s+([A-Za-z]{3})[a-z]*\.?\s+(\d{2,4})"
    r"\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(?:([+-]?)(\d{2})(\d{2})|([A-Za-z]{1,3}))\s*(?:\([^()]*\)\s*)?",
    re.ASCII,
)
# as C libraries write it; the official Python program shows `Thu Jan 28 2021 14:00:03 EST`
_ASCTIME = re.compile(
    r"(?:[A-Za-z]{3,9}\.?,?\s+)?([A-Za-z]{3})[a-z]*\.?\s+(\d{1,2}),?\s+(\d{4})\s+([\d:]{4,8})\s*(\S{0,6})",
    re.ASCII,
)
_EPOCH = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_WINDOW = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?", re.ASCII | re.IGNORECASE)
_HOURS = re.compile(r"(\d{1,6})h", re.ASCII | re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})\s?([AaPp][Mm])?", re.ASCII)


class BadValue(ValueError):
    """The value is not of its header's grammar, or not the account's. The text says what is allowed; where a
    letter is refused for it, it is the whole reply."""


def deliver_at(text: str, context: Context) -> float:
    """Seconds since the epoch, 0 for a time that has passed: then there is nothing to wait for."""
    at = instant(text)
    if at > context.now + context.schedule_days * DAY:
        days = f"{context.schedule_days:g}"
        raise BadValue(f"o:deliverytime can't be more than {days} days in the future")
    return at if at > context.now else 0.0


def instant(text: str) -> float:
    """An RFC 2822 date with a zone, or seconds since the epoch (documented until 2024). Raises BadValue."""
    if _EPOCH.fullmatch(text):
        return float(text)
    is_short = len(text) <= SHOWN_CHARS
    written = _ASCTIME.sub(r"\2 \1 \3 \4 \5", text) if is_short and _ASCTIME.fullmatch(text) else text
    match = _DATE.fullmatch(written.rstrip()) if is_short else None
    try:
        if match is None:
            raise ValueError(text)
        return _seconds(match)
    except (ValueError, OverflowError) as error:
        raise BadValue(f"{text[:SHOWN_CHARS]} is not an RFC-2822 compliant date") from error


def _seconds(match: re.Match[str]) -> float:
    """Raises ValueError, OverflowError."""
    month = _MONTHS.index(match[2].lower()) + 1
    year = int(match[3])
    if len(match[3]) < 4:  # RFC 2822 4.3
        year += 2000 if len(match[3]) == 2 and year < 50 else 1900
    if int(match[6] or 0) > 60:
        raise ValueError("no such second")
    second = min(int(match[6] or 0), 59)  # a leap second
    return datetime(
        year, month, int(match[1]), int(match[4]), int(match[5]), second, tzinfo=_zone(match)
    ).timestamp()


def _zone(match: re.Match[str]) -> timezone:
    """The manual's own example lacks the sign (`12:00:00 0000`): a plus that a URL has eaten."""
    if match[10] is not None:
        name = match[10].lower()
        if name not in _ZONES:
            raise ValueError("not a zone of RFC 2822")
        return timezone(timedelta(hours=_ZONES[name]))
    offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
    return timezone(-offset if match[7] == "-" else offset)


def window(text: str, context: Context) -> float:
    """`1h30m`, `30m`, `24h`; from 5 minutes to 24 hours."""
    match = _WINDOW.fullmatch(text)
    seconds = int(match[1] or 0) * HOUR + int(match[2] or 0) * MINUTE if match else 0.0
    if not 5 * MINUTE <= seconds <= 24 * HOUR:
        raise BadValue("invalid o:deliver-within value: must be between 5m and 24h")
    return seconds


def optimise_period(text: str, context: Context) -> float:
    """`24h` to `72h`."""
    match = _HOURS.fullmatch(text)
    hours = int(match[1]) if match else 0
    if not 24 <= hours <= 72:
        raise BadValue("invalid o:deliverytime-optimize-period value: must be between 24h and 72h")
    return hours * HOUR


def time_of_day(text: str, context: Context) -> str:
    """`16:00` or `04:00PM` -> `16:00`."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise BadValue(f"{text[:SHOWN_CHARS]} is not a valid time to send (value of 'o:time-zone-localize')")
    hour, minute = int(match[1]), int(match[2])
    if match[3] and 1 <= hour <= 12:
        hour = hour % 12 + (12 if match[3].lower() == "pm" else 0)
    elif match[3]:
        hour = 24  # 13:00PM
    if hour > 23 or minute > 59:
        wanted = "is not a valid time to send " if match[3] else "invalid 24 hour time"
        raise BadValue(f"{text[:SHOWN_CHARS]} {wanted}(value of 'o:time-zone-localize')")
    return f"{hour:02}:{minute:02}"


def utc_text(at: float) -> str:
    """An instant for people."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def span_text(seconds: float) -> str:
    """`1h30m`, `30m`, `24h`."""
    hours, minutes = divmod(int(seconds / MINUTE), 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")
