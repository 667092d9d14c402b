"""Which lists a failure or a complaint puts an address on."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.model.options import RecipientOptions, SendOptions, options_text
from posthouse.model.returned import BounceClass
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.rules.listing import complained, listed, repeated

DAY = 86400.0
BOUNCE, BLOCK, INVALID = SuppressionKind.BOUNCE, SuppressionKind.BLOCK, SuppressionKind.INVALID
WIDE = SendOptions(account_lists=True)


def message(**changes: Any) -> Message:
    known = {"credential_id": "cred", "options": SendOptions(), **changes}
    return Message(
        id="m1",
        account_id="acc",
        domain="shop.test",
        sender="bounce@shop.test",
        subject="x",
        header_id="",
        size_bytes=1,
        accepted_at=0.0,
        expires_at=DAY,
        **known,
    )


def delivery(personal: str = "") -> Delivery:
    return Delivery(
        "m1.0",
        "m1",
        "acc",
        "Ann@x.test",
        "x.test",
        "acc|x.test|single",
        DeliveryState.TAKEN,
        0.0,
        DAY,
        personal=personal,
    )


def kinds(rows: list[Suppression]) -> list[SuppressionKind]:
    return [row.kind for row in rows]


FAILURES = {
    "an address that does not exist": ("bad-mailbox", SendOptions(), [BOUNCE]),
    "a mailbox that is closed": ("mailbox-disabled", SendOptions(), [BOUNCE]),
    "a domain that does not exist": ("bad-domain", SendOptions(), [INVALID]),
    "a domain that does not exist, by our own DNS": ("no-such-domain", SendOptions(), [INVALID]),
    "a domain without a host": ("no-host", SendOptions(), [INVALID]),
    "a domain that takes no mail": ("null-mx", SendOptions(), [INVALID]),
    "a dead domain, lists of the account": ("bad-domain", WIDE, [INVALID, BOUNCE]),
    "a full mailbox": ("mailbox-full", SendOptions(), [BLOCK]),
    "time is over": ("expired", SendOptions(), [BLOCK]),
    "a policy": ("policy", SendOptions(), [BLOCK]),
    "refused without a known reason": ("rejected", SendOptions(), [BLOCK]),
    "trouble of our own": ("local", SendOptions(), []),
    "content that we lost": ("content-missing", SendOptions(), []),
    "a test": ("bad-mailbox", SendOptions(test_mode="drop"), []),
}


@pytest.mark.parametrize(("reason", "options", "expected"), FAILURES.values(), ids=FAILURES.keys())
def test_lists_of_a_failure(reason: str, options: SendOptions, expected: list[SuppressionKind]) -> None:
    assert kinds(listed(message(options=options), delivery(), reason=reason, at=5.0)) == expected


def test_a_row_says_where_when_and_why() -> None:
    rows = listed(
        message(),
        delivery(),
        reason="bad-mailbox",
        at=5.0,
        code=550,
        enhanced="5.1.1",
        text="No such\r\n user",
    )
    assert rows == [Suppression("acc", "ann@x.test", BOUNCE, "shop.test", "", 5.0, "550 5.1.1 No such user")]
    (wide,) = listed(message(options=WIDE), delivery(), reason="bad-mailbox", at=5.0)
    assert (wide.domain, wide.detail) == ("", "")


@pytest.mark.parametrize(
    ("text", "detail"),
    [("5.1.1 gone", "550 5.1.1 gone"), ("550 5.1.1 gone", "550 5.1.1 gone"), ("x" * 900, None)],
)
def test_codes_are_not_told_twice_and_a_detail_has_an_end(text: str, detail: str | None) -> None:
    (row,) = listed(
        message(), delivery(), reason="bad-mailbox", at=5.0, code=550, enhanced="5.1.1", text=text
    )
    assert row.detail == detail or (detail is None and len(row.detail) == 500)


def test_a_report_may_know_better_than_the_word() -> None:
    found = listed(message(), delivery(), reason="rejected", at=5.0, bounce_class=BounceClass.HARD)
    assert kinds(found) == [BOUNCE]
    assert kinds(
        listed(message(), delivery(), reason="bad-mailbox", at=5.0, bounce_class=BounceClass.SOFT)
    ) == [BLOCK]


def test_nobody_is_listed_for_reports_of_ours_and_copies() -> None:
    copy = options_text(RecipientOptions(copy_of="bob@x.test"))
    assert listed(message(), delivery(copy), reason="bad-mailbox", at=5.0) == []
    assert listed(message(credential_id=""), delivery(), reason="bad-mailbox", at=5.0) == []
    assert complained(message(), delivery(copy), at=5.0) == []


def test_a_complaint_is_a_complaint() -> None:
    assert complained(message(), delivery(), at=5.0, text="abuse") == [
        Suppression("acc", "ann@x.test", SuppressionKind.COMPLAINT, "shop.test", "", 5.0, "abuse")
    ]


SERIES = {
    "none": ([], False),
    "three in one day": ([0, 0.4 * DAY, 0.9 * DAY], False),
    "two over a week": ([0, 7 * DAY], False),
    "three over three days": ([0, 1 * DAY, 3 * DAY], True),
    "in any order": ([3 * DAY, 0, 1 * DAY], True),
    "the first is too long ago": ([0, 13 * DAY, 15 * DAY], False),
    "long ago and lately": ([0, 20 * DAY, 22 * DAY, 24 * DAY], True),
}


@pytest.mark.parametrize(("failures", "expected"), SERIES.values(), ids=SERIES.keys())
def test_soft_failures_count_when_they_go_on_for_days(failures: list[float], expected: bool) -> None:
    """BR-6."""
    assert repeated(failures) is expected
