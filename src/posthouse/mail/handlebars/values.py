"""Values as JavaScript templates see them: look-up, truth, text, escaping, comparison.

Public: look_up, is_empty, is_same, text_of, escaped, number_of.
"""

from __future__ import annotations

import math
import re
from typing import Any

_ESCAPES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#x27;",
    "`": "&#x60;",
    "=": "&#x3D;",
}
_special = re.compile("[&<>\"'`=]")
_MAX_TEXT_DEPTH = 10


def look_up(value: Any, part: str) -> Any:
    """One step of a path; None where there is nothing. Only own members: no attributes, no methods."""
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list | tuple):
        if part == "length":
            return len(value)
        return value[int(part)] if part.isascii() and part.isdigit() and int(part[:9]) < len(value) else None
    if isinstance(value, str) and part == "length":
        return len(value)
    return None


def is_empty(value: Any) -> bool:
    """What `if` takes for false: null, false, 0, NaN, "" and the empty list; an empty object is true."""
    if isinstance(value, float) and math.isnan(value):
        return True
    return not value and not isinstance(value, dict)


def is_same(one: Any, two: Any) -> bool:
    """JavaScript's `==` of plain values; lists and objects are the same only as one and the same."""
    if one is two:
        return True
    if (
        one is None
        or two is None
        or isinstance(one, dict | list | tuple)
        or isinstance(two, dict | list | tuple)
    ):
        return False
    if isinstance(one, str) and isinstance(two, str):
        return one == two
    return _loose_number(one) == _loose_number(two)


def _loose_number(value: Any) -> float:
    return 0.0 if isinstance(value, str) and not value.strip() else number_of(value)


def text_of(value: Any, depth: int = 0) -> str:
    """How JavaScript prints it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list | tuple):
        return ",".join([text_of(item, depth + 1) for item in value]) if depth < _MAX_TEXT_DEPTH else ""
    return "[object Object]"


def number_text(value: int | float) -> str:
    """1.0 -> "1", 1e21 -> "1e+21"."""
    if isinstance(value, int) and abs(value) < 10**21:
        return str(value)
    try:
        number = float(value)
    except OverflowError:
        return "Infinity" if value > 0 else "-Infinity"
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == int(number) and abs(number) < 1e21:
        return str(int(number))
    written = repr(number)
    mantissa, e, exponent = written.partition("e")
    if not e:
        return written
    size = int(exponent)
    if -7 < size < 0:
        return f"{number:.{-size + len(mantissa.lstrip('-').replace('.', '')) - 1}f}"
    return f"{mantissa.removesuffix('.0')}e{'+' if size > 0 else '-'}{abs(size)}"


def escaped(text: str) -> str:
    """HTML-escaped as handlebars.js does it."""
    return _special.sub(lambda match: _ESCAPES[match[0]], text) if _special.search(text) else text


def number_of(value: Any) -> float:
    """As a number; NaN where there is none."""
    if isinstance(value, bool):
        return float(value)
    try:
        return float(value) if isinstance(value, int | float | str) and value != "" else math.nan
    except (ValueError, OverflowError):
        return math.nan
