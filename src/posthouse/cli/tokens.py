"""`posthouse token …`: tokens of a domain. SMTP user and password are both the token."""

from __future__ import annotations

from typing import Annotated

import typer

from posthouse.cli.options import MAILPACE, NATIVE, Asked, command, group
from posthouse.cli.output import when

app = group("Tokens of a domain.")


@command(app, "add")
def add(
    ask: Asked,
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain to send for.")],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What people call it.")] = "",
    native: Annotated[bool, typer.Option("--native", help="Posthouse's own words, no service's.")] = False,
) -> None:
    """Make a token and print it, once."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, keys

    house = open_house(ask)
    with house.writing() as conn:
        issued = keys.issue_token(
            conn,
            house.installation,
            house.ids,
            house.clock.now(),
            account_id=accounts.own_account(conn, ask.account),
            domain=domain,
            dialect=NATIVE if native else MAILPACE,
            name=name,
        )
    ask.output.item(
        {"id": issued.id, "token": issued.secret},
        f"id        {issued.id}\ntoken     {issued.secret}\n"
        "SMTP user and password are both the token. It is shown only now.",
    )


@command(app, "list")
def list_(
    ask: Asked,
    domain: Annotated[
        str | None, typer.Option("--domain", metavar="NAME", help="Only this domain's tokens.")
    ] = None,
) -> None:
    """List the tokens that are valid."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains, keys
    from posthouse.model.account import CredentialKind

    name = domains.sending_name(domain) if domain else None
    with open_house(ask).reading() as conn:
        rows = keys.listing(conn, accounts.own_account(conn, ask.account), CredentialKind.DOMAIN_TOKEN, name)
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [
        [row["id"], row["name"] or "-", row["domain"], row["dialect"], when(row["created_at"])]
        for row in rows
    ]
    ask.output.table(["ID", "NAME", "DOMAIN", "DIALECT", "ADDED"], cells, "No tokens yet.")


@command(app, "revoke")
def revoke(
    ask: Asked,
    id: Annotated[str, typer.Argument(metavar="ID", help="The token's id, as `token list` shows it.")],
) -> None:
    """End a token; sessions signed in with it end within a second."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, keys
    from posthouse.model.account import CredentialKind

    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        gone = keys.revoke(
            conn, house.clock.now(), account_id=account_id, kind=CredentialKind.DOMAIN_TOKEN, id=id
        )
    ask.output.item({"revoked": gone}, f"The token {gone} is no longer valid.")
