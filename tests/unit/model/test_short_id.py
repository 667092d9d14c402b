"""Ids in 22 characters (C-08): the same number, and back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.model.clock import FakeClock, Ids
from posthouse.model.short_id import long_id, short_id

IDS = st.from_regex(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", fullmatch=True)


@pytest.mark.parametrize(
    ("id", "short"),
    [
        ("0" * 26, "A" * 22),
        ("7" + "Z" * 25, "_" * 21 + "w"),
        ("0" * 25 + "1", "AAAAAAAAAAAAAAAAAAAAAQ"),
        ("01BX5ZZKBKACTAV9WEVGEMMVRZ", "AV9L_81zUzStp47cHUpvHw"),
    ],
    ids=["zero", "largest", "one", "an id of 2017"],
)
def test_known_pairs(id: str, short: str) -> None:
    assert short_id(id) == short
    assert long_id(short) == id


@given(IDS)
def test_each_form_gives_back_the_other(id: str) -> None:
    short = short_id(id)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", short)
    assert long_id(short) == id


def test_new_ids_have_a_short_form() -> None:
    id = Ids(FakeClock()).new()
    assert long_id(short_id(id)) == id


@pytest.mark.parametrize(
    "id", ["", "8" + "0" * 25, "0" * 25, "0" * 27, "0" * 25 + "I", "0" * 25 + "\n", "0" * 26 + "\n"]
)
def test_no_id(id: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        short_id(id)


@pytest.mark.parametrize("short", ["", "A" * 21, "A" * 23, "A" * 21 + "B", "A" * 20 + "+A", "A" * 22 + "\n"])
def test_no_short_id(short: str) -> None:
    with pytest.raises(ValueError, match="not a short id"):
        long_id(short)
