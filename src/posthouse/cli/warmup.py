"""`posthouse ip warm-up`, `ip show` and `ip check`: new addresses, and how they get known."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from posthouse.cli.egress import Address, state_words
from posthouse.cli.options import Asked
from posthouse.cli.output import Output, when


def warm_up(
    ask: Asked,
    address: Address,
    plan: Annotated[
        str, typer.Option("--plan", metavar="PLAN", help="default, slow, fast, or a .toml file with a plan.")
    ] = "default",
    pool: Annotated[
        str, typer.Option("--pool", metavar="NAME", help="Where the rest goes if nothing warm is beside it.")
    ] = "",
    day: Annotated[int, typer.Option("--day", metavar="N", help="On which day of the plan to begin.")] = 1,
    stop: Annotated[bool, typer.Option("--stop", help="End the plan: the address is warm.")] = False,
) -> None:
    """Let an address get known: a growing share of each site's mail, day by day."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress, warmup

    house = open_house(ask)
    if stop:
        with house.writing() as conn:
            name = warmup.end(conn, accounts.own_account(conn, ask.account), address)
        ask.output.item({"address": name, "warmup": None}, f"{name} is warm.")
        return
    chosen, now = warmup.find_plan(plan), house.clock.now()
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        begun = warmup.begin(conn, now, account_id, address, chosen, day, pool)
        usual = house.settings.delivery.source_addresses
        waits = not pool and not warmup.stands_beside(conn, account_id, begun, usual)
        (row,) = [row for row in egress.ip_rows(conn, account_id, now) if row["address"] == begun.address]
    words = f"{begun.address} warms up: {state_words(row)}, {chosen.days[day - 1]} messages to a site today."
    if waits:
        words += (
            "\nNo warm address stands beside it: mail above the day's share waits for its turn. "
            "Name a pool for it with --pool, or add a warm address to its pool."
        )
    ask.output.item({"address": begun.address, "warmup": row["warmup"], "rest_waits": waits}, words)


def show_ip(ask: Asked, address: Address) -> None:
    """Show an address: whose it is, its name, its pools, and how its warm-up goes at each site."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, warmup

    house = open_house(ask)
    with house.reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        row = warmup.address_row(conn, house.clock.now(), account_id, address)
    if ask.as_json:
        ask.output.item(row, "")
    else:
        _print(ask.output, row)


def check_ip(
    ask: Asked,
    address: Annotated[str, typer.Argument(metavar="[ADDRESS]", help="One; without it all.")] = "",
) -> None:
    """Look at an address in DNS: its name, and whether that leads back; exit 1 when something is wrong."""
    import asyncio

    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, reverse
    from posthouse.net.lookup import Lookup

    house = open_house(ask)
    settings = house.settings
    with house.reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        hellos = reverse.hellos_of(
            conn, account_id, address, settings.smtp.hostname, settings.delivery.source_addresses
        )
    lookup = Lookup([str(server) for server in settings.dns.servers], house.clock, lifetime_s=6.0)
    verdicts = asyncio.run(reverse.check_addresses(lookup, hellos))
    if ask.as_json:
        ask.output.lines([asdict(verdict) for verdict in verdicts])
    else:
        cells = [[verdict.state, verdict.text] for verdict in verdicts]
        ask.output.table(["STATE", "FINDING"], cells, "No addresses yet.")
    if any(verdict.state == reverse.WRONG for verdict in verdicts):
        raise typer.Exit(1)


def _print(output: Output, row: dict[str, Any]) -> None:
    lines = {
        "address": row["address"],
        "use": "the account's alone" if row["is_dedicated"] else "shared",
        "hello": row["hello"] or "-",
        "pools": ", ".join(row["pools"]) or "-",
        "added": when(row["created_at"]),
        "state": state_words(row),
    }
    if row["warmup"]:
        lines["rest goes to"] = row["warmup"]["pool"] or "warm addresses beside it"
    for name, text in lines.items():
        output.say(f"{name:<14}{text}")
    if not row["warmup"]:
        return
    output.say()
    cells = [
        [
            site["site"],
            str(site["day"]),
            "-" if site["limit"] is None else str(site["limit"]),
            str(site["reserved"]),
            str(site["sent"]),
            str(site["deferred"]),
            f"until {when(site['paused_until'])}: {site['why']}" if site["paused_until"] else "-",
        ]
        for site in row["sites"]
    ]
    heads = ["SITE", "DAY", "LIMIT", "RESERVED", "SENT", "DEFERRED", "PAUSED"]
    output.table(heads, cells, "Nothing was sent from it today.")
