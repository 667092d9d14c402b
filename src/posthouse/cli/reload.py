"""`posthouse reload`: let the one that serves read its settings again."""

from __future__ import annotations

import signal

from posthouse.cli.options import Asked


def reload(ask: Asked) -> None:
    """Read the settings again: new workers start with them, the old ones finish what they have begun."""
    from posthouse.config import load_settings
    from posthouse.desk import running

    settings = load_settings(ask.config)  # what is wrong with them is told here, not only in the log
    pid = running.tell(settings.state_dir, signal.SIGHUP)
    ask.output.item({"told": pid}, f"Process {pid} reads its settings again; its log says what became of it.")
