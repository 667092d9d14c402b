"""The ways to events: the walks along an index that a search can take, in the order of ids.

Public: Way, ways_of, stretch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from posthouse.model.event import EventKind
from posthouse.store.event_query import EventQuery
from posthouse.store.event_tables import event_label
from posthouse.store.tables import event

_ALL_KINDS = tuple(EventKind)


class Way(NamedTuple):
    """An index walk: its name, what it is bound to, and which filters it settles."""

    name: str
    values: tuple[str, ...]
    settles: frozenset[str]


_low, _high = (bindparam(name, type_=event.c.id.type) for name in ("low", "high"))
_text = event.c.id.type


def _value(number: int) -> ColumnElement[str]:
    return bindparam(f"way_{number}", type_=_text)


_WAYS: dict[str, Callable[[], tuple[ColumnElement[str], list[ColumnElement[bool]]]]] = {
    "message": lambda: (event.c.id, [event.c.message_id == _value(0)]),
    "recipient": lambda: (event.c.id, [event.c.recipient == _value(0)]),
    "domain": lambda: (event.c.id, [event.c.domain == _value(0)]),
    "label": lambda: (
        event_label.c.event_id,
        [event_label.c.account_id == _value(0), event_label.c.label == _value(1)],
    ),
    "log": lambda: (event.c.id, []),
}


def ways_of(query: EventQuery) -> list[Way]:
    """By which indexes the events can be reached, the likely short ones first."""
    ways = []
    account = query.account_id
    if query.message_id:
        return [Way("message", (query.message_id,), frozenset({"message"}))]
    if query.recipient:
        ways.append(Way("recipient", (query.recipient,), frozenset({"recipient"})))
    if account:  # labels of all accounts together are in no order
        ways += [
            Way("label", (account, label), frozenset({"account", f"label {label}"})) for label in query.labels
        ]
    if query.domain:
        ways.append(Way("domain", (query.domain.lower(),), frozenset({"domain"})))
    if account:
        kinds = query.kinds or _ALL_KINDS
        names = tuple(kind.value for kind in dict.fromkeys(kinds))
        ways.append(Way("kinds", (account, *names), frozenset({"account", "kinds"})))
    return ways or [Way("log", (), frozenset())]


def stretch(way: str, values: int, newest: bool, *, includes_edge: bool = False) -> Select[Any]:
    """The first `look` ids of the way between `low` and `high`."""
    if way != "kinds":
        column, where = _WAYS[way]()
        return _walk(column, where, newest, includes_edge)
    is_theirs = event.c.account_id == _value(0)
    walks = [
        select(
            _walk(event.c.id, [is_theirs, event.c.kind == _value(number)], newest, includes_edge).subquery()
        )
        for number in range(1, values)
    ]
    merged = union_all(*walks).subquery("merged")
    order = merged.c.id.desc() if newest else merged.c.id
    return select(merged.c.id.label("id")).order_by(order).limit(bindparam("look"))


def _walk(
    column: ColumnElement[str], where: list[ColumnElement[bool]], newest: bool, includes_edge: bool
) -> Select[Any]:
    above = column >= _low if newest and includes_edge else column > _low
    below = column <= _high if not newest and includes_edge else column < _high
    order = column.desc() if newest else column
    return select(column.label("id")).where(*where, above, below).order_by(order).limit(bindparam("look"))
