"""What a check of a letter finds.

Public: Level, Finding, good, warn, bad, examples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_MOST_TEXT = 600
_EXAMPLES, _LONGEST_EXAMPLE = 3, 80


class Level(StrEnum):
    """BAD: recipients will not see what was meant, or not get it. WARN: worth a look."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check`: one word for what was looked at; `text`: what is wrong and what to do."""

    check: str
    level: Level
    text: str


def good(check: str, text: str) -> Finding:
    return Finding(check, Level.GOOD, text[:_MOST_TEXT])


def warn(check: str, text: str) -> Finding:
    return Finding(check, Level.WARN, text[:_MOST_TEXT])


def bad(check: str, text: str) -> Finding:
    return Finding(check, Level.BAD, text[:_MOST_TEXT])


def examples(found: Iterable[str]) -> str:
    """The first few of what a letter holds, cut and on one line: strangers wrote it."""
    shown = list(dict.fromkeys(" ".join(each.split()) for each in found))
    cut = [each if len(each) <= _LONGEST_EXAMPLE else f"{each[: _LONGEST_EXAMPLE - 1]}…" for each in shown]
    more = len(cut) - _EXAMPLES
    return ", ".join(cut[:_EXAMPLES]) + (f" and {more} more" if more > 0 else "")
