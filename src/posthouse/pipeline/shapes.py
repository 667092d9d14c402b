"""The shaping rules that hold now: the built-in ones, the operator's file over them, single numbers of the
settings over both. The file is looked at again and again; a broken one changes nothing.

Public: Shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from posthouse.model.errors import SettingsError
from posthouse.model.message import Site
from posthouse.rules.automations import Automation
from posthouse.rules.shaping import BUILT_IN, ShapingTable, SiteRule, load_shaping, rule_for

log = structlog.get_logger()

Mark = tuple[int, int, int]


class Shapes:
    """`file`: the operator's, or None. `connections` and `messages_per_connection` of the settings: 0 leaves
    the rules' numbers. Making it raises SettingsError."""

    def __init__(self, file: Path | None, connections: int = 0, messages_per_connection: int = 0) -> None:
        self._file = file
        given = {"connections": connections, "messages_per_connection": messages_per_connection}
        self._given = {key: value for key, value in given.items() if value}
        self._mark = _mark(file) if file else None
        self._table: ShapingTable = load_shaping(file) if file else BUILT_IN

    @property
    def automations(self) -> Sequence[Automation]:
        return self._table.automations

    def rule_of(self, site: Site) -> SiteRule:
        """Which limits a site has, and where they stand."""
        rule = rule_for(site, self._table)
        if not self._given:
            return rule
        settings = ", ".join(f"delivery.{key}" for key in self._given)
        limits = replace(rule.limits, **self._given)
        return replace(rule, limits=limits, origin=f"{rule.origin}; settings: {settings}")

    def look(self) -> bool:
        """Read the file again if it changed; True: other rules hold now. Blocks for a moment."""
        if self._file is None:
            return False
        mark = _mark(self._file)
        if mark == self._mark:
            return False
        self._mark = mark
        try:
            self._table = load_shaping(self._file)
        except SettingsError as error:
            log.error("the shaping rules stay as they were: %s", error)
            return False
        log.info("shaping rules were read again", file=str(self._file))
        return True


def _mark(file: Path) -> Mark | None:
    """What differs when a file was written anew; None: it cannot be seen."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
