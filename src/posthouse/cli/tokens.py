"""`posthouse token …`: tokens of a domain. SMTP user and password are both the token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.names import domain_names
from posthouse.cli.options import MAILPACE, NATIVE, Asked, command, group
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
    from posthouse.desk.keys import IssuedKey

app = group("Tokens of a domain.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The token's id, as `token list` shows it.")]


@command(app, "add")
def add(
    ask: Asked,
    domain: Annotated[
        str, typer.Argument(metavar="DOMAIN", autocompletion=domain_names, help="The domain to send for.")
    ],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What people call it.")] = "",
    native: Annotated[bool, typer.Option("--native", help="Posthouse's own words, no service's.")] = False,
    secret_file: Annotated[
        str | None,
        typer.Option(
            "--secret-file", metavar="FILE", help="Take over the token in this file; - reads input."
        ),
    ] = None,
    ranges: Ranges = None,
    messages: Messages = None,
    connections: Connections = None,
    expires: Expires = None,
) -> None:
    """Make a token and print it, once."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, keys
    from posthouse.model.account import CredentialKind

    house = open_house(ask)
    given = None if secret_file is None else read_secret(secret_file)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        issued = keys.issue_token(
            conn,
            house.installation,
            house.ids,
            house.clock.now(),
            account_id=account_id,
            domain=domain,
            dialect=NATIVE if native else MAILPACE,
            name=name,
            given=given,
            terms=terms(ranges, messages, connections, expires, house.clock.now()),
        )
        made = keys.load(conn, account_id, CredentialKind.DOMAIN_TOKEN, issued.id)
    _print_issued(ask.output, issued)
    if made.ranges or made.expires_at:
        ask.output.say(terms_text(made))


@command(app, "set")
def set_(
    ask: Asked,
    id: Id,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What people call it.")] = None,
    ranges: Ranges = None,
    messages: Messages = None,
    connections: Connections = None,
    expires: Expires = None,
) -> None:
    """Change a token's name, from where and until when, and the limits of its sessions."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, keys
    from posthouse.desk.terms import shown
    from posthouse.model.account import CredentialKind

    house = open_house(ask)
    with house.writing() as conn:
        token = keys.change(
            conn,
            account_id=accounts.own_account(conn, ask.account),
            kind=CredentialKind.DOMAIN_TOKEN,
            id=id,
            name=name,
            terms=terms(ranges, messages, connections, expires, house.clock.now()),
        )
    facts = {"id": token.login, "name": token.name, **shown(token)}
    ask.output.item(facts, f"id        {token.login}\nname      {token.name or '-'}\n{terms_text(token)}")


@command(app, "list")
def list_(
    ask: Asked,
    domain: Annotated[
        str | None,
        typer.Option(
            "--domain", metavar="NAME", autocompletion=domain_names, help="Only this domain's tokens."
        ),
    ] = None,
) -> None:
    """List the tokens with when they expire."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains, keys
    from posthouse.model.account import CredentialKind

    name = domains.sending_name(domain) if domain else None
    house = open_house(ask)
    with house.reading() as conn:
        rows = keys.listing(conn, accounts.own_account(conn, ask.account), CredentialKind.DOMAIN_TOKEN, name)
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [
        [
            row["id"],
            row["name"] or "-",
            row["domain"],
            row["dialect"],
            when(row["created_at"]),
            *use_cells(row, house.clock.now()),
        ]
        for row in rows
    ]
    heads = ["ID", "NAME", "DOMAIN", "DIALECT", "ADDED", "EXPIRES", "FROM", "USED", "USED FROM"]
    ask.output.table(heads, cells, "No tokens yet.")


@command(app, "revoke")
def revoke(ask: Asked, id: Id) -> None:
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


def _print_issued(output: Output, issued: IssuedKey) -> None:
    if not issued.secret:
        words = f"id        {issued.id}\nSMTP user and password are both the token given."
        output.item({"id": issued.id}, words)
        return
    output.item(
        {"id": issued.id, "token": issued.secret},
        f"id        {issued.id}\ntoken     {issued.secret}\n"
        "SMTP user and password are both the token. It is shown only now.",
    )
