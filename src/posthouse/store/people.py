"""People, their roles in accounts, and their sessions.

Nothing here is kept in workers' memory: a session is read with its person at each request, so whatever ends
it ends it everywhere at once. All changes are for write transactions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.model.account import Person, Role, Session
from posthouse.store.connection import Connection, Row
from posthouse.store.identity_tables import account, membership, person, session
from posthouse.store.parts import EVERYTHING, Part, Parted
from posthouse.store.statement import Statement, insert_once, insert_row
from posthouse.store.tables import word
from posthouse.store.trouble import Duplicate

# People

_add_person = insert_once(person)
_by_email = Statement(select(person).where(person.c.email == bindparam("of_email")), "of_email")
_by_id = Statement(select(person).where(person.c.id == bindparam("of_id")), "of_id")
_NAMED = (person.c.email, person.c.name)
_people = Parted(select(person), key=person.c.email, searched=_NAMED)
_people_of = Parted(
    select(person)
    .join(membership, membership.c.person_id == person.c.id)
    .where(membership.c.account_id == bindparam("of_account")),
    "of_account",
    key=person.c.email,
    searched=_NAMED,
)
_anybody = Statement(select(person.c.id).limit(1))
_remove_person = Statement(delete(person).where(person.c.id == bindparam("of_id")), "of_id")
_set_password = Statement(
    update(person)
    .where(person.c.id == bindparam("of_id"))
    .values(password_hash=bindparam("new_hash"), must_change=bindparam("must"), password_at=bindparam("at")),
    "of_id",
    "new_hash",
    "must",
    "at",
)
_set_totp = Statement(
    update(person)
    .where(person.c.id == bindparam("of_id"), person.c.totp == bindparam("before"))
    .values(totp=bindparam("new_totp")),
    "of_id",
    "before",
    "new_totp",
)
_note_seen = Statement(
    update(person).where(person.c.id == bindparam("of_id")).values(seen_at=bindparam("at")), "of_id", "at"
)
_lock_account = Statement(
    select(account.c.id).where(account.c.id == bindparam("of_account")).with_for_update(), "of_account"
)


def add_person(conn: Connection, new: Person) -> None:
    """With their roles. Raises Duplicate if the e-mail address is taken."""
    added = conn.change(
        _add_person,
        new.id,
        new.email,
        new.name,
        new.password_hash,
        new.totp,
        int(new.must_change),
        new.password_at,
        new.created_at,
        new.seen_at,
    )
    if not added:
        raise Duplicate(f"there is a person {new.email} already")
    for account_id, role in new.roles.items():
        set_role(conn, new.id, account_id, role)


def find_person(conn: Connection, email: str) -> Person | None:
    """By e-mail address in lower case."""
    row = conn.row(_by_email, email)
    return None if row is None else _to_person(row, _roles(conn, row[0]))


def find_person_by_id(conn: Connection, person_id: str) -> Person | None:
    row = conn.row(_by_id, person_id)
    return None if row is None else _to_person(row, _roles(conn, row[0]))


def list_people(conn: Connection, account_id: str = "", part: Part = EVERYTHING) -> list[Person]:
    """Those of an account, "" for everybody, by e-mail address."""
    rows = _people_of.rows(conn, part, account_id) if account_id else _people.rows(conn, part)
    return [_to_person(row, _roles(conn, row[0])) for row in rows]


def has_people(conn: Connection) -> bool:
    return conn.row(_anybody) is not None


def remove_person(conn: Connection, person_id: str) -> bool:
    """With their roles and sessions. False: there is no such person."""
    return conn.change(_remove_person, person_id) > 0


def set_password(conn: Connection, person_id: str, hash: str, *, must_change: bool, at: float) -> bool:
    """False: there is no such person."""
    return conn.change(_set_password, person_id, hash, int(must_change), at) > 0


def set_totp(conn: Connection, person_id: str, before: bytes, totp: bytes) -> bool:
    """Only if it still is what it was `before`. False: somebody else was quicker (a code was used)."""
    return conn.change(_set_totp, person_id, before, totp) > 0


def note_seen(conn: Connection, person_id: str, at: float) -> None:
    conn.change(_note_seen, person_id, at)


def lock_account(conn: Connection, account_id: str) -> None:
    """Wait until no other transaction counts or changes this account's people."""
    conn.rows(_lock_account, account_id)


def _to_person(row: Row, roles: Mapping[str, Role]) -> Person:
    id, email, name, hash, totp, must_change, password_at, created_at, seen_at = row
    return Person(
        id, email, name, hash, bytes(totp), bool(must_change), password_at, created_at, seen_at, roles
    )


# Roles

_roles_of = Statement(
    select(membership.c.account_id, membership.c.role)
    .where(membership.c.person_id == bindparam("of_person"))
    .order_by(membership.c.account_id),
    "of_person",
)
_put_role = upsert_into(membership).values(
    {column.name: bindparam(column.name) for column in membership.columns}
)
_set_role = Statement(
    _put_role.on_conflict_do_update(
        index_elements=list(membership.primary_key.columns), set_={"role": _put_role.excluded.role}
    ),
    *[column.name for column in membership.columns],
)
_remove_role = Statement(
    delete(membership).where(
        membership.c.person_id == bindparam("of_person"), membership.c.account_id == bindparam("of_account")
    ),
    "of_person",
    "of_account",
)
_owners = Statement(
    select(func.count()).where(
        membership.c.account_id == bindparam("of_account"), membership.c.role == word(Role.OWNER.value)
    ),
    "of_account",
)
_remove_roleless = Statement(
    delete(person).where(~select(membership.c.role).where(membership.c.person_id == person.c.id).exists())
)


def _roles(conn: Connection, person_id: str) -> dict[str, Role]:
    return {row[0]: Role(row[1]) for row in conn.rows(_roles_of, person_id)}


def set_role(conn: Connection, person_id: str, account_id: str, role: Role) -> None:
    """Given or changed."""
    conn.change(_set_role, person_id, account_id, role.value)


def remove_role(conn: Connection, person_id: str, account_id: str) -> bool:
    """False: there was none."""
    return conn.change(_remove_role, person_id, account_id) > 0


def owners(conn: Connection, account_id: str) -> int:
    """How many owners an account has."""
    return int(conn.rows(_owners, account_id)[0][0])


def remove_roleless(conn: Connection) -> int:
    """People who belong to no account any more; how many."""
    return conn.change(_remove_roleless)


# Sessions

_add_session = insert_row(session)
_session = Statement(
    select(session).where(session.c.id == bindparam("of_id"), session.c.expires_at > bindparam("now")),
    "of_id",
    "now",
)
_sessions = Statement(
    select(session)
    .where(session.c.person_id == bindparam("of_person"), session.c.expires_at > bindparam("now"))
    .order_by(session.c.seen_at.desc(), session.c.id),
    "of_person",
    "now",
)
_touch = Statement(
    update(session)
    .where(session.c.id == bindparam("of_id"))
    .values(seen_at=bindparam("at"), expires_at=bindparam("until")),
    "of_id",
    "at",
    "until",
)
_end = Statement(
    delete(session).where(session.c.person_id == bindparam("of_person"), session.c.id == bindparam("of_id")),
    "of_person",
    "of_id",
)
_end_all = Statement(
    delete(session).where(session.c.person_id == bindparam("of_person"), session.c.id != bindparam("but")),
    "of_person",
    "but",
)
_old = select(session.c.id).where(session.c.expires_at <= bindparam("now")).limit(bindparam("most"))
_drop_expired = Statement(delete(session).where(session.c.id.in_(_old)), "now", "most")


def add_session(conn: Connection, new: Session) -> None:
    conn.change(
        _add_session,
        new.id,
        new.person_id,
        new.created_at,
        new.seen_at,
        new.expires_at,
        new.address,
        new.agent,
    )


def find_session(conn: Connection, session_id: str, now: float) -> tuple[Session, Person] | None:
    """A session that is still good, and whose it is."""
    row = conn.row(_session, session_id, now)
    if row is None:
        return None
    owner = find_person_by_id(conn, row[1])
    return None if owner is None else (Session(*row), owner)


def list_sessions(conn: Connection, person_id: str, now: float) -> list[Session]:
    """Those that are still good, the last used first."""
    return [Session(*row) for row in conn.rows(_sessions, person_id, now)]


def touch_sessions(conn: Connection, items: Sequence[tuple[str, float, float]]) -> list[bool]:
    """(id, seen at, good until); False where it has ended. A writing function."""
    return [conn.change(_touch, *item) > 0 for item in items]


def end_session(conn: Connection, person_id: str, session_id: str) -> bool:
    """One of the person's. False: the person has no such session."""
    return conn.change(_end, person_id, session_id) > 0


def end_sessions(conn: Connection, person_id: str, but: str = "") -> int:
    """All of the person's, except the one with the id `but`; how many."""
    return conn.change(_end_all, person_id, but)


def drop_expired_sessions(conn: Connection, now: float, most: int) -> int:
    """Up to `most` whose time is over; how many."""
    return conn.change(_drop_expired, now, most)
