"""Pages from templates: everything that stands in one is escaped, whatever it is and wherever it came from.

Public: rendered.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

import jinja2

from posthouse.doors.web.static_files import address_of_file


def rendered(template: str, **values: Any) -> str:
    """The text of a template of `doors/web/templates`. A name that it does not know is a bug and raises."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("posthouse.doors.web", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["static"] = address_of_file
    made.filters |= {
        "when": _when,
        "day": _day,
        "moment": _moment,
        "number": _number,
        "share": _share,
        "octets": _octets,
        "span": span_text,
    }
    return made


def _when(at: float | None) -> str:
    """`2026-11-27 09:30:05`, UTC; "–" for never."""
    return _utc(at, "%Y-%m-%d %H:%M:%S")


def _day(at: float | None) -> str:
    return _utc(at, "%Y-%m-%d")


def _moment(at: float | None) -> str:
    """`2026-11-27T09:30:05`, as a field has it; "" for never."""
    return "" if at is None else _utc(at, "%Y-%m-%dT%H:%M:%S")


def _utc(at: float | None, form: str) -> str:
    return "–" if at is None else dt.datetime.fromtimestamp(at, dt.UTC).strftime(form)


def _number(value: float | None) -> str:
    """`1 234 567` with narrow no-break spaces."""
    return "–" if value is None else f"{value:,.0f}".replace(",", "\u202f")


def _share(percent: float | None) -> str:
    """`98.4 %`."""
    return "–" if percent is None else f"{percent:.1f}\u202f%"


def _octets(size: int) -> str:
    """`12 KB`."""
    amount, unit = float(size), "B"
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f}\u202f{unit}" if amount >= 10 or unit == "B" else f"{amount:.1f}\u202f{unit}"


def span_text(seconds: float | None) -> str:
    """`4 min`, `2 h 5 min`, `3 d 4 h`; "–" for none."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
