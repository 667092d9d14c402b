"""Values out of JSON that somebody else wrote: of the expected type and size, or said why not.

Public: BadShape, as_object, as_list, text_of, words_of, number_of, flag_of, instant_of.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from posthouse.rules.suppression_csv import parse_time

MOST_TEXT = 2_000
_MOST_WORDS = 1_000
_LAST_INSTANT = 2**33  # in the year 2242
_YES = ("yes", "true", "1", "on")


class BadShape(ValueError):
    """Not what this service writes; the message is a sentence for people and quotes no more than a word."""


def as_object(value: Any) -> Mapping[str, Any]:
    """Raises BadShape."""
    if not isinstance(value, dict):
        raise BadShape("there is no JSON object where one is expected")
    return value


def as_list(value: Any) -> list[Any]:
    """None counts as empty. Raises BadShape."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadShape("there is no JSON array where one is expected")
    return value


def text_of(found: Mapping[str, Any], *names: str, most: int = MOST_TEXT) -> str:
    """The first of these that is said, numbers as text; "" without any. Raises BadShape."""
    for name in names:
        value = found.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise BadShape(f"{name} is no text")
        if isinstance(value, int) and abs(value) >= 10**18:
            raise BadShape(f"{name} is a number that is too large")
        text = str(value)
        if len(text) > most:
            raise BadShape(f"{name} has {len(text):,} characters; at most {most:,} are read")
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise BadShape(f"{name} is no Unicode text")
        return text
    return ""


def words_of(found: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts, or a single one. Raises BadShape."""
    value = found.get(name)
    listed = [value] if isinstance(value, str) else as_list(value)
    if len(listed) > _MOST_WORDS:
        raise BadShape(f"{name} has more than {_MOST_WORDS:,} entries")
    return tuple(word for item in listed if (word := text_of({name: item}, name)))


def number_of(found: Mapping[str, Any], name: str) -> int:
    """A whole number from 1 up, 0 when it is not said. Raises BadShape."""
    text = text_of(found, name, most=20)
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**31:
        raise BadShape(f"{name} is no number that can be read")
    return int(text)


def flag_of(found: Mapping[str, Any], name: str) -> bool:
    """True for true, 1, "yes"; False for everything else."""
    value = found.get(name)
    return value.strip().lower() in _YES if isinstance(value, str) else value is True or value == 1


def instant_of(found: Mapping[str, Any], *names: str) -> float | None:
    """Seconds since the epoch from a number or one of the usual texts; None where nobody can tell."""
    value = next((found[name] for name in names if found.get(name)), None)
    if isinstance(value, str):
        value = parse_time(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    is_sane = math.isfinite(value) and 0 <= value < _LAST_INSTANT
    return float(value) if is_sane else None
