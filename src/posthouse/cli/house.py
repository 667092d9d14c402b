"""What a command works on: the settings, the store and the installation key that they name.

Public: House, open_house.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from posthouse.cli.options import Asked
from posthouse.config import Settings, is_sqlite, load_settings
from posthouse.desk import accounts
from posthouse.desk.installation import Installation
from posthouse.model.clock import Ids, SystemClock
from posthouse.model.errors import SettingsError
from posthouse.store import identity
from posthouse.store.engine import Connection, connect, migrate


@dataclass(slots=True)
class House:
    """One installation as the command line sees it. `asked`: by which command, None: by none that changes
    things."""

    settings: Settings
    clock: SystemClock = field(default_factory=SystemClock)
    ids: Ids = field(default_factory=lambda: Ids(SystemClock()))
    asked: Asked | None = None
    _is_noted: bool = False

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
    def writing(self, *, prepares: bool = False) -> Iterator[Connection]:
        """The same inside one transaction, committed at the end of the block. The command's first that
        changes something is noted in the audit log; not one that only `prepares` the change."""
        with self.reading() as conn:
            if not prepares:
                self.note_changes(conn)
            with conn.transaction():
                yield conn

    def note(self, conn: Connection) -> None:
        """Tell the audit log about the command, once, inside the transaction of the change."""
        if self._is_noted or self.asked is None or self.asked.doing is None:
            return
        from posthouse.desk import audit  # needless for commands that only look

        doing = self.asked.doing
        owner = _owner(conn, self.asked.account) if doing.of_account else ""
        made = audit.Note(owner or audit.MACHINE, audit.COMMAND, _user(), doing.what, doing.about)
        audit.note(conn, self.ids, made)
        self._is_noted = True

    def note_changes(self, conn: Connection) -> None:
        """The same with the first transaction of this connection that changes something."""
        conn.on_change = self.note

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
    return House(load_settings(asked.config), asked=asked)


def _owner(conn: Connection, name: str) -> str:
    """In whose log a command stands that names this account, "" for the machine's."""
    if name == accounts.ALL:
        return ""
    found = identity.find_account(conn, name.strip().lower() or accounts.USUAL)
    return found.id if found else ""


def _user() -> str:
    """Who of this machine: also behind sudo."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        name = str(os.getuid())
    behind = os.environ.get("SUDO_USER", "")
    return f"{behind} as {name}" if behind and behind != name else name
