"""Figures equal the events: by tag and category with real mail, and after kills in the middle of counting.

What every counter says is compared with the log after each test, by `books`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from house import books
from house.conftest import Stores
from house.house import House, Houses, letter, unique, until

pytestmark = pytest.mark.long

RECIPIENTS = 150


def _stats(house: House, *words: str) -> dict[str, int]:
    """Totals of the figures that words ask for."""
    (found,) = house.cli_rows("stats", *words, "--json")
    totals: dict[str, int] = found["totals"]
    return totals


def test_D_06_MG_01_SG_05_statistics_by_tag_and_category_equal_the_events(house: House) -> None:
    tag, category = unique("tag"), unique("category")
    good, bad = f"{unique()}@good.test", f"refuse+{unique()}@few.test"
    house.submit([good, bad], letter(good, fields=[f"X-Mailgun-Tag: {tag}"]))
    wish = json.dumps({"category": [category]})
    house.submit(good, letter(good, fields=[f"X-SMTPAPI: {wish}"]), auth=house.key())
    house.event(good, "delivered", count=2)
    house.event(bad, "failed")
    house.counted_kinds()  # waits until every event is counted
    by_tag = _stats(house, "--by", "tag", "--name", tag, "--metric", "accepted", "--metric", "delivered")
    assert by_tag == {"accepted": 2, "delivered": 1}
    words = ("--by", "tag", "--name", category, "--metric", "accepted", "--metric", "failed")
    assert _stats(house, *words) == {"accepted": 1, "failed": 0}
    assert house.command("stats", "check").strip() == "The counters equal the events."


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_D_06_F11_events_are_counted_once_though_the_counting_worker_is_killed(
    houses: Houses, stores: Stores, tmp_path: Path, engine: str
) -> None:
    """F11: the result is committed, what follows from it is not."""
    order = tmp_path / "crash"
    house = houses.new(store=stores.fresh(engine), env={"POSTHOUSE_CRASH_AT": f"@{order}"})
    names = [f"{unique()}@late.test" for _ in range(RECIPIENTS)]
    order.write_text("events.fold")
    house.submit(names, letter(names[0], fields=["X-Mailgun-Tag: batch"]))
    for passes in (1, 2):
        until(lambda: not order.exists(), 60, "a worker that dies while it counts")
        house.kills += 1
        order.write_text(f"events.fold:{passes}")
    until(lambda: house.counts() == {"delivered": RECIPIENTS}, 90, "all copies")
    house.submit(names[0], letter(names[0]))  # something to count, so that the last order is carried out
    until(lambda: not order.exists(), 60, "the last worker to die")
    house.kills += 1
    until(lambda: house.counts() == {"delivered": RECIPIENTS + 1}, 60, "the last letter")
    assert house.counted_kinds(60.0)["delivered"] == RECIPIENTS + 1
    ends = [row["delivery_id"] for row in books.event_rows(house.store, "kind = 'delivered'")]
    assert len(ends) == len(set(ends)) == RECIPIENTS + 1
