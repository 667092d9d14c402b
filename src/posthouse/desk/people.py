"""People of an account: added, given roles, given new passwords, signed out, removed.

Everything is asked of one account: a person who does not belong to it is answered like one who does not exist
(S20). An account keeps at least one owner. A password that is given opens once: it must be changed at the
first sign-in and is good for seven days.

Public: person_email, add, load, refuse_shared, change_role, reset, remove, sign_out, turn_totp_off,
person_row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from posthouse.desk import passwords, sessions
from posthouse.desk.passwords import Given
from posthouse.model.account import Person, Role
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import people
from posthouse.store.engine import Connection

_LONGEST_NAME = 100
_RANK = {Role.VIEWER: 0, Role.DEVELOPER: 1, Role.OWNER: 2}


@dataclass(frozen=True, slots=True)
class Added:
    """A new member. `given` None: the person was known here already and keeps the password."""

    person: Person
    given: Given | None


def person_email(text: str) -> str:
    """An e-mail address as the name of a person, in lower case. Raises Refused."""
    try:
        address = parse_address(text.strip())
    except BadAddress as error:
        raise _wrong(f"Not an e-mail address: {error}", "bad-address") from error
    if address.domain.startswith("["):
        raise _wrong("Not an e-mail address of a person: it needs a domain name", "bad-address")
    return str(address).lower()


def role_of(text: str) -> Role:
    """Raises Refused."""
    try:
        return Role(text.strip().lower())
    except ValueError as error:
        raise _wrong(f"There is no role {text!r}; allowed: {', '.join(Role)}", "bad-role") from error


def add(
    conn: Connection,
    ids: Ids,
    now: float,
    account_id: str,
    email: str,
    *,
    role: Role,
    name: str = "",
    given: Given | None = None,
) -> Added:
    """Make somebody a member of the account, inside the caller's transaction. Raises Refused.

    `given`: the password of somebody new (`passwords.give`), made before the transaction because it takes
    long; without one it is made here.
    """
    email, name = person_email(email), name.strip()
    if not name.isprintable() or len(name) > _LONGEST_NAME:
        raise _wrong(f"A name has at most {_LONGEST_NAME} visible characters", "bad-name")
    known = people.find_person(conn, email)
    if known is None:
        given = given or passwords.give()
        new = Person(ids.new(), email, name, given.hash, b"", True, now, now, None, {account_id: role})
        people.add_person(conn, new)
        return Added(new, given)
    if account_id in known.roles:
        raise Refused(550, "5.1.1", f"{email} belongs to this account already", reason="exists")
    people.set_role(conn, known.id, account_id, role)
    return Added(known, None)


def load(conn: Connection, account_id: str, email: str) -> Person:
    """A member of the account. Raises Refused."""
    email = person_email(email)
    found = people.find_person(conn, email)
    if found is None or account_id not in found.roles:
        raise Refused(550, "5.1.1", f"There is no person {email} here", reason="no-person")
    return found


def refuse_shared(person: Person, account_id: str) -> None:
    """Raise Refused for a member who belongs to other accounts too: what opens all of them is for those who
    look after the machine."""
    if set(person.roles) != {account_id}:
        text = f"{person.email} belongs to other accounts too; ask whoever runs this machine"
        raise Refused(550, "5.7.1", text, reason="shared-person")


def change_role(conn: Connection, account_id: str, email: str, role: Role) -> Person:
    """Give a member another role; one that allows less ends their sessions. Raises Refused."""
    people.lock_account(conn, account_id)
    person = load(conn, account_id, email)
    before = person.roles[account_id]
    if role is not Role.OWNER:
        _keep_an_owner(conn, account_id, person)
    people.set_role(conn, person.id, account_id, role)
    if _RANK[role] < _RANK[before]:
        sessions.end_others(conn, person.id)
    return person


def reset(conn: Connection, now: float, account_id: str, email: str, given: Given) -> Person:
    """A new one-time password; the old one and all sessions end. A second step stays. Raises Refused.

    It opens every account of that person: for an operator, not for an owner of one of several accounts.
    """
    person = load(conn, account_id, email)
    people.set_password(conn, person.id, given.hash, must_change=True, at=now)
    sessions.end_others(conn, person.id)
    return person


def remove(conn: Connection, account_id: str, email: str) -> Person:
    """End a membership; who belongs to no other account goes for good. Their sessions end. Raises Refused."""
    people.lock_account(conn, account_id)
    person = load(conn, account_id, email)
    _keep_an_owner(conn, account_id, person)
    people.remove_role(conn, person.id, account_id)
    sessions.end_others(conn, person.id)
    if len(person.roles) == 1:
        people.remove_person(conn, person.id)
    return person


def sign_out(conn: Connection, account_id: str, email: str, session_id: str = "") -> int:
    """End one session of a member, or all; how many. Raises Refused."""
    person = load(conn, account_id, email)
    if not session_id:
        return sessions.end_others(conn, person.id)
    sessions.end(conn, person.id, session_id)
    return 1


def turn_totp_off(conn: Connection, account_id: str, email: str) -> Person:
    """For somebody who lost the phone and the recovery codes. Raises Refused."""
    person = load(conn, account_id, email)
    if not person.totp:
        raise Refused(550, "5.5.4", f"{person.email} has no second step", reason="no-totp")
    if not people.set_totp(conn, person.id, person.totp, b""):
        raise Refused(550, "5.5.4", "It was used at this moment; try again", reason="changed")
    return person


def person_row(person: Person, account_id: str = "") -> dict[str, Any]:
    """A person as plain values, with the role in this account ("": the roles by account id)."""
    role: Any = person.roles[account_id] if account_id else dict(person.roles)
    return {
        "email": person.email,
        "name": person.name,
        "role" if account_id else "roles": role,
        "totp": bool(person.totp),
        "must_change": person.must_change,
        "created_at": person.created_at,
        "seen_at": person.seen_at,
    }


def _keep_an_owner(conn: Connection, account_id: str, person: Person) -> None:
    if person.roles[account_id] is Role.OWNER and people.owners(conn, account_id) == 1:
        raise Refused(
            550,
            "5.5.4",
            f"{person.email} is the only owner of this account; make somebody else an owner first",
            reason="last-owner",
        )


def _wrong(text: str, reason: str) -> Refused:
    return Refused(501, "5.1.3", text, reason=reason)
