"""The query language of SendGrid's activity calls (sendgrid.md 3.13), read into tests of records.

    any   = all *("OR" all)
    all   = one *("AND" one)
    one   = "NOT" one / "(" any ")" / "Contains(" field "," value ")" / field test
    test  = sign value / ["NOT"] "IN" "(" values ")" / ["NOT"] "LIKE" value
          / ["NOT"] "BETWEEN" value "AND" value / "IS" ["NOT"] "NULL"

`INTERVAL` is not understood. Texts are compared in any case; a value that is not there equals nothing.

Public: read_query, holds, must, Query, Test, MESSAGES, LOGS, BadQuery.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from posthouse.dialects.sendgrid.query_words import END, BadQuery, Word, read_words

__all__ = ["LOGS", "MESSAGES", "BadQuery", "Query", "Test", "holds", "must", "read_query"]

MOST_DEPTH = 20
MOST_TESTS = 100
MOST_VALUES = 500
TEXT, LIST, OBJECT, NUMBER, TIME = "text", "list", "object", "number", "time"
_SHARED = {
    "from_email": TEXT,
    "subject": TEXT,
    "to_email": TEXT,
    "status": TEXT,
    "reason": TEXT,
    "template_id": TEXT,
    "template_name": TEXT,
    "campaign_name": TEXT,
    "campaign_id": TEXT,
    "api_key_id": TEXT,
    "events": LIST,
    "categories": LIST,
    "unique_args": OBJECT,
    "originating_ip": TEXT,
    "outbound_ip": TEXT,
    "last_event_time": TIME,
    "clicks": NUMBER,
    "opens": NUMBER,
    "asm_group_id": NUMBER,
    "teammate": TEXT,
}
MESSAGES: Mapping[str, str] = {"msg_id": TEXT, **_SHARED}
LOGS: Mapping[str, str] = {"sg_message_id": TEXT, "sg_message_id_created_at": TIME, **_SHARED}
"""Name of a field -> what it holds; a record has them all."""

Value = str | float


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison. `key`: of an object's value. `sign`: = < > <= >= IN LIKE BETWEEN NULL CONTAINS.
    `values`: texts in lower case; `written`: the first one as it is written."""

    field: str
    kind: str
    key: str
    sign: str
    values: tuple[Value, ...]
    written: str = ""


@dataclass(frozen=True, slots=True)
class Not:
    part: Query


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Any_:
    parts: tuple[Query, ...]


Query = Test | Not | All | Any_


def read_query(text: str, fields: Mapping[str, str]) -> Query:
    """Nothing is a query that everything passes. Raises BadQuery."""
    words = read_words(text)
    if not words:
        return All(())
    reading = _Reading(words, fields)
    found = reading.any(0)
    if reading.next is not END:
        raise BadQuery(f"invalid syntax: unexpected {reading.next.written[:40]!r}")
    return found


class _Reading:
    """Recursive descent; the depth is bounded, so that no query exhausts the stack."""

    def __init__(self, words: list[Word], fields: Mapping[str, str]) -> None:
        self._words = words
        self._fields = fields
        self._place = 0
        self._tests = 0

    @property
    def next(self) -> Word:
        return self._words[self._place] if self._place < len(self._words) else END

    def any(self, depth: int) -> Query:
        parts = [self._all(depth)]
        while self._takes("OR"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Any_(tuple(parts))

    def _all(self, depth: int) -> Query:
        parts = [self._one(depth)]
        while self._takes("AND"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self, depth: int) -> Query:
        if depth > MOST_DEPTH:
            raise BadQuery(f"invalid syntax: a query is nested at most {MOST_DEPTH} deep")
        if self._takes("NOT"):
            return Not(self._one(depth + 1))
        if self._takes("("):
            found = self.any(depth + 1)
            self._must(")")
            return found
        self._tests += 1
        if self._tests > MOST_TESTS:
            raise BadQuery(f"invalid syntax: a query has at most {MOST_TESTS} conditions")
        after = self._words[self._place + 1] if self._place + 1 < len(self._words) else END
        if self.next.says("CONTAINS") and after.says("("):
            return self._contains()
        return self._test()

    def _contains(self) -> Query:
        self._place += 2
        field, kind, key = self._field()
        self._must(",")
        value = self._value(TEXT)
        self._must(")")
        return Test(field, kind, key, "CONTAINS", (value,))

    def _test(self) -> Query:
        field, kind, key = self._field()
        compared = TEXT if kind in (LIST, OBJECT) else kind
        for sign in ("=", "!=", "<>", "<=", ">=", "<", ">"):
            if self._takes(sign):
                written, is_not = self.next.written, sign in ("!=", "<>")
                values = (self._value(compared),)
                found = Test(field, kind, key, "=" if is_not else sign, values, written)
                return Not(found) if is_not else found
        if self._takes("IS"):
            is_not = self._takes("NOT")
            self._must("NULL")
            found = Test(field, kind, key, "NULL", ())
            return Not(found) if is_not else found
        is_not = self._takes("NOT")
        found = Test(field, kind, key, *self._set_or_span(compared))
        return Not(found) if is_not else found

    def _set_or_span(self, kind: str) -> tuple[str, tuple[Value, ...]]:
        if self._takes("IN"):
            self._must("(")
            values = [self._value(kind)]
            while self._takes(","):
                values.append(self._value(kind))
            self._must(")")
            if len(values) > MOST_VALUES:
                raise BadQuery(f"invalid syntax: IN takes at most {MOST_VALUES} values")
            return "IN", tuple(values)
        if self._takes("LIKE"):
            return "LIKE", (self._value(TEXT),)
        if self._takes("BETWEEN"):
            low = self._value(kind)
            self._must("AND")
            return "BETWEEN", (low, self._value(kind))
        raise self._unexpected("an operator")

    def _field(self) -> tuple[str, str, str]:
        if self.next.kind != "name":
            raise self._unexpected("a field")
        name = self.next.written
        self._place += 1
        if name not in self._fields:
            raise BadQuery(f"invalid syntax: '{name[:100]}' is not a known field")
        kind, key = self._fields[name], ""
        if kind == OBJECT and self._takes("["):
            key = str(self._value(TEXT))
            self._must("]")
        return name, kind, key

    def _value(self, kind: str) -> Value:
        is_time = self._takes("TIMESTAMP")
        word = self.next
        if word.kind not in ("text", "number") or (is_time and kind != TIME):
            raise self._unexpected("a value")
        self._place += 1
        if kind == TIME:
            return _instant(word.written)
        if kind == NUMBER:
            return _number(word.written)
        return word.written.lower()

    def _takes(self, word: str) -> bool:
        is_it = self.next is not END and self.next.says(word)
        self._place += is_it
        return is_it

    def _must(self, word: str) -> None:
        if not self._takes(word):
            raise self._unexpected(f"'{word}'")

    def _unexpected(self, wanted: str) -> BadQuery:
        there = "the end" if self.next is END else f"'{self.next.written[:40]}'"
        return BadQuery(f"invalid syntax: {there} where {wanted} is needed")


def _instant(text: str) -> float:
    """An ISO time, UTC unless it says otherwise. Raises BadQuery."""
    try:
        found = dt.datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        raise BadQuery(f"invalid syntax: '{text[:40]}' is no timestamp: write 2026-01-31T12:00:00Z") from None


def _number(text: str) -> float:
    try:
        found = float(text) if text.isascii() and len(text) < 24 else float("nan")
    except ValueError:
        found = float("nan")
    if not abs(found) < 2**53:
        raise BadQuery(f"invalid syntax: '{text[:40]}' is no number")
    return found


# Judging


def holds(query: Query, record: Mapping[str, Any]) -> bool:
    """Does the record pass? It has every field that the query may name, None for what is not there."""
    match query:
        case All(parts):
            return all(holds(part, record) for part in parts)
        case Any_(parts):
            return any(holds(part, record) for part in parts)
        case Not(part):
            return not holds(part, record)
        case Test():
            return _passes(query, record[query.field])


def _passes(test: Test, found: Any) -> bool:
    values = _values(test, found)
    if test.sign == "NULL":
        return not values
    return any(_compares(test, value) for value in values)


def _values(test: Test, found: Any) -> list[Value]:
    """What the field says: none, one or several values, texts in lower case."""
    if found is None or found == "":
        return []
    if test.kind == OBJECT:
        entries = found if not test.key else {k: v for k, v in found.items() if k.lower() == test.key}
        found = [text for entry in entries.items() for text in (entry if not test.key else entry[1:])]
    rows = found if isinstance(found, list | tuple) else [found]
    return [row.lower() if isinstance(row, str) else row for row in rows]


def _compares(test: Test, value: Any) -> bool:
    first = test.values[0]
    match test.sign:
        case "=" | "CONTAINS":
            return bool(value == first)
        case "<":
            return bool(value < first)
        case ">":
            return bool(value > first)
        case "<=":
            return bool(value <= first)
        case ">=":
            return bool(value >= first)
        case "IN":
            return value in test.values
        case "BETWEEN":
            return bool(first <= value <= test.values[1])
        case "LIKE":
            return _is_like(str(value), str(first))
    raise AssertionError(f"no such sign: {test.sign}")


def _is_like(value: str, pattern: str) -> bool:
    """`%` stands for anything. Piece by piece from the left: no pattern takes more than one walk."""
    first, *rest = pattern.split("%")
    if not rest:
        return value == pattern
    if not value.startswith(first):
        return False
    place = len(first)
    *middle, last = rest
    for piece in middle:
        at = value.find(piece, place)
        if at < 0:
            return False
        place = at + len(piece)
    return len(value) - len(last) >= place and value.endswith(last)


def must(query: Query) -> Iterator[Test]:
    """Tests that every record passes that passes the query: for finding records through an index."""
    if isinstance(query, All):
        for part in query.parts:
            yield from must(part)
    elif isinstance(query, Test):
        yield query
