"""The demonstration's plan: the same for one seed, two weeks of it, and each letter as the API takes it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from posthouse.demo.cast import SITES
from posthouse.demo.letters import complaint, form_of, late_bounce
from posthouse.demo.plan import HOURS, Letter, Plan
from posthouse.mail.addresses import parse_mailboxes
from posthouse.mail.returned import read_returned
from posthouse.model.returned import ReturnedKind


def weeks(seed: int, scale: float = 0.2) -> list[list[Letter]]:
    plan = Plan(seed, scale)
    return [list(plan.hour(number)) for number in range(HOURS)]


def test_one_seed_gives_the_same_weeks_and_another_others() -> None:
    assert weeks(1) == weeks(1) != weeks(2)


def test_hours_are_in_order_and_reach_every_site() -> None:
    letters = [letter for hour in weeks(3, 1.0) for letter in hour]
    assert 4000 < len(letters) < 6500
    assert {letter.customer[1].rpartition("@")[2] for letter in letters} == {site.domain for site in SITES}
    for hour in weeks(3):
        assert [letter.minute for letter in hour] == sorted(letter.minute for letter in hour)


def test_every_letter_has_one_recipient_that_parses() -> None:
    for letter in (letter for hour in weeks(4) for letter in hour):
        fields = form_of(letter)
        (mailbox,) = parse_mailboxes(str(fields["to"]).encode())
        assert mailbox.name == letter.customer[0]


@pytest.mark.parametrize("kind", [ReturnedKind.COMPLAINT, ReturnedKind.BOUNCE])
def test_what_comes_back_is_read_as_what_it_is(kind: ReturnedKind) -> None:
    original = b"From: a@shop.example\r\nSubject: x\r\nMessage-ID: <1@shop.example>\r\n\r\nx\r\n"
    at = datetime(2026, 11, 27, tzinfo=UTC)
    if kind is ReturnedKind.COMPLAINT:
        raw = complaint("b+x@back.example", original, at)
    else:
        raw = late_bounce("b+x@back.example", "ann@bluemail.example", original, at)
    assert read_returned(raw).kind is kind
