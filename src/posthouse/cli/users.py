"""`posthouse user …`: SMTP users. A password is printed when it is made and never again."""

from __future__ import annotations

from dataclasses import asdict
from textwrap import indent
from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.names import domain_names
from posthouse.cli.options import MAILGUN, NATIVE, Asked, command, group
from posthouse.cli.output import Output, when
from posthouse.cli.terms import (
    Connections,
    Expires,
    Messages,
    Ranges,
    read_secret,
    terms,
    terms_text,
    use_cells,
)

if TYPE_CHECKING:
    from posthouse.desk.credentials import Issued

app = group("SMTP users of a domain.")

Login = Annotated[str, typer.Argument(metavar="LOGIN@DOMAIN", help="The user's full name.")]
PasswordFile = Annotated[
    str | None,
    typer.Option("--password-file", metavar="FILE", help="Keep the password in this file; - reads input."),
]


@command(app, "add")
def add(
    ask: Asked,
    login: Login,
    native: Annotated[bool, typer.Option("--native", help="Posthouse's own words, no service's.")] = False,
    password_file: PasswordFile = None,
    ranges: Ranges = None,
    messages: Messages = None,
    connections: Connections = None,
    expires: Expires = None,
) -> None:
    """Add a user to a domain and print the password, once."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, credentials

    house = open_house(ask)
    chosen = None if password_file is None else read_secret(password_file)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        issued = credentials.issue(
            conn,
            house.installation,
            house.ids,
            house.clock.now(),
            account_id=account_id,
            login=login,
            dialect=NATIVE if native else MAILGUN,
            chosen=chosen,
            terms=terms(ranges, messages, connections, expires, house.clock.now()),
        )
        made = credentials.load(conn, account_id, issued.login)
    _print_issued(ask.output, issued)
    if made.ranges or made.expires_at:
        ask.output.say(terms_text(made))


@command(app, "reset")
def reset(ask: Asked, login: Login, password_file: PasswordFile = None) -> None:
    """Give a user a new password and print it, once; the old one ends at once."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, credentials

    house = open_house(ask)
    chosen = None if password_file is None else read_secret(password_file)
    with house.writing() as conn:
        issued = credentials.reset(
            conn,
            house.installation,
            house.ids,
            house.clock.now(),
            account_id=accounts.own_account(conn, ask.account),
            login=login,
            chosen=chosen,
        )
    _print_issued(ask.output, issued)


@command(app, "set")
def set_(
    ask: Asked,
    login: Login,
    ranges: Ranges = None,
    messages: Messages = None,
    connections: Connections = None,
    expires: Expires = None,
) -> None:
    """Change from where and until when a user may sign in, and the limits of its sessions."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, credentials
    from posthouse.desk.terms import shown

    house = open_house(ask)
    with house.writing() as conn:
        user = credentials.change(
            conn,
            account_id=accounts.own_account(conn, ask.account),
            login=login,
            terms=terms(ranges, messages, connections, expires, house.clock.now()),
        )
    facts = {"login": user.login, **shown(user)}
    ask.output.item(facts, f"login     {user.login}\n{terms_text(user)}")


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


@command(app, "snippets")
def snippets(
    ask: Asked,
    login: Login,
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="Only this one, such as django.")] = "",
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Whom to write to.")] = "you@example.com",
) -> None:
    """Print pieces of programs and settings that send as this user; PASSWORD stands for its password."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, credentials
    from posthouse.desk.places import smtp_place
    from posthouse.rules.snippets import Place, snippets

    house = open_house(ask)
    with house.reading() as conn:
        user = credentials.load(conn, accounts.own_account(conn, ask.account), login)
    found = snippets(Place(*smtp_place(house.settings), user.login, "PASSWORD", user.login, to))
    chosen = [each for each in found if kind in ("", each.name)]
    if not chosen:
        raise typer.BadParameter(f"there is no {kind}; there are {', '.join(each.name for each in found)}")
    if ask.as_json:
        ask.output.lines([asdict(each) for each in chosen])
        return
    ask.output.say("\n\n".join(f"{each.title}\n\n{indent(each.text.rstrip(), '  ')}" for each in chosen))


@command(app, "list")
def list_(
    ask: Asked,
    domain: Annotated[
        str | None,
        typer.Option(
            "--domain", metavar="NAME", autocompletion=domain_names, help="Only this domain's users."
        ),
    ] = None,
) -> None:
    """List the users with when they expire."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, credentials, domains

    name = domains.sending_name(domain) if domain else None
    house = open_house(ask)
    with house.reading() as conn:
        rows = credentials.listing(conn, accounts.own_account(conn, ask.account), name)
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [
        [row["login"], row["dialect"], when(row["created_at"]), *use_cells(row, house.clock.now())]
        for row in rows
    ]
    heads = ["LOGIN", "DIALECT", "ADDED", "EXPIRES", "FROM", "USED", "USED FROM"]
    ask.output.table(heads, cells, "No users yet.")


def _print_issued(output: Output, issued: Issued) -> None:
    if not issued.password:
        output.item(
            {"login": issued.login}, f"login     {issued.login}\nIt signs in with the password given."
        )
        return
    output.item(
        {"login": issued.login, "password": issued.password},
        f"login     {issued.login}\npassword  {issued.password}\n"
        "The password is shown only now; keep it, or make a new one with `posthouse user reset`.",
    )
