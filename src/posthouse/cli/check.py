"""`posthouse check`: settings, ports, DNS, TLS, the store's durability, the domains' keys."""

from __future__ import annotations

import typer

from posthouse.cli.options import Asked


def check(ask: Asked) -> None:
    """Look at everything that must hold before mail flows; exit 1 when something does not."""
    from posthouse.cli.house import open_house
    from posthouse.desk.checkup import WRONG, check_all

    house = open_house(ask)
    findings = list(check_all(house.settings, house.clock.now()))
    if ask.as_json:
        rows = [{"area": one.area, "state": one.state, "text": one.text} for one in findings]
        ask.output.lines(rows)
    else:
        ask.output.table(["STATE", "AREA", "FINDING"], [[f.state, f.area, f.text] for f in findings], "")
    if any(finding.state == WRONG for finding in findings):
        raise typer.Exit(1)
