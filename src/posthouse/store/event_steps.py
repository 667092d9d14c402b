"""The statements of a search in the event log: two for each stretch of the way, made once for each form.

Public: Steps, steps_of.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from posthouse.store.event_filters import condition
from posthouse.store.event_ways import stretch
from posthouse.store.statement import Statement
from posthouse.store.tables import event


class Steps(NamedTuple):
    """`edge`: how many entries the next stretch of the way has, and the last of them; `rows`: the events of
    that stretch that match."""

    edge: Statement
    rows: Statement


@lru_cache(512)
def steps_of(way: str, values: int, rest: tuple[tuple[str, int], ...], newest: bool) -> Steps:
    """`values`: how many the way is bound to; `rest`: the forms of the filters beside it, with the number of
    their values."""
    bound = [*(f"way_{number}" for number in range(values)), "low", "high", "look"]
    ahead = stretch(way, values, newest).subquery("stretch")
    last = func.min(ahead.c.id) if newest else func.max(ahead.c.id)
    edge = Statement(select(func.count(), last).select_from(ahead), *bound)

    seen = stretch(way, values, newest, includes_edge=True).subquery("seen")
    narrow, rows = select(seen.c.id), select(event)
    is_narrow_enough = True
    for place, (form, width) in enumerate(rest):
        names = [f"rest_{place}_{number}" for number in range(width)]
        wanted = condition(form, names, seen.c.id)
        bound += names
        if form.endswith("by index"):
            narrow = narrow.where(wanted)
        else:
            rows, is_narrow_enough = rows.where(wanted), False
    if is_narrow_enough:
        narrow = narrow.order_by(seen.c.id.desc() if newest else seen.c.id).limit(bindparam("most"))
    rows = rows.where(event.c.id.in_(narrow)).order_by(event.c.id.desc() if newest else event.c.id)
    return Steps(edge, Statement(rows.limit(bindparam("most")), *bound, "most"))
