"""The statistics of `bench.signin`: its verdict is worth no more than they are."""

from __future__ import annotations

import random

import pytest
from bench.signin import address, mann_whitney


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [
        ([1, 2, 3], [4, 5, 6], 0.0495),
        ([4, 5, 6], [1, 2, 3], 0.0495),
        ([1, 3, 5], [2, 4, 6], 0.5127),
        ([1, 1, 1], [1, 1, 1], 1.0),
        ([1, 2, 2, 3], [2, 3, 3, 4], 0.1292),
    ],
)
def test_the_rank_test_gives_the_textbooks_p(one: list[float], other: list[float], p: float) -> None:
    assert mann_whitney(one, other) == pytest.approx(p, abs=0.0005)


def test_the_rank_test_sees_a_shift_and_nothing_where_there_is_none() -> None:
    chance = random.Random(7)
    one = [chance.gauss(100, 10) for _ in range(2000)]
    same = [chance.gauss(100, 10) for _ in range(2000)]
    later = [chance.gauss(102, 10) for _ in range(2000)]
    assert mann_whitney(one, same) > 0.01
    assert mann_whitney(one, later) < 0.0001


def test_each_sample_has_an_address_of_its_own() -> None:
    made = {address(number) for number in range(200_000)}
    assert len(made) == 200_000
    assert all(1 <= int(part) <= 250 for name in made for part in name.split(".")[3:])
