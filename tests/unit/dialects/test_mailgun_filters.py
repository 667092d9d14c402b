"""Filter expressions of Mailgun's event calls."""

from __future__ import annotations

import pytest

from posthouse.dialects.mailgun.filters import BadFilter, number_holds, parse_filter

# id: expression, words that are there, does it hold?
TABLE: dict[str, tuple[str, set[str], bool]] = {
    "a word": ("failed", {"failed"}, True),
    "another word": ("failed", {"opened"}, False),
    "either": ("rejected OR failed", {"failed"}, True),
    "neither": ("rejected OR failed", {"opened"}, False),
    "five": ("delivered OR opened OR failed OR unsubscribed OR complained", {"complained"}, True),
    "both": ("bulk AND ghost", {"bulk", "ghost"}, True),
    "one of both": ("bulk AND ghost", {"bulk"}, False),
    "side by side": ("bulk ghost", {"bulk"}, False),
    "not": ("NOT bulk", {"ghost"}, True),
    "but not": ("ghost AND NOT bulk", {"ghost", "bulk"}, False),
    "not without AND": ("ghost NOT bulk", {"ghost"}, True),
    "twice not": ("NOT NOT a", {"a"}, True),
    "a phrase": ('"September newsletter"', {"september newsletter"}, True),
    "capitals": ("Failed", {"failed"}, True),
    "AND before OR": ("a OR b AND c", {"a"}, True),
    "brackets": ("(a OR b) AND c", {"a"}, False),
    "nested": ("((a))", {"a"}, True),
    "small and is a word": ("a and b", {"a", "b"}, False),
    "an address": ("bob@example.net", {"bob@example.net"}, True),
    "an empty phrase": ('""', {""}, True),
}


@pytest.mark.parametrize(("text", "words", "holds"), TABLE.values(), ids=TABLE)
def test_expressions(text: str, words: set[str], holds: bool) -> None:
    assert parse_filter(text).holds(words.__contains__) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "(",
        ")",
        "a)",
        "(a",
        "AND a",
        "a OR",
        "NOT",
        '"open',
        "a AND AND b",
        "(" * 50 + "a",
        "NOT " * 50 + "a",
        "x" * 2001,
    ],
)
def test_what_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(BadFilter):
        parse_filter(text)


@pytest.mark.parametrize(
    ("text", "required"),
    [
        ("a", ("a",)),
        ("a AND b", ("a", "b")),
        ("a b", ("a", "b")),
        ("a OR b", None),
        ("NOT a", None),
        ("a AND (b OR c)", None),
    ],
)
def test_what_must_be_there(text: str, required: tuple[str, ...] | None) -> None:
    assert parse_filter(text).required == required


@pytest.mark.parametrize(
    ("term", "value", "holds"),
    [
        (">10", 11, True),
        (">10", 10, False),
        ("<10", 9, True),
        ("10", 10, True),
        ("10", 11, False),
        ("x", 1, False),
    ],
)
def test_numbers(term: str, value: float, holds: bool) -> None:
    assert number_holds(term, value) is holds
