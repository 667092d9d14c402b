"""What each SMTP event means here: sender, recipients, and the letter itself.

One `SubmissionSession` per connection; who speaks there is the matter of its `caller.Caller`.

Public: SubmissionSession.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from posthouse.dialects.dialect import TemplateUse
from posthouse.doors.budget import BUSY
from posthouse.doors.caller import Caller
from posthouse.doors.session_parts import Answer, SessionParts
from posthouse.doors.submission import Arrival, is_newer, may_be_news
from posthouse.mail.trace import with_word
from posthouse.model.account import Principal
from posthouse.model.errors import CommitInDoubt, PosthouseError, Refused, TryLater
from posthouse.model.message import Receipt, Recipient, Submission
from posthouse.pipeline.rejections import of_octets, of_submission
from posthouse.rules import policy
from posthouse.smtp.events import AuthTry, BodyEnd, BodyStart, Event, MailFrom, RcptTo
from posthouse.smtp.replies import Reply
from posthouse.smtp.server import ServerEngine

log = structlog.get_logger()

CANNOT_NOW = Reply(451, "4.3.0", "cannot accept your message now")
_TOO_MANY_RECIPIENTS = TryLater(452, "4.5.3", "Too many recipients", reason="too-many-recipients")


@dataclass(slots=True)
class _Draft:
    """A letter with its envelope, as long as it may have to be read once more."""

    body: bytes
    mail: MailFrom
    recipients: list[Recipient]
    principal: Principal


_Read = tuple[Submission, TemplateUse | None] | PosthouseError


class SubmissionSession:
    """One connection of a customer: from sign-in to the 250 at the end of data."""

    def __init__(self, parts: SessionParts, engine: ServerEngine, address: str) -> None:
        self._parts = parts
        self._engine = engine
        self._address = address
        self._caller = Caller(parts, address)
        self._letters = 0
        self._mail: MailFrom | None = None
        self._recipients: list[Recipient] = []
        self._looking: asyncio.Task[None] | None = None

    def on_event(self, event: Event, answer: Answer) -> Reply | None:
        """The reply, or None: `answer` will be called with it later (with None to close in doubt)."""
        if isinstance(event, RcptTo):
            return self._recipient(event)
        if isinstance(event, MailFrom):
            return self._sender(event)
        if isinstance(event, BodyEnd):
            return self._letter(event, answer)
        if isinstance(event, BodyStart):
            return self._caller.words.go_on if self._parts.budget.admits_new else self._caller.said(BUSY)
        if isinstance(event, AuthTry):
            return self._caller.sign_in(event, answer)
        raise AssertionError(f"no such event here: {event!r}")

    def closed(self) -> None:
        """The connection is gone."""
        self._caller.gone()

    def _sender(self, event: MailFrom) -> Reply:
        trouble = self._parts.store.refusal
        if trouble is not None:  # faults F20 to F23: no waiting, the client comes back
            return self._caller.refused(trouble)
        if objection := self._caller.objection():
            return objection
        if 0 < self._caller.limits.messages_per_connection <= self._letters:
            return self._caller.words.too_many_messages
        self._mail, self._recipients = event, []
        return self._caller.words.sender_ok

    def _recipient(self, event: RcptTo) -> Reply:
        address = event.address
        if self._caller.limits.recipients and len(self._recipients) >= self._caller.limits.recipients:
            return self._caller.refused(_TOO_MANY_RECIPIENTS)
        try:
            policy.judge_recipient(address, allow_unqualified=self._parts.allow_unqualified(address.domain))
        except Refused as refused:
            return self._caller.refused(refused)
        self._recipients.append(
            Recipient(str(address), address.domain, event.params.notify, event.params.orcpt)
        )
        return self._caller.words.recipient_ok

    def _letter(self, event: BodyEnd, answer: Answer) -> Reply | None:
        mail, recipients = self._mail, self._recipients
        self._mail, self._recipients = None, []
        self._letters += 1
        if mail is None or self._caller.principal is None:
            raise AssertionError("the engine let a letter pass without sender or sign-in")
        draft = _Draft(event.body, mail, recipients, self._caller.principal)
        found = self._read(draft)
        if isinstance(found, PosthouseError) or may_be_news(found[0]):
            self._looking = asyncio.get_running_loop().create_task(self._read_again(draft, found, answer))
            return None
        return self._accept(found, draft, answer)

    def _read(self, draft: _Draft) -> _Read:
        try:
            return self._parts.reader.submission(
                draft.body, draft.mail, draft.recipients, draft.principal, self._arrival(draft.mail)
            )
        except PosthouseError as refused:
            return refused

    def _arrival(self, mail: MailFrom) -> Arrival:
        engine = self._engine
        protocol = with_word(
            is_extended=engine.is_extended,
            is_tls=engine.is_tls,
            is_authenticated=engine.is_authenticated,
            is_utf8=mail.params.is_utf8,
        )
        return Arrival(engine.hello_name, self._address, protocol)

    async def _read_again(self, draft: _Draft, found: _Read, answer: Answer) -> None:
        if await is_newer(self._parts.identity, self._parts.store):
            draft.principal = self._parts.identity.current(draft.principal) or draft.principal
            found = self._read(draft)
        reply = self._accept(found, draft, answer)
        if reply is not None:
            answer(reply)

    def _accept(self, found: _Read, draft: _Draft, answer: Answer) -> Reply | None:
        principal, note_rejected = draft.principal, self._parts.note_rejected
        if isinstance(found, PosthouseError):
            log.info("letter of %s refused: %s", principal.login, found)
            note_rejected(
                principal, found, lambda: of_octets(draft.body, draft.mail.sender, draft.recipients)
            )
            return self._caller.refused(found)
        submission, template = found

        def done(receipt: Receipt | None, error: BaseException | None) -> None:
            answer(self._after_commit(receipt, error))
            note_rejected(principal, error, lambda: of_submission(submission))

        self._parts.intake.accept(submission, principal, done, template)
        return None

    def _after_commit(self, receipt: Receipt | None, error: BaseException | None) -> Reply | None:
        if receipt is not None:
            return self._queued(receipt.message_id)
        if isinstance(error, CommitInDoubt):
            log.error("a commit is in doubt: closing the connection of %s without a reply", self._address)
            return None
        if isinstance(error, PosthouseError):
            return self._caller.refused(error)
        log.error("a letter could not be stored", exc_info=error)
        return self._caller.said(CANNOT_NOW)

    def _queued(self, message_id: str) -> Reply:
        reply = self._caller.words.queued(message_id)
        if self._parts.queue_id_in_reply and "queued" not in str(reply).lower():
            return Reply(reply.code, reply.enhanced, f"{reply.text} queued as {message_id}")
        return reply
