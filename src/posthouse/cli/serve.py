"""`posthouse serve`: run until a signal says stop."""

from __future__ import annotations

import typer

from posthouse.cli.options import Asked


def serve(ask: Asked) -> None:
    """Serve: take mail, deliver it, answer on the status page. TERM stops, HUP reloads."""
    from posthouse.config import load_settings
    from posthouse.observe import set_up_log
    from posthouse.supervisor import run

    settings = load_settings(ask.config)
    set_up_log()
    raise typer.Exit(run(settings))
