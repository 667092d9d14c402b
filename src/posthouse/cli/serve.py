"""`posthouse serve`: run until a signal says stop."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from posthouse.cli.options import Asked

if TYPE_CHECKING:
    from posthouse.config import Settings
    from posthouse.desk.first_start import FirstOwner


def serve(ask: Asked) -> None:
    """Serve: take mail, deliver it, answer on the status page. TERM stops, HUP reloads."""
    from posthouse.config import load_settings
    from posthouse.observe import set_up_log
    from posthouse.supervisor import run

    settings = load_settings(ask.config)
    set_up_log()

    def greet(owner: FirstOwner) -> None:
        """On standard output: standard error is the log."""
        ask.output.item(first_owner_facts(owner), first_owner_text(owner, settings, ask.config))
        sys.stdout.flush()

    raise typer.Exit(run(settings, greet=greet, reread=lambda: load_settings(ask.config)))


def first_owner_facts(owner: FirstOwner) -> dict[str, str]:
    return {"owner": owner.email, "owner_password": owner.password}


def first_owner_text(owner: FirstOwner, settings: Settings, config: Path | None) -> str:
    """What the person who starts Posthouse for the first time has to know."""
    reset = f"posthouse person reset {owner.email}" + (f" --config {config}" if config else "")
    place = f", at http://{settings.http.listen[0]}/sign-in" if settings.http.listen else ""
    return (
        "This is the first start. Its owner signs in with\n\n"
        f"  e-mail    {owner.email}\n  password  {owner.password}\n\n"
        f"once, within 7 days{place}, and then chooses a password.\n"
        f"It is shown only now; `{reset}` makes another.\n"
    )
