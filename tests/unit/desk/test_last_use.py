"""Last uses: the latest of each credential, in batches, kept while the store is away (C-07)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from posthouse.desk import last_use
from posthouse.desk.last_use import LastUses
from posthouse.model.clock import FakeClock
from posthouse.store.credentials import Use


class Store:
    """Takes batches, unless it is away."""

    def __init__(self) -> None:
        self.batches: list[list[Use]] = []
        self.is_away = False
        self.during: Callable[[], None] = lambda: None

    async def write(self, _: Callable[..., Any], item: Any) -> None:
        self.during()
        if self.is_away:
            raise OSError("gone")
        (uses,) = item
        self.batches.append(sorted(uses))


async def test_the_latest_use_of_each_is_written_once() -> None:
    store, clock = Store(), FakeClock()
    uses, start = LastUses(store, clock), clock.now()
    uses.note("c1", "192.0.2.1")
    clock.advance(1)
    uses.note("c1", "192.0.2.2")
    uses.note("c2", "192.0.2.3")
    await uses.write()
    await uses.write()
    assert store.batches == [[Use("c1", start + 1, "192.0.2.2"), Use("c2", start + 1, "192.0.2.3")]]


async def test_nothing_is_lost_while_the_store_is_away() -> None:
    store, clock = Store(), FakeClock()
    uses, start = LastUses(store, clock), clock.now()
    uses.note("c1", "192.0.2.1")
    uses.note("c2", "192.0.2.1")
    clock.advance(1)
    store.is_away, store.during = True, lambda: uses.note("c1", "192.0.2.9")
    with pytest.raises(OSError, match="gone"):
        await uses.write()
    store.is_away, store.during = False, lambda: None
    await uses.write()
    assert store.batches == [[Use("c1", start + 1, "192.0.2.9"), Use("c2", start, "192.0.2.1")]]


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_use, "_MOST", 3)
    store = Store()
    uses = LastUses(store, FakeClock())
    for number in range(10):
        uses.note(f"c{number}", "192.0.2.1")
    uses.note("c0", "192.0.2.2")
    await uses.write()
    assert [use.credential_id for use in store.batches[0]] == ["c0", "c1", "c2"]
    assert store.batches[0][0].address == "192.0.2.2"


async def test_the_loop_outlives_trouble(caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    uses = LastUses(store, FakeClock())
    waits = 0

    async def sleep(seconds: float) -> None:
        nonlocal waits
        assert seconds == 5.0
        waits += 1
        uses.note("c1", "192.0.2.1")
        store.is_away = waits == 1
        if waits == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await uses.run(sleep)
    assert len(store.batches) == 1
    assert "are not written yet: gone" in caplog.text
