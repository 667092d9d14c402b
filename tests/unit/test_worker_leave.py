"""How a worker comes and goes: it waits for the store; its rows are given back and the store is closed,
whatever failed before."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from posthouse import worker
from posthouse.model.errors import CommitInDoubt, TryLater

AWAY = TryLater(451, "4.3.0", "away", reason="store-away")


def parts(store: Any, figures: Exception | None = None) -> Any:
    trouble = AsyncMock(side_effect=figures)
    return SimpleNamespace(
        keeper=AsyncMock(),
        dispatcher=AsyncMock(),
        blocks=AsyncMock(),
        warmup=SimpleNamespace(flush=trouble),
        last_uses=SimpleNamespace(write=trouble),
        tracking=SimpleNamespace(visits=SimpleNamespace(flush_all=trouble)),
        courier=AsyncMock(),
        http_out=AsyncMock(),
        trust=None,
        resolver=AsyncMock(),
        signer=Mock(),
        passwords=Mock(),
        api=Mock(),
        store=store,
    )


@pytest.mark.parametrize("figures", [None, AWAY, CommitInDoubt(), ValueError("a bug")])
async def test_figures_that_cannot_be_written_keep_nobody_from_leaving(figures: Exception | None) -> None:
    store = AsyncMock()
    await worker._leave(parts(store, figures), [], [], "w1")
    assert [call.args[1] for call in store.write.await_args_list] == [("w1",)]
    store.close.assert_awaited_once()


@pytest.mark.parametrize("trouble", [AWAY, CommitInDoubt()])
async def test_a_store_that_is_away_is_closed_all_the_same(trouble: Exception) -> None:
    store = AsyncMock()
    store.write.side_effect = trouble
    await worker._leave(parts(store), [], [], "w1")
    store.close.assert_awaited_once()


async def test_F20_who_starts_while_the_store_is_away_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "PROBE_S", 0.0)
    enter = AsyncMock(side_effect=[AWAY, CommitInDoubt(), AWAY, None])
    monkeypatch.setattr(worker, "_enter", enter)
    doors = AsyncMock()
    assert await worker._entered(Mock(), Mock(), asyncio.Event(), doors)
    assert enter.await_count == 4
    doors.open.assert_awaited_with(is_away=True)


async def test_F20_doors_stay_shut_for_the_moment_that_a_store_takes_to_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clients wait in the sockets' queues while workers take over from one another: nobody is sent away."""
    monkeypatch.setattr(worker, "_enter", AsyncMock())
    doors = AsyncMock()
    assert await worker._entered(Mock(), Mock(), asyncio.Event(), doors)
    doors.open.assert_not_awaited()


async def test_F16_who_is_told_to_stop_before_the_store_is_back_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped, store = asyncio.Event(), AsyncMock()

    async def enter(*_: Any) -> None:
        stopped.set()
        raise AWAY

    doors = AsyncMock(servers=[Mock()], http=[])
    monkeypatch.setattr(worker, "_enter", enter)
    monkeypatch.setattr(worker, "_doors", Mock(return_value=doors))
    await worker.serve_parts(parts(store), Mock(worker_id="w1"), stopped, Mock(side_effect=AssertionError))
    doors.servers[0].close.assert_called_once()
    store.close.assert_awaited_once()
