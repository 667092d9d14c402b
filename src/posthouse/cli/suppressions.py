"""`posthouse suppression …`: the lists of addresses that must not get mail."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import when

if TYPE_CHECKING:
    from posthouse.desk.suppression_search import Chosen
    from posthouse.model.suppression import Suppression

app = group("Addresses that must not get mail.")

Addresses = Annotated[
    list[str], typer.Argument(metavar="ADDRESS...", help="Addresses; - reads them from input, one a line.")
]
Kind = Annotated[
    str, typer.Option("--kind", metavar="KIND", help="bounce, complaint, unsubscribe, invalid or block.")
]
DomainName = Annotated[
    str, typer.Option("--domain", metavar="NAME", help="For this sending domain; else for all.")
]
Tag = Annotated[str, typer.Option("--tag", metavar="TAG", help="For mail with this tag only.")]
Group = Annotated[int, typer.Option("--group", metavar="NUMBER", help="For mail of this group only.")]
Since = Annotated[
    str, typer.Option("--since", metavar="TIME", help="Listed since: 2026-03-26, or 7d for 7 days ago.")
]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help="Listed before.")]
After = Annotated[
    str, typer.Option("--after", metavar="CURSOR", help="Go on behind the row that printed this cursor.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="How many at most.")]


@command(app, "add")
def add(
    ask: Asked,
    addresses: Addresses,
    kind: Kind = "unsubscribe",
    domain: DomainName = "",
    tag: Tag = "",
    group: Group = 0,
    detail: Annotated[str, typer.Option("--detail", metavar="TEXT", help="Why, for people.")] = "",
) -> None:
    """Put addresses on a list; mail to them is dropped from now on."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions

    house = open_house(ask)
    given = _given(addresses)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        where = suppressions.place(conn, account_id, kind=kind, domain=domain, tag=tag, group=group)
        added = suppressions.add(conn, account_id, given, where, house.clock.now(), detail)
    if ask.as_json:
        ask.output.lines([suppressions.suppression_row(item) for item in added])
        return
    ask.output.say(f"added: {len(added)} {'address' if len(added) == 1 else 'addresses'}")


@command(app, "remove")
def remove(
    ask: Asked,
    addresses: Addresses,
    kind: Kind = "",
    domain: DomainName = "",
    tag: Tag = "",
    group: Group = 0,
) -> None:
    """Take addresses off the lists: all lists, unless the options name some."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions

    given = _given(addresses)
    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        where = suppressions.place(conn, account_id, kind=kind, domain=domain, tag=tag, group=group)
        gone = suppressions.remove(conn, account_id, given, where)
    ask.output.item({"removed": gone}, f"removed: {gone} {'row' if gone == 1 else 'rows'}")
    if not gone:
        raise typer.Exit(1)


@command(app, "list")
def list_(
    ask: Asked,
    kind: Kind = "",
    domain: DomainName = "",
    tag: Tag = "",
    group: Group = 0,
    address: Annotated[str, typer.Option("--address", metavar="ADDRESS", help="Only this address.")] = "",
    since: Since = "",
    until: Until = "",
    after: After = "",
    limit: Limit = 1000,
) -> None:
    """List the addresses in alphabetical order."""
    from posthouse.desk.suppression_search import Chosen

    _list(ask, Chosen(kind, domain, tag, group, address, since, until), after, limit)


@command(app, "search")
def search(
    ask: Asked,
    part: Annotated[str, typer.Argument(metavar="TEXT", help="What the address has in it.")],
    kind: Kind = "",
    domain: DomainName = "",
    tag: Tag = "",
    group: Group = 0,
    since: Since = "",
    until: Until = "",
    after: After = "",
    limit: Limit = 1000,
) -> None:
    """List the addresses that have the text in them."""
    from posthouse.desk.suppression_search import Chosen

    _list(ask, Chosen(kind, domain, tag, group, "", since, until, part), after, limit)


def _list(ask: Asked, chosen: Chosen, after: str, limit: int) -> None:
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions
    from posthouse.desk.suppression_search import find_page, query_of

    house = open_house(ask)
    with house.reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        query = query_of(conn, account_id, chosen, house.clock.now())
        found = find_page(conn, query, after, limit)
    if ask.as_json:
        rows = [
            suppressions.suppression_row(item) | {"cursor": suppressions.cursor_of(item)} for item in found
        ]
        ask.output.lines(rows)
        return
    _print(ask, found)
    if len(found) == limit:
        ask.output.say(f"There may be more: go on with --after {suppressions.cursor_of(found[-1])}")


def _print(ask: Asked, found: Sequence[Suppression]) -> None:
    cells = [
        [
            item.address,
            str(item.kind),
            item.domain or "(all)",
            item.scope or "(all mail)",
            when(item.at),
            item.detail,
        ]
        for item in found
    ]
    heads = ["ADDRESS", "KIND", "DOMAIN", "FOR", "SINCE", "WHY"]
    ask.output.table(heads, cells, "No addresses.")


def _given(addresses: list[str]) -> list[str]:
    if addresses != ["-"]:
        return addresses
    return [line.strip() for line in sys.stdin.read().splitlines() if line.strip()]
