"""The bounded cache: ends by the clock, finds once for all, keeps no failures, stays bounded."""

from __future__ import annotations

import asyncio

import pytest

from posthouse.model.clock import FakeClock
from posthouse.net.cache import Entry, TimedCache


async def test_entries_end_by_the_clock() -> None:
    clock = FakeClock()
    cache: TimedCache[str, int] = TimedCache(clock.monotonic, 10)

    async def find() -> Entry[int]:
        return Entry(1, clock.monotonic() + 5)

    assert cache.peek("a") is None
    assert await cache.get("a", find) == 1
    clock.advance(4.9)
    assert cache.peek("a") == 1
    clock.advance(0.1)
    assert cache.peek("a") is None


async def test_one_search_for_all_and_its_error_for_all() -> None:
    clock = FakeClock()
    cache: TimedCache[str, int] = TimedCache(clock.monotonic, 10)
    searches = []

    async def fail() -> Entry[int]:
        searches.append(1)
        await asyncio.sleep(0)
        raise ValueError("no")

    results = await asyncio.gather(*[cache.get("a", fail) for _ in range(5)], return_exceptions=True)
    assert [type(result) for result in results] == [ValueError] * 5
    assert len(searches) == 1
    with pytest.raises(ValueError, match="no"):
        await cache.get("a", fail)  # an error is not kept
    assert len(searches) == 2


async def test_it_stays_bounded_and_the_oldest_go() -> None:
    clock = FakeClock()
    cache: TimedCache[int, int] = TimedCache(clock.monotonic, 100)
    for key in range(1000):

        async def find(value: int = key) -> Entry[int]:
            return Entry(value, clock.monotonic() + 60)

        await cache.get(key, find)
        assert len(cache) <= 100
    assert cache.peek(999) == 999
    assert cache.peek(0) is None
