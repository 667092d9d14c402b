"""`posthouse captures …`: the copies that were kept instead of sent (`posthouse dev`, delivery.capture, test
mode): listed, checked, removed, sent for real.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from posthouse.cli.options import AccountName, Asked, Config, Json, asked, command
from posthouse.cli.output import visible, when

app = typer.Typer(help="Captured mail.", invoke_without_command=True, rich_markup_mode=None)

CopyId = Annotated[str, typer.Argument(metavar="ID", help="The copy's delivery id, as `captures` shows it.")]
Application = Annotated[
    str, typer.Option("--application", metavar="NAME", help="Only what this SMTP user, or key, sent.")
]


@app.callback()
def captures(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many of the latest.")] = 100,
    application: Application = "",
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Only to this address.")] = "",
    search: Annotated[
        str, typer.Option("--search", metavar="TEXT", help="In recipient, sender or subject.")
    ] = "",
    tag: Annotated[str, typer.Option("--tag", metavar="TAG", help="Only with this tag.")] = "",
    config: Config = None,
    as_json: Json = False,
    account: AccountName = "",
) -> None:
    """List captured copies, newest first; `posthouse message ID --source` prints one."""
    ctx.obj = ask = asked(ctx, config, as_json, account)
    if ctx.invoked_subcommand:
        return
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.desk.captures import CaptureQuery, listing
    from posthouse.desk.event_log import plain_address

    with open_house(ask).reading() as conn:
        query = CaptureQuery(
            accounts.scope(conn, ask.account),
            recipient=plain_address(to) if to else "",
            text=search,
            tag=tag,
            limit=limit,
        )
        found = listing(conn, query, application)
    if ask.as_json:
        ask.output.lines([asdict(line) for line in found])
        return
    rows = [[when(c.at), c.delivery_id, c.sender or "<>", c.recipient, c.subject] for c in found]
    ask.output.table(["TIME", "ID", "FROM", "TO", "SUBJECT"], rows, "Nothing was captured.")


@command(app, "inboxes")
def inboxes(ask: Asked) -> None:
    """List the inboxes: one for each application, which is the SMTP user, or the key, that sent the mail."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.desk.captures import inboxes

    with open_house(ask).reading() as conn:
        found = inboxes(conn, accounts.own_account(conn, ask.account))
    if ask.as_json:
        rows = [{"application": each.application, "copies": each.copies} for each in found]
        ask.output.lines(rows)
        return
    cells = [[each.application, _counted(each.copies)] for each in found]
    ask.output.table(["APPLICATION", "COPIES"], cells, "Nothing was captured.")


def _counted(copies: int) -> str:
    from posthouse.store.captures import COUNTED

    return f"more than {COUNTED}" if copies > COUNTED else str(copies)


@command(app, "check")
def check(ask: Asked, delivery_id: CopyId) -> None:
    """Check a copy: size, links, pictures, texts, header, unsubscribing, and whether DMARC would pass."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.desk.capture_checks import finding_rows, load_checked, worst
    from posthouse.mail.checks import check_letter

    house = open_house(ask)
    with house.reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        checked = load_checked(conn, house.settings, account_id, "", delivery_id)
    found = check_letter(checked.content, checked.standing)
    if ask.as_json:
        ask.output.item({"level": worst(found).value, "findings": finding_rows(found)}, "")
        return
    ask.output.table(
        ["CHECK", "", "WHAT"], [[each.check, each.level.value, visible(each.text)] for each in found], ""
    )


@command(app, "release")
def release(
    ask: Asked,
    delivery_id: CopyId,
    to: Annotated[
        str, typer.Option("--to", metavar="ADDRESS", help="Another than it was captured for.")
    ] = "",
) -> None:
    """Send a copy for real, as a new message; the running Posthouse takes it up within a second."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.pipeline.release import release

    house = open_house(ask)
    with house.writing() as conn:
        made = release(
            conn,
            house.settings,
            house.ids,
            house.clock.now(),
            "posthouse captures release",
            account_id=accounts.own_account(conn, ask.account),
            domain="",
            delivery_id=delivery_id,
            to=to,
        )
    ask.output.item(asdict(made), f"Message {made.message_id} is on its way to {visible(made.recipient)}.")


@command(app, "remove")
def remove(
    ask: Asked,
    id: Annotated[
        list[str], typer.Argument(metavar="ID", help="The delivery ids of copies, as `captures` shows them.")
    ],
) -> None:
    """Remove copies; one that is not there is left out, unless it is the only one."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, captures

    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        if len(id) == 1:
            removed = captures.remove(conn, account_id, "", id[0])
        else:
            removed = captures.remove_several(conn, account_id, id)
    ask.output.item({"removed": removed}, _gone(removed))


@command(app, "empty")
def empty(ask: Asked, application: Application = "") -> None:
    """Remove all copies, or those of one application."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, captures
    from posthouse.desk.captures import CaptureQuery

    removed = 0
    house = open_house(ask)
    with house.reading() as conn:
        query = CaptureQuery(accounts.own_account(conn, ask.account))
        house.note_changes(conn)
        while True:
            with conn.transaction():  # short ones: mail is accepted through the same writer
                gone = captures.empty(conn, query, application)
            removed += gone
            if not gone:
                break
    ask.output.item({"removed": removed}, _gone(removed))


def _gone(removed: int) -> str:
    return "1 copy is removed." if removed == 1 else f"{removed} copies are removed."
