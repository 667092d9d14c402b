"""Bodies of the analytics calls (`/v1/analytics/…`): an object, its filter, its page.

Public: read_body, conditions, Condition, text_at, rows_at, object_at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.doors.api.call import Call
from posthouse.doors.api.mailgun.asked import has_json
from posthouse.doors.api.mailgun.phrases import said

_MOST_VALUES = 100
_MOST_CONDITIONS = 20
_COMPARATORS = ("=", "!=", "contains", "not contains", "starts with")


@dataclass(frozen=True, slots=True)
class Condition:
    """`values` in lower case; one of them must hold, or none for a negated comparator."""

    attribute: str
    comparator: str
    values: tuple[str, ...]

    def holds(self, texts: Sequence[str]) -> bool:
        """`texts`: what the attribute says, lower case."""
        if self.comparator in ("=", "!="):
            found = any(value in texts for value in self.values)
        elif self.comparator == "starts with":
            found = any(text.startswith(self.values) for text in texts)
        else:
            found = any(value in text for value in self.values for text in texts)
        return found is not self.comparator.startswith(("!", "not"))


async def read_body(call: Call) -> dict[str, Any]:
    """The object of the body, {} for none. Some programs send it as a form: then its plain fields count.
    Raises Problem, Said."""
    body = (await call.body()).lstrip()
    if not body:
        return {}
    # The official program for Node deletes a tag with JSON that it calls a form.
    if not has_json(call) and not body.startswith(b"{"):
        return dict((await call.form()).fields)
    found = await call.json()
    if not isinstance(found, dict):
        raise said("The body should be a JSON object")
    return found


def text_at(body: Mapping[str, Any], name: str) -> str:
    """A text or number, "" for none. Raises Said."""
    value = body.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise said(f"'{name}' should be a text")
    return str(value)[:1_000]


def rows_at(body: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts. Raises Said."""
    value = body.get(name)
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise said(f"'{name}' should be a list of texts")
    if len(value) > _MOST_VALUES:
        raise said(f"'{name}' has more than {_MOST_VALUES} entries")
    return value


def object_at(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object, {} for none. Raises Said."""
    value = body.get(name)
    if value is None or isinstance(value, str):  # a form flattens it
        return {}
    if not isinstance(value, dict):
        raise said(f"'{name}' should be an object")
    return value


def conditions(body: Mapping[str, Any]) -> list[Condition]:
    """The members of `filter.AND`. Raises Said."""
    given = object_at(body, "filter")
    listed = given.get("AND") or []
    if set(given) - {"AND"}:
        raise said("'filter' has a list AND of conditions and nothing else")
    if not isinstance(listed, list) or len(listed) > _MOST_CONDITIONS:
        raise said(f"'filter' should be an object with a list AND of at most {_MOST_CONDITIONS} conditions")
    return [_condition(each) for each in listed]


def _condition(given: Any) -> Condition:
    if not isinstance(given, dict):
        raise said("a condition of 'filter' should be an object")
    comparator = text_at(given, "comparator") or "="
    if comparator not in _COMPARATORS:
        raise said(f"the comparator {comparator[:40]!r} is not known: use {', '.join(_COMPARATORS)}")
    values = given.get("values")
    if not isinstance(values, list) or not 0 < len(values) <= _MOST_VALUES:
        raise said(f"a condition of 'filter' needs a list of 1 to {_MOST_VALUES} values")
    return Condition(text_at(given, "attribute"), comparator, tuple(_value(each) for each in values))


def _value(given: Any) -> str:
    if isinstance(given, dict):
        given = given.get("value", given.get("label", ""))
    if not isinstance(given, str | int | float):
        raise said("a value of 'filter' should be a text")
    return str(given)[:1_000].lower()
