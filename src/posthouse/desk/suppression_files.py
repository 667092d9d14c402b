"""Suppression lists as files: a million rows in and out, in bounded memory and in short transactions.

An import may be broken off and run again: a row that is there already is brought up to date. What a row does
not say (kind, sending domain, time) is taken from the command. A row that cannot be used is told with its
line and left out; the others are written.

Public: Wanted, wanted_of, Summary, BadLine, import_rows, steps_of, export_rows, export_page, HEAD,
purge_rows, listed_address, listed_instant, encoding_of, STEP_ROWS.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TextIO

from posthouse.desk.domains import load
from posthouse.desk.suppressions import Place
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.errors import Refused
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.rules.csv_records import Record, records
from posthouse.rules.suppression_csv import (
    HEADS,
    NO_HEADER,
    BadRow,
    Columns,
    Entry,
    columns_of,
    entry_of,
    guarded,
)
from posthouse.store import groups, identity, suppressions
from posthouse.store.connection import Connection
from posthouse.store.suppressions import SuppressionQuery

STEP_ROWS = 2_000  # in one transaction: some 20 ms in which others wait
_LONGEST_ADDRESS = 254
_PAGE = 5_000
_DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was left out (or, with `is_note`, taken without a part of it) and why."""

    line: int
    text: str
    is_note: bool = False


@dataclass(slots=True)
class Summary:
    """`rows` were read; `written` entries came of them, `bad` lines were left out, of `notes` a part."""

    rows: int = 0
    written: int = 0
    bad: int = 0
    notes: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What holds for rows that do not say it; `where` as `suppressions.place` made it. `domains` and `groups`
    are the account's."""

    account_id: str
    where: Place
    now: float
    domains: frozenset[str] = field(default_factory=frozenset)
    groups: frozenset[str] = field(default_factory=frozenset)


def wanted_of(conn: Connection, account_id: str, where: Place, now: float) -> Wanted:
    """What an import into this account has to know. Raises Refused for a sending domain that is not its."""
    if where.domain:
        load(conn, account_id, where.domain)
    names = {domain.name for domain in identity.list_domains(conn, account_id)}
    scopes = {groups.scope_of(group.number) for group in groups.list_groups(conn, account_id)}
    return Wanted(account_id, where, now, frozenset(names), frozenset(scopes))


def import_rows(
    conn: Connection,
    stream: io.BufferedReader,
    wanted: Wanted,
    *,
    is_dry: bool,
    told: Callable[[BadLine], None],
    advanced: Callable[[Summary], None],
) -> Summary:
    """Put everybody in the file on the lists; `told` of each bad line, `advanced` after each transaction.
    Opens transactions of its own. Raises Refused when the whole file makes no sense."""
    summary = Summary()
    for rows in steps_of(stream, wanted, summary, told):
        if rows and not is_dry:
            with conn.transaction():
                suppressions.add(conn, rows)
        advanced(summary)
    return summary


def steps_of(
    stream: io.BufferedReader,
    wanted: Wanted,
    summary: Summary,
    told: Callable[[BadLine], None] = lambda line: None,
) -> Iterator[list[Suppression]]:
    """The rows of a file that can be used, so many as one transaction takes; `summary` counts all, `told` of
    each bad line. Raises Refused when the whole file makes no sense."""
    gathered: list[Suppression] = []
    for found in _rows(stream, wanted, summary):
        if isinstance(found, BadLine):
            summary.notes += found.is_note
            summary.bad += not found.is_note
            told(found)
            continue
        gathered.append(found)
        if len(gathered) >= STEP_ROWS:
            summary.written += len(gathered)
            yield gathered
            gathered = []
    summary.written += len(gathered)
    yield gathered


def _rows(stream: io.BufferedReader, wanted: Wanted, summary: Summary) -> Iterator[Suppression | BadLine]:
    text = io.TextIOWrapper(stream, encoding=encoding_of(stream), errors="replace", newline="")
    columns: Columns | None = None
    try:
        for record in records(text.readline):
            if columns is None and not record.trouble:
                columns = _columns(record.cells)
                if columns.places:
                    continue
            summary.rows += 1
            yield from _of_record(record, columns or NO_HEADER, wanted)
    finally:
        text.detach()  # the stream is the caller's


def _columns(cells: Sequence[str]) -> Columns:
    try:
        return columns_of(cells)
    except BadRow as error:
        raise Refused(501, "5.5.4", f"This file has no addresses: {error}", reason="bad-file") from error


def _of_record(record: Record, columns: Columns, wanted: Wanted) -> Iterator[Suppression | BadLine]:
    if record.trouble:
        yield BadLine(record.line, record.trouble)
        return
    try:
        entry = entry_of(record.cells, columns)
        rows = _listed(entry, columns, wanted)
    except BadRow as error:
        yield BadLine(record.line, str(error))
        return
    if entry.note:
        yield BadLine(record.line, entry.note, is_note=True)
    yield from rows


def _listed(entry: Entry, columns: Columns, wanted: Wanted) -> list[Suppression]:
    """The rows of an entry. Raises BadRow."""
    where = wanted.where
    kind = entry.kind or where.kind or columns.kind
    if kind is None:
        raise BadRow("it does not say which list it is from; choose one for the whole file")
    scopes = entry.scopes or ((where.scope,) if where.scope else ("",))
    domain = entry.domain or where.domain or ""
    if any(scopes) and kind is not SuppressionKind.UNSUBSCRIBE:
        raise BadRow("only unsubscribes are for a tag or a group")
    for scope in scopes:
        if scope.startswith("group:"):
            if scope not in wanted.groups:
                raise BadRow(f"there is no group {scope.removeprefix('group:')} here")
            domain = ""  # a group belongs to the whole account
    if domain and domain not in wanted.domains:
        raise BadRow(f"there is no domain {domain[:100]} here")
    address, at = listed_address(entry.address, kind), listed_instant(entry.at, wanted.now)
    return [
        Suppression(wanted.account_id, address, kind, domain, scope, at, entry.detail) for scope in scopes
    ]


def listed_address(text: str, kind: SuppressionKind) -> str:
    """An address in the form of the lists. Raises BadRow."""
    if "\ufffd" in text:
        raise BadRow("the address is not in UTF-8")
    try:
        return str(parse_address(text)).lower()
    except BadAddress as error:
        if kind is SuppressionKind.INVALID and len(text) <= _LONGEST_ADDRESS:
            return text.lower()  # that list is for what is no address
        raise BadRow(f"not an address: {error}") from error


def listed_instant(at: float | None, now: float) -> float:
    """Nobody was listed before there was mail, or in the future."""
    return at if at is not None and 0 <= at <= now + _DAY_S else now


_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def encoding_of(stream: io.BufferedReader) -> str:
    """By the byte order mark; without one UTF-8, or UTF-16 where every other octet is zero."""
    head = stream.peek(64)[:64]
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    even, odd = head[0::2], head[1::2]
    if len(odd) > 3 and not any(odd) and any(even):
        return "utf-16-le"
    return "utf-16-be" if len(even) > 3 and not any(even) and any(odd) else "utf-8"


# Export


def export_rows(
    conn: Connection,
    query: SuppressionQuery,
    out: TextIO,
    advanced: Callable[[int], None],
    *,
    is_guarded: bool = False,
) -> int:
    """Write the rows that the query chooses as CSV with a header; how many. Reads page by page, so it holds
    nothing open; what changes meanwhile may be in it or not. `is_guarded`: see `export_page`."""
    out.write(HEAD)
    written, page = 0, query
    while True:
        text, rows = export_page(conn, page, is_guarded=is_guarded)
        if not rows:
            return written
        out.write(text)
        written += len(rows)
        advanced(written)
        page = replace(page, after=suppressions.place_of(rows[-1]))


def export_page(
    conn: Connection, query: SuppressionQuery, *, is_guarded: bool
) -> tuple[str, list[Suppression]]:
    """Some thousand rows from the query's place on, as CSV without a header, and the rows; none at the end.

    `is_guarded`: no cell begins like a formula, for people who open the file in a spreadsheet: a receiving
    host writes the detail, a stranger the address (docs/decisions/057). `import` takes the guard off again.
    """
    rows = suppressions.listing(conn, replace(query, limit=_PAGE))
    cells = map(_cells, rows)
    return _csv(([guarded(cell) for cell in row] for row in cells) if is_guarded else cells), rows


def _csv(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)  # RFC 4180 2.1
    return out.getvalue()


HEAD = _csv([HEADS])


def _cells(row: Suppression) -> tuple[str, ...]:
    return row.address, str(row.kind), row.domain, row.scope, _time(row.at), row.detail


def _time(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat().replace("+00:00", "Z")


# Purge


def purge_rows(conn: Connection, query: SuppressionQuery) -> int:
    """Take the rows that the query chooses off their lists, a transaction for each few; how many."""
    gone, page = 0, replace(query, limit=STEP_ROWS)
    while rows := suppressions.listing(conn, page):
        with conn.transaction():
            suppressions.drop(conn, rows)
        gone += len(rows)
        page = replace(page, after=suppressions.place_of(rows[-1]))
    return gone
