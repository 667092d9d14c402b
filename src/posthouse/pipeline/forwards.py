"""Complaints that senders want to read themselves: the report goes on as a letter of ours.

It goes from the null sender, so nothing about it ever comes back, and once for each delivery: a loop ends
where it began. A flood of complaints sends an account only so many an hour from one worker; all of them are
events.

Public: Forwards, MOST_AN_HOUR.
"""

from __future__ import annotations

from posthouse.mail.forward import forwarded_report
from posthouse.model.address import Address, BadAddress, parse_address
from posthouse.model.clock import Ids
from posthouse.model.event import Event, EventKind
from posthouse.model.message import Delivery, Message, Recipient
from posthouse.pipeline.facts import event_of
from posthouse.rules import plan
from posthouse.store.messages import Accepted

MOST_AN_HOUR = 100
_LIFE_S = 2 * 86400.0


class Forwards:
    """Writes those letters for one worker."""

    def __init__(self, *, ids: Ids, hostname: str) -> None:
        self._ids = ids
        self._hostname = hostname
        self._hour = 0
        self._written: dict[str, int] = {}  # of this hour, by account

    def complaint(self, message: Message, delivery: Delivery, report: bytes, now: float) -> Accepted | None:
        """The letter; None where nobody wants it, where it cannot be addressed, or past the limit."""
        to = _addresses(message.options.forward_complaints_to)
        if not to or not self._has_room(message.account_id, now):
            return None
        letter_id = self._ids.new()
        content = forwarded_report(
            hostname=self._hostname,
            letter_id=letter_id,
            to=[str(address) for address in to],
            now=now,
            recipient=delivery.recipient,
            about=message.header_id,
            report=report,
        )
        letter = Message(
            id=letter_id,
            account_id=message.account_id,
            domain=message.domain,
            credential_id="",
            sender="",
            subject="A recipient complained about your message",
            header_id=f"<{letter_id}@{self._hostname}>",
            size_bytes=len(content),
            accepted_at=now,
            expires_at=now + _LIFE_S,
        )
        people = [Recipient(str(address), address.domain, "NEVER") for address in to]
        deliveries = plan.deliveries(letter, people, due_at=now)
        return Accepted(
            letter, content, deliveries, [self._accepted(letter, one, message) for one in deliveries]
        )

    def _has_room(self, account_id: str, now: float) -> bool:
        hour = int(now // 3600)
        if hour != self._hour:
            self._hour, self._written = hour, {}
        count = self._written.get(account_id, 0)
        self._written[account_id] = count + 1
        return count < MOST_AN_HOUR

    def _accepted(self, letter: Message, delivery: Delivery, about: Message) -> Event:
        return event_of(
            self._ids.new(),
            EventKind.ACCEPTED,
            letter.accepted_at,
            letter,
            delivery,
            {
                "sender": "",
                "subject": letter.subject,
                "size_bytes": letter.size_bytes,
                "complaint_about": about.id,
            },
        )


def _addresses(text: str) -> list[Address]:
    """Those of a list with commas that can stand in an ASCII header."""
    found = []
    for part in text.split(","):
        try:
            address = parse_address(part.strip())
        except BadAddress:
            continue
        if not address.needs_utf8:
            found.append(address)
    return found
