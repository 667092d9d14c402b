"""Whose things a command on this machine changes. One installation has one account so far.

Public: own_account.
"""

from __future__ import annotations

from posthouse.desk.domains import ACCOUNT
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.engine import Connection


def own_account(conn: Connection) -> str:
    """The account's id; it is made with the first domain. Raises Refused before that."""
    found = identity.find_account(conn, ACCOUNT)
    if found is None:
        raise Refused(
            550,
            "5.1.2",
            "There is no domain here yet: begin with `posthouse domain add`",
            reason="no-account",
        )
    return found.id
