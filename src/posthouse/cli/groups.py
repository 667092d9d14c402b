"""`posthouse group …`: kinds of mail that a recipient may leave one by one."""

from __future__ import annotations

from typing import Annotated

import typer

from posthouse.cli.options import Asked, command, group

app = group("Unsubscribe groups.")


@command(app, "add")
def add(
    ask: Asked,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What recipients call this mail.")],
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="A line about it, for recipients.")
    ] = "",
    default: Annotated[bool, typer.Option("--default", help="Show it on every page of preferences.")] = False,
) -> None:
    """Add a group and print its number, by which messages name it."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions

    with open_house(ask).writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        made = suppressions.add_group(conn, account_id, name, description, is_default=default)
    ask.output.item(suppressions.group_row(made), str(made.number))


@command(app, "list")
def list_(ask: Asked) -> None:
    """List the groups."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions

    with open_house(ask).reading() as conn:
        rows = suppressions.group_rows(conn, accounts.own_account(conn, ask.account))
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [
        [
            str(row["number"]),
            row["name"],
            "yes" if row["is_default"] else "no",
            str(row["unsubscribed"]),
            row["description"],
        ]
        for row in rows
    ]
    heads = ["NUMBER", "NAME", "DEFAULT", "UNSUBSCRIBED", "DESCRIPTION"]
    ask.output.table(heads, cells, "No groups yet.")


@command(app, "change")
def change(
    ask: Asked,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The group's number.")],
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Another name.")] = None,
    description: Annotated[
        str | None, typer.Option("--description", metavar="TEXT", help="A line about it, for recipients.")
    ] = None,
    default: Annotated[
        bool | None, typer.Option("--default/--no-default", help="Show it on every page of preferences.")
    ] = None,
) -> None:
    """Change what is said of a group; the rest stays."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions

    with open_house(ask).writing() as conn:
        made = suppressions.change_group(
            conn,
            accounts.own_account(conn, ask.account),
            number,
            name=name,
            description=description,
            is_default=default,
        )
    ask.output.item(suppressions.group_row(made), f"Changed group {made.number}.")


@command(app, "remove")
def remove(
    ask: Asked,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The group's number.")],
) -> None:
    """Remove a group with its list of unsubscribed addresses; its number is not given again."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, suppressions

    with open_house(ask).writing() as conn:
        suppressions.remove_group(conn, accounts.own_account(conn, ask.account), number)
    ask.output.item({"removed": number}, f"Removed group {number} with its list.")
