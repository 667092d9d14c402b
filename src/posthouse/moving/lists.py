"""Suppression lists in CSV files: rows become `NewListed` and `NewAllowed`, one by one.

The columns are read as `posthouse suppression import` reads them (`rules.suppression_csv`).

Public: Sheet, open_sheet, listed_rows, allowed_rows.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from posthouse.desk.suppression_files import encoding_of
from posthouse.model.suppression import SuppressionKind
from posthouse.moving.folder import Found
from posthouse.moving.things import Kind, LeftOut, NewAllowed, NewListed, Thing
from posthouse.rules.csv_records import Record, records
from posthouse.rules.suppression_csv import NO_HEADER, BadRow, Columns, columns_of, entry_of


@dataclass(frozen=True, slots=True)
class Sheet:
    """A CSV file that is open. `heads`: the names of its columns without blanks and marks, () without a
    header; `rows`: all records but the header."""

    name: str
    heads: tuple[str, ...]
    columns: Columns
    rows: Iterator[Record]


@contextmanager
def open_sheet(found: Found) -> Iterator[Sheet]:
    """Raises BadRow for a header without an address."""
    with found.path.open("rb") as stream:
        text = io.TextIOWrapper(stream, encoding=encoding_of(stream), errors="replace", newline="")
        rows = records(text.readline)
        first = next(rows, None)
        cells = first.cells if first else []
        heads = tuple(re.sub(r"[^a-z0-9]+", "", cell.lower()) for cell in cells)
        if first is None or any("@" in cell for cell in cells):
            yield Sheet(found.name, (), NO_HEADER, chain([first] if first else [], rows))
        else:
            is_allow_list = {"value", "type"} <= set(heads)
            yield Sheet(found.name, heads, NO_HEADER if is_allow_list else columns_of(cells), rows)


def listed_rows(sheet: Sheet, kind: SuppressionKind, *, domain: str = "", group: int = 0) -> Iterator[Thing]:
    """Everybody in the file; `kind`, `domain` and `group` hold where a row does not say."""
    for row in sheet.rows:
        place = f"{sheet.name}, line {row.line}"
        try:
            if row.trouble:
                raise BadRow(row.trouble)
            entry = entry_of(row.cells, sheet.columns)
        except BadRow as error:
            yield LeftOut(Kind.SUPPRESSION, place, str(error))
            continue
        groups = [int(scope.removeprefix("group:")) for scope in entry.scopes if scope.startswith("group:")]
        yield NewListed(
            entry.address,
            entry.kind or kind,
            entry.domain or domain,
            tuple(scope.removeprefix("tag:") for scope in entry.scopes if scope.startswith("tag:")),
            groups[0] if groups else group,
            entry.at,
            entry.detail,
        )


def allowed_rows(sheet: Sheet, *, domain: str = "") -> Iterator[Thing]:
    """The entries of an allow list, `value` or `address` and `domain` beside each other."""
    for row in sheet.rows:
        said = dict(zip(sheet.heads, (cell.strip() for cell in row.cells), strict=False))
        value = said.get("value") or said.get("address") or said.get("email") or said.get("domain", "")
        if not sheet.heads:
            value = _first(row.cells)
        if not value:
            place = f"{sheet.name}, line {row.line}"
            yield LeftOut(Kind.ALLOWED, place, row.trouble or "there is no address or domain in it")
            continue
        yield NewAllowed(value, domain, said.get("reason", ""))


def _first(cells: Sequence[str]) -> str:
    return next((cell.strip() for cell in cells if cell.strip()), "")
