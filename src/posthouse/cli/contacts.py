"""`posthouse contact …`: what we know of recipients, so far their time zones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import visible

app = group("Recipients and their time zones.")

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The recipient.")]


@command(app, "set")
def set_(
    ask: Asked,
    address: Address,
    time_zone: Annotated[
        str, typer.Option("--time-zone", metavar="ZONE", help='Such as Europe/Berlin; "" forgets it.')
    ],
) -> None:
    """Note a recipient's time zone, for mail that is sent at a local time."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, contacts

    with open_house(ask).writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        row = _judged(contacts.set_zone, conn, account_id, address, time_zone)
    ask.output.item(row, f"{visible(row['address'])}: {row['time_zone'] or 'no time zone'}")


@command(app, "show")
def show(ask: Asked, address: Address) -> None:
    """Show what we know of a recipient: the time zone that was set, else the one of the newest click."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, contacts

    with open_house(ask).reading() as conn:
        known = _judged(contacts.known, conn, accounts.own_account(conn, ask.account), address)
    zone, source = known["time_zone"], known["source"]
    words = f"{zone} ({source})" if zone else "no time zone"
    ask.output.item(known, f"{visible(known['address'])}: {words}, {known['engagements']} opens and clicks")


@command(app, "list")
def list_(
    ask: Asked,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="How many at most.")] = 1000,
) -> None:
    """List the recipients whose time zone was set, in alphabetical order."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.store import contacts

    with open_house(ask).reading() as conn:
        found = contacts.list_contacts(conn, accounts.own_account(conn, ask.account), limit)
    if ask.as_json:
        ask.output.lines([{"address": one.address, "time_zone": one.time_zone} for one in found])
        return
    cells = [[one.address, one.time_zone] for one in found]
    ask.output.table(["ADDRESS", "TIME ZONE"], cells, "No contacts yet.")


def _judged(work: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """What is refused here was typed wrong."""
    from posthouse.model.errors import Refused

    try:
        return work(*args)
    except Refused as refused:
        raise typer.BadParameter(refused.text) from refused
