"""`posthouse group …`: kinds of mail that a recipient may leave one by one."""

from __future__ import annotations

from typing import Annotated

import typer

from posthouse.cli.options import Config, Json, asked

app = typer.Typer(help="Unsubscribe groups.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def common(ctx: typer.Context, config: Config = None, as_json: Json = False) -> None:
    ctx.obj = asked(ctx, config, as_json)


@app.command("add")
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What recipients call this mail.")],
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="A line about it, for recipients.")
    ] = "",
    default: Annotated[bool, typer.Option("--default", help="Show it on every page of preferences.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Add a group and print its number, by which messages name it."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions

    ask = asked(ctx, config, as_json)
    with open_house(ask).writing() as conn:
        account_id = accounts.own_account(conn)
        made = suppressions.add_group(conn, account_id, name, description, is_default=default)
    ask.output.item(suppressions.group_row(made), str(made.number))


@app.command("list")
def list_(ctx: typer.Context, config: Config = None, as_json: Json = False) -> None:
    """List the groups."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions
    from posthouse.store import groups

    ask = asked(ctx, config, as_json)
    with open_house(ask).reading() as conn:
        found = groups.list_groups(conn, accounts.own_account(conn))
    if ask.as_json:
        ask.output.lines([suppressions.group_row(group) for group in found])
        return
    cells = [
        [str(group.number), group.name, "yes" if group.is_default else "no", group.description]
        for group in found
    ]
    ask.output.table(["NUMBER", "NAME", "DEFAULT", "DESCRIPTION"], cells, "No groups yet.")


@app.command("remove")
def remove(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The group's number.")],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Remove a group with its list of unsubscribed addresses; its number is not given again."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions

    ask = asked(ctx, config, as_json)
    with open_house(ask).writing() as conn:
        suppressions.remove_group(conn, accounts.own_account(conn), number)
    ask.output.item({"removed": number}, f"Removed group {number} with its list.")
