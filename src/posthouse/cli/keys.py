"""`posthouse key …`: keys of the account. The SMTP user is the word `apikey`, the password the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.options import NATIVE, SENDGRID, Asked, command, group
from posthouse.cli.output import Output, when

if TYPE_CHECKING:
    from posthouse.desk.keys import IssuedKey

app = group("Keys that send for every domain of the account.")

_OPENINGS = {SENDGRID: "SG.", NATIVE: "ph_"}  # SDKs look at the first letters


@command(app, "add")
def add(
    ask: Asked,
    permission: Annotated[
        list[str] | None,
        typer.Option("--permission", metavar="WORD", help="What it may do; may be repeated (mail.send)."),
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What people call it.")] = "",
    domain: Annotated[
        str | None, typer.Option("--domain", metavar="NAME", help="Only for this domain.")
    ] = None,
    native: Annotated[bool, typer.Option("--native", help="Posthouse's own words, no service's.")] = False,
) -> None:
    """Make a key and print it, once."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, keys
    from posthouse.model.account import MAIL_SEND

    house = open_house(ask)
    dialect = NATIVE if native else SENDGRID
    with house.writing() as conn:
        issued = keys.issue_key(
            conn,
            house.installation,
            house.ids,
            house.clock.now(),
            account_id=accounts.own_account(conn, ask.account),
            opening=_OPENINGS[dialect],
            dialect=dialect,
            permissions=permission or (MAIL_SEND,),
            name=name,
            domain=domain or "",
        )
    _print_issued(ask.output, issued)


@command(app, "list")
def list_(ask: Asked) -> None:
    """List the keys that are valid."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, keys
    from posthouse.model.account import CredentialKind

    with open_house(ask).reading() as conn:
        rows = keys.listing(conn, accounts.own_account(conn, ask.account), CredentialKind.API_KEY)
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [
        [
            row["id"],
            row["name"] or "-",
            row["domain"] or "all",
            row["dialect"],
            when(row["created_at"]),
            " ".join(row["permissions"]),
        ]
        for row in rows
    ]
    ask.output.table(["ID", "NAME", "DOMAIN", "DIALECT", "ADDED", "PERMISSIONS"], cells, "No keys yet.")


@command(app, "revoke")
def revoke(
    ask: Asked,
    id: Annotated[str, typer.Argument(metavar="ID", help="The key's id: its middle part.")],
) -> None:
    """End a key; sessions signed in with it end within a second."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, keys
    from posthouse.model.account import CredentialKind

    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        gone = keys.revoke(conn, house.clock.now(), account_id=account_id, kind=CredentialKind.API_KEY, id=id)
    ask.output.item({"revoked": gone}, f"The key {gone} is no longer valid.")


def _print_issued(output: Output, issued: IssuedKey) -> None:
    output.item(
        {"id": issued.id, "key": issued.secret},
        f"id        {issued.id}\nkey       {issued.secret}\n"
        "SMTP user `apikey`, password is the key. It is shown only now.",
    )
