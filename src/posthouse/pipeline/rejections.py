"""Letters that were refused at the end of data become `rejected` events, so that their sender finds out why.

The refusal is answered at once; the event is written afterwards, beside other writes. A program that tries
the same again and again would fill the store: beyond so many a minute the letters of an account are counted
and told in one event at the end of the minute. What is lost when the worker or the store fails is a note
about mail that was never accepted.

Public: Rejections, Rejected, of_submission, of_octets, nobody_notes, TELL_S.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from posthouse.mail import letter as letters
from posthouse.mail.words import decode_words
from posthouse.model.account import Principal
from posthouse.model.address import Address
from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import PosthouseError, Refused
from posthouse.model.event import Event, EventKind
from posthouse.model.message import Recipient, Submission
from posthouse.store import events
from posthouse.store.engine import Store

log = structlog.get_logger()

TELL_S = 60.0
MOST_A_MINUTE = 60
_MOST_ACCOUNTS = 10_000
_MOST_RECIPIENTS = 20
_MOST_TEXT = 500
_LEFT_OUT = "left-out"


@dataclass(frozen=True, slots=True)
class Rejected:
    """What is known of a letter that was refused. `sender`: of its envelope, "" for none. `message_id`: what
    it would have had, "" where it came to no id."""

    sender: str
    subject: str
    recipients: Sequence[Recipient]
    size_bytes: int
    domain: str = ""
    message_id: str = ""


def of_submission(submission: Submission) -> Rejected:
    """A letter that was read and could not be accepted."""
    return Rejected(
        submission.sender,
        submission.subject,
        submission.recipients,
        len(submission.content),
        submission.domain,
        submission.id,
    )


def of_octets(body: bytes, sender: Address | None, recipients: Sequence[Recipient]) -> Rejected:
    """A letter that was refused as it was read."""
    return Rejected(str(sender) if sender else "", _subject(body), recipients, len(body))


class Rejections:
    """For one worker. Only its loop uses it."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, *, most_a_minute: int = MOST_A_MINUTE) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._most = most_a_minute
        self._counts: dict[str, int] = {}  # by account, since the last `tell`
        self._uncounted = 0

    def note(self, principal: Principal, error: BaseException | None, look: Callable[[], Rejected]) -> None:
        """Write down a letter of `principal` that was refused for good; of other errors nothing is written.
        Returns at once. `look` is asked only for what is written."""
        if not isinstance(error, Refused) or error.code < 500:
            return
        account_id = principal.account_id
        if account_id not in self._counts and len(self._counts) >= _MOST_ACCOUNTS:
            self._uncounted += 1
            return
        self._counts[account_id] = count = self._counts.get(account_id, 0) + 1
        if count <= self._most:
            self._write(self._event(principal, error, look()))

    async def tell(self) -> None:
        """What was left out since the last time, an event an account. A chore for each `TELL_S`."""
        counts, self._counts = self._counts, {}
        if self._uncounted:
            log.warning("refused letters of too many accounts: some were not noted", letters=self._uncounted)
            self._uncounted = 0
        for account_id, count in counts.items():
            if count <= self._most:
                continue
            left = count - self._most
            text = f"{left} more letters were refused within {TELL_S:.0f} seconds and are not told one by one"
            detail = {"reason": _LEFT_OUT, "text": text, "left_out": left}
            self._write(
                Event(self._ids.new(), EventKind.REJECTED, self._clock.now(), account_id, "", "", data=detail)
            )

    def _event(self, principal: Principal, error: PosthouseError, rejected: Rejected) -> Event:
        return Event(
            self._ids.new(),
            EventKind.REJECTED,
            self._clock.now(),
            principal.account_id,
            principal.domain or rejected.domain,
            rejected.message_id,
            data=_detail(principal, error, rejected),
        )

    def _write(self, event: Event) -> None:
        self._store.submit(events.append_each, event, _written)


NoteRejected = Callable[[Principal, BaseException | None, Callable[[], Rejected]], None]
"""`Rejections.note`."""


def nobody_notes(principal: Principal, error: BaseException | None, look: Callable[[], Rejected]) -> None:
    """For a door without a log."""


def _written(result: Any, error: BaseException | None) -> None:
    if error is not None:
        log.warning("a refused letter was not noted", error=str(error))


def _detail(principal: Principal, error: PosthouseError, rejected: Rejected) -> dict[str, Any]:
    addresses = [each.address for each in rejected.recipients[:_MOST_RECIPIENTS]]
    detail: dict[str, Any] = {
        "reason": error.reason,
        "code": error.code,
        "enhanced": error.enhanced,
        "text": error.text,
        "sender": rejected.sender[:_MOST_TEXT],
        "subject": rejected.subject,
        "recipients": addresses,
        "recipient_count": len(rejected.recipients),
        "size_bytes": rejected.size_bytes,
        "login": principal.login,
        "credential": principal.credential_id,
    }
    return {key: value for key, value in detail.items() if value != ""}


def _subject(body: bytes) -> str:
    try:
        return decode_words(letters.parse(body).first(b"subject") or b"")[:_MOST_TEXT]
    except Exception:  # what is no letter is the likeliest to be refused
        return ""
