"""What is wrong with a value that a caller sent, as a sentence and the name of the field.

msgspec says it in the words of types (`Expected `str`, got `int` - at `$.to[0]``); here it becomes
`to[0] should be text, not a whole number`.

Public: value_problem.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

import msgspec
from msgspec import Struct

from posthouse.doors.api.answers import Problem

_PLACE = re.compile(r"(.*?)(?: - at `(?:key in )?\$\.?(.*)`)?\Z", re.DOTALL)
_EXPECTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`\Z")
_LENGTH = re.compile(r"Expected `(\w+)` of length (<=|>=) (\d+)\Z")
_NUMBER = re.compile(r"Expected `\w+` (<=|>=|<|>) ([\d.e+-]+)\Z")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`\Z", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`\Z", re.DOTALL)
_ENUM = re.compile(r"Invalid enum value (.*)\Z", re.DOTALL)

_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "datetime": "a time",
    "bytes": "base64",
}
_TIME = "a time with its zone, such as 2026-01-31T12:00:00Z"
_LONGEST = 100


def value_problem(error: msgspec.ValidationError, asks: type[Struct], what: str = "The body") -> Problem:
    """`what`: the whole, for sentences that name no field."""
    match = _PLACE.match(str(error))
    assert match is not None
    text, place = match[1], _short(match[2] or "")
    if found := _UNKNOWN.match(text):
        return _unknown(found[1], place, asks)
    if found := _MISSING.match(text):
        field = f"{place}.{found[1]}" if place else found[1]
        return _problem(f"{field} is missing", field)
    return _problem(f"{place or what} {_rest(text)}", place)


def _rest(text: str) -> str:
    if found := _EXPECTED.match(text):
        return f"should be {_named(found[1])}, not {_named(found[2])}"
    if found := _LENGTH.match(text):
        many = {"str": "characters", "array": "entries", "object": "entries"}.get(found[1], "octets")
        return f"should have at {'most' if found[2] == '<=' else 'least'} {found[3]} {many}"
    if found := _NUMBER.match(text):
        words = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}
        return f"should be {words[found[1]]} {found[2]}"
    if found := _ENUM.match(text):
        return f"cannot be {_short(found[1])}"
    if "datetime" in text:
        return f"should be {_TIME}"
    if "base64" in text.lower():
        return "should be base64"
    if "matching regex" in text:
        return f"should have the form {text.rpartition('regex ')[2].strip('`')}"
    return f"is not right: {_short(text)}"


def _named(types: str) -> str:
    names = [_WORDS.get(name.strip(), name.strip()) for name in types.split("|")]
    return " or ".join(names)


def _unknown(name: str, place: str, asks: type[Struct]) -> Problem:
    shown = _short(name)
    field = f"{place}.{shown}" if place else shown
    near = [] if place else get_close_matches(name, asks.__struct_encode_fields__, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return _problem(f"There is no field {field}{hint}", field)


def _short(text: str) -> str:
    shown = "".join([char if char.isprintable() else "\ufffd" for char in text[:_LONGEST]])
    return shown + "…" if len(text) > _LONGEST else shown


def _problem(text: str, field: str) -> Problem:
    return Problem(400, "bad-value", text, field=field)
