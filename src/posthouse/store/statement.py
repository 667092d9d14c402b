"""SQLAlchemy Core statements, compiled once per engine to the driver's own SQL text.

Core's work per execution (compiling, caching, converting, wrapping results) never happens: a statement is
compiled at its first use and from then on is a string and a tuple of values. `Statement` is one fixed
statement with named values in a declared order; `RowsStatement` is a family, one text for each number of
rows, so that a group of rows is one step of the engine. One step matters beyond its own cost: the drivers
give up the interpreter's lock around every step, and getting it back from a busy loop takes long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import bindparam, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import ExecutableDDLElement, Table
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.expression import Executable
from sqlalchemy.types import TypeEngine

DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": PGDialect_psycopg(paramstyle="format"),  # type: ignore[no-untyped-call]
}
# SQLite keeps a journal of every statement that changes several rows, to undo it alone if a row fails. Ours
# fail with their whole transaction: so no journal.
ALL_OR_NOTHING = ("OR ROLLBACK",)
MOST_ROWS = 16  # rows in one text; larger groups are cut. 16 rows x 15 columns stay small prepared statements


def _compiled(core: Executable, engine: str) -> SQLCompiler:
    compiled = core.compile(dialect=DIALECTS[engine])  # type: ignore[attr-defined]
    assert isinstance(compiled, SQLCompiler)
    return compiled


def ddl(element: ExecutableDDLElement, engine: str) -> str:
    """CREATE TABLE and the like as SQL text of `engine`."""
    return str(element.compile(dialect=DIALECTS[engine]))


class Statement:
    """One statement; `names` are its bound parameters in the order in which callers give the values."""

    __slots__ = ("_binders", "_core", "_names", "_texts")

    def __init__(self, core: Executable, *names: str) -> None:
        self._core = core
        self._names = names
        self._texts: dict[str, str] = {}
        self._binders: dict[str, Callable[[Sequence[Any]], Sequence[Any]]] = {}

    def text(self, engine: str) -> str:
        """The SQL text for `engine` ("sqlite" or "postgresql")."""
        text = self._texts.get(engine)
        if text is None:
            compiled = _compiled(self._core, engine)
            self._binders[engine] = self._binder(compiled)
            text = self._texts[engine] = compiled.string
        return text

    def bind(self, engine: str, values: Sequence[Any]) -> Sequence[Any]:
        """Values in declared order -> values in the order of the text's placeholders."""
        return self._binders[engine](values)

    def _binder(self, compiled: SQLCompiler) -> Callable[[Sequence[Any]], Sequence[Any]]:
        wanted = compiled.positiontup or []
        if wanted == list(self._names):
            return _unchanged
        constants = {name: compiled.params[name] for name in wanted if name not in self._names}
        missing = [name for name, value in constants.items() if value is None]
        assert not missing, f"undeclared parameters {missing}"
        places = {name: place for place, name in enumerate(self._names)}
        assert set(places) <= set(wanted), "a declared parameter is not in the statement"

        def rearranged(values: Sequence[Any]) -> Sequence[Any]:
            return [values[places[name]] if name in places else constants[name] for name in wanted]

        return rearranged


def _unchanged(values: Sequence[Any]) -> Sequence[Any]:
    return values


class RowsStatement:
    """A statement over n rows of `width` values; `build(n)` makes its Core form with row-major parameters."""

    __slots__ = ("_build", "_texts", "most", "width")

    def __init__(self, width: int, build: Callable[[int], Executable], *, most: int = MOST_ROWS) -> None:
        self.width = width
        self.most = most
        self._build = build
        self._texts: dict[str, dict[int, str]] = {name: {} for name in DIALECTS}

    def text(self, engine: str, rows: int) -> str:
        """The SQL text for so many rows, 1 … `most`."""
        text = self._texts[engine].get(rows)
        if text is None:
            compiled = _compiled(self._build(rows), engine)
            # names end in the row's number: row-major order is what `Connection` relies on
            order = [int(name.rpartition("_")[2]) for name in compiled.positiontup or ()]
            assert order == [row for row in range(rows) for _ in range(self.width)], "not row-major"
            text = self._texts[engine][rows] = compiled.string
        return text


def row_parameters(columns: Sequence[tuple[str, TypeEngine[Any]]], row: int) -> list[BindParameter[Any]]:
    """One bound parameter per column for row number `row` of a `RowsStatement`."""
    return [bindparam(f"{name}_{row}", type_=kind) for name, kind in columns]


def key_parameters(kind: TypeEngine[Any], rows: int) -> list[BindParameter[Any]]:
    """The parameters of `key IN (…)` in a `RowsStatement` of width 1."""
    return [bindparam(f"key_{row}", type_=kind) for row in range(rows)]


def rows_insert(table: Table) -> RowsStatement:
    """INSERT of whole rows, values in the table's column order."""
    columns = [(column.name, column.type) for column in table.columns]

    def build(rows: int) -> Executable:
        names = [name for name, _ in columns]
        given = [dict(zip(names, row_parameters(columns, row), strict=True)) for row in range(rows)]
        return insert(table).prefix_with(*ALL_OR_NOTHING, dialect="sqlite").values(given)

    return RowsStatement(len(columns), build)
