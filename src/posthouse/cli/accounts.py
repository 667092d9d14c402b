"""`posthouse account …`: the accounts of one installation; made, limited, suspended, removed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.names import account_names
from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import Output, visible, when

if TYPE_CHECKING:
    from posthouse.model.account import Account

_MOST_SHOWN = 200

app = group("Accounts: whose domains, users and mail these are.")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The account's name.", autocompletion=account_names)
]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]


@command(app, "add", of_account=False)
def add(ask: Asked, name: NewName) -> None:
    """Make an account."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts

    house = open_house(ask)
    accounts.account_name(name)  # before a store is made for nothing
    house.found()
    with house.writing() as conn:
        made = accounts.add(conn, house.ids, house.clock.now(), name)
    ask.output.item(
        accounts.account_row(made),
        f"Added the account {made.name}; other commands work on it with --account {made.name}.",
    )


@command(app, "list", of_account=False)
def list_(ask: Asked) -> None:
    """List the accounts."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.store import identity

    with open_house(ask).reading() as conn:
        rows = [
            accounts.account_row(each) | accounts.contents(conn, each)
            for each in identity.list_accounts(conn)
        ]
    if ask.as_json:
        ask.output.lines(rows)
        return
    kinds = ("domains", "credentials", "people", "queued")
    cells = [
        [
            row["name"],
            _state(row["suspended"]),
            *[str(row.get(kind, 0)) for kind in kinds],
            when(row["created_at"]),
        ]
        for row in rows
    ]
    ask.output.table(["NAME", "STATE", *[kind.upper() for kind in kinds], "ADDED"], cells, "No accounts yet.")


@command(app, "show", of_account=False)
def show(ask: Asked, name: Name) -> None:
    """Show an account, what it has, its settings and its limits."""
    from dataclasses import asdict

    from posthouse.cli.house import open_house
    from posthouse.cli.limits import say_limits
    from posthouse.desk import accounts
    from posthouse.desk.limits import limits_of

    house = open_house(ask)
    with house.reading() as conn:
        account = accounts.load(conn, name)
        found = accounts.contents(conn, account)
        limits = limits_of(conn, account, house.clock.now())
    if ask.as_json:
        rows = [asdict(row) for row in limits]
        ask.output.item(accounts.account_row(account) | {"contents": found, "limits": rows}, "")
        return
    state = _state(account.settings.is_suspended)
    ask.output.say(f"{account.name}: {state}, added {when(account.created_at)}; {_said(found)}")
    ask.output.say("\nSettings (change them with `posthouse account set`):")
    _say_settings(ask.output, account)
    if limits:
        ask.output.say("\nLimits, and how much of them is used up:")
        say_limits(ask.output, limits)


@command(app, "set", of_account=False)
def set_(
    ask: Asked,
    name: Name,
    pairs: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE…", help="Settings; `KEY=` goes back to the default.")
    ],
) -> None:
    """Change what holds for all mail of an account."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts

    with open_house(ask).writing() as conn:
        account = accounts.change_settings(conn, name, pairs)
    if ask.as_json:
        ask.output.item(accounts.account_row(account), "")
    _say_settings(ask.output, account)


@command(app, "suspend", of_account=False)
def suspend(ask: Asked, name: Name) -> None:
    """Let nobody of an account sign in or send; its queued mail waits."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts

    with open_house(ask).writing() as conn:
        account = accounts.suspend(conn, name)
    ask.output.item(
        accounts.account_row(account),
        f"{account.name} is suspended: nobody of it signs in or sends, and its queued mail waits.\n"
        f"It goes on with: posthouse account resume {account.name}",
    )


@command(app, "resume", of_account=False)
def resume(ask: Asked, name: Name) -> None:
    """Let a suspended account go on, with the mail that waits."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts

    with open_house(ask).writing() as conn:
        account = accounts.resume(conn, name)
    ask.output.item(accounts.account_row(account), f"{account.name} may sign in and send.")


@command(app, "remove", of_account=False)
def remove(
    ask: Asked,
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Give up its queued mail.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove an account with everything it has."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts

    house = open_house(ask)
    with house.reading() as conn:
        found = accounts.contents(conn, accounts.load(conn, name))
        if sys.stdin.isatty() and sys.stdout.isatty() and not ask.as_json and not yes:
            typer.confirm(f"With {name} goes for good: {_said(found)}. Go on?", abort=True)
        house.note_changes(conn)
        gone = accounts.remove(conn, house.ids, house.clock.now(), name, gives_up_mail=force)
    ask.output.item({"removed": gone.name, "contents": found}, f"Removed {gone.name}: {_said(found)}.")


def _state(is_suspended: bool) -> str:
    return "suspended" if is_suspended else "active"


def _said(contents: dict[str, Any]) -> str:
    return ", ".join(f"{kind}: {number}" for kind, number in contents.items()) or "it has nothing"


def _say_settings(output: Output, account: Account) -> None:
    from posthouse.desk import account_settings
    from posthouse.model.account import ACCOUNT_DEFAULTS

    defaults = account_settings.shown(ACCOUNT_DEFAULTS)
    for key, text in account_settings.shown(account.settings).items():
        shown = visible(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…") or "-"
        output.say(f"{key:<22}{shown}{'' if text == defaults[key] else '  (set)'}")
