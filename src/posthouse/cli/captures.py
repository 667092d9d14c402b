"""`posthouse captures`: the copies that were kept instead of sent (`posthouse dev`, delivery.capture)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from posthouse.cli.options import Asked
from posthouse.cli.output import when


def captures(
    ask: Asked,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many of the latest.")] = 100,
) -> None:
    """List captured copies, newest first; `posthouse message ID --source` prints one."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.store.captures import list_captures

    with open_house(ask).reading() as conn:
        found = list_captures(conn, limit, account_id=accounts.scope(conn, ask.account))
    if ask.as_json:
        ask.output.lines([asdict(line) for line in found])
        return
    rows = [[when(c.at), c.message_id, c.sender or "<>", c.recipient, c.subject] for c in found]
    ask.output.table(["TIME", "MESSAGE", "FROM", "TO", "SUBJECT"], rows, "Nothing was captured.")
