"""`posthouse stats …`: what the counters say, and whether they are right."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.options import AccountName, Asked, Config, Json, asked, command
from posthouse.cli.output import span as span_words

if TYPE_CHECKING:
    from posthouse.desk.recount import Difference
    from posthouse.store.engine import Connection

app = typer.Typer(help="Figures about mail.", invoke_without_command=True, rich_markup_mode=None)

By = Annotated[
    str, typer.Option("--by", metavar="DIM", help="domain, tag, domain-tag, site, ip or credential.")
]
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Only this one, such as a domain's name.")]
Since = Annotated[
    str, typer.Option("--since", metavar="TIME", help="From this day (or YYYY-MM-DDTHH:MM) on, UTC.")
]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help="Up to this day or time, included.")]
Span = Annotated[str, typer.Option("--span", metavar="SPAN", help="hour, day, week or month.")]
_SHOWN = 1000


@app.callback()
def overview(
    ctx: typer.Context,
    by: By = "",
    name: Name = "",
    since: Since = "",
    until: Until = "",
    span: Span = "day",
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="METRIC", help="Another choice of figures; may be repeated."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many names at most.")] = 20,
    config: Config = None,
    as_json: Json = False,
    account: AccountName = "",
) -> None:
    """Show how much was accepted, delivered, opened, …: over time, or by name with --by."""
    ctx.obj = ask = asked(ctx, config, as_json, account)
    if ctx.invoked_subcommand:
        return
    from posthouse.cli.house import open_house
    from posthouse.desk import statistics

    house = open_house(ask)
    when = statistics.period(house.clock.now(), span, since, until)
    metrics = tuple(metric or statistics.METRICS)
    with house.reading() as conn:
        account_id = _account(conn, ask)
        if by and not name:
            found = statistics.largest(conn, account_id, when, dim=by, metrics=metrics, limit=limit)
            _print_names(ask, found, metrics)
            return
        found = statistics.series(
            conn, account_id, when, dim=by or "account", name=name if by else "", metrics=metrics
        )
    _print_series(ask, found, metrics)


def _account(conn: Connection, ask: Asked) -> str:
    from posthouse.desk import accounts

    found = accounts.scope(conn, ask.account)
    if not found:
        raise typer.BadParameter("figures are an account's: name one with --account")
    return found


def _print_names(ask: Asked, found: dict[str, Any], metrics: tuple[str, ...]) -> None:
    if ask.as_json:
        ask.output.item(found, "")
        return
    rows = [
        [
            row["name"],
            *[str(row["totals"][metric]) for metric in metrics],
            _percent(row["rates"]["delivered"]),
        ]
        for row in found["names"]
    ]
    heads = [found["by"].upper(), *[metric.upper() for metric in metrics], "RATE"]
    ask.output.table(heads, rows, f"Nothing was counted by {found['by']} in this time.")


def _print_series(ask: Asked, found: dict[str, Any], metrics: tuple[str, ...]) -> None:
    if ask.as_json:
        ask.output.item(found, "")
        return
    rows = [[point["time"], *[str(point[metric]) for metric in metrics]] for point in found["series"]]
    before = found["before"]
    rows.append(["total", *[str(found["totals"][metric]) for metric in metrics]])
    rows.append(["before", *[str(before["totals"][metric]) for metric in metrics]])
    ask.output.table(["TIME", *[metric.upper() for metric in metrics]], rows, "")
    words = [f"{rate} {_percent(share)}" for rate, share in found["rates"].items() if share is not None]
    if words:
        ask.output.say(f"Rates: {', '.join(words)}")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:g} %"


@command(app, "times")
def times(
    ask: Asked, by: By = "", name: Name = "", since: Since = "", until: Until = "", span: Span = "day"
) -> None:
    """Show how long deliveries took: of the account, a domain or a site."""
    from posthouse.cli.house import open_house
    from posthouse.desk import statistics

    house = open_house(ask)
    when = statistics.period(house.clock.now(), span, since, until)
    with house.reading() as conn:
        account_id = _account(conn, ask)
        found = statistics.delivery_times(
            conn, account_id, when, dim=by or "account", name=name if by else ""
        )
    if ask.as_json:
        ask.output.item(found, "")
        return
    rows = [[share, _duration(took_s)] for share, took_s in found["seconds"].items()]
    ask.output.table(["SHARE", "WITHIN"], rows, "Nothing was delivered in this time.")


def _duration(took_s: float) -> str:
    return f"{took_s:.2g}s" if took_s < 10 else span_words(took_s)


@command(app, "check", of_account=False)
def check(ask: Asked, since: Since = "", until: Until = "") -> None:
    """Compare the counters with the event log; exit code 1 where they differ."""
    from posthouse.desk import recount

    found = _each_day(ask, since, until, recount.differences)
    _print_differences(ask, found, "The counters equal the events.")
    if found:
        raise typer.Exit(1)


@command(app, "rebuild", of_account=False)
def rebuild(ask: Asked, since: Since = "", until: Until = "") -> None:
    """Make the counters equal to the event log, as far back as events are kept; mail may flow meanwhile."""
    from posthouse.desk import recount

    found = _each_day(ask, since, until, recount.put_right)
    _print_differences(ask, found, "The counters equal the events; nothing was changed.")


def _each_day(ask: Asked, since: str, until: str, work: Callable[..., list[Difference]]) -> list[Difference]:
    from posthouse.cli.house import open_house
    from posthouse.desk import recount, statistics

    found: list[Difference] = []
    with open_house(ask).reading() as conn:
        covered = recount.covered_days(conn)
        if covered is None:
            return found
        first, last = covered
        if since:
            first = statistics.period(0.0, "day", since, since).first
        if until:
            last = statistics.period(0.0, "day", until, until).last
        with _bar(ask, max(1, last - first + 1)) as advance:
            for day in range(first, last + 1):
                found += work(conn, day, partial(_told, advance, day - first, recount.day_name(day)))
    return found


def _told(advance: Callable[[float, str], None], done: int, name: str, share: float) -> None:
    advance(done + share, name)


@contextmanager
def _bar(ask: Asked, days: int) -> Iterator[Callable[[float, str], None]]:
    """A progress bar on a terminal; elsewhere nothing is drawn."""
    if ask.as_json or not sys.stderr.isatty():
        yield lambda done, words: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=days)
        yield lambda done, words: progress.update(task, completed=done, description=words)


def _print_differences(ask: Asked, found: list[Difference], nothing: str) -> None:
    rows = [_difference_row(item) for item in found]
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [[str(value) for value in row.values()] for row in rows[:_SHOWN]]
    heads = ["ACCOUNT", "BY", "NAME", "SPAN", "TIME", "METRIC", "COUNTED", "EVENTS"]
    ask.output.table(heads, cells, nothing)
    if len(found) > _SHOWN:
        ask.output.say(f"and {len(found) - _SHOWN} more; --json lists them all")


def _difference_row(item: Difference) -> dict[str, Any]:
    from posthouse.desk import statistics

    account_id, dim, name, span, at, metric = item.key
    time = statistics.Period(span, at, at).instant(at).strftime("%Y-%m-%dT%H:%MZ")
    return {
        "account_id": account_id,
        "by": dim,
        "name": name,
        "span": span,
        "time": time,
        "metric": metric,
        "counted": item.counted,
        "events": item.logged,
    }
