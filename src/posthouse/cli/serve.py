"""`posthouse serve`: run until a signal says stop."""

from __future__ import annotations

import typer

from posthouse.cli.options import Config, Json, asked


def serve(ctx: typer.Context, config: Config = None, as_json: Json = False) -> None:
    """Serve: take mail, deliver it, answer on the status page. TERM stops, HUP reloads."""
    from posthouse.config import load_settings
    from posthouse.observe import set_up_log
    from posthouse.supervisor import run

    ask = asked(ctx, config, as_json)
    settings = load_settings(ask.config)
    set_up_log()
    raise typer.Exit(run(settings))
