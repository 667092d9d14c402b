"""The three questions find what is wrong: each case is a house with one lie in its books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from house.books import Books, Key, contradictions
from posthouse.internet.recorder import Arrival

ID, WHO = "01M", "ann@good.test"


def _event(kind: str, **more: Any) -> dict[str, Any]:
    place = {"account_id": "a", "domain": "shop.test", "message_id": ID, "recipient": WHO, "at": 90_000.0}
    return {"id": kind, "kind": kind, "delivery_id": f"{ID}.0000", "attempt": 1, "code": 250, **place, **more}


def _counted(*metrics: str) -> Counter[Key]:
    """One of each, by account and domain."""
    names = [("account", ""), ("domain", "shop.test")]
    spans = [("day", 1), ("hour", 25)]
    return Counter(("a", *name, *span, metric) for name in names for span in spans for metric in metrics)


def _honest() -> Books:
    """One letter, delivered at the first try."""
    row = {"message_id": ID, "recipient": WHO, "state": "delivered", "owner": "", "attempt": 1}
    events = [_event("accepted", attempt=0), _event("delivered")]
    return Books({f"{ID}.0000": row}, events, {"w1"}, _counted("accepted", "delivered", "delivered.first"), 0)


def _copy(message_id: str = ID) -> Arrival:
    trace = f"Received: from x\r\n\tby mail.house.test with ESMTPA id {message_id};\r\n\tnow\r\n\r\n"
    return Arrival(
        1, 1, "mx", "127.0.1.1", "p", "mail.house.test", "", "s", "", (WHO,), ("",), trace.encode(), "DATA", 0
    )


def _row(books: Books) -> dict[str, Any]:
    return books.deliveries[f"{ID}.0000"]


LIES: dict[str, tuple[Callable[[Books], object], str]] = {
    "no end": (lambda books: books.events.pop(), "is delivered, its events say []"),
    "two ends": (lambda books: books.events.append(_event("failed")), "['delivered', 'failed']"),
    "open and ended": (lambda books: _row(books).update(state="waiting"), "is waiting and yet"),
    "never accepted": (lambda books: books.events.pop(0), "0 accepted events"),
    "no row": (lambda books: books.deliveries.clear(), "has events and no row"),
    "out with the dead": (lambda books: _row(books).update(state="taken", owner="w2"), "w2, who is gone"),
    "out for long": (lambda books: _row(books).update(state="taken", owner="w1"), "w1, who lives"),
    "counted twice": (lambda books: books.counters.update(_counted("delivered")), "the counters say"),
    "an attempt too many": (lambda books: _row(books).update(attempt=0), "event of attempt 1, the row 0"),
}


@pytest.mark.parametrize(("lie", "found"), LIES.values(), ids=LIES.keys())
def test_a_lie_in_the_books_is_found(lie: Callable[[Books], object], found: str) -> None:
    books = _honest()
    lie(books)
    assert found in "\n".join(contradictions([_copy()], books, [_copy()]))


def test_honest_books_hold_nothing() -> None:
    assert contradictions([_copy()], _honest(), [_copy()]) == []


def test_a_copy_that_never_came_a_ghost_and_a_second_copy_are_found() -> None:
    books = _honest()
    assert "never came" in contradictions([], books, [])[0]
    assert "ghost" in contradictions([_copy("02X")], books, [_copy()])[0]
    assert "came 2 times" in contradictions([], books, [_copy(), _copy()])[0]


def test_a_second_copy_is_excused_by_doubt_or_by_a_kill() -> None:
    books = _honest()
    assert contradictions([], books, [_copy(), _copy()], kills=1) == []
    books.events.insert(1, _event("deferred", ambiguous=True))
    books.counters.update(_counted("deferred", "deferred.first"))
    assert contradictions([], books, [_copy(), _copy()]) == []
