"""MemoryBound: what may come into memory, and that counts come back to zero."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.pipeline.memory import MemoryBound

Job = tuple[int, bool]

# jobs in memory (bytes, proven) -> room for a proven site, room for another
CASES: dict[str, tuple[list[Job], int, int]] = {
    "empty": ([], 10, 5),
    "quick sites' jobs take nothing of the others' half": ([(1, True)] * 4, 6, 5),
    "but the whole is the whole": ([(1, True)] * 8, 2, 2),
    "slow sites fill their half and no more": ([(1, False)] * 5, 5, 0),
    "both": ([(1, False)] * 3 + [(1, True)] * 3, 4, 2),
    "full of jobs": ([(1, True)] * 10, 0, 0),
    "more than full, by those that were under way": ([(1, True)] * 12, 0, 0),
    "bytes are full": ([(100, True)] * 8, 0, 0),
    "slow sites' bytes leave the quick ones their half": ([(100, False)] * 4, 6, 0),
    "a huge letter counts an eighth: the others go on": ([(50_000, False)], 9, 4),
    "four of them fill the slow half": ([(50_000, False)] * 4, 6, 0),
}


@pytest.mark.parametrize(("jobs", "proven", "unproven"), CASES.values(), ids=CASES.keys())
def test_room(jobs: list[Job], proven: int, unproven: int) -> None:
    bound = MemoryBound(10, 800)
    for job in jobs:
        bound.add(*job)
    assert (bound.room(True), bound.room(False)) == (proven, unproven)
    for job in jobs:
        bound.remove(*job)
    assert bound == MemoryBound(10, 800)


@given(st.lists(st.tuples(st.integers(0, 10_000_000), st.booleans())))
def test_room_is_never_negative_and_what_was_added_can_be_removed(jobs: list[Job]) -> None:
    bound = MemoryBound(20, 1 << 20)
    for job in jobs:
        bound.add(*job)
        assert bound.room(True) >= 0 and bound.room(False) >= 0
        assert bound.room_bytes(True) >= 0 and bound.room_bytes(False) >= 0
        assert bound.room(False) <= 10
    for job in reversed(jobs):
        bound.remove(*job)
    assert bound == MemoryBound(20, 1 << 20)
