"""`posthouse queue …`: what waits and why; send now, hold, release, drop."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.options import AccountName, Asked, Config, Json, asked, command
from posthouse.cli.output import span, when

if TYPE_CHECKING:
    from posthouse.store.engine import Connection
    from posthouse.store.queue import Selector

app = typer.Typer(help="The queue: what waits and why.", invoke_without_command=True, rich_markup_mode=None)

Lane = Annotated[
    str, typer.Option("--lane", metavar="LANE", help="This lane, as `posthouse queue` names it.")
]
DomainName = Annotated[str, typer.Option("--domain", metavar="NAME", help="Recipients in this domain.")]
MessageId = Annotated[str, typer.Option("--message", metavar="ID", help="This message.")]
Recipient = Annotated[str, typer.Option("--recipient", metavar="ADDRESS", help="This address.")]
Everything = Annotated[bool, typer.Option("--all", help="The whole queue.")]


@app.callback()
def overview(
    ctx: typer.Context, config: Config = None, as_json: Json = False, account: AccountName = ""
) -> None:
    """Show the queue: lanes, how much waits, the oldest, and the last answer."""
    ctx.obj = ask = asked(ctx, config, as_json, account)
    if ctx.invoked_subcommand:
        return
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, queue_view

    house = open_house(ask)
    with house.reading() as conn:
        rows = queue_view.overview(conn, house.clock.now(), accounts.scope(conn, ask.account))
    if ask.as_json:
        ask.output.lines(rows)
        return
    heads = ["LANE", "WAITING", "SENDING", "HELD", "OLDEST", "NEXT", "WHY"]
    ask.output.table(heads, [_cells(row) for row in rows], "The queue is empty.")


def _cells(row: dict[str, Any]) -> list[str]:
    counts = [str(row[state]) for state in ("waiting", "taken", "held")]
    stop = "account suspended;" if row["suspended"] else ""
    if row["site_suspended_until"]:
        stop += f" site suspended until {when(row['site_suspended_until'])};"
    why = " ".join(part for part in (stop.strip(), str(row["code"] or ""), row["text"]) if part).rstrip(";")
    return [row["lane"], *counts, span(row["oldest_s"]), when(row["next_due_at"]), why or "-"]


def _verb(name: str, done: str, text: str) -> None:
    """A command that does something to chosen deliveries."""

    def run(
        ask: Asked,
        lane: Lane = "",
        domain: DomainName = "",
        message: MessageId = "",
        recipient: Recipient = "",
        everything: Everything = False,
    ) -> None:
        _act(ask, done, name, _selector(lane, domain, message, recipient, everything))

    run.__doc__ = text
    command(app, name)(run)


_verb("flush", "flushed", "Try now what waits for a later time.")
_verb("hold", "held", "Keep what waits in the queue until it is released.")
_verb("release", "released", "Let go what is held.")


@command(app, "drop")
def drop(
    ask: Asked,
    lane: Lane = "",
    domain: DomainName = "",
    message: MessageId = "",
    recipient: Recipient = "",
    everything: Everything = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Give up what waits or is held; each recipient gets a `cancelled` event."""
    chosen = _selector(lane, domain, message, recipient, everything)
    if sys.stdin.isatty() and sys.stdout.isatty() and not ask.as_json and not yes:
        typer.confirm("These deliveries are given up for good. Go on?", abort=True)
    _act(ask, "dropped", "drop", chosen)


def _act(ask: Asked, done: str, verb: str, chosen: Selector) -> None:
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, queue_words
    from posthouse.pipeline.nudges import FLUSH
    from posthouse.store import queue, workers

    house = open_house(ask)
    with house.reading() as conn:
        theirs = replace(chosen, account_id=accounts.scope(conn, ask.account))

        def step(conn: Connection, *values: Any) -> int:
            changed = queue_words.step(conn, *values)
            if changed:
                house.note(conn)
            return changed

        count = queue.in_steps(conn, step, verb, theirs, house.clock.now(), house.ids)
        if verb == "flush":
            with conn.transaction():
                workers.nudge(conn, FLUSH)
    ask.output.item({done: count}, f"{done}: {count} {'delivery' if count == 1 else 'deliveries'}")


def _selector(lane: str, domain: str, message: str, recipient: str, everything: bool) -> Selector:
    """What the options choose, of all accounts."""
    from posthouse.desk.queue_choice import chosen
    from posthouse.model.errors import Refused

    try:
        return chosen(
            "", lane=lane, domain=domain, message=message, recipient=recipient, everything=everything
        )
    except Refused as refused:
        if refused.reason != "bad-choice":
            raise
        text = "choose by one of --lane, --domain, --message, --recipient or --all"
        raise typer.BadParameter(text) from refused
