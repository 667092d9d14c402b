"""`posthouse ip …` and `posthouse pool …`: addresses of this machine to send from."""

from __future__ import annotations

from typing import Annotated

import typer

from posthouse.cli.options import Config, Json, asked
from posthouse.cli.output import when

ip_app = typer.Typer(help="Addresses to send from.", no_args_is_help=True, rich_markup_mode=None)
pool_app = typer.Typer(help="Pools of addresses to send from.", no_args_is_help=True, rich_markup_mode=None)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An IPv4 or IPv6 address.")]
PoolName = Annotated[str, typer.Argument(metavar="NAME", help="The pool's name.")]
Members = Annotated[
    list[str] | None, typer.Option("--ip", metavar="ADDRESS", help="An address; may be repeated.")
]


@ip_app.callback()
@pool_app.callback()
def common(ctx: typer.Context, config: Config = None, as_json: Json = False) -> None:
    ctx.obj = asked(ctx, config, as_json)


@ip_app.command("add")
def add_ip(
    ctx: typer.Context,
    address: Address,
    hello: Annotated[
        str, typer.Option("--hello", metavar="NAME", help="The name to greet receiving hosts with.")
    ] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Add an address of this machine, for messages and domains to choose."""
    from posthouse.cli.house import open_house
    from posthouse.desk import egress

    ask = asked(ctx, config, as_json)
    house = open_house(ask)
    with house.writing() as conn:
        made = egress.add_ip(conn, house.clock.now(), address, hello)
    ask.output.item({"address": made.address, "hello": made.hello}, f"Added {made.address}.")


@ip_app.command("list")
def list_ips(ctx: typer.Context, config: Config = None, as_json: Json = False) -> None:
    """List the addresses and the pools that they are in."""
    from posthouse.cli.house import open_house
    from posthouse.desk import egress

    ask = asked(ctx, config, as_json)
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


@ip_app.command("remove")
def remove_ip(ctx: typer.Context, address: Address, config: Config = None, as_json: Json = False) -> None:
    """Remove an address, also from its pools."""
    from posthouse.cli.house import open_house
    from posthouse.desk import egress

    ask = asked(ctx, config, as_json)
    with open_house(ask).writing() as conn:
        gone = egress.remove_ip(conn, address)
    ask.output.item({"removed": gone}, f"Removed {gone}.")


@pool_app.command("add")
def add_pool(
    ctx: typer.Context, name: PoolName, ip: Members = None, config: Config = None, as_json: Json = False
) -> None:
    """Make a pool of addresses, or add addresses to it."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress

    ask = asked(ctx, config, as_json)
    house = open_house(ask)
    with house.writing() as conn:
        pool = egress.put_pool(conn, house.ids, accounts.own_account(conn), name, ip or [])
    ask.output.item(egress.pool_row(pool), f"Pool {pool.name}: {', '.join(pool.addresses)} (id {pool.id})")


@pool_app.command("list")
def list_pools(ctx: typer.Context, config: Config = None, as_json: Json = False) -> None:
    """List the pools."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress
    from posthouse.store.egress import list_pools as stored

    ask = asked(ctx, config, as_json)
    with open_house(ask).reading() as conn:
        found = stored(conn, accounts.own_account(conn))
    if ask.as_json:
        ask.output.lines([egress.pool_row(pool) for pool in found])
        return
    cells = [[pool.name, ", ".join(pool.addresses) or "-", pool.id] for pool in found]
    ask.output.table(["POOL", "ADDRESSES", "ID"], cells, "No pools yet.")


@pool_app.command("remove")
def remove_pool(
    ctx: typer.Context, name: PoolName, ip: Members = None, config: Config = None, as_json: Json = False
) -> None:
    """Remove a pool, or with --ip only addresses out of it; the addresses stay."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, egress

    ask = asked(ctx, config, as_json)
    with open_house(ask).writing() as conn:
        pool = egress.remove_pool(conn, accounts.own_account(conn), name, ip or [])
    words = f"Took {', '.join(ip)} out of pool {pool.name}." if ip else f"Removed pool {pool.name}."
    ask.output.item({"removed": ip or pool.name}, words)
