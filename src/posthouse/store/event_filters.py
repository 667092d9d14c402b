"""The filters of a search in the event log that its way does not settle, as conditions of SQL.

Public: RestFilter, rest_of, condition.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.sql.elements import ColumnElement

from posthouse.store.event_query import EventQuery
from posthouse.store.event_tables import event_label
from posthouse.store.event_ways import Way
from posthouse.store.tables import event, word

_own = event.alias("own")
_text = event.c.id.type

RestFilter = tuple[str, tuple[str, ...]]
"""Form and values. Forms that end with `by index` are answered by an index alone, without a look at the row:
rows of one kind or tag lie far apart, each on a page of its own."""


def rest_of(query: EventQuery, way: Way) -> list[RestFilter]:
    """What of the query remains to be tried on each event that the way brings."""
    account = query.account_id
    found: list[RestFilter] = []
    if account and "account" not in way.settles:
        found.append(("account", (account,)))
    if query.message_id and "message" not in way.settles:
        found.append(("message", (query.message_id,)))
    if query.recipient and "recipient" not in way.settles:
        found.append(("recipient by index", (query.recipient,)))
    if query.domain and "domain" not in way.settles:
        found.append(("domain by index", (query.domain.lower(),)))
    if query.kinds and "kinds" not in way.settles:
        kinds = tuple(kind.value for kind in dict.fromkeys(query.kinds))
        found.append(("kinds by index", (account, *kinds)) if account else ("kinds", kinds))
    for label in query.labels:
        if f"label {label}" not in way.settles:
            found.append(("label by index", (account, label)) if account else ("label", (label,)))
    return found


def condition(form: str, names: Sequence[str], seen_id: ColumnElement[str]) -> ColumnElement[bool]:
    """A filter on the row of `event`, or (`by index`) on the id of an event that the way brought."""
    values = [bindparam(name, type_=_text) for name in names]
    # a range of one id, or the planner takes the primary key and with it the row
    is_it = (_own.c.id >= seen_id, _own.c.id <= seen_id)
    match form:
        # the empty text keeps the planner from a way of its own through an index on that column
        case "account":
            return event.c.account_id.concat(word("")) == values[0]
        case "message":
            return event.c.message_id.concat(word("")) == values[0]
        case "kinds":
            return event.c.kind.concat(word("")).in_(values)
        case "label":
            account, event_id = event.c.account_id, event.c.id
            return _any(*_is_label(account, values[0], event_id))
        case "label by index":
            return _any(*_is_label(values[0], values[1], seen_id))
        case "recipient by index":
            return _any(_own.c.recipient == values[0], *is_it)
        case "domain by index":
            return _any(_own.c.domain == values[0], *is_it)
        case "kinds by index":
            return _any(_own.c.account_id == values[0], _own.c.kind.in_(values[1:]), *is_it)
    raise AssertionError(f"no such form: {form}")


def _any(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    """`exists` that asks for no column, so that an index alone can answer."""
    return select(literal_column("1")).where(*where).exists()


def _is_label(
    account: ColumnElement[str], label: ColumnElement[str], event_id: ColumnElement[str]
) -> tuple[ColumnElement[bool], ...]:
    return (
        event_label.c.account_id == account,
        event_label.c.label == label,
        event_label.c.event_id == event_id,
    )
