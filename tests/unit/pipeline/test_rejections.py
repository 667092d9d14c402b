"""Refused letters become events, a bounded number of them (D-06)."""

from __future__ import annotations

from typing import Any, cast

import pytest

from posthouse.model.account import Principal
from posthouse.model.address import parse_address
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import CommitInDoubt, Refused, TryLater
from posthouse.model.event import Event, EventKind
from posthouse.model.message import Recipient, Submission
from posthouse.pipeline import rejections
from posthouse.pipeline.rejections import Rejections, of_octets, of_submission

LETTER = b"From: a@shop.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nhello\r\n"
REFUSED = Refused(550, "5.7.1", "The domain other.test is not yours", reason="bad-from")
PEOPLE = [Recipient(f"u{number}@good.test", "good.test") for number in range(25)]


def principal(account_id: str = "acc") -> Principal:
    return Principal(
        account_id=account_id,
        domain_id="d1",
        domain="shop.test",
        region="us",
        verified=True,
        credential_id="cred",
        login="app@shop.test",
        dialect="mailgun",
    )


class Log:
    """A store that remembers what was to be written, and may refuse it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.error: Exception | None = None

    def submit(self, fn: Any, event: Event, done: Any) -> None:
        self.events.append(event)
        done(None, self.error)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def noting(log: Log) -> Rejections:
    clock = FakeClock()
    return Rejections(cast(Any, log), clock, Ids(clock), most_a_minute=3)


def letter() -> rejections.Rejected:
    return of_octets(LETTER, parse_address("bounce@shop.test"), PEOPLE)


def test_a_refused_letter_says_what_was_wrong_with_what(log: Log, noting: Rejections) -> None:
    noting.note(principal(), REFUSED, letter)
    [event] = log.events
    assert (event.kind, event.account_id, event.domain) == (EventKind.REJECTED, "acc", "shop.test")
    assert (event.message_id, event.delivery_id, event.recipient) == ("", "", "")
    assert event.data == {
        "reason": "bad-from",
        "code": 550,
        "enhanced": "5.7.1",
        "text": "The domain other.test is not yours",
        "sender": "bounce@shop.test",
        "subject": "Grüße",
        "recipients": [each.address for each in PEOPLE[:20]],
        "recipient_count": 25,
        "size_bytes": len(LETTER),
        "login": "app@shop.test",
        "credential": "cred",
    }


def test_a_letter_that_was_read_has_the_id_that_its_trace_names(log: Log, noting: Rejections) -> None:
    read = Submission("01ID", "", PEOPLE[:1], LETTER, "Hi", "<x@y>", domain="shop.test")
    noting.note(principal(), REFUSED, lambda: of_submission(read))
    assert (log.events[0].message_id, log.events[0].data["subject"]) == ("01ID", "Hi")
    assert "sender" not in log.events[0].data


@pytest.mark.parametrize(
    "error",
    [
        None,
        TryLater(452, "4.3.1", "full"),
        Refused(450, "4.7.1", "later"),
        CommitInDoubt("?"),
        KeyError("bug"),
    ],
    ids=["accepted", "later", "later too", "in doubt", "a bug"],
)
def test_what_is_not_refused_for_good_is_not_noted(
    log: Log, noting: Rejections, error: BaseException | None
) -> None:
    noting.note(principal(), error, letter)
    assert log.events == []


async def test_a_loop_does_not_fill_the_store_and_what_was_left_out_is_counted(
    log: Log, noting: Rejections
) -> None:
    for _ in range(10):
        noting.note(principal(), REFUSED, letter)
    noting.note(principal("other"), REFUSED, letter)
    assert [event.account_id for event in log.events] == ["acc"] * 3 + ["other"], "each account has its own"
    await noting.tell()
    assert [event.data.get("left_out") for event in log.events[4:]] == [7]
    assert (log.events[4].account_id, log.events[4].data["reason"]) == ("acc", "left-out")
    await noting.tell()
    noting.note(principal(), REFUSED, letter)
    assert len(log.events) == 6, "a new minute"


async def test_accounts_without_number_do_not_fill_memory(
    log: Log, noting: Rejections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejections, "_MOST_ACCOUNTS", 2)
    for number in range(5):
        noting.note(principal(f"a{number}"), REFUSED, letter)
    assert len(log.events) == len(noting._counts) == 2
    await noting.tell()
    noting.note(principal("a4"), REFUSED, letter)
    assert log.events[-1].account_id == "a4"


@pytest.mark.parametrize("body", [b"", b"\0" * 300, b"x: y\r\n" * 100_000], ids=["empty", "NUL", "no end"])
def test_what_is_no_letter_is_noted_without_a_subject(log: Log, noting: Rejections, body: bytes) -> None:
    noting.note(principal(), REFUSED, lambda: of_octets(body, None, []))
    assert "subject" not in log.events[0].data


def test_a_store_that_is_away_only_loses_the_note(log: Log, noting: Rejections) -> None:
    log.error = TryLater(451, "4.3.0", "away")
    noting.note(principal(), REFUSED, letter)
