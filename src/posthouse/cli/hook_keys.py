"""`posthouse hook-key …`: what signs our posts to a customer's receiver."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.names import domain_names
from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import when

if TYPE_CHECKING:
    from posthouse.desk.hook_keys import Made
    from posthouse.desk.hook_rotation import Standing

app = group("Keys that sign posts to your receivers.")

Dialect = Annotated[
    str, typer.Argument(metavar="DIALECT", help="In whose way: mailgun, sendgrid, mailpace or native.")
]
OfDomain = Annotated[
    str,
    typer.Option("--domain", metavar="NAME", autocompletion=domain_names, help="Whose key, for mailpace."),
]
Replace = Annotated[bool, typer.Option("--replace", help="End the key that is there.")]
_FILE_MOST = 64 * 1024 + 1


@command(app, "show")
def show(ask: Asked, dialect: Dialect, domain: OfDomain = "") -> None:
    """Show a key's public half, or since when there is a secret."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hook_rotation

    house = open_house(ask)
    with house.reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        found = hook_rotation.standing(conn, account_id, dialect, domain, house.clock.now())
    _print(ask, found)


@command(app, "new")
def new(ask: Asked, dialect: Dialect, domain: OfDomain = "", replace: Replace = False) -> None:
    """Make a key; a secret is shown now and never again."""
    from posthouse.desk import hook_keys

    _store(ask, hook_keys.make(dialect), dialect, domain, replace)


@command(app, "import")
def import_(
    ask: Asked,
    dialect: Dialect,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The secret or private key; - for standard input.")
    ],
    domain: OfDomain = "",
    replace: Replace = False,
) -> None:
    """Bring a key along, so that a receiver stays as it is."""
    from posthouse.desk import hook_keys

    _store(ask, hook_keys.bring(dialect, _read(file)), dialect, domain, replace)


@command(app, "rotate")
def rotate(
    ask: Asked,
    dialect: Dialect,
    domain: OfDomain = "",
    keep: Annotated[
        str, typer.Option("--keep", metavar="SPAN", help="How long the old key goes on: 24h, 7d, now.")
    ] = "24h",
    file: Annotated[
        str, typer.Option("--file", metavar="FILE", help="Bring this key along; - for standard input.")
    ] = "",
) -> None:
    """Make a new key, while the old one goes on for a time."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hook_keys, hook_rotation

    keep_s = _keep_s(keep)
    made = hook_keys.bring(dialect, _read(file)) if file else hook_keys.make(dialect)
    house = open_house(ask)
    with house.writing() as conn:
        found = hook_rotation.rotate(
            conn,
            house.installation,
            house.ids,
            house.clock.now(),
            made,
            account_id=accounts.own_account(conn, ask.account),
            dialect=dialect,
            domain=domain,
            keep_s=keep_s,
        )
    _print(ask, found, made.text, hook_rotation.news_of(found))


def _keep_s(text: str) -> float:
    from posthouse.desk.hook_rotation import read_keep
    from posthouse.model.errors import Refused

    try:
        return read_keep(text)
    except Refused as refused:
        raise typer.BadParameter(f"--keep {refused.text}") from refused


@command(app, "end")
def end(ask: Asked, dialect: Dialect, domain: OfDomain = "") -> None:
    """End the older keys now; the newest signs alone."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hook_rotation

    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        found = hook_rotation.end_older(conn, account_id, dialect, domain, house.clock.now())
    _print(ask, found)


def _store(ask: Asked, made: Made, dialect: str, domain: str, replaces: bool) -> None:
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hook_keys
    from posthouse.desk.hook_rotation import Standing

    house = open_house(ask)
    with house.writing() as conn:
        stored = hook_keys.store(
            conn,
            house.installation,
            house.ids,
            house.clock.now(),
            made,
            account_id=accounts.own_account(conn, ask.account),
            dialect=dialect,
            domain=domain,
            replaces=replaces,
        )
    _print(ask, Standing(stored), made.text)


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(_FILE_MOST)
    with Path(file).open("rb") as stream:
        return stream.read(_FILE_MOST)


def _print(ask: Asked, found: Standing, secret: str = "", news: str = "") -> None:
    from posthouse.desk.hook_rotation import standing_row

    row: dict[str, Any] = standing_row(found)
    words = [f"{row['dialect']} ({row['algorithm']}), since {when(row['created_at'])}"]
    if row["public"]:
        words.append(f"public key  {row['public']}")
    if row["signs_from"] > row["created_at"]:
        words.append(f"signs from  {when(row['signs_from'])}")
    for older in row["older"]:
        words.append(f"old key     until {when(older['ends_at'])}  {older['public']}".rstrip())
    if secret:
        row["secret"] = secret
        words.append(f"secret      {secret}\nIt is shown only now.")
    if news:
        words.append(news)
    ask.output.item(row, "\n".join(words))
