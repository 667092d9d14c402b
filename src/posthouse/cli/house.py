"""What a command works on: the settings, the store and the installation key that they name.

Public: House, open_house.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from posthouse.cli.options import Asked
from posthouse.config import Settings, is_sqlite, load_settings
from posthouse.desk.installation import Installation
from posthouse.model.clock import Ids, SystemClock
from posthouse.model.errors import SettingsError
from posthouse.store.engine import Connection, connect, migrate


@dataclass(frozen=True, slots=True)
class House:
    """One installation as the command line sees it."""

    settings: Settings
    clock: SystemClock = field(default_factory=SystemClock)
    ids: Ids = field(default_factory=lambda: Ids(SystemClock()))

    @property
    def installation(self) -> Installation:
        """Makes the installation key when there is none. Raises SettingsError."""
        return Installation.load_or_make(self.settings.state_dir)

    def found(self) -> None:
        """Make the store, or bring it to this version's form. Raises StoreError."""
        url = self.settings.store.url
        if is_sqlite(url):
            database_file(url).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        migrate(url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to a store that must exist: a typo in a path must not make an empty one."""
        self._must_exist()
        with connect(self.settings.store.url) as conn:
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The same inside one transaction, committed at the end of the block."""
        with self.reading() as conn, conn.transaction():
            yield conn

    def _must_exist(self) -> None:
        url = self.settings.store.url
        if is_sqlite(url) and not database_file(url).exists():
            raise SettingsError(
                f"there is no store at {database_file(url)} yet; "
                "begin with `posthouse domain add`, or name the settings with --config"
            )


def database_file(url: str) -> Path:
    """The file of a SQLite URL as `config` makes it, absolute."""
    return Path(unquote(url.removeprefix("sqlite:///")))


def open_house(asked: Asked) -> House:
    """The house that the command's settings describe. Raises SettingsError."""
    return House(load_settings(asked.config))
