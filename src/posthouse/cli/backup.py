"""`posthouse backup FILE`: a consistent copy of a running SQLite store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posthouse.cli.options import Asked


def backup(
    ask: Asked,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; it is replaced whole.")],
) -> None:
    """Copy the store while it runs. Keep the installation key with it: without it no copy can sign mail."""
    from posthouse.cli.house import open_house
    from posthouse.desk.installation import FILE_NAME
    from posthouse.store.engine import backup as copy_store

    settings = open_house(ask).settings
    copy_store(settings.store.url, str(file))
    size = file.stat().st_size
    key = settings.state_dir / FILE_NAME
    ask.output.item(
        {"file": str(file), "bytes": size, "installation_key": str(key)},
        f"Copied the store to {file} ({size} bytes).\nKeep {key} with it: passwords and DKIM keys need it.",
    )
