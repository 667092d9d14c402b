"""`posthouse messages` and `posthouse resend`: messages found as on the dashboard, and one sent again."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.options import Asked
from posthouse.cli.output import visible, when

if TYPE_CHECKING:
    from posthouse.cli.house import House


def messages(
    ask: Asked,
    search: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SEARCH]...", help="Words and filters, such as to:ann@example.com is:failed."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many of a page.")] = 50,
    cursor: Annotated[
        str, typer.Option("--cursor", metavar="CURSOR", help="Go on where the page before ended.")
    ] = "",
) -> None:
    """Find messages, the newest first: a row for each recipient, with what became of it."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.desk.message_search import find_messages
    from posthouse.desk.search_line import parse_search

    house = open_house(ask)
    asked = parse_search(" ".join(_quoted(word) for word in search or ()), house.clock.now())
    with house.reading() as conn, conn.snapshot():
        found = find_messages(conn, accounts.own_account(conn, ask.account), asked, cursor, limit)
    if ask.as_json:
        ask.output.lines([*found.rows, {"cursor": found.cursor, "looked_to": found.looked_to or None}])
        return
    cells = [
        [when(row["at"]), row["message_id"], row["recipient"] or "-", row["what"], row["subject"]]
        for row in found.rows
    ]
    ask.output.table(["TIME", "MESSAGE", "RECIPIENT", "WHAT", "SUBJECT"], cells, "Nothing was found.")
    if found.cursor:
        state = f"looked through all since {when(found.looked_to)}; " if found.looked_to else ""
        print(f"{state}go on with --cursor {found.cursor}", file=sys.stderr)


def _quoted(word: str) -> str:
    """The shell has taken the quotes away: `tag:"spring sale"` came as one word."""
    if " " not in word or '"' in word:
        return word
    name, colon, value = word.partition(":")
    return f'{name}:"{value}"' if colon and name.isalpha() else f'"{word}"'


def resend(
    ask: Asked,
    message_id: Annotated[str, typer.Argument(metavar="ID", help="The message's id, as events show it.")],
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="ADDRESS", help="To this address instead; may be repeated."),
    ] = None,
) -> None:
    """Send a message again, as a new one with the same text, to its recipients or to others."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts

    house = open_house(ask)
    with house.reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
    made = asyncio.run(_resend(house, account_id, message_id, to or []))
    ask.output.item({"id": made, "of": message_id}, f"sent again as {visible(made)}")


async def _resend(house: House, account_id: str, message_id: str, to: list[str]) -> str:
    from posthouse.doors.api.resending import resend as send_again
    from posthouse.store.engine import open_store
    from posthouse.wiring.ways import build_ways

    store = open_store(house.settings.store.url, asyncio.get_running_loop(), clock=house.clock)
    try:
        ways = build_ways(house.settings, house.installation, store, house.clock)
        try:
            return await send_again(ways, account_id, message_id, to, "posthouse resend")
        finally:
            await ways.blocks.close()
    finally:
        await store.close()
