"""The log of changes: who did what to what, when and from where.

An entry is written in the transaction of the change, so that there is never one without the other. It holds
no secret and no value of a form: only what was changed.

Public: Entry, Query, append, search, drop_before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cache

from sqlalchemy import bindparam, delete, func, select

from posthouse.model.clock import id_at
from posthouse.store.connection import Connection
from posthouse.store.dashboard_tables import audit
from posthouse.store.rows import beginning_with
from posthouse.store.statement import Statement, insert_row


@dataclass(frozen=True, slots=True)
class Entry:
    """`account_id`: whose log it stands in, "" for the machine's. `kind`: a person, a key, or the command
    line. `who`: an e-mail address, a key's id, a user of the machine; `name`: what people call them. `what`:
    the word of a form, a call or a command; `about`: its subject. `address`: the client's, "" for none."""

    id: str
    at: float
    account_id: str
    kind: str
    who: str
    name: str
    what: str
    about: str
    address: str


@dataclass(frozen=True, slots=True)
class Query:
    """A log's entries, the newest first; empty fields do not restrict. `what`: how the word begins, in any
    case; `who` and `about` are compared whole. `before_id` continues behind the last entry of the page
    before."""

    account_id: str
    who: str = ""
    what: str = ""
    about: str = ""
    since: float | None = None
    until: float | None = None
    before_id: str = ""
    limit: int = 100


_append = insert_row(audit)
_CONDITIONS = {
    "who": audit.c.who == bindparam("of_who"),
    "what": func.lower(audit.c.what).like(bindparam("of_what"), escape="!"),
    "about": audit.c.about == bindparam("of_about"),
    "since": audit.c.id >= bindparam("of_since"),
    "until": audit.c.id < bindparam("of_until"),
}
_AFTER_ALL = "~"  # ids have no character behind Z


def append(conn: Connection, entry: Entry) -> None:
    conn.change(_append, *astuple(entry))


@cache
def _search(fields: Sequence[str]) -> Statement:
    query = (
        select(audit)
        .where(
            audit.c.account_id == bindparam("of_account"),
            audit.c.id < bindparam("before"),
            *[_CONDITIONS[name] for name in fields],
        )
        .order_by(audit.c.id.desc())
        .limit(bindparam("most"))
    )
    return Statement(query, "of_account", "before", *[f"of_{name}" for name in fields], "most")


def search(conn: Connection, query: Query) -> list[Entry]:
    given = {
        "who": query.who,
        "what": beginning_with(query.what) if query.what else "",
        "about": query.about,
        "since": "" if query.since is None else id_at(query.since),
        "until": "" if query.until is None else id_at(query.until),
    }
    chosen = {name: value for name, value in given.items() if value}
    values = (query.account_id, query.before_id or _AFTER_ALL, *chosen.values(), query.limit)
    return [Entry(*row) for row in conn.rows(_search(tuple(chosen)), *values)]


_oldest = (
    select(audit.c.id).where(audit.c.id < bindparam("before")).order_by(audit.c.id).limit(bindparam("most"))
)
_drop = Statement(delete(audit).where(audit.c.id.in_(_oldest)), "before", "most")


def drop_before(conn: Connection, before_id: str, limit: int) -> int:
    """Forget up to `limit` entries with smaller ids (`model.clock.id_at`), the oldest first; how many."""
    return conn.change(_drop, before_id, limit)
