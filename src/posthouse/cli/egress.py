"""`posthouse ip …` and `posthouse pool …`: addresses of this machine to send from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import visible, when

ip_app = group("Addresses to send from.")
pool_app = group("Pools of addresses to send from.")

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An IPv4 or IPv6 address.")]
PoolName = Annotated[str, typer.Argument(metavar="NAME", help="The pool's name.")]
Members = Annotated[
    list[str] | None, typer.Option("--ip", metavar="ADDRESS", help="An address; may be repeated.")
]


@command(ip_app, "add")
def add_ip(
    ask: Asked,
    address: Address,
    hello: Annotated[
        str, typer.Option("--hello", metavar="NAME", help="The name to greet receiving hosts with.")
    ] = "",
    dedicated: Annotated[bool, typer.Option("--dedicated", help="For the account's mail alone.")] = False,
) -> None:
    """Add an address of this machine, for everybody's mail to choose or for one account alone."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress, local_address

    house = open_house(ask)
    allows = house.settings.delivery.private_networks == "allow"
    name = local_address.parse_address(address, allows_loopback=allows)
    local_address.prove_local(name)
    with house.writing() as conn:
        owner = accounts.load(conn, ask.account) if dedicated else None
        made = egress.add_ip(conn, house.clock.now(), name, hello, owner.id if owner else "")
    row = {"address": made.address, "hello": made.hello, "is_dedicated": owner is not None}
    whose = f", for {owner.name} alone" if owner else ""
    ask.output.item(row, f"Added {made.address}{whose}.")


@command(ip_app, "list")
def list_ips(ask: Asked) -> None:
    """List the account's own and everybody's addresses, and the pools that they are in."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress

    house = open_house(ask)
    with house.reading() as conn:
        rows = egress.ip_rows(conn, accounts.own_account(conn, ask.account), house.clock.now())
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [
        [
            row["address"],
            row["hello"] or "-",
            "dedicated" if row["is_dedicated"] else "shared",
            ", ".join(row["pools"]) or "-",
            state_words(row),
            when(row["created_at"]),
        ]
        for row in rows
    ]
    ask.output.table(["ADDRESS", "HELLO", "USE", "POOLS", "STATE", "ADDED"], cells, "No addresses yet.")


def state_words(row: Mapping[str, Any]) -> str:
    """How warm an address is, from its row."""
    plan = row["warmup"]
    if not plan:
        return "warm"
    words = f"day {plan['day']} of {plan['days']} ({plan['plan']})"
    if paused := plan["paused_sites"]:
        words += f", pauses at {paused} site{'' if paused == 1 else 's'}"
    return words


@command(ip_app, "remove")
def remove_ip(ask: Asked, address: Address) -> None:
    """Remove an address, also from its pools."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress

    with open_house(ask).writing() as conn:
        gone = egress.remove_ip(conn, accounts.own_account(conn, ask.account), address)
    ask.output.item({"removed": gone}, f"Removed {gone}.")


@command(pool_app, "add")
def add_pool(
    ask: Asked,
    name: PoolName,
    ip: Members = None,
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="What a new pool is for.")
    ] = "",
) -> None:
    """Make a pool of addresses, or add addresses to it."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress

    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        pool = egress.put_pool(conn, house.ids, account_id, name, ip or [], description)
    ask.output.item(egress.pool_row(pool), f"Pool {pool.name}: {', '.join(pool.addresses)} (id {pool.id})")


@command(pool_app, "set")
def set_pool(
    ask: Asked,
    name: PoolName,
    new_name: Annotated[str, typer.Option("--name", metavar="NAME", help="Another name.")] = "",
    description: Annotated[
        str | None, typer.Option("--description", metavar="TEXT", help="What it is for; empty for none.")
    ] = None,
) -> None:
    """Rename or describe a pool; domains that send from it go on."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress

    if not new_name.strip() and description is None:
        raise typer.BadParameter("nothing to change: say --name or --description")
    with open_house(ask).writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        pool = egress.describe_pool(conn, account_id, name, name=new_name, description=description)
    about = f": {visible(pool.description)}" if pool.description else ""
    ask.output.item(egress.pool_row(pool), f"Pool {visible(pool.name)}{about} (id {pool.id})")


@command(pool_app, "list")
def list_pools(ask: Asked) -> None:
    """List the pools."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress
    from posthouse.store.egress import list_pools as stored

    with open_house(ask).reading() as conn:
        found = stored(conn, accounts.own_account(conn, ask.account))
    if ask.as_json:
        ask.output.lines([egress.pool_row(pool) for pool in found])
        return
    cells = [[pool.name, ", ".join(pool.addresses) or "-", pool.id, pool.description] for pool in found]
    ask.output.table(["POOL", "ADDRESSES", "ID", "DESCRIPTION"], cells, "No pools yet.")


@command(pool_app, "remove")
def remove_pool(ask: Asked, name: PoolName, ip: Members = None) -> None:
    """Remove a pool, or with --ip only addresses out of it; the addresses stay."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress

    with open_house(ask).writing() as conn:
        pool = egress.remove_pool(conn, accounts.own_account(conn, ask.account), name, ip or [])
    words = f"Took {', '.join(ip)} out of pool {pool.name}." if ip else f"Removed pool {pool.name}."
    ask.output.item({"removed": ip or pool.name}, words)
