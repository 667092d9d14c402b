"""`posthouse contact …`: what we know of recipients, so far their time zones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import visible

if TYPE_CHECKING:
    from posthouse.store.engine import Connection

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
    from posthouse.desk import accounts
    from posthouse.store import contacts

    name, zone = _address(address), _zone(time_zone)
    with open_house(ask).writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        if zone:
            contacts.set_zone(conn, account_id, name, zone)
        else:
            contacts.remove_contact(conn, account_id, name)
    ask.output.item({"address": name, "time_zone": zone}, f"{visible(name)}: {zone or 'no time zone'}")


@command(app, "show")
def show(ask: Asked, address: Address) -> None:
    """Show what we know of a recipient: the time zone that was set, else the one of the newest click."""
    from posthouse.cli.house import open_house

    name = _address(address)
    with open_house(ask).reading() as conn:
        known = _known(conn, ask.account, name, address)
    zone, source = known["time_zone"], known["source"]
    words = f"{zone} ({source})" if zone else "no time zone"
    ask.output.item(known, f"{visible(name)}: {words}, {known['engagements']} opens and clicks")


def _known(conn: Connection, account: str, name: str, written: str) -> dict[str, Any]:
    """Events keep an address as it was written, contacts in lower case."""
    from posthouse.desk import accounts
    from posthouse.store import contacts, visits

    account_id = accounts.own_account(conn, account)
    zone, source = contacts.zones_of(conn, account_id, [name]).get(name, ""), "set"
    if not zone:
        zone, source = visits.last_click_zone(conn, account_id, written), "click"
    return {
        "address": name,
        "time_zone": zone,
        "source": source if zone else "",
        "engagements": len(visits.engagement_hours(conn, account_id, written)),
    }


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


def _address(text: str) -> str:
    from posthouse.model.address import BadAddress, parse_address

    try:
        return str(parse_address(text.strip())).lower()
    except BadAddress as error:
        raise typer.BadParameter(f"not an address: {error}") from error


def _zone(text: str) -> str:
    """A name of the zone database, as it is written there."""
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    if not text:
        return ""
    known = {zone.lower(): zone for zone in available_timezones()}
    if text.lower() in known:
        return known[text.lower()]
    near = get_close_matches(text.lower(), known, n=1)
    hint = f"; did you mean {known[near[0]]}?" if near else "; write it as Europe/Berlin"
    raise typer.BadParameter(f"there is no time zone {visible(text)}{hint}")
