"""`posthouse tls-report …`: how TLS connections to receiving hosts fared, and the reports about them."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from posthouse.cli.options import Asked, command, group

app = group("TLS connections to receiving hosts, by day.")


@command(app, "list", of_account=False)
def list_(
    ask: Asked,
    days: Annotated[int, typer.Option("--days", min=1, max=7, help="How many days back.")] = 2,
) -> None:
    """List how connections fared by day and recipient domain, and whether the domain was told."""
    from posthouse.cli.house import open_house
    from posthouse.desk import tls_reports

    house = open_house(ask)
    today = tls_reports.day_of("", house.clock.now())
    with house.reading() as conn:
        rows = tls_reports.day_rows(conn, today - days + 1)
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [
        [
            row["day"],
            row["domain"],
            ", ".join(row["policies"]),
            str(row["sessions"]),
            ", ".join(f"{kind} {count}" for kind, count in row["failures"].items()) or "-",
            row["report"] or "-",
        ]
        for row in rows
    ]
    heads = ["DAY", "DOMAIN", "POLICY", "SESSIONS", "FAILED", "REPORT"]
    ask.output.table(heads, cells, "No connections.")


@command(app, "show", of_account=False)
def show(
    ask: Asked,
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="A recipient domain.")],
    day: Annotated[
        str, typer.Option("--day", metavar="DAY", help="A day (UTC), such as 2026-11-26; else today.")
    ] = "",
) -> None:
    """Show the report about a day, as it was sent or would be sent now (RFC 8460)."""
    from posthouse.cli.house import open_house
    from posthouse.desk import tls_reports

    house = open_house(ask)
    with house.reading() as conn:
        report = tls_reports.report_of(
            conn, domain, tls_reports.day_of(day, house.clock.now()), house.settings.smtp.hostname
        )
    ask.output.item(report, json.dumps(report, indent=2, ensure_ascii=True))
