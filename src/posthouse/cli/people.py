"""`posthouse person …`: people who sign in to an account. A password is printed when it is made, once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import Output, visible, when

if TYPE_CHECKING:
    from posthouse.desk.passwords import Given

app = group("People who sign in: owners, developers, viewers.")

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail address.")]
RoleName = Annotated[str, typer.Option("--role", metavar="ROLE", help="owner, developer or viewer.")]


@command(app, "add")
def add(
    ask: Asked,
    email: Email,
    role: RoleName = "viewer",
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What people call them.")] = "",
) -> None:
    """Make somebody a member of an account and print a one-time password, once."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, passwords, people
    from posthouse.store.people import find_person

    house = open_house(ask)
    address, wanted = people.person_email(email), people.role_of(role)
    house.found()
    with house.reading() as conn:
        given = None if find_person(conn, address) else passwords.give()
    with house.writing() as conn:
        account_id = accounts.ensure(conn, house.ids, house.clock.now(), ask.account)
        added = people.add(
            conn, house.ids, house.clock.now(), account_id, address, role=wanted, name=name, given=given
        )
    if added.given:
        _print_given(ask.output, address, added.given, role=wanted)
    else:
        ask.output.item(
            {"email": address, "role": wanted},
            f"{address} is known here already and signs in as before; now also {wanted} of this account.",
        )


@command(app, "list")
def list_(ask: Asked) -> None:
    """List the people of an account."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, people
    from posthouse.store import identity
    from posthouse.store.people import list_people

    with open_house(ask).reading() as conn:
        account_id = accounts.scope(conn, ask.account)
        names = {each.id: each.name for each in identity.list_accounts(conn)}
        found = list_people(conn, account_id)
    if ask.as_json:
        rows = [people.person_row(each, account_id) for each in found]
        for row in rows:
            if "roles" in row:
                row["roles"] = {names.get(key, key): role for key, role in row["roles"].items()}
        ask.output.lines(rows)
        return
    cells = [
        [
            each.email,
            each.roles[account_id]
            if account_id
            else ", ".join(f"{role} of {names.get(key, key)}" for key, role in each.roles.items()),
            "yes" if each.totp else "no",
            "one-time" if each.must_change else "chosen",
            when(each.seen_at),
            each.name or "-",
        ]
        for each in found
    ]
    heads = ["EMAIL", "ROLE", "TOTP", "PASSWORD", "LAST SIGN-IN", "NAME"]
    ask.output.table(heads, cells, "No people yet.")


@command(app, "role")
def role(
    ask: Asked,
    email: Email,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="owner, developer or viewer.")],
) -> None:
    """Give a person another role; one that allows less ends their sessions."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, people

    wanted = people.role_of(role)
    with open_house(ask).writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        person = people.change_role(conn, account_id, email, wanted)
    ask.output.item({"email": person.email, "role": wanted}, f"{person.email} is {wanted} now.")


@command(app, "reset")
def reset(ask: Asked, email: Email) -> None:
    """Give a person a new one-time password and print it, once; the old one and all sessions end."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, passwords, people

    house = open_house(ask)
    with house.reading() as conn:  # before a password is made for nobody
        people.load(conn, accounts.own_account(conn, ask.account), email)
    given = passwords.give()
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        person = people.reset(conn, house.clock.now(), account_id, email, given)
    _print_given(ask.output, person.email, given)


@command(app, "remove")
def remove(
    ask: Asked,
    email: Email,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """End a person's membership and sessions."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, people

    if sys.stdin.isatty() and sys.stdout.isatty() and not ask.as_json and not yes:
        typer.confirm(f"{email} will no longer sign in to this account. Go on?", abort=True)
    with open_house(ask).writing() as conn:
        person = people.remove(conn, accounts.own_account(conn, ask.account), email)
    ask.output.item({"removed": person.email}, f"{person.email} no longer belongs to this account.")


@command(app, "sessions")
def sessions(ask: Asked, email: Email) -> None:
    """List where a person is signed in."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, people
    from posthouse.desk import sessions as desk_sessions
    from posthouse.store.people import list_sessions

    house = open_house(ask)
    with house.reading() as conn:
        person = people.load(conn, accounts.own_account(conn, ask.account), email)
        rows = desk_sessions.listing(list_sessions(conn, person.id, house.clock.now()))
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [
        [
            row["id"],
            row["address"],
            when(row["created_at"]),
            when(row["seen_at"]),
            visible(row["agent"]) or "-",
        ]
        for row in rows
    ]
    heads = ["ID", "ADDRESS", "SINCE", "LAST USED", "BROWSER"]
    ask.output.table(heads, cells, f"{person.email} is signed in nowhere.")


@command(app, "sign-out")
def sign_out(
    ask: Asked,
    email: Email,
    session: Annotated[
        str, typer.Option("--session", metavar="ID", help="This session, as `person sessions` shows it.")
    ] = "",
    everywhere: Annotated[bool, typer.Option("--all", help="All sessions.")] = False,
) -> None:
    """End a person's sessions, one or all; the password stays."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, people

    if bool(session) == everywhere:
        raise typer.BadParameter("choose by one of --session or --all")
    with open_house(ask).writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        ended = people.sign_out(conn, account_id, email, session)
    ask.output.item({"ended": ended}, f"ended: {ended} {'session' if ended == 1 else 'sessions'}")


@command(app, "totp")
def totp(
    ask: Asked,
    email: Email,
    off: Annotated[bool, typer.Option("--off", help="Turn it off.")] = False,
) -> None:
    """Turn a person's second step off, for somebody who lost the phone and the recovery codes."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, people

    if not off:
        raise typer.BadParameter("people turn it on themselves, on their account page; here: --off")
    with open_house(ask).writing() as conn:
        person = people.turn_totp_off(conn, accounts.own_account(conn, ask.account), email)
    ask.output.item(
        {"email": person.email, "totp": False}, f"{person.email} signs in with the password alone now."
    )


def _print_given(output: Output, email: str, given: Given, role: str = "") -> None:
    facts = {"email": email, "password": given.password} | ({"role": role} if role else {})
    output.item(
        facts,
        f"e-mail    {email}\npassword  {given.password}\n"
        "It opens once, within 7 days: a password of one's own is asked for at the first sign-in.\n"
        "It is shown only now; `posthouse person reset` makes another.",
    )
