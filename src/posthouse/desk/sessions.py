"""Sessions of people: a random token in the browser, its keyed hash in the store.

A session ends 12 hours after its last use and 30 days after its beginning, when it is revoked, and with a
new password. It is looked up at each request, so its end is seen by every worker at once.

Public: Signed, Membership, begin, read_signed, memberships, touched, end, end_others, listing, session_id,
IDLE_S, LONGEST_S.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.desk.installation import Installation
from posthouse.model.account import Person, Role, Session
from posthouse.model.errors import Refused
from posthouse.rules.roles import may
from posthouse.store import identity, people
from posthouse.store.engine import Connection

IDLE_S, LONGEST_S = 12 * 3600.0, 30 * 86400.0
NOTE_S = 60.0
"""The last use is written down when it is this much later than what is written."""

MOST = 50
_LONGEST_AGENT = 200


@dataclass(frozen=True, slots=True)
class Membership:
    """A role in an account that may be used now."""

    account_id: str
    account: str
    role: Role


@dataclass(frozen=True, slots=True)
class Signed:
    """Who is signed in with a session, and where they may act. `memberships` leave out suspended accounts."""

    person: Person
    session: Session
    memberships: tuple[Membership, ...]

    def permit(self, account: str, action: str) -> Membership:
        """The membership in the account of that name, if its role may do this (`rules.roles`).

        Raises Refused: an account of others is answered like one that does not exist.
        """
        found = next((each for each in self.memberships if each.account == account), None)
        if found is None:
            raise Refused(550, "5.1.2", f"There is no account {account} here", reason="no-account")
        if not may(found.role, action):
            text = f"As {found.role} of {account} you may not do this ({action}); ask an owner"
            raise Refused(550, "5.7.1", text, reason="no-permission")
        return found


def session_id(installation: Installation, token: str) -> str:
    """The id under which a token's session is stored."""
    return installation.keyed_hash("session", token)[:16].hex()


def begin(
    conn: Connection, installation: Installation, now: float, person_id: str, address: str, agent: str
) -> str:
    """A new session's token, for the person's browser only. The oldest end where a person has very many."""
    token = secrets.token_urlsafe(32)
    new = Session(
        id=session_id(installation, token),
        person_id=person_id,
        created_at=now,
        seen_at=now,
        expires_at=_until(now, now),
        address=address,
        agent=_plain(agent),
    )
    for old in people.list_sessions(conn, person_id, now)[MOST - 1 :]:
        people.end_session(conn, person_id, old.id)
    people.add_session(conn, new)
    people.note_seen(conn, person_id, now)
    return token


def read_signed(conn: Connection, session_id: str, now: float) -> Signed | None:
    """Who uses this session; None when it has ended, or its person may act nowhere."""
    found = people.find_session(conn, session_id, now)
    if found is None:
        return None
    session, person = found
    usable = memberships(conn, person)
    return Signed(person, session, usable) if usable else None


def memberships(conn: Connection, person: Person) -> tuple[Membership, ...]:
    """Where a person may act now: suspended accounts are left out."""
    return tuple(
        Membership(account.id, account.name, person.roles[account.id])
        for account in identity.list_accounts(conn)
        if account.id in person.roles and not account.settings.is_suspended
    )


def touched(session: Session, now: float) -> tuple[str, float, float] | None:
    """What to write about a use at `now` (id, seen at, good until); None: it is too soon to write again."""
    if now - session.seen_at < NOTE_S:
        return None
    return session.id, now, _until(session.created_at, now)


def end(conn: Connection, person_id: str, session_id: str) -> None:
    """One of the person's own. Raises Refused for any other, whosever it is."""
    if not people.end_session(conn, person_id, session_id):
        raise Refused(550, "5.1.1", "There is no such session", reason="no-session")


def end_others(conn: Connection, person_id: str, but: str = "") -> int:
    """All sessions of a person, except the one with the id `but`; how many."""
    return people.end_sessions(conn, person_id, but)


def listing(sessions: Sequence[Session]) -> list[dict[str, Any]]:
    """As rows for people."""
    return [
        {
            "id": each.id,
            "address": each.address,
            "agent": each.agent,
            "created_at": each.created_at,
            "seen_at": each.seen_at,
            "expires_at": each.expires_at,
        }
        for each in sessions
    ]


def _until(created_at: float, seen_at: float) -> float:
    return min(seen_at + IDLE_S, created_at + LONGEST_S)


def _plain(agent: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in agent[:_LONGEST_AGENT])
