"""`posthouse batch …`: messages with one batch id, paused, resumed or cancelled together."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import visible, when

app = group("Batches of messages.")

BatchId = Annotated[str, typer.Argument(metavar="ID", help="The batch's id, as its sender gave it.")]


@command(app, "pause")
def pause(ask: Asked, batch: BatchId) -> None:
    """Hold what waits of a batch, and what comes later."""
    from posthouse.desk import batches

    _change(ask, batch, batches.pause, "held")


@command(app, "resume")
def resume(ask: Asked, batch: BatchId) -> None:
    """Let go everything that is held of a batch; what was cancelled stays cancelled."""
    from posthouse.desk import batches

    _change(ask, batch, batches.resume, "released")


@command(app, "cancel")
def cancel(
    ask: Asked,
    batch: BatchId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Give up what waits or is held of a batch, and what comes later; each recipient gets a `cancelled`
    event."""
    from posthouse.desk import batches

    is_asking = sys.stdin.isatty() and sys.stdout.isatty() and not ask.as_json
    if is_asking and not yes:
        typer.confirm("Mail of this batch is given up for good. Go on?", abort=True)
    _change(ask, batch, batches.cancel, "cancelled")


@command(app, "list")
def list_(
    ask: Asked,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many of the latest.")] = 100,
) -> None:
    """List the batches, newest first."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, batches
    from posthouse.store.batches import list_batches

    with open_house(ask).reading() as conn:
        rows = [
            batches.batch_row(item)
            for item in list_batches(conn, accounts.own_account(conn, ask.account), limit)
        ]
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [[row["id"], row["state"], when(row["created_at"])] for row in rows]
    ask.output.table(["BATCH", "STATE", "FIRST SEEN"], cells, "No batches.")


def _change(
    ask: Asked,
    batch_id: str,
    verb: Callable[..., int],
    done: str,
) -> None:
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts

    house = open_house(ask)
    with house.reading() as conn:
        pair = (accounts.own_account(conn, ask.account), batch_id)
        house.note_changes(conn)
        count = verb(conn, pair, house.clock.now(), house.ids)
    words = f"batch {visible(batch_id)}: {done}: {count} {'delivery' if count == 1 else 'deliveries'}"
    ask.output.item({"id": batch_id, done: count}, words)
