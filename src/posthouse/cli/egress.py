"""`posthouse ip …` and `posthouse pool …`: addresses of this machine to send from."""

from __future__ import annotations

from typing import Annotated

import typer

from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import when

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
) -> None:
    """Add an address of this machine, for messages and domains to choose."""
    from posthouse.cli.house import open_house
    from posthouse.desk import egress

    house = open_house(ask)
    with house.writing() as conn:
        made = egress.add_ip(conn, house.clock.now(), address, hello)
    ask.output.item({"address": made.address, "hello": made.hello}, f"Added {made.address}.")


@command(ip_app, "list")
def list_ips(ask: Asked) -> None:
    """List the addresses and the pools that they are in."""
    from posthouse.cli.house import open_house
    from posthouse.desk import egress

    with open_house(ask).reading() as conn:
        rows = egress.ip_rows(conn)
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [
        [row["address"], row["hello"] or "-", ", ".join(row["pools"]) or "-", when(row["created_at"])]
        for row in rows
    ]
    ask.output.table(["ADDRESS", "HELLO", "POOLS", "ADDED"], cells, "No addresses yet.")


@command(ip_app, "remove")
def remove_ip(ask: Asked, address: Address) -> None:
    """Remove an address, also from its pools."""
    from posthouse.cli.house import open_house
    from posthouse.desk import egress

    with open_house(ask).writing() as conn:
        gone = egress.remove_ip(conn, address)
    ask.output.item({"removed": gone}, f"Removed {gone}.")


@command(pool_app, "add")
def add_pool(ask: Asked, name: PoolName, ip: Members = None) -> None:
    """Make a pool of addresses, or add addresses to it."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress

    house = open_house(ask)
    with house.writing() as conn:
        pool = egress.put_pool(conn, house.ids, accounts.own_account(conn, ask.account), name, ip or [])
    ask.output.item(egress.pool_row(pool), f"Pool {pool.name}: {', '.join(pool.addresses)} (id {pool.id})")


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
    cells = [[pool.name, ", ".join(pool.addresses) or "-", pool.id] for pool in found]
    ask.output.table(["POOL", "ADDRESSES", "ID"], cells, "No pools yet.")


@command(pool_app, "remove")
def remove_pool(ask: Asked, name: PoolName, ip: Members = None) -> None:
    """Remove a pool, or with --ip only addresses out of it; the addresses stay."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress

    with open_house(ask).writing() as conn:
        pool = egress.remove_pool(conn, accounts.own_account(conn, ask.account), name, ip or [])
    words = f"Took {', '.join(ip)} out of pool {pool.name}." if ip else f"Removed pool {pool.name}."
    ask.output.item({"removed": ip or pool.name}, words)
