"""`posthouse attention`: what needs somebody now."""

from __future__ import annotations

from dataclasses import asdict

from posthouse.cli.options import Asked


def attention(ask: Asked) -> None:
    """Show what needs attention now, and the command for each."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.desk.attention import concerns

    house = open_house(ask)
    with house.reading() as conn:
        account = accounts.load(conn, ask.account)
        found = concerns(conn, account, house.clock.now(), is_operator=account.name == accounts.USUAL)
    if ask.as_json:
        ask.output.lines([asdict(concern) for concern in found])
        return
    rows = [[concern.level, concern.text, concern.command] for concern in found]
    ask.output.table(["", "WHAT", "COMMAND"], rows, "Nothing needs attention.")
