"""`posthouse suppression import`, `export` and `purge`: lists as files, and lists that have grown old."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO, cast

import typer

from posthouse.cli.options import Asked
from posthouse.cli.output import visible
from posthouse.cli.suppressions import DomainName, Group, Kind, Since, Tag, Until

if TYPE_CHECKING:
    from posthouse.desk.suppression_files import BadLine, Summary

_MOST_TOLD = 1_000  # bad lines; a file of another kind has a million of them
Advance = Callable[[int, int], None]
"""Takes the rows so far and the octets of the file so far."""


def import_(
    ask: Asked,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A CSV file; - reads input.")],
    kind: Kind = "",
    domain: DomainName = "",
    tag: Tag = "",
    group: Group = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check everything, change nothing.")
    ] = False,
) -> None:
    """Put everybody in a CSV file on a list."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppression_files, suppressions

    house = open_house(ask)
    bad: list[BadLine] = []

    def told(line: BadLine) -> None:
        bad.append(line)
        if len(bad) <= _MOST_TOLD:
            _tell(ask, line)

    with house.reading() as conn, _opened(file) as (stream, size), _bar(ask, size) as advance:
        account_id = accounts.own_account(conn, ask.account)
        where = suppressions.place(conn, account_id, kind=kind, domain=domain, tag=tag, group=group)
        wanted = suppression_files.wanted_of(conn, account_id, where, house.clock.now())
        if not dry_run:
            house.note_changes(conn)
        summary = suppression_files.import_rows(
            conn,
            stream,
            wanted,
            is_dry=dry_run,
            told=told,
            advanced=lambda so_far: advance(so_far.rows, stream.tell() if size else 0),
        )
    _sum_up(ask, summary, dry_run)
    if summary.bad:
        raise typer.Exit(1)


def _tell(ask: Asked, line: BadLine) -> None:
    if ask.as_json:
        ask.output.lines([{"line": line.line, "trouble": line.text, "is_left_out": not line.is_note}])
    else:
        print(f"line {line.line}: {visible(line.text)}", file=sys.stderr)


def _sum_up(ask: Asked, summary: Summary, is_dry: bool) -> None:
    verb = "could be put on lists" if is_dry else "are on lists now"
    words = [f"{summary.rows:,} rows read, {summary.written:,} entries {verb}"]
    if summary.bad:
        words.append(f"{summary.bad:,} rows left out")
    if summary.notes:
        words.append(f"{summary.notes:,} times left out")
    told = summary.bad + summary.notes
    if told > _MOST_TOLD and not ask.as_json:
        print(f"({told - _MOST_TOLD:,} more lines like these)", file=sys.stderr)
    value = {
        "rows": summary.rows,
        "written": summary.written,
        "bad": summary.bad,
        "notes": summary.notes,
        "dry_run": is_dry,
    }
    ask.output.item(value, "; ".join(words))


@contextmanager
def _opened(file: str) -> Iterator[tuple[io.BufferedReader, int]]:
    """The file and its size; 0 for input, of which nobody knows."""
    if file == "-":
        stream = sys.stdin.buffer
        if not isinstance(stream, io.BufferedReader):
            stream = io.BufferedReader(cast(io.RawIOBase, stream))
        yield stream, 0
        return
    path = Path(file)
    with path.open("rb") as opened:
        yield opened, path.stat().st_size


@contextmanager
def _bar(ask: Asked, size: int) -> Iterator[Advance]:
    """A progress bar on a terminal; elsewhere nothing is drawn."""
    if ask.as_json or not sys.stderr.isatty():
        yield lambda rows, octets: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=size or None)

        def advance(rows: int, octets: int) -> None:
            progress.update(task, completed=octets, description=f"{rows:,} rows")

        yield advance


def export(
    ask: Asked,
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="Where to write; - for output.")] = "-",
    kind: Kind = "",
    domain: DomainName = "",
    tag: Tag = "",
    group: Group = 0,
    since: Since = "",
    until: Until = "",
    spreadsheet: Annotated[
        bool,
        typer.Option("--spreadsheet", help="Put ' before what a spreadsheet would take for a formula."),
    ] = False,
) -> None:
    """Write lists as CSV, to be read by `import`."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppression_files
    from posthouse.desk.suppression_search import Chosen, query_of

    house = open_house(ask)
    with house.reading() as conn, _bar(ask, 0) as advance:
        account_id = accounts.own_account(conn, ask.account)
        chosen = Chosen(kind, domain, tag, group, "", since, until)
        query = query_of(conn, account_id, chosen, house.clock.now())
        with _target(file) as out:
            written = suppression_files.export_rows(
                conn, query, out, lambda rows: advance(rows, 0), is_guarded=spreadsheet
            )
    if file != "-":
        ask.output.item({"written": written, "file": file}, f"{written:,} rows written to {file}")


@contextmanager
def _target(file: str) -> Iterator[TextIO]:
    """The file takes its name when it is whole; only its owner may read it."""
    if file == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    path = Path(file)
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            yield out
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def purge(
    ask: Asked,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="TIME", help="Listed before: 90d, or 2026-03-26.")
    ],
    kind: Kind = "bounce",
    domain: DomainName = "",
) -> None:
    """Take addresses off a list that have been on it for long."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppression_files
    from posthouse.desk.suppression_search import Chosen, query_of

    house = open_house(ask)
    with house.reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        chosen = Chosen(kind, domain, until=older_than)
        query = query_of(conn, account_id, chosen, house.clock.now())
        house.note_changes(conn)
        gone = suppression_files.purge_rows(conn, query)
    ask.output.item({"removed": gone}, f"removed: {gone:,} {'row' if gone == 1 else 'rows'}")
