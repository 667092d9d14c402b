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
    from posthouse.store.hook_keys import SealedHookKey

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
    from posthouse.desk import accounts, hook_keys

    with open_house(ask).reading() as conn:
        found = hook_keys.show(conn, accounts.own_account(conn, ask.account), dialect, domain)
    _print(ask, found, "")


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


def _store(ask: Asked, made: Made, dialect: str, domain: str, replaces: bool) -> None:
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hook_keys

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
    _print(ask, stored, made.text)


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(_FILE_MOST)
    with Path(file).open("rb") as stream:
        return stream.read(_FILE_MOST)


def _print(ask: Asked, key: SealedHookKey, secret: str) -> None:
    row: dict[str, Any] = {
        "dialect": key.dialect,
        "domain": key.domain,
        "algorithm": key.algorithm,
        "public": key.public,
        "created_at": key.created_at,
    }
    words = [f"{key.dialect} ({key.algorithm}), since {when(key.created_at)}"]
    if key.public:
        words.append(f"public key  {key.public}")
    if secret:
        row["secret"] = secret
        words.append(f"secret      {secret}\nIt is shown only now.")
    ask.output.item(row, "\n".join(words))
