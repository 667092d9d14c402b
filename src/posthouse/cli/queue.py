"""`posthouse queue …`: what waits and why; send now, hold, release, drop."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.options import AccountName, Asked, Config, Json, asked, command
from posthouse.cli.output import Output, span, when

if TYPE_CHECKING:
    from posthouse.cli.house import House
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
    from posthouse.desk import reports

    house = open_house(ask)
    with house.reading() as conn:
        rows = reports.queue_overview(conn, house.clock.now())
    if ask.as_json:
        ask.output.lines(rows)
        return
    heads = ["LANE", "WAITING", "SENDING", "HELD", "OLDEST", "NEXT", "WHY"]
    ask.output.table(heads, [_cells(row) for row in rows], "The queue is empty.")


def _cells(row: dict[str, Any]) -> list[str]:
    counts = [str(row[state]) for state in ("waiting", "taken", "held")]
    why = " ".join(part for part in (str(row["code"] or ""), row["text"]) if part)
    return [row["lane"], *counts, span(row["oldest_s"]), when(row["next_due_at"]), why or "-"]


@command(app, "flush")
def flush(
    ask: Asked,
    lane: Lane = "",
    domain: DomainName = "",
    message: MessageId = "",
    recipient: Recipient = "",
    everything: Everything = False,
) -> None:
    """Try now what waits for a later time."""
    from posthouse.pipeline.nudges import FLUSH
    from posthouse.store import queue, workers

    chosen = _selector(lane, domain, message, recipient, everything)
    house, output = _opened(ask)
    with house.reading() as conn:
        flushed = queue.in_steps(conn, queue.flush, chosen, house.clock.now())
        with conn.transaction():
            workers.nudge(conn, FLUSH)
        _told(output, "flushed", flushed)


@command(app, "hold")
def hold(
    ask: Asked,
    lane: Lane = "",
    domain: DomainName = "",
    message: MessageId = "",
    recipient: Recipient = "",
    everything: Everything = False,
) -> None:
    """Keep what waits in the queue until it is released."""
    from posthouse.store import queue

    chosen = _selector(lane, domain, message, recipient, everything)
    house, output = _opened(ask)
    with house.reading() as conn:
        _told(output, "held", queue.in_steps(conn, queue.hold, chosen, house.clock.now(), house.ids))


@command(app, "release")
def release(
    ask: Asked,
    lane: Lane = "",
    domain: DomainName = "",
    message: MessageId = "",
    recipient: Recipient = "",
    everything: Everything = False,
) -> None:
    """Let go what is held."""
    from posthouse.store import queue

    chosen = _selector(lane, domain, message, recipient, everything)
    house, output = _opened(ask)
    with house.reading() as conn:
        _told(output, "released", queue.in_steps(conn, queue.release, chosen, house.clock.now(), house.ids))


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
    from posthouse.store import queue

    chosen = _selector(lane, domain, message, recipient, everything)
    house, output = _opened(ask)
    if sys.stdin.isatty() and sys.stdout.isatty() and not output.as_json and not yes:
        typer.confirm("These deliveries are given up for good. Go on?", abort=True)
    with house.reading() as conn:
        _told(output, "dropped", queue.in_steps(conn, queue.drop, chosen, house.clock.now(), house.ids))


def _selector(lane: str, domain: str, message: str, recipient: str, everything: bool) -> Selector:
    """Exactly one way to choose: two at once would leave in doubt whether they widen or narrow."""
    from posthouse.desk.domains import sending_name
    from posthouse.store.queue import Selector

    given = [bool(lane), bool(domain), bool(message), bool(recipient), everything]
    if sum(given) != 1:
        raise typer.BadParameter("choose by one of --lane, --domain, --message, --recipient or --all")
    return Selector(
        lane=lane,
        domain=sending_name(domain) if domain else "",
        message_id=message,
        recipient=recipient,
        everything=everything,
    )


def _opened(ask: Asked) -> tuple[House, Output]:
    from posthouse.cli.house import open_house

    return open_house(ask), ask.output


def _told(output: Output, done: str, count: int) -> None:
    output.item({done: count}, f"{done}: {count} {'delivery' if count == 1 else 'deliveries'}")
