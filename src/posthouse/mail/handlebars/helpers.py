"""The helpers: those that give a value, and those that only ask a question and so make blocks.

From handlebars.js: if, unless, each, with, lookup, log (blocks in `render`). Mailgun's engine has `equal`
(compares the printed forms; documented). SendGrid's has equals, notEquals, greaterThan, lessThan, and, or,
length, insert, formatDate (documented).

Public: VALUES, QUESTIONS, BLOCKS, is_helper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from posthouse.mail.handlebars.dates import format_date
from posthouse.mail.handlebars.values import is_empty, look_up, number_of, text_of

BLOCKS = frozenset({"if", "unless", "each", "with"})


def _equals(left: Any, right: Any) -> bool:
    """With coercion: 3 equals "3"."""
    one, two = number_of(left), number_of(right)
    if not math.isnan(one) and not math.isnan(two):
        return one == two
    return text_of(left) == text_of(right)


def _length(args: Sequence[Any]) -> int:
    value = args[0] if args else None
    return len(value) if isinstance(value, str | list | tuple) else 0


def _insert(args: Sequence[Any]) -> Any:
    """`insert value "default=text"` or `insert value "text"`."""
    value = args[0] if args else None
    if value is not None and value != "":
        return value
    return text_of(args[1]).removeprefix("default=") if len(args) > 1 else ""


def _format_date(args: Sequence[Any]) -> str:
    if not args or args[0] is None:
        return ""
    form = text_of(args[1]) if len(args) > 1 else "YYYY-MM-DDTHH:mm:ssZ"
    return format_date(args[0], form, text_of(args[2]) if len(args) > 2 else "")


def _look_up(args: Sequence[Any]) -> Any:
    return look_up(args[0], text_of(args[1])) if len(args) > 1 else None


def _pair(ask: Callable[[Any, Any], bool]) -> Callable[[Sequence[Any]], bool]:
    return lambda args: ask(args[0] if args else None, args[1] if len(args) > 1 else None)


VALUES: dict[str, Callable[[Sequence[Any]], Any]] = {
    "lookup": _look_up,
    "log": lambda args: "",
    "length": _length,
    "insert": _insert,
    "formatDate": _format_date,
}
QUESTIONS: dict[str, Callable[[Sequence[Any]], bool]] = {
    "equal": _pair(lambda left, right: text_of(left) == text_of(right)),
    "equals": _pair(_equals),
    "notEquals": _pair(lambda left, right: not _equals(left, right)),
    "greaterThan": _pair(lambda left, right: number_of(left) > number_of(right)),
    "lessThan": _pair(lambda left, right: number_of(left) < number_of(right)),
    "and": lambda args: all(not is_empty(value) for value in args),
    "or": lambda args: any(not is_empty(value) for value in args),
}


def is_helper(name: str) -> bool:
    return name in BLOCKS or name in VALUES or name in QUESTIONS
