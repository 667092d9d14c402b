"""Suppression lists as services export them: every form that we know, and any bytes at all."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.model.suppression import SuppressionKind
from posthouse.rules.csv_records import LONGEST_LINE, MOST_LINES, Record, records
from posthouse.rules.suppression_csv import (
    NO_HEADER,
    BadRow,
    Entry,
    columns_of,
    entry_of,
    guarded,
    parse_time,
    unguarded,
)

AT = 1774529955.0  # Thu, 26 Mar 2026 12:59:15 UTC


def read(text: str) -> list[Record]:
    return list(records(io.StringIO(text, newline="").readline))


def cells(text: str) -> list[list[str]]:
    return [record.cells for record in read(text)]


FORMS = {
    "commas": ("a,b\r\nc,d\r\n", [["a", "b"], ["c", "d"]]),
    "semicolons": ("a;b\nc;d,e\n", [["a", "b"], ["c", "d,e"]]),
    "tabs and lone carriage returns": ("a\tb\rc\td\r", [["a", "b"], ["c", "d"]]),
    "told by the first line": ("sep=;\na;b\n", [["a", "b"]]),
    "quotes": ('a,"b ""x"", c"\n', [["a", 'b "x", c']]),
    "a field over lines": ('a,"b\r\nc"\nd,e\n', [["a", "b\r\nc"], ["d", "e"]]),
    "empty lines": ("\n\na,b\n\n , \n", [["a", "b"]]),
    "no end of the last line": ("a,b", [["a", "b"]]),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), FORMS.values(), ids=FORMS.keys())
def test_records(text: str, expected: list[list[str]]) -> None:
    assert cells(text) == expected


def test_a_stray_quote_costs_one_line() -> None:
    many = "".join(f"u{number}@x.test,1\n" for number in range(MOST_LINES * 2))
    found = read(f'a@x.test,"oh\n{many}')
    assert (found[0].line, found[0].trouble) == (1, "a quoted field does not end")
    assert [record.cells for record in found[1:]] == [[f"u{n}@x.test", "1"] for n in range(MOST_LINES * 2)]
    assert [record.line for record in found] == list(range(1, MOST_LINES * 2 + 2))
    at_the_end = read('a@x.test,1\nb@x.test,"oh\nc@x.test,1\n')
    assert [(record.line, bool(record.trouble)) for record in at_the_end] == [
        (1, False),
        (2, True),
        (3, False),
    ]


def test_a_line_without_end_costs_one_line_and_no_memory() -> None:
    found = read(f"a@x.test,1\n{'x' * 5 * LONGEST_LINE}\nb@x.test,1\n")
    assert [(record.line, bool(record.trouble)) for record in found] == [(1, False), (2, True), (3, False)]


BOUNCE, UNSUBSCRIBE = SuppressionKind.BOUNCE, SuppressionKind.UNSUBSCRIBE
ROWS = {
    "our own": (
        ["address", "kind", "domain", "scope", "at", "detail"],
        ["a@x.test", "unsubscribe", "shop.test", "tag:news", "2026-03-26T12:59:15+00:00", "why"],
        Entry("a@x.test", UNSUBSCRIBE, "shop.test", ("tag:news",), AT, "why"),
    ),
    "bounces with code and error": (
        ["address", "code", "error", "created_at"],
        ["a@x.test", "550", "No  such user", "Thu, 26 Mar 2026 12:59:15 UTC"],
        Entry("a@x.test", None, "", (), AT, "550 No such user"),
    ),
    "unsubscribes with tags": (
        ["address", "tags", "created_at"],
        ["a@x.test", '["News", "b"]', "Thu, 26 Mar 2026 12:59:15 GMT"],
        Entry("a@x.test", None, "", ("tag:news", "tag:b"), AT, ""),
    ),
    "unsubscribed from all": (
        ["address", "tags", "created_at"],
        ["a@x.test", "*", ""],
        Entry("a@x.test", None, "", (), None, ""),
    ),
    "created, email, reason, status": (
        ["status", "reason", "email", "created"],
        ["5.1.1", "550 gone", "a@x.test", "1774529955"],
        Entry("a@x.test", None, "", (), AT, "5.1.1 550 gone"),
    ),
    "group": (
        ["Email", "Group ID"],
        ["a@x.test", "12"],
        Entry("a@x.test", None, "", ("group:12",), None, ""),
    ),
    "a reason for a list": (
        ["EmailAddress", "SuppressionReason", "CreatedAt"],
        ["a@x.test", "HardBounce", "2026-03-26T12:59:15Z"],
        Entry("a@x.test", BOUNCE, "", (), AT, ""),
    ),
    "no header": (
        [],
        ["a@x.test", "550", "gone", "2026-03-26 12:59:15 +0000 UTC"],
        Entry("a@x.test", None, "", (), AT, "550 gone"),
    ),
    "no header, address last": ([], ["1774529955", "a@x.test"], Entry("a@x.test", None, "", (), AT, "")),
    "fewer cells than columns": (
        ["email", "created"],
        ["a@x.test"],
        Entry("a@x.test", None, "", (), None, ""),
    ),
    "a time that nobody can read": (
        ["email", "created"],
        ["a@x.test", "soon"],
        Entry("a@x.test", None, "", (), None, "", "the time 'soon' cannot be read and is left out"),
    ),
}


@pytest.mark.parametrize(("head", "row", "expected"), ROWS.values(), ids=ROWS.keys())
def test_rows(head: list[str], row: list[str], expected: Entry) -> None:
    columns = columns_of(head) if head else NO_HEADER
    assert entry_of(row, columns) == expected


def test_only_columns_that_tell_name_the_list() -> None:
    assert columns_of(["address", "code", "error", "created_at"]).kind is BOUNCE
    assert columns_of(["address", "tags", "created_at"]).kind is UNSUBSCRIBE
    assert (
        columns_of(["created", "email", "reason", "status"]).kind is None
    )  # bounces and blocks look the same
    assert columns_of(["ann@x.test", "550"]) is NO_HEADER


BAD = {
    "no address": (["address", "kind"], ["", "bounce"]),
    "unknown list": (["address", "kind"], ["a@x.test", "friends"]),
    "unknown scope": (["address", "scope"], ["a@x.test", "list:x"]),
    "group in words": (["address", "group"], ["a@x.test", "news"]),
}


@pytest.mark.parametrize(("head", "row"), BAD.values(), ids=BAD.keys())
def test_bad_rows_say_why(head: list[str], row: list[str]) -> None:
    with pytest.raises(BadRow):
        entry_of(row, columns_of(head))
    with pytest.raises(BadRow):
        columns_of(["created", "reason"])


TIMES = {
    "2026-03-26T12:59:15Z": AT,
    "2026-03-26 12:59:15": AT,
    "2026-03-26 12:59:15 UTC": AT,
    "2026-03-26T13:59:15.5+01:00": AT + 0.5,
    "2026-03-26T12:59:15.123456789Z": AT + 0.123456,
    "2026-03-26 12:59:15 +0000 UTC": AT,
    "2026-03-26 14:59:15 +0200": AT,
    "Thu, 26 Mar 2026 12:59:15 UTC": AT,
    "Thu, 26 Mar 2026 12:59:15 +0000": AT,
    "Mar 26, 2026 12:59:15": AT,
    "2026/03/26 12:59:15": AT,
    "1774529955": AT,
    "1774529955000": AT,
    "1774529955.25": AT + 0.25,
    "2026-03-26": AT - 12 * 3600 - 59 * 60 - 15,
    "": None,
    "yesterday": None,
    "550": None,
    "9999999-01-01": None,
}


@pytest.mark.parametrize(("text", "expected"), TIMES.items())
def test_times(text: str, expected: float | None) -> None:
    assert parse_time(text) == (None if expected is None else pytest.approx(expected, abs=1e-5))


@given(st.text())
def test_any_text_is_read_or_told(text: str) -> None:
    columns = NO_HEADER
    for record in read(text):
        try:
            columns = columns_of(record.cells)
            entry_of(record.cells, columns)
        except BadRow:
            pass


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("ann@example.com", "ann@example.com"),
        ("+ann@example.com", "'+ann@example.com"),
        ("=1+1", "'=1+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\t=1", "'\t=1"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("'quoted' words", "'quoted' words"),
        ("", ""),
    ],
)
def test_a_cell_that_begins_like_a_formula_is_guarded_and_comes_back(cell: str, expected: str) -> None:
    assert guarded(cell) == expected and unguarded(expected) == cell
