"""Receiving sites: what was decided about them for a while, and how the workers see them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.model.site import Rest, SiteView
from posthouse.store.connection import Connection, Row
from posthouse.store.site_tables import site_rest, site_view
from posthouse.store.statement import Statement
from posthouse.store.tables import worker

_MOST_RESTS = 10_000
_MOST_VIEWS = 10_000

# Rests

_names = tuple(column.name for column in site_rest.columns)
_fresh = upsert_into(site_rest).values({name: bindparam(name) for name in _names})
_key = list(site_rest.primary_key.columns)
_new_values = {name: _fresh.excluded[name] for name in ("until", "set_at", "reason", "data")}
_set = Statement(_fresh.on_conflict_do_update(index_elements=_key, set_=_new_values), *_names)
# what an automation wants waits for what holds already: two workers that hear the same reply write one row
_add = Statement(
    _fresh.on_conflict_do_update(
        index_elements=_key, set_=_new_values, where=site_rest.c.until <= _fresh.excluded.set_at
    ),
    *_names,
)
_since = Statement(
    select(site_rest)
    .where(site_rest.c.until > bindparam("since"))
    .order_by(site_rest.c.until.desc(), *_key)
    .limit(bindparam("most")),
    "since",
    "most",
)
_end = Statement(delete(site_rest).where(site_rest.c.site == bindparam("of_site")), "of_site")
_drop = Statement(delete(site_rest).where(site_rest.c.until <= bindparam("before")), "before")


def set_rest(conn: Connection, rest: Rest) -> None:
    """An operator's decision: in place of whatever holds."""
    conn.change(_set, *_rest_row(rest))


def add_rests(conn: Connection, rests: Sequence[Rest]) -> list[bool]:
    """Decisions of automations; a writing function. False: one of that kind holds already and stays."""
    return [conn.change(_add, *_rest_row(rest)) == 1 for rest in rests]


def rests_since(conn: Connection, since: float) -> list[Rest]:
    """Those that hold at `since` or later, the longest first; at most 10,000."""
    return [_rest(row) for row in conn.rows(_since, since, _MOST_RESTS)]


def end_rests(conn: Connection, site: str) -> int:
    """End everything that was decided about a site, and what is remembered of it; how many rows."""
    return conn.change(_end, site)


def drop_rests_before(conn: Connection, before: float) -> int:
    """Forget those that ended at `before` or earlier; how many."""
    return conn.change(_drop, before)


def _rest_row(rest: Rest) -> tuple[Any, ...]:
    data = {
        "automation": rest.automation,
        "times": rest.times,
        "connections": rest.connections,
        "messages_per_second": rest.messages_per_second,
    }
    text = json.dumps({key: value for key, value in data.items() if value})
    return rest.site, rest.kind, rest.source, rest.until, rest.set_at, rest.reason, text


def _rest(row: Row) -> Rest:
    *columns, data = row
    return Rest(*columns, **json.loads(data))


# Views

_view_names = tuple(column.name for column in site_view.columns)
_fresh_view = upsert_into(site_view).values({name: bindparam(name) for name in _view_names})
_put_view = Statement(
    _fresh_view.on_conflict_do_update(
        index_elements=list(site_view.primary_key.columns),
        set_={"at": _fresh_view.excluded.at, "data": _fresh_view.excluded.data},
    ),
    *_view_names,
)
_drop_view = Statement(
    delete(site_view).where(
        site_view.c.worker_id == bindparam("of_worker"), site_view.c.site == bindparam("of_site")
    ),
    "of_worker",
    "of_site",
)
_drop_lost = Statement(delete(site_view).where(site_view.c.worker_id.not_in(select(worker.c.id))))
_views = Statement(
    select(site_view)
    .join(worker, worker.c.id == site_view.c.worker_id)
    .where(or_(site_view.c.site == bindparam("of_site"), bindparam("every") == 1))
    .order_by(site_view.c.site, site_view.c.worker_id)
    .limit(bindparam("most")),
    "of_site",
    "every",
    "most",
)


def put_views(
    conn: Connection, worker_id: str, at: float, changed: Sequence[tuple[str, str]], gone: Sequence[str]
) -> None:
    """How a worker sees its sites now: (site, JSON text) of those that changed, and those to forget."""
    for site in sorted(gone):
        conn.change(_drop_view, worker_id, site)
    for site, data in sorted(changed):
        conn.change(_put_view, worker_id, site, at, data)


def drop_lost_views(conn: Connection) -> int:
    """Forget what workers saw that are no more; how many rows."""
    return conn.change(_drop_lost)


def list_views(conn: Connection, site: str = "") -> list[SiteView]:
    """What living workers see, of one site or of all, by site; at most 10,000."""
    rows = conn.rows(_views, site, int(not site), _MOST_VIEWS)
    return [SiteView(worker_id, name, at, json.loads(data)) for worker_id, name, at, data in rows]
