"""How the daily cap of a new account grows and shrinks (D-10)."""

from __future__ import annotations

import pytest

from posthouse.model.account import AccountSettings
from posthouse.rules.reputation import Record, next_cap

BEGINNER = AccountSettings(starts_at=200, daily_messages=50_000)


def day(accepted: int, bounced: int = 0, complained: int = 0, deferred: int = 0, failed: int = 0) -> Record:
    failed = max(failed, bounced)
    return Record(accepted, accepted - failed, failed, bounced, complained, deferred)


ROWS = [
    ("a good day doubles", 200, day(200), 400, "grew from 200: 200 sent"),
    ("half of it is enough", 200, day(100), 400, "grew"),
    ("less than half is not", 200, day(99), 200, "stays: 99 of 200 used"),
    ("a quiet day changes nothing", 3200, day(0), 3200, "stays: 0 of 3200 used"),
    ("from 10,000 on it is half as much again", 12_800, day(12_000), 19_200, "grew"),
    ("never past the ceiling", 40_000, day(40_000), 50_000, "grew from 40000"),
    ("at the ceiling", 50_000, day(50_000), 50_000, "daily_messages"),
    ("a ceiling that was lowered", 60_000, day(10), 50_000, "stays"),
    ("5 % bounces are good", 200, day(200, bounced=10), 400, "10 bounced"),
    ("more are not", 200, day(200, bounced=11), 100, "halved to 100: 11 of 200 recipients bounced"),
    ("other failures are no bounces", 200, day(200, failed=60), 400, "grew"),
    ("complaints", 4000, day(4000, complained=4), 8000, "grew"),
    ("too many complaints", 4000, day(4000, complained=5), 2000, "5 of 4000 recipients complained"),
    ("a bad day that used little", 4000, day(60, bounced=6), 2000, "6 of 60"),
    ("one bounce of few is forgiven", 10, day(8, bounced=1), 20, "grew"),
    ("one complaint is forgiven", 200, day(200, complained=1), 400, "grew"),
    ("never below a quarter of the start", 60, day(60, bounced=60), 50, "halved to 50"),
    ("at the least", 50, day(60, bounced=60), 50, "stays at 50"),
    ("hosts that defer", 200, day(200, deferred=201), 200, "deferred 201 times"),
    ("greylisting is usual", 200, day(200, deferred=200), 400, "grew"),
]


@pytest.mark.parametrize(
    ("cap", "record", "expected", "note"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
def test_after_a_day(cap: int, record: Record, expected: int, note: str) -> None:
    most, why = next_cap(cap, BEGINNER, record)
    assert most == expected
    assert note in why


def test_without_a_ceiling_it_grows_on() -> None:
    settings = AccountSettings(starts_at=1)
    cap = 1
    for _ in range(60):
        cap, _ = next_cap(cap, settings, day(cap))
    assert cap == 10**9


def test_from_two_hundred_to_fifty_thousand_takes_ten_good_days() -> None:
    cap, days = BEGINNER.starts_at, 0
    while cap < BEGINNER.daily_messages:
        cap, _ = next_cap(cap, BEGINNER, day(cap))
        days += 1
    assert days == 10
