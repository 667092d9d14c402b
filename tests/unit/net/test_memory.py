"""net.memory: what is remembered for a while is forgotten in time and bounded in number."""

from __future__ import annotations

from posthouse.model.clock import FakeClock
from posthouse.net.memory import Memory


def test_forgets_after_its_span() -> None:
    clock = FakeClock()
    memory = Memory(clock, 60.0)
    memory.add(("mx.example.net", 25))
    clock.advance(59)
    assert ("mx.example.net", 25) in memory
    assert ("mx.example.net", 26) not in memory
    memory.add(("mx.example.net", 25))
    clock.advance(59)
    assert ("mx.example.net", 25) in memory
    clock.advance(1)
    assert ("mx.example.net", 25) not in memory
    assert len(memory) == 0


def test_is_bounded_and_drops_the_oldest() -> None:
    # S9
    memory = Memory(FakeClock(), 60.0, size=3)
    for n in (1, 2, 3, 1, 4):
        memory.add(("mx", n))
    assert [n for n in range(6) if ("mx", n) in memory] == [1, 3, 4]


def test_discard() -> None:
    memory = Memory(FakeClock(), 60.0)
    memory.add(("mx", 25))
    memory.discard(("mx", 25))
    memory.discard(("mx", 26))
    assert ("mx", 25) not in memory
