"""The lenient types of `X-SMTPAPI` (our decision: its builders write flags, numbers and strings in every
mixture).

Public: is_absent, flag, integer, number, plain, excerpt, mapped_strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

EXCERPT_CHARS = 200
_EXCERPT_ITEMS = 20
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,18}\s*\Z", re.ASCII)
_DECIMAL = re.compile(r"\s*[0-9]{1,6}(?:\.[0-9]{1,6})?\s*\Z", re.ASCII)
_FLAGS = {"1": True, "true": True, "0": False, "false": False, "": False}


def is_absent(value: Any) -> bool:
    """Older builders write what was never set as `{}`, `[]`, `""` or `null`."""
    return value is None or value in ({}, [], "")


def flag(value: Any) -> bool | None:
    """1, "1", true, "true" -> True; 0, "0", false, "false", "", null -> False; anything else -> None."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    if value is None:
        return False
    return _FLAGS.get(value.strip().lower()) if isinstance(value, str) else None


def integer(value: Any) -> int | None:
    """A whole number, also as a string or with a fraction of zero; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return int(value) if isinstance(value, str) and _NUMBER.match(value) else None


def number(value: Any) -> float | None:
    """A number that is not negative, also as a string; None for anything else."""
    if isinstance(value, str) and _DECIMAL.match(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e6 else None


def plain(value: Any) -> str:
    """Any JSON value as text: strings as they are, null empty, all else its compact JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def excerpt(value: Any) -> str:
    """The beginning of a value, for people."""
    text = value if isinstance(value, str) else plain(_shortened(value))
    return text if len(text) <= EXCERPT_CHARS else text[: EXCERPT_CHARS - 1] + "…"


def _shortened(value: Any) -> Any:
    """Before it is written: a list of ten thousand recipients is not made to text for its first lines."""
    if isinstance(value, dict):
        return {key: _shortened(value[key]) for key in list(value)[:_EXCERPT_ITEMS]}
    if isinstance(value, list):
        return [_shortened(item) for item in value[:_EXCERPT_ITEMS]]
    return value[:EXCERPT_CHARS] if isinstance(value, str) else value


def mapped_strings(value: Any, change: Callable[[str], str]) -> Any:
    """A copy of a JSON value (not nested deeply) with all strings changed, keys too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): mapped_strings(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [mapped_strings(item, change) for item in value]
    return value
