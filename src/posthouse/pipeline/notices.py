"""Mail about mail: the delivery status notifications that a sender asked for (RFC 3461, RFC 3464).

A notice is a letter of our own from the null sender; it is stored in the same transaction as the outcome
that caused it, so there is exactly one. Its delivery is due at once and taken from the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from posthouse.mail import reports
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.clock import Ids
from posthouse.model.event import Event, EventKind
from posthouse.model.message import Delivery, Message, Outcome, Recipient, SmtpResult, Verdict
from posthouse.model.options import SendOptions
from posthouse.model.returned import ReturnedKind, ReturnedRecipient
from posthouse.pipeline.letters import Job
from posthouse.rules import plan
from posthouse.store.messages import Accepted

DELAY_AFTER_S = 4 * 3600.0
_NOTICE_LIFE_S = 2 * 86400.0
# what came back: the word of NOTIFY, the action of the notice, the verdict
_RETURNED = {
    ReturnedKind.BOUNCE: ("FAILURE", "failed", Verdict.FAILED),
    ReturnedKind.DELAY: ("DELAY", "delayed", Verdict.DEFERRED),
    ReturnedKind.SUCCESS: ("SUCCESS", "delivered", Verdict.DELIVERED),
}


class Notices:
    """Decides whether an outcome is told to the envelope sender by mail, and writes that mail.

    `mode`: "asked" (only where NOTIFY asked for it), "always" (failures also without being asked, the
    default of RFC 3461 5.1), "never".
    """

    def __init__(self, *, ids: Ids, hostname: str, mode: str) -> None:
        self._ids = ids
        self._hostname = hostname
        self._mode = mode

    def for_outcome(self, job: Job, result: SmtpResult, outcome: Outcome, now: float) -> Accepted | None:
        """The notice to send, or None."""
        if job.letter is None or not job.letter.message.sender:
            return None  # RFC 3461 6, RFC 5321 4.5.5: never a notice for the null sender
        action = self._action(job, result, outcome, now)
        if action is None:
            return None
        try:
            letter = job.letter
            return self._letter(
                letter.message, letter.content, [job.delivery], outcome, action, now, mx=result.mx
            )
        except BadAddress:
            return None  # the sender has no domain that mail could reach

    def for_rejection(self, accepted: Accepted, reason: str, text: str) -> Accepted | None:
        """The notice that a letter was taken and then dropped for everybody: `text` tells its author what to
        repair. Sent without being asked for, since nothing else tells; not to those who want none."""
        about = accepted.message
        wants = [each for each in accepted.deliveries if each.notify != "NEVER"]
        if not about.sender or self._mode == "never" or not wants:
            return None
        first, _, more = text.partition("\n")
        outcome = Outcome(Verdict.FAILED, 554, "5.6.0", first or reason, reason)
        try:
            return self._letter(
                about, accepted.content, wants, outcome, "failed", about.accepted_at, text=more
            )
        except BadAddress:
            return None

    def wants_returned(self, kind: ReturnedKind, message: Message, delivery: Delivery) -> bool:
        """Is its author to be told what came back to us about a delivery?"""
        asked = set(filter(None, delivery.notify.split(",")))
        if not message.sender or self._mode == "never" or "NEVER" in asked:
            return False
        if kind is ReturnedKind.BOUNCE and not asked:
            return self._mode == "always"
        return kind in _RETURNED and _RETURNED[kind][0] in asked

    def for_returned(
        self,
        kind: ReturnedKind,
        message: Message,
        delivery: Delivery,
        content: bytes,
        said: ReturnedRecipient,
        now: float,
    ) -> Accepted | None:
        """The notice about it, in our words and form, as if it had been the answer to us."""
        _, action, verdict = _RETURNED[kind]
        outcome = Outcome(verdict, said.code, said.enhanced, said.text, said.reason)
        try:
            return self._letter(message, content, [delivery], outcome, action, now, mx=said.host)
        except BadAddress:
            return None

    def _action(self, job: Job, result: SmtpResult, outcome: Outcome, now: float) -> str | None:
        asked = set(filter(None, job.delivery.notify.split(",")))
        if self._mode == "never" or "NEVER" in asked:
            return None
        if outcome.verdict is Verdict.FAILED:
            return "failed" if "FAILURE" in asked or (self._mode == "always" and not asked) else None
        if outcome.verdict is Verdict.DELIVERED:
            # RFC 3461 5.2.2: the next hop took over the duty where it knows DSN.
            return "relayed" if "SUCCESS" in asked and not result.passes_dsn_on else None
        return "delayed" if "DELAY" in asked and self._crosses_delay(job, outcome, now) else None

    def _crosses_delay(self, job: Job, outcome: Outcome, now: float) -> bool:
        """True for exactly one attempt: the one whose turn ends when the letter is four hours late (counted
        from when it was to go).

        Turns go from one due time to the next without a gap: an attempt may come long after it was due,
        because its site rested.
        """
        assert job.letter is not None
        message = job.letter.message
        mark = max(message.accepted_at, message.options.deliver_at) + DELAY_AFTER_S
        return min(job.delivery.due_at, now) < mark <= outcome.retry_at

    def _letter(
        self,
        about: Message,
        content: bytes,
        deliveries: Sequence[Delivery],
        outcome: Outcome,
        action: str,
        now: float,
        *,
        mx: str = "",
        text: str = "",
    ) -> Accepted:
        notice_id = self._ids.new()
        promises_tls = about.options.promises_tls
        if promises_tls:  # RFC 8689 5: the report is protected as the letter was, and holds no body
            about = replace(about, ret="HDRS")
        notice = reports.status_report(
            reports.StatusReport(
                action=action,
                hostname=self._hostname,
                notice_id=notice_id,
                now=now,
                message=about,
                delivery=deliveries[0],
                outcome=outcome,
                mx=mx,
                content=content,
                others=tuple(deliveries[1:]),
                explanation=text,
            )
        )
        to = parse_address(about.sender)
        message = Message(
            id=notice_id,
            account_id=about.account_id,
            domain=about.domain,
            credential_id="",
            sender="",
            subject=f"Delivery status: {action}",
            header_id=f"<{notice_id}@{self._hostname}>",
            size_bytes=len(notice),
            accepted_at=now,
            expires_at=now + _NOTICE_LIFE_S,
            is_utf8=to.needs_utf8,
            is_8bit=not notice.isascii(),
            options=SendOptions(is_notice=True, promises_tls=promises_tls),
        )
        own = plan.deliveries(message, [Recipient(str(to), to.domain, "NEVER")], due_at=now)
        events = [self._event(message, delivery.id, str(to), about.id) for delivery in own]
        return Accepted(message, notice, own, events)

    def _event(self, message: Message, delivery_id: str, recipient: str, about_id: str) -> Event:
        return Event(
            id=self._ids.new(),
            kind=EventKind.ACCEPTED,
            at=message.accepted_at,
            account_id=message.account_id,
            domain=message.domain,
            message_id=message.id,
            delivery_id=delivery_id,
            recipient=recipient,
            data={
                "sender": "",
                "subject": message.subject,
                "size_bytes": message.size_bytes,
                "notice_about": about_id,
                "is_notice": True,
            },
        )
