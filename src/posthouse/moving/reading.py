"""What readers of services share: lists that may fail in the middle, elements that may be anything.

Public: Read, guarded, each, asking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from posthouse.moving.things import Begun, Kind, LeftOut, Thing
from posthouse.moving.values import BadShape
from posthouse.moving.web import Unanswered
from posthouse.rules.suppression_csv import BadRow

Read = Callable[[Any], Iterable[Thing]]
"""Things from one JSON value of a known kind. Raises BadShape."""

_MAY_NOT = "the key may not read this; use one with full access, or export it to a file"
_AGAIN = "run the import again: what has come is not doubled"


def guarded(kind: Kind, what: str, things: Iterable[Thing]) -> Iterator[Thing]:
    """All of them; when reading breaks off, that is told and the move goes on with the next list."""
    yield Begun(what)
    try:
        yield from things
    except Unanswered as error:
        if error.status == 401:
            raise
        do = _MAY_NOT if error.status == 403 else _AGAIN
        yield LeftOut(kind, what, error.text, do)
    except (BadShape, BadRow) as error:
        yield LeftOut(kind, what, str(error))


def each(kind: Kind, what: str, values: Iterable[Any], read: Read) -> Iterator[Thing]:
    """The things of each element; one that makes no sense is told, the others come."""
    for value in values:
        try:
            yield from read(value)
        except BadShape as error:
            yield LeftOut(kind, what, str(error))


def asking(ask: Callable[[], Any], absent: Any = None) -> Any:
    """The answer, or `absent` where the service does not have such a call or thing. Raises Unanswered."""
    try:
        return ask()
    except Unanswered as error:
        if error.status in (404, 405):
            return absent
        raise
