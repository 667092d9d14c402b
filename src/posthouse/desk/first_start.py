"""The first start: an installation without people gets an owner, whose one-time password is told once.

Who wants another first owner adds one before (`posthouse person add`). Several machines may start on one
store at the same time: exactly one of them makes the owner.

Public: FirstOwner, make_owner.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from posthouse.desk import passwords
from posthouse.desk import people as desk_people
from posthouse.desk.accounts import USUAL
from posthouse.model.account import Role
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import identity, people
from posthouse.store.engine import Connection


@dataclass(frozen=True, slots=True)
class FirstOwner:
    """The owner that was made just now. `password` opens once; nobody can read it again."""

    email: str
    password: str = field(repr=False)


def make_owner(conn: Connection, ids: Ids, now: float, hostname: str) -> FirstOwner | None:
    """`owner@<hostname>` as owner of the usual account; None: there are people already."""
    if people.has_people(conn):
        return None
    given = passwords.give()  # a sixth of a second, which no transaction should wait for
    with conn.transaction():
        account = identity.ensure_account(conn, USUAL, id=ids.new(), now=now)
        people.lock_account(conn, account.id)
        if people.has_people(conn):  # another machine was quicker
            return None
        email = _email(hostname)
        desk_people.add(conn, ids, now, account.id, email, role=Role.OWNER, given=given)
    return FirstOwner(email, given.password)


def _email(hostname: str) -> str:
    try:
        return desk_people.person_email(f"owner@{hostname}")
    except Refused:  # a machine's name need not be a domain name
        return "owner@localhost"
