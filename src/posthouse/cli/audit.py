"""`posthouse audit`: who changed what, when and from where."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.options import Asked
from posthouse.cli.output import visible, when

if TYPE_CHECKING:
    from posthouse.desk.audit import Entry


def audit(
    ask: Asked,
    who: Annotated[
        str,
        typer.Option("--who", metavar="WHO", help="An e-mail address, a key's id, a user of the machine."),
    ] = "",
    what: Annotated[
        str, typer.Option("--what", metavar="WORD", help="How the change is called, or how that begins.")
    ] = "",
    about: Annotated[str, typer.Option("--about", metavar="TEXT", help="What was changed, whole.")] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From then on: 2h, 3d (ago), 2026-01-31T12:00.")
    ] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Before that time.")] = "",
    machine: Annotated[
        bool, typer.Option("--machine", help="The log of what concerns no single account.")
    ] = False,
    cursor: Annotated[
        str, typer.Option("--cursor", metavar="ID", help="Go on behind the last entry of the page before.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many of the latest.")] = 100,
) -> None:
    """Show who changed what, the latest first."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.desk import audit as desk
    from posthouse.desk.event_log import parse_instant

    house = open_house(ask)
    now = house.clock.now()
    with house.reading() as conn:
        query = desk.Query(
            account_id=desk.MACHINE if machine else accounts.own_account(conn, ask.account),
            who=who,
            what=what,
            about=about,
            since=parse_instant(since, now) if since else None,
            until=parse_instant(until, now) if until else None,
            before_id=cursor,
            limit=limit,
        )
        found, next_id = desk.listing(conn, query)
    if ask.as_json:
        ask.output.lines([desk.row_of(entry) for entry in found])
        return
    heads = ["TIME", "WHO", "WHAT", "ABOUT", "FROM"]
    ask.output.table(heads, [_cells(entry) for entry in found], "Nothing was changed.")
    if next_id:
        print(f"go on with --cursor {next_id}", file=sys.stderr)


def _cells(entry: Entry) -> list[str]:
    who = f"{entry.who} ({visible(entry.name)})" if entry.name else entry.who
    return [
        when(entry.at),
        visible(who),
        visible(entry.what),
        visible(entry.about) or "-",
        entry.address or entry.kind,
    ]
