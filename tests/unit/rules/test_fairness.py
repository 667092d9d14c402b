"""Accounts in turn, lanes of an account in turn (R7, F56)."""

from __future__ import annotations

import time

import pytest

from posthouse.rules.fairness import FairQueue


def drained(queue: FairQueue[str]) -> list[str]:
    return [queue.pop() for _ in range(len(queue))]


ORDERS = [
    ("one lane is first in, first out", ["A.1.a", "A.1.b", "A.1.c"], ["a", "b", "c"]),
    ("accounts take turns", ["A.1.a", "A.1.b", "A.1.c", "B.1.x", "B.1.y"], ["a", "x", "b", "y", "c"]),
    ("lanes take turns inside an account", ["A.1.a", "A.1.b", "A.2.c", "A.2.d"], ["a", "c", "b", "d"]),
    (
        "many lanes win no more turns",
        ["A.1.a", "A.2.b", "A.3.c", "B.1.x", "B.1.y", "B.1.z"],
        ["a", "x", "b", "y", "c", "z"],
    ),
]


@pytest.mark.parametrize(("added", "wanted"), [row[1:] for row in ORDERS], ids=[row[0] for row in ORDERS])
def test_order(added: list[str], wanted: list[str]) -> None:
    queue: FairQueue[str] = FairQueue()
    for entry in added:
        account, lane, item = entry.split(".")
        queue.add(account, account + lane, item)
    assert drained(queue) == wanted
    assert len(queue) == 0


def test_a_newcomer_is_served_second_at_the_latest() -> None:  # F56
    queue: FairQueue[str] = FairQueue()
    for number in range(10_000):
        queue.add("big", f"big-lane-{number % 7}", str(number))
    queue.add("small", "small-lane", "letter")
    assert "letter" in (queue.pop(), queue.pop())


def test_remove_lane() -> None:
    queue: FairQueue[str] = FairQueue()
    for account, lane, item in (("A", "A1", "a"), ("A", "A2", "b"), ("A", "A1", "c"), ("B", "B1", "x")):
        queue.add(account, lane, item)
    assert queue.remove_lane("A1") == ["a", "c"]
    assert queue.remove_lane("A1") == []
    assert len(queue) == 2
    assert queue.remove_lane("B1") == ["x"]
    assert drained(queue) == ["b"]


def test_empty() -> None:
    queue: FairQueue[str] = FairQueue()
    assert len(queue) == 0
    with pytest.raises(IndexError):
        queue.pop()
    queue.add("A", "A1", "a")
    queue.pop()
    with pytest.raises(IndexError):
        queue.pop()


def test_a_hundred_thousand_lanes_cost_no_more_each() -> None:
    queue: FairQueue[int] = FairQueue()
    begun = time.process_time()
    for number in range(100_000):
        queue.add(f"account-{number % 1000}", f"lane-{number}", number)
    for _ in range(100_000):
        queue.pop()
    assert time.process_time() - begun < 5  # a scan over holes would take minutes
