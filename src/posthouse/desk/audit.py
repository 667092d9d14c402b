"""The audit log: who changed what, when, and from where; written with the change, read by people.

What stands in it is the subject of a change (a login, a domain, an id) and never a value, so that no secret
can.

Public: PERSON, KEY, COMMAND, MACHINE, Entry, Note, note, noted, has_changed, Query, listing, row_of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from posthouse.desk.keys import IssuedKey
from posthouse.desk.reports import utc_text
from posthouse.model.clock import Ids
from posthouse.model.several import several
from posthouse.model.suppression import Allowed, Suppression
from posthouse.store import audit, identity
from posthouse.store.audit import Entry, Query
from posthouse.store.engine import Connection

__all__ = [
    "COMMAND",
    "KEY",
    "MACHINE",
    "PERSON",
    "Entry",
    "Note",
    "Query",
    "has_changed",
    "listing",
    "note",
    "noted",
    "row_of",
]

PERSON, KEY, COMMAND = "person", "key", "command"
MACHINE = ""
"""In place of an account's id: what concerns the whole machine."""

Value = TypeVar("Value")
_LONGEST = 255
_NAMING = ("login", "domain", "name")


@dataclass(frozen=True, slots=True)
class Note:
    """What is written down once the change is made; fields as in `store.audit.Entry`."""

    account_id: str
    kind: str
    who: str
    what: str
    about: str
    address: str = ""
    name: str = ""


def note(conn: Connection, ids: Ids, made: Note) -> None:
    """Write it down, inside the transaction of the change; a key's name is looked up."""
    name = made.name
    if made.kind == KEY and (found := identity.find_credential(conn, made.who)):
        name = found.name
    texts = [_plain(text) for text in (made.who, name, made.what, made.about, made.address)]
    audit.append(conn, Entry(ids.new(), ids.now(), made.account_id, made.kind, *texts))


def noted(
    conn: Connection,
    ids: Ids,
    made: Note | None,
    fn: Callable[..., Value],
    args: Sequence[Any],
    named: Mapping[str, Any],
) -> tuple[Value, bool]:
    """`fn(conn, *args, **named)`, and whether it changed anything; then there is a note of it too, unless
    `made` is None. What the function is told in the parameters `login`, `domain` and `name` belongs to the
    subject, and so does what it made: a key, addresses on lists."""
    before = conn.writes
    done = fn(conn, *args, **named)
    is_change = has_changed(done) and conn.writes > before
    if made is not None and is_change:
        about = made.about
        words = [str(named[name]) for name in _NAMING if named.get(name)]
        for word in [*words, _made(done)]:
            if word not in about:
                about = f"{about} {word}".strip()
        note(conn, ids, replace(made, about=about))
    return done, is_change


def has_changed(done: object) -> bool:
    """Did a writing function change anything, by its answer? Those that count say 0 where not, and those that
    say whether they did something False."""
    return not (isinstance(done, int) and not done)


def _made(done: object) -> str:
    """What a function made, in words."""
    if isinstance(done, IssuedKey):
        return done.id
    if isinstance(done, list):
        return several(
            [each.address for each in done if isinstance(each, Suppression)]
            + [each.value for each in done if isinstance(each, Allowed)]
        )
    return ""


def listing(conn: Connection, query: Query) -> tuple[list[Entry], str]:
    """A page of a log, the newest first, and the `before_id` of the next one, "" behind the last."""
    found = audit.search(conn, replace(query, limit=query.limit + 1))
    page = found[: query.limit]
    return page, page[-1].id if len(found) > query.limit else ""


def row_of(entry: Entry) -> dict[str, Any]:
    """An entry for programs; `time` is its instant in words."""
    row = asdict(entry)
    del row["account_id"]
    return {"time": utc_text(entry.at), **row}


def _plain(text: str) -> str:
    """As every store takes it."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:_LONGEST]
