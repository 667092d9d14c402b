"""The queue in plain words."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.desk.queue_words import reason
from posthouse.desk.sites import read_span
from posthouse.model.errors import Refused

ROW: dict[str, Any] = {
    "lane": "a|good.test|single", "waiting": 1, "taken": 0, "held": 0, "next_due_at": 900.0, "code": 0,
    "text": "", "suspended": False, "site_suspended_until": None, "site_reason": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"suspended": True, "code": 421}, "The account is suspended"),
        ({"site_suspended_until": 2000.0, "site_reason": "ticket 4711"}, "for now: ticket 4711."),
        ({"site_suspended_until": 2000.0}, "Nothing goes to this receiver for now."),
        ({"waiting": 0, "held": 3, "next_due_at": None}, "Held until somebody releases it."),
        (
            {"waiting": 0, "held": 3, "text": "until shop.test is verified"},
            "Held: until shop.test is verified.",
        ),
        ({"code": 421, "text": "later"}, "The last answer was: 421 later"),
        ({"next_due_at": 5000.0}, "Meant for later."),
        ({"waiting": 0, "taken": 2, "next_due_at": None}, "Being sent."),
        ({}, "Waits for its turn"),
    ],
)
def test_W_01_why_a_lane_waits_is_told_in_plain_words(more: dict[str, Any], said: str) -> None:
    assert said in reason(ROW | more, 1000.0)


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("1D12h", 129600), (" 90s ", 90)])
def test_spans_are_read(text: str, seconds: int) -> None:
    assert read_span(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "31d", "5", "h", "²m", "-1h"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is not a span"):
        read_span(text)
