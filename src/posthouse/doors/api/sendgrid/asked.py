"""What a management call asks for: objects of JSON and numbers of a query or path, each judged by name.

Public: object_of, text_of, find_text, find_flag, emails_of, number_of, page_of, path_number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posthouse.doors.api.call import Call
from posthouse.doors.api.sendgrid.phrases import not_found, said

MOST_EMAILS = 10_000
_MOST_OFFSET = 100_000_000
_LATEST = 2**40
HIGHEST_NUMBER = 2**31 - 1  # that the store gives


async def object_of(call: Call) -> dict[str, Any]:
    """The body; nothing is an empty object. Raises Problem, Said."""
    if not (await call.body()).strip():
        return {}
    given = await call.json()
    if not isinstance(given, dict):
        raise said("the body must be a JSON object")
    return given


def find_text(given: Mapping[str, Any], name: str, most: int) -> str | None:
    """None where it is not given. Raises Said."""
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise said(f"{name} must be a string", field=name)
    if len(value) > most:
        raise said(f"{name} must have at most {most} characters", field=name)
    return value


def text_of(given: Mapping[str, Any], name: str, most: int) -> str:
    """One that must be there. Raises Said."""
    value = find_text(given, name, most)
    if value is None or not value.strip():
        raise said(f"{name} is required", field=name)
    return value


def find_flag(given: Mapping[str, Any], name: str) -> bool | None:
    """A boolean; templates write it as 0 and 1. Raises Said."""
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return value
    if value in (0, 1):
        return bool(value)
    raise said(f"{name} must be a boolean", field=name)


def emails_of(given: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts, maybe empty. Raises Said."""
    value = given.get(name)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise said(f"{name} must be a list of email addresses", field=name)
    if len(value) > MOST_EMAILS:
        raise said(f"{name} must have at most {MOST_EMAILS} entries", field=name)
    return value


def number_of(call: Call, name: str, usual: int, most: int = _LATEST) -> int:
    """A whole number of the query, cut at `most`. Raises Said."""
    text = call.query.get(name, "").strip()
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise said(f"{name} must be a positive integer", field=name)
    return min(int(text), most)


def page_of(call: Call, usual: int, most: int) -> tuple[int, int]:
    """`limit` and `offset`. Raises Said."""
    return max(1, number_of(call, "limit", usual, most)), number_of(call, "offset", 0, _MOST_OFFSET)


def path_number(call: Call, name: str) -> int:
    """A number that the path names a thing by. Raises Said where it can be none's, as for one that is not
    there."""
    text = call.params[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= HIGHEST_NUMBER):
        raise not_found()
    return int(text)
