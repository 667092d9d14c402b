"""Counters over all workers of a machine (C-09): shared, cleared with their owner, bounded."""

from __future__ import annotations

import os

import pytest

from posthouse.net import board as boards
from posthouse.net.board import NOT_SHARED, Board

KEY = "sendgrid 192.0.2.7"


def test_all_rows_count_together() -> None:
    board = Board(3)
    one, two = board.row(0), board.row(2)
    assert [one.enter(KEY), two.enter(KEY), one.enter(KEY), two.enter("another")] == [1, 2, 3, 1]
    one.leave(KEY)
    assert (one.total(KEY), two.total(KEY)) == (2, 2)
    one.leave(KEY)
    two.leave(KEY)
    assert one.total(KEY) == two.total(KEY) == 0


def test_a_dead_worker_is_forgotten() -> None:
    board = Board(2)
    dead, alive = board.row(0), board.row(1)
    for _ in range(5):
        dead.enter(KEY)
    assert alive.enter(KEY) == 6
    board.clear(0)
    assert alive.total(KEY) == 1


def test_a_forked_worker_is_seen() -> None:
    board = Board(2)
    mine = board.row(0)
    mine.enter(KEY)
    pid = os.fork()
    if not pid:
        os._exit(0 if board.row(1).enter(KEY) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert mine.total(KEY) == 2


def test_leaving_twice_does_no_harm() -> None:
    row = Board(1).row(0)
    row.leave(KEY)
    assert row.enter(KEY) == 1


def test_places_are_used_again() -> None:
    row = Board(1).row(0)
    for number in range(5000):
        assert row.enter(f"client {number}") == 1
        row.leave(f"client {number}")
    assert not row._own


def test_ten_thousand_clients_at_once() -> None:
    board = Board(2)
    row, other = board.row(0), board.row(1)
    for number in range(10_000):
        row.enter(str(number))
    assert all(row.total(str(number)) == 1 for number in range(10_000))
    seen = sum(other.total(str(number)) for number in range(10_000))
    assert seen > 9_900, "few buckets overflow"


def test_a_full_bucket_is_counted_by_its_worker_only(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(2)
    monkeypatch.setattr(board, "name_of", lambda text: boards._BUCKETS * int(text) + 7)
    row, other = board.row(0), board.row(1)
    for number in range(1, 10):
        row.enter(str(number))
    assert row.enter("9") == 2
    assert [other.total(str(number)) for number in range(1, 10)] == [1] * 8 + [0]


def test_rows_are_given_out() -> None:
    board = Board(2)
    assert [board.free_row({}), board.free_row({0}), board.free_row({0, 1})] == [0, 1, NOT_SHARED]


def test_without_a_row_a_worker_counts_alone() -> None:
    board = Board(1)
    lonely, other = board.row(NOT_SHARED), board.row(0)
    assert [lonely.enter(KEY), lonely.enter(KEY), other.enter(KEY), lonely.total(KEY)] == [1, 2, 1, 3]
    board.clear(NOT_SHARED)
