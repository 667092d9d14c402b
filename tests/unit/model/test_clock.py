"""Ids: unique, sorted, and never going backwards; the clocks."""

from __future__ import annotations

import os
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.model.clock import FakeClock, Ids, SystemClock

FORM = re.compile("[0-9A-HJKMNP-TV-Z]{26}")


def test_form_and_order_within_a_millisecond() -> None:
    ids = Ids(FakeClock())
    made = [ids.new() for _ in range(5000)]
    assert all(FORM.fullmatch(each) for each in made)
    assert made == sorted(made) and len(set(made)) == 5000
    assert len({each[:10] for each in made}) == 1


def test_they_sort_by_time() -> None:
    clock = FakeClock()
    ids = Ids(clock)
    made = []
    for _ in range(200):
        made.append(ids.new())
        clock.advance(0.001)
    assert made == sorted(made) and len({each[:10] for each in made}) > 190


@given(st.lists(st.floats(-10_000, 10_000), min_size=1, max_size=60))
def test_a_clock_that_jumps_makes_none_twice_and_none_smaller(steps: list[float]) -> None:
    """F50: time goes backwards on a real machine; the order of events must not."""
    clock = FakeClock()
    ids = Ids(clock)
    made = []
    for step in steps:
        made += [ids.new(), ids.new()]
        clock.advance(step)
    assert made == sorted(made) and len(set(made)) == len(made)


def test_two_processes_never_make_the_same() -> None:
    clock = FakeClock()
    one, other = Ids(clock), Ids(clock)
    assert len({each.new() for each in (one, other) for _ in range(1000)}) == 2000


def test_a_child_that_reseeds_goes_its_own_way() -> None:
    ids = Ids(FakeClock())
    ids.new()
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        ids.reseed()
        os.write(write_fd, ids.new().encode())
        os._exit(0)
    os.waitpid(pid, 0)
    theirs = os.read(read_fd, 100).decode()
    os.close(read_fd)
    os.close(write_fd)
    assert FORM.fullmatch(theirs) and theirs != ids.new()


def test_reseeding_in_the_same_millisecond_is_still_unique() -> None:
    ids = Ids(FakeClock())
    made = []
    for _ in range(300):
        made.append(ids.new())
        ids.reseed()
    assert len(set(made)) == 300


def test_the_first_characters_are_the_time() -> None:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    clock = FakeClock(1_700_000_000.123)
    ms = 0
    for character in Ids(clock).new()[:10]:
        ms = ms * 32 + alphabet.index(character)
    assert ms == 1_700_000_000_123


@pytest.mark.parametrize("seconds", [0.0, 1.5, 86400.0])
def test_a_fake_clock_moves_by_hand(seconds: float) -> None:
    clock = FakeClock(100.0)
    before = clock.monotonic()
    clock.advance(seconds)
    assert (clock.now(), clock.monotonic()) == (100.0 + seconds, before + seconds)


def test_the_machines_clock() -> None:
    clock = SystemClock()
    assert abs(clock.now() - time.time()) < 5
    assert clock.monotonic() <= clock.monotonic()
