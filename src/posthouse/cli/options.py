"""What every command takes: `--config F` and `--json`, before the command or after it.

Public: Config, Json, Asked, asked, and the names of the dialects that credentials are made for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from posthouse.cli.output import Output

MAILGUN, SENDGRID, MAILPACE, NATIVE = "mailgun", "sendgrid", "mailpace", "native"

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Settings file; default: posthouse.toml here."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of text: one value, or one line per item.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the common options said, wherever they stood."""

    config: Path | None
    as_json: bool

    @property
    def output(self) -> Output:
        return Output(self.as_json)


def asked(ctx: typer.Context, config: Path | None, as_json: bool) -> Asked:
    """The command's own options joined with those before it; the nearest --config wins."""
    before = ctx.obj if isinstance(ctx.obj, Asked) else Asked(None, False)
    return Asked(config or before.config, as_json or before.as_json)
