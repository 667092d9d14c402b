"""`posthouse batch …`: messages with one batch id, paused, resumed or cancelled together."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from posthouse.cli.options import Config, Json, asked
from posthouse.cli.output import visible, when

app = typer.Typer(help="Batches of messages.", no_args_is_help=True, rich_markup_mode=None)

BatchId = Annotated[str, typer.Argument(metavar="ID", help="The batch's id, as its sender gave it.")]


@app.callback()
def common(ctx: typer.Context, config: Config = None, as_json: Json = False) -> None:
    ctx.obj = asked(ctx, config, as_json)


@app.command("pause")
def pause(ctx: typer.Context, batch: BatchId, config: Config = None, as_json: Json = False) -> None:
    """Hold what waits of a batch, and what comes later."""
    from posthouse.desk import batches

    _change(ctx, config, as_json, batch, batches.pause, "held")


@app.command("resume")
def resume(ctx: typer.Context, batch: BatchId, config: Config = None, as_json: Json = False) -> None:
    """Let go everything that is held of a batch; what was cancelled stays cancelled."""
    from posthouse.desk import batches

    _change(ctx, config, as_json, batch, batches.resume, "released")


@app.command("cancel")
def cancel(
    ctx: typer.Context,
    batch: BatchId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Give up what waits or is held of a batch, and what comes later; each recipient gets a `cancelled`
    event."""
    from posthouse.desk import batches

    is_asking = sys.stdin.isatty() and sys.stdout.isatty() and not asked(ctx, config, as_json).as_json
    if is_asking and not yes:
        typer.confirm("Mail of this batch is given up for good. Go on?", abort=True)
    _change(ctx, config, as_json, batch, batches.cancel, "cancelled")


@app.command("list")
def list_(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many of the latest.")] = 100,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the batches, newest first."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, batches
    from posthouse.store.batches import list_batches

    ask = asked(ctx, config, as_json)
    with open_house(ask).reading() as conn:
        rows = [batches.batch_row(item) for item in list_batches(conn, accounts.own_account(conn), limit)]
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [[row["id"], row["state"], when(row["created_at"])] for row in rows]
    ask.output.table(["BATCH", "STATE", "FIRST SEEN"], cells, "No batches.")


def _change(
    ctx: typer.Context,
    config: Path | None,
    as_json: bool,
    batch_id: str,
    verb: Callable[..., int],
    done: str,
) -> None:
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts

    ask = asked(ctx, config, as_json)
    house = open_house(ask)
    with house.reading() as conn:
        count = verb(conn, (accounts.own_account(conn), batch_id), house.clock.now(), house.ids)
    words = f"batch {visible(batch_id)}: {done}: {count} {'delivery' if count == 1 else 'deliveries'}"
    ask.output.item({"id": batch_id, done: count}, words)
