"""`posthouse suppression …`: the lists of addresses that must not get mail."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import when

app = group("Addresses that must not get mail.")

Addresses = Annotated[
    list[str], typer.Argument(metavar="ADDRESS...", help="Addresses; - reads them from input, one a line.")
]
Kind = Annotated[
    str, typer.Option("--kind", metavar="KIND", help="bounce, complaint, unsubscribe or invalid.")
]
DomainName = Annotated[
    str, typer.Option("--domain", metavar="NAME", help="For this sending domain; else for all.")
]
Tag = Annotated[str, typer.Option("--tag", metavar="TAG", help="For mail with this tag only.")]
Group = Annotated[int, typer.Option("--group", metavar="NUMBER", help="For mail of this group only.")]


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
    with open_house(ask).writing() as conn:
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
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="How many at most.")] = 1000,
) -> None:
    """List the addresses in alphabetical order."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions
    from posthouse.store.suppressions import SuppressionQuery, listing

    with open_house(ask).reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        where = suppressions.place(conn, account_id, kind=kind, domain=domain, tag=tag, group=group)
        query = SuppressionQuery(
            account_id, where.kind, where.domain, where.scope, address.strip() or None, limit=limit
        )
        found = listing(conn, query)
    if ask.as_json:
        ask.output.lines([suppressions.suppression_row(item) for item in found])
        return
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
