"""schemathesis against a running house: no 500, no answer that the description does not tell."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from house.house import House, Houses
from house.native_api import Real, check, described, furnished

schema = described()
EXAMPLES = int(os.environ.get("POSTHOUSE_API_EXAMPLES", "5"))
OPEN = {"http": {"calls_per_minute": 0}, "delivery": {"capture": True}}


@pytest.fixture(scope="module")
def real(shared_houses: Houses) -> Real:
    return furnished(shared_houses.new(settings=OPEN))


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_those_that_the_description_tells(case: Any, real: Real) -> None:
    check(case, real)


def test_the_house_is_well_afterwards(real: Real) -> None:
    house: House = real.house
    assert "a call failed" not in house.log.read_text(errors="replace")
    assert house.is_running
