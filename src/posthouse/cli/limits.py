"""`posthouse limits`: what an account and its domains may send, and how much of it is used up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from posthouse.cli.options import Asked
from posthouse.cli.output import Output, when

if TYPE_CHECKING:
    from posthouse.desk.limits import LimitRow


def limits(ask: Asked) -> None:
    """Show the limits of an account and of its domains, and how much of them is used up."""
    from dataclasses import asdict

    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.desk.limits import limits_of

    house = open_house(ask)
    with house.reading() as conn:
        found = limits_of(conn, accounts.load(conn, ask.account), house.clock.now())
    if ask.as_json:
        ask.output.lines([asdict(row) for row in found])
        return
    say_limits(ask.output, found)


def say_limits(output: Output, rows: Sequence[LimitRow]) -> None:
    """The limits as a table for people."""
    cells = [
        [row.domain or "(account)", row.window, str(row.most), str(row.used), when(row.ends_at), row.note]
        for row in rows
    ]
    nothing = "No limits. They are made with `posthouse account set` and `posthouse domain set`."
    output.table(["OF", "EACH", "MOST", "USED", "UNTIL", "NOTE"], cells, nothing)
