"""Where things arrive: the account, and what the desk needs to put something into it.

Public: Here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from posthouse.desk.accounts import USUAL
from posthouse.desk.hooks import Forms
from posthouse.desk.installation import Installation
from posthouse.model.clock import Clock, Ids
from posthouse.store import identity
from posthouse.store.engine import Connection


@dataclass(frozen=True, slots=True)
class Here:
    """`account`: its name, "" for the usual one; `account_id` is that of nobody in a dry run before there is
    an account. `dialect`: of the service that things come from. `hands_out(login, password)` keeps a password
    that was made for a user who had one that nobody can read; None: none are made."""

    conn: Connection
    installation: Installation
    ids: Ids
    clock: Clock
    account: str
    account_id: str
    region: str
    dialect: str
    forms: Forms
    allows_plain: bool = False
    is_dry: bool = False
    hands_out: Callable[[str, str], None] | None = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction; in a dry run everything in it is undone at its end."""
        with suppress(_Undone), self.conn.transaction():
            if self.is_dry:
                identity.ensure_account(self.conn, self.account or USUAL, id=self.account_id, now=0.0)
            yield
            if self.is_dry:
                raise _Undone


class _Undone(Exception):
    """Ends the transaction of a dry run."""
