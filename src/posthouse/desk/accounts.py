"""Whose things a command or a call changes.

Public: USUAL, ALL, own_account, scope, load.
"""

from __future__ import annotations

from posthouse.model.account import Account
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.engine import Connection

USUAL = "default"
"""The account that is meant where nobody names one; it is made with the first domain."""

ALL = "all"
"""What an operator says to look at the mail of every account; no account has that name."""

_NOBODY = "-"  # the id of no account


def own_account(conn: Connection, name: str = "") -> str:
    """The account's id, "" for the usual one. Raises Refused."""
    return load(conn, name).id


def scope(conn: Connection, name: str = "") -> str:
    """Whose mail a command looks at: an account's id, "" for everybody's. Raises Refused.

    Before the first domain there is nothing to see, which is an answer and no error.
    """
    if name == ALL:
        return ""
    if not name and identity.find_account(conn, USUAL) is None:
        return _NOBODY
    return own_account(conn, name)


def load(conn: Connection, name: str = "") -> Account:
    """An account by its name, "" for the usual one. Raises Refused."""
    found = identity.find_account(conn, name or USUAL)
    if found is not None:
        return found
    if not name or name == USUAL:
        text = "There is no domain here yet: begin with `posthouse domain add`"
    else:
        text = f"There is no account {name} here"
    raise Refused(550, "5.1.2", text, reason="no-account")
