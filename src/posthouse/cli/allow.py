"""`posthouse allow …`: addresses that no failure puts on a list."""

from __future__ import annotations

from typing import Annotated

import typer

from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import when

app = group("Addresses and domains that no failure puts on a list.")

Values = Annotated[
    list[str], typer.Argument(metavar="VALUE...", help="Addresses, or domains of recipients (@example.com).")
]
DomainName = Annotated[
    str, typer.Option("--domain", metavar="NAME", help="For this sending domain; else for all.")
]


@command(app, "add")
def add(
    ask: Asked,
    values: Values,
    domain: DomainName = "",
    detail: Annotated[str, typer.Option("--detail", metavar="TEXT", help="Why, for people.")] = "",
) -> None:
    """Put addresses or recipient domains on the allow list."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions

    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        added = suppressions.allow(conn, account_id, values, domain, house.clock.now(), detail)
    if ask.as_json:
        ask.output.lines([suppressions.allowed_row(item) for item in added])
        return
    ask.output.say(f"allowed: {', '.join(item.value for item in added)}")


@command(app, "remove")
def remove(ask: Asked, values: Values, domain: DomainName = "") -> None:
    """Take addresses or domains off the allow list."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions

    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        gone = suppressions.disallow(conn, account_id, values, domain)
    ask.output.item({"removed": gone}, f"removed: {gone} {'entry' if gone == 1 else 'entries'}")
    if not gone:
        raise typer.Exit(1)


@command(app, "list")
def list_(
    ask: Asked,
    domain: DomainName = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="How many at most.")] = 1000,
) -> None:
    """List what is allowed."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions
    from posthouse.desk.domains import sending_name
    from posthouse.store.allowed import AllowedQuery, listing

    with open_house(ask).reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        name = sending_name(domain) if domain else None
        found = listing(conn, AllowedQuery(account_id, name, limit=limit))
    if ask.as_json:
        ask.output.lines([suppressions.allowed_row(item) for item in found])
        return
    cells = [[item.value, item.domain or "(all)", when(item.at), item.detail] for item in found]
    ask.output.table(["ALLOWED", "DOMAIN", "SINCE", "WHY"], cells, "Nothing is allowed apart.")
