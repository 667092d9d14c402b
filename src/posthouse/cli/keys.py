"""`posthouse key …`: keys of the account. The SMTP user is the word `apikey`, the password the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.names import domain_names
from posthouse.cli.options import NATIVE, SENDGRID, Asked, command, group
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

app = group("Keys that send for every domain of the account.")


Words = Annotated[
    list[str] | None,
    typer.Option("--permission", metavar="WORD", help="What it may do; may be repeated (mail.send)."),
]
Full = Annotated[bool, typer.Option("--full", help="It may do everything.")]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="It may read everything and change nothing.")]
SendOnly = Annotated[bool, typer.Option("--send-only", help="It may send mail and nothing else.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The key's id: its middle part.")]


@command(app, "add")
def add(
    ask: Asked,
    permission: Words = None,
    full: Full = False,
    read_only: ReadOnly = False,
    send_only: SendOnly = False,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What people call it.")] = "",
    domain: Annotated[
        str | None,
        typer.Option("--domain", metavar="NAME", autocompletion=domain_names, help="Only for this domain."),
    ] = None,
    native: Annotated[bool, typer.Option("--native", help="Posthouse's own words, no service's.")] = False,
    secret_file: Annotated[
        str | None,
        typer.Option("--secret-file", metavar="FILE", help="Take over the key in this file; - reads input."),
    ] = None,
    ranges: Ranges = None,
    messages: Messages = None,
    connections: Connections = None,
    expires: Expires = None,
) -> None:
    """Make a key and print it, once."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, keys
    from posthouse.model.account import CredentialKind
    from posthouse.rules.permissions import SEND_ONLY

    house = open_house(ask)
    dialect = NATIVE if native else SENDGRID
    words = _permissions(permission, dialect, full=full, read_only=read_only, send_only=send_only)
    given = None if secret_file is None else read_secret(secret_file)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        issued = keys.issue_key(
            conn,
            house.installation,
            house.ids,
            house.clock.now(),
            account_id=account_id,
            opening=keys.OPENINGS[dialect],
            dialect=dialect,
            permissions=words or SEND_ONLY,
            name=name,
            domain=domain or "",
            given=given,
            terms=terms(ranges, messages, connections, expires, house.clock.now()),
        )
        made = keys.load(conn, account_id, CredentialKind.API_KEY, issued.id)
    _print_issued(ask.output, issued)
    _say_unknown(ask.output, made.permissions)
    if made.ranges or made.expires_at:
        ask.output.say(terms_text(made))


@command(app, "set")
def set_(
    ask: Asked,
    id: Id,
    permission: Words = None,
    full: Full = False,
    read_only: ReadOnly = False,
    send_only: SendOnly = False,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What people call it.")] = None,
    ranges: Ranges = None,
    messages: Messages = None,
    connections: Connections = None,
    expires: Expires = None,
) -> None:
    """Change what a key may do, its name, from where and until when, and the limits of its sessions."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, keys
    from posthouse.desk.terms import shown
    from posthouse.model.account import CredentialKind

    kind = CredentialKind.API_KEY
    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        dialect = keys.load(conn, account_id, kind, id).dialect
        key = keys.change(
            conn,
            account_id=account_id,
            kind=kind,
            id=id,
            name=name,
            permissions=_permissions(
                permission, dialect, full=full, read_only=read_only, send_only=send_only
            ),
            terms=terms(ranges, messages, connections, expires, house.clock.now()),
        )
    facts = {"id": key.login, "name": key.name, "permissions": list(key.permissions), **shown(key)}
    words = f"id        {key.login}\nmay       {' '.join(key.permissions) or 'nothing'}\n{terms_text(key)}"
    ask.output.item(facts, words)
    _say_unknown(ask.output, key.permissions)


@command(app, "list")
def list_(ask: Asked) -> None:
    """List the keys with when they expire."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, keys
    from posthouse.model.account import CredentialKind

    house = open_house(ask)
    with house.reading() as conn:
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
            *use_cells(row, house.clock.now()),
            " ".join(row["permissions"]),
        ]
        for row in rows
    ]
    heads = [
        "ID",
        "NAME",
        "DOMAIN",
        "DIALECT",
        "ADDED",
        "EXPIRES",
        "FROM",
        "USED",
        "USED FROM",
        "PERMISSIONS",
    ]
    ask.output.table(heads, cells, "No keys yet.")


@command(app, "revoke")
def revoke(ask: Asked, id: Id) -> None:
    """End a key; sessions signed in with it end within a second."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, keys
    from posthouse.model.account import CredentialKind

    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        gone = keys.revoke(conn, house.clock.now(), account_id=account_id, kind=CredentialKind.API_KEY, id=id)
    ask.output.item({"revoked": gone}, f"The key {gone} is no longer valid.")


def _permissions(
    words: list[str] | None, dialect: str, *, full: bool, read_only: bool, send_only: bool
) -> list[str] | None:
    """Those of a preset, of a service's kind in its own words, and the named ones; None: nothing was said.
    Raises Refused."""
    from posthouse.model.errors import Refused
    from posthouse.rules.permissions import preset

    presets = {"full": full, "read-only": read_only, "send-only": send_only}
    chosen = [name for name, is_said in presets.items() if is_said]
    if len(chosen) > 1:
        text = f"Only one of --{' and --'.join(chosen)} can hold"
        raise Refused(501, "5.5.4", text, reason="bad-word")
    if not chosen:
        return words
    return [*preset(chosen[0], in_scopes=dialect != NATIVE), *(words or [])]


def _say_unknown(output: Output, permissions: tuple[str, ...]) -> None:
    from posthouse.rules.permissions import unknown

    if strange := unknown(permissions):
        output.say(f"These are kept and mean nothing here: {' '.join(strange)}")


def _print_issued(output: Output, issued: IssuedKey) -> None:
    if not issued.secret:
        output.item(
            {"id": issued.id}, f"id        {issued.id}\nSMTP user `apikey`, password is the key given."
        )
        return
    output.item(
        {"id": issued.id, "key": issued.secret},
        f"id        {issued.id}\nkey       {issued.secret}\n"
        "SMTP user `apikey`, password is the key. It is shown only now.",
    )
