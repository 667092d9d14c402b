"""SQLAlchemy Core statements, compiled once per engine to the driver's own SQL text.

Core's work per execution (compiling, caching, converting, wrapping results) never happens: a statement is
compiled at its first use and from then on is a string and a tuple of values. `Statement` is one fixed
statement with named values in a declared order; `RowsStatement` takes a list of rows in one step of the
engine. One step matters beyond its own cost: the drivers give up the interpreter's lock around every step,
and getting it back from a busy loop takes long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Float, Insert, Integer, bindparam, column, func, insert, select, values
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert_into
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import ExecutableDDLElement, Table
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.expression import Executable, FromClause
from sqlalchemy.types import TypeEngine

GivenColumn = tuple[str, TypeEngine[Any]]

DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": PGDialect_psycopg(paramstyle="format"),  # type: ignore[no-untyped-call]
}
# SQLite keeps a journal of every statement that changes several rows, to undo it alone if a row fails. Ours
# fail with their whole transaction: so no journal.
ALL_OR_NOTHING = ("OR ROLLBACK",)
MOST_ROWS = (
    16  # rows in one step; larger groups are cut. 16 rows of 15 columns stay small prepared statements
)


def _compiled(core: Executable, engine: str) -> SQLCompiler:
    compiled = core.compile(dialect=DIALECTS[engine])  # type: ignore[attr-defined]
    assert isinstance(compiled, SQLCompiler)
    return compiled


def ddl(element: ExecutableDDLElement, engine: str) -> str:
    """CREATE TABLE and the like as SQL text of `engine`."""
    return str(element.compile(dialect=DIALECTS[engine]))


class Statement:
    """One statement; `names` are its bound parameters in the order in which callers give the values."""

    __slots__ = ("_binders", "_core", "_names", "_texts", "is_write")

    def __init__(self, core: Executable, *names: str) -> None:
        # or Core lets a single row tell its key, and an answer that nobody fetches keeps SQLite's lock
        self._core = core.inline() if isinstance(core, Insert) else core
        self.is_write: bool = core.is_dml
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


def _floats(given: Sequence[Any]) -> list[float]:
    return [float(value) for value in given]


def _integers(given: Sequence[Any]) -> list[int]:
    return [int(value) for value in given]


# psycopg takes no arrays of mixed types, and an instant may be a whole number
_LISTS: dict[type[TypeEngine[Any]], Callable[[Sequence[Any]], list[Any]]] = {
    Float: _floats,
    Integer: _integers,
}


class RowsStatement:
    """A statement over given rows: `build(given)` makes it from a FROM clause with the columns `columns`.

    On SQLite the rows are written into the text as VALUES, one text per number of rows. On PostgreSQL each
    column is one array, so one text serves all: psycopg keeps short texts parsed, and one array costs less
    than as many parameters.
    """

    __slots__ = ("_build", "_columns", "_lists", "_texts", "is_write", "most")

    def __init__(
        self,
        columns: Sequence[GivenColumn],
        build: Callable[[FromClause], Executable],
        *,
        most: int = MOST_ROWS,
    ) -> None:
        self.most = most
        self.is_write = False  # known from the first use on
        self._columns = columns
        self._build = build
        self._texts: dict[tuple[str, int], str] = {}
        self._lists = [_LISTS.get(type(kind), list) for _, kind in columns]

    def prepared(self, engine: str, rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        """Text and values for 1 … `most` rows."""
        key = (engine, len(rows) if engine == "sqlite" else 0)
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = self._compiled(engine, len(rows))
        if engine == "sqlite":
            return text, list(chain.from_iterable(rows))
        return text, [make(values) for make, values in zip(self._lists, zip(*rows, strict=True), strict=True)]

    def _compiled(self, engine: str, rows: int) -> str:
        core = self._build(self._values(rows) if engine == "sqlite" else self._arrays())
        self.is_write = core.is_dml
        compiled = _compiled(core, engine)
        if engine == "sqlite":
            wanted = [f"{name}_{row}" for row in range(rows) for name, _ in self._columns]
        else:
            wanted = [name for name, _ in self._columns]
        assert compiled.positiontup == wanted, "parameters are not in the order of the rows"
        # arrays in binary form: their text form is quoted and parsed element by element
        return compiled.string if engine == "sqlite" else compiled.string.replace("%s", "%b")

    def _values(self, rows: int) -> FromClause:
        names = [column(name, kind) for name, kind in self._columns]
        return values(*names, name="given").data(self._parameters(rows)).cte("given")

    def _parameters(self, rows: int) -> list[tuple[BindParameter[Any], ...]]:
        return [
            tuple(bindparam(f"{name}_{row}", type_=kind) for name, kind in self._columns)
            for row in range(rows)
        ]

    def _arrays(self) -> FromClause:
        arrays = [bindparam(name, type_=ARRAY(kind)) for name, kind in self._columns]
        return func.unnest(*arrays).table_valued(*[name for name, _ in self._columns]).render_derived("given")


def given_key(kind: TypeEngine[Any]) -> list[GivenColumn]:
    """The columns of given rows that are single keys: `key`."""
    return [("key", _plain(kind))]


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type without its collation: an array of texts has none."""
    return type(kind)()


def insert_row(table: Table) -> Statement:
    """INSERT of one whole row, values in the table's column order."""
    names = [item.name for item in table.columns]
    return Statement(insert(table).values({name: bindparam(name) for name in names}), *names)


def insert_once(table: Table) -> Statement:
    """The same, but it changes nothing where a unique name is taken."""
    names = [item.name for item in table.columns]
    fresh = upsert_into(table).values({name: bindparam(name) for name in names})
    return Statement(fresh.on_conflict_do_nothing(), *names)


def rows_insert(table: Table) -> RowsStatement:
    """INSERT of whole rows, values in the table's column order."""
    names = [item.name for item in table.columns]

    def build(given: FromClause) -> Executable:
        return insert(table).prefix_with(*ALL_OR_NOTHING, dialect="sqlite").from_select(names, select(given))

    return RowsStatement([(item.name, _plain(item.type)) for item in table.columns], build)
