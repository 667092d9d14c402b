"""The different values of an indexed column, each found by one look-up.

Public: heads_of.
"""

from __future__ import annotations

from sqlalchemy import Column, func, select
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import CTE


def heads_of(column: Column[str], where: ColumnElement[bool]) -> CTE:
    """One row per value that `column` has where the condition holds, under the column's name, and a last one
    that is NULL: a skip scan of the partial index over that column and condition.

    Each step looks up the next larger value, so the cost is that of the values, not of the rows.
    """
    name = column.name
    first = select(func.min(column)).where(where).scalar_subquery()
    heads = select(first.label(name)).cte("heads", recursive=True)
    following = (
        select(func.min(column)).where(where, column > heads.c[name]).correlate(heads).scalar_subquery()
    )
    return heads.union_all(select(following).where(heads.c[name].is_not(None)))
