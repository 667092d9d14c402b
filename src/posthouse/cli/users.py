"""`posthouse user …`: SMTP users. A password is printed when it is made and never again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.options import MAILGUN, NATIVE, Asked, command, group
from posthouse.cli.output import Output, when

if TYPE_CHECKING:
    from posthouse.desk.credentials import Issued

app = group("SMTP users of a domain.")

Login = Annotated[str, typer.Argument(metavar="LOGIN@DOMAIN", help="The user's full name.")]


@command(app, "add")
def add(
    ask: Asked,
    login: Login,
    native: Annotated[bool, typer.Option("--native", help="Posthouse's own words, no service's.")] = False,
) -> None:
    """Add a user to a domain and print the password, once."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, credentials

    house = open_house(ask)
    dialect = NATIVE if native else MAILGUN
    with house.writing() as conn:
        issued = credentials.issue(
            conn,
            house.installation,
            house.ids,
            house.clock.now(),
            account_id=accounts.own_account(conn, ask.account),
            login=login,
            dialect=dialect,
        )
    _print_issued(ask.output, issued)


@command(app, "reset")
def reset(ask: Asked, login: Login) -> None:
    """Give a user a new password and print it, once; the old one ends at once."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, credentials

    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        issued = credentials.reset(
            conn, house.installation, house.ids, house.clock.now(), account_id=account_id, login=login
        )
    _print_issued(ask.output, issued)


@command(app, "revoke")
def revoke(ask: Asked, login: Login) -> None:
    """End a user's right to sign in; other users keep theirs."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, credentials

    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        gone = credentials.revoke(conn, house.clock.now(), account_id=account_id, login=login)
    ask.output.item({"revoked": gone}, f"{gone} can no longer sign in.")


@command(app, "list")
def list_(
    ask: Asked,
    domain: Annotated[
        str | None, typer.Option("--domain", metavar="NAME", help="Only this domain's users.")
    ] = None,
) -> None:
    """List the users that may sign in."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, credentials, domains

    name = domains.sending_name(domain) if domain else None
    with open_house(ask).reading() as conn:
        rows = credentials.listing(conn, accounts.own_account(conn, ask.account), name)
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [[row["login"], row["dialect"], when(row["created_at"])] for row in rows]
    ask.output.table(["LOGIN", "DIALECT", "ADDED"], cells, "No users yet.")


def _print_issued(output: Output, issued: Issued) -> None:
    output.item(
        {"login": issued.login, "password": issued.password},
        f"login     {issued.login}\npassword  {issued.password}\n"
        "The password is shown only now; keep it, or make a new one with `posthouse user reset`.",
    )
