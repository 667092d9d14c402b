"""What events mean, in words for people who do not know SMTP."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.model.event import EventKind
from posthouse.model.message import DeliveryState
from posthouse.rules.plain_words import KIND_NAMES, Told, tell_event, tell_state
from posthouse.rules.suppression import BAD_ADDRESS, DROPS
from posthouse.rules.verdict import BUILT_IN

REASONS = sorted(
    {rule.reason for rule in BUILT_IN} | {drop.reason for drop in (*DROPS.values(), BAD_ADDRESS)}
)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_that_we_give_has_a_sentence(reason: str) -> None:
    told = tell_event({"kind": "failed", "reason": reason, "code": 550, "text": "no"})
    assert told.why.endswith(".") and reason not in told.why.split()


def test_every_kind_has_a_name() -> None:
    assert set(KIND_NAMES) == set(EventKind)
    for kind in EventKind:
        assert tell_event({"kind": kind}).title == KIND_NAMES[kind][0]


@pytest.mark.parametrize(
    ("row", "why", "said"),
    [
        (
            {"kind": "failed", "reason": "x-own-rule", "code": 550, "enhanced": "5.1.1", "text": "5.1.1 no"},
            "",
            "550 5.1.1 no",
        ),
        ({"kind": "failed", "reason": "x-own-rule"}, "x own rule", ""),
        ({"kind": "delivered", "mx": "captured"}, "It was kept here instead of being sent.", ""),
        ({"kind": "clicked", "url": "https://a.test/"}, "", "https://a.test/"),
        (
            {"kind": "rejected", "reason": "no-from", "code": 554, "text": "No From field"},
            "",
            "554 No From field",
        ),
        (
            {"kind": "accepted", "dropped": "suppress-bounce"},
            "It is answered as accepted, and not sent; see below.",
            "",
        ),
    ],
)
def test_what_the_other_side_said_stands_beside_what_it_means(
    row: dict[str, Any], why: str, said: str
) -> None:
    told = tell_event(row)
    assert (told.why, told.said) == (why, said)


def test_a_program_that_looks_is_no_reader() -> None:
    told = tell_event({"kind": "opened", "machine": "scanner"})
    assert told.look == "quiet" and "not a person" in told.why


def test_where_a_copy_stands() -> None:
    assert tell_state(DeliveryState.WAITING, 0, "", 0) == Told("Waiting", "quiet")
    assert tell_state(DeliveryState.WAITING, 451, "later", 1) == Told(
        "Not yet", "warn", "It is tried again.", "451 later"
    )
    assert tell_state(DeliveryState.DELIVERED, 250, "Ok", 2) == Told("Delivered", "good", "", "250 Ok")
