"""A row of the table of settings: its key, its kind, its default and one sentence.

Public: Setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from posthouse.config.kinds import Kind


@dataclass(frozen=True, slots=True)
class Setting:
    """`key` is family.name, or a bare name for those at the top of the file. `default` is
    the raw value as one would write it in the file."""

    key: str
    kind: Kind
    default: Any
    help: str

    @property
    def family(self) -> str:
        """The TOML table the setting stands in, "" for the top of the file."""
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        return self.key.rpartition(".")[2]
