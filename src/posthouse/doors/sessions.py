"""What each SMTP event means here: sign-in, sender, recipients, and the letter itself.

One `SubmissionSession` per connection. Its words are Mailgun's (the services' own words come with the
dialects); only `250 Great success` is without an enhanced code, because that is what applications and their
tests have known for years (contract C-08).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from posthouse.desk import credentials
from posthouse.desk.identity_view import IdentityView
from posthouse.doors.budget import BUSY, BodyBudget
from posthouse.doors.signins import SignIns
from posthouse.doors.submission import Reader
from posthouse.model.account import Principal
from posthouse.model.errors import CommitInDoubt, PosthouseError, Refused
from posthouse.model.message import Receipt, Recipient
from posthouse.pipeline.submit import Intake
from posthouse.rules import policy
from posthouse.smtp.events import AuthTry, BodyEnd, BodyStart, Event, MailFrom, RcptTo
from posthouse.smtp.replies import Reply
from posthouse.smtp.server import ServerEngine
from posthouse.store.engine import Store

log = structlog.get_logger()

Answer = Callable[[Reply | None], None]

SIGNED_IN = Reply(235, "2.7.0", "Authentication successful")
SENDER_OK = Reply(250, "2.1.0", "Sender address accepted")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient address accepted")
CONTINUE = Reply(354, "", "Continue")
GREAT_SUCCESS = Reply(250, "", "Great success")
CANNOT_NOW = Reply(451, "4.3.0", "cannot accept your message now")
NO_SIGN_IN_NOW = Reply(454, "4.7.0", "Temporary authentication failure, try again in a moment")
SIGNED_OUT = Reply(535, "5.7.8", "Authentication failed: this user was revoked or its password reset")


@dataclass(slots=True)
class SessionParts:
    """What the sessions of one worker share."""

    identity: IdentityView
    store: Store
    intake: Intake
    reader: Reader
    budget: BodyBudget
    sign_ins: SignIns
    allow_unqualified: Callable[[str], bool]
    queue_id_in_reply: bool


class SubmissionSession:
    """One connection of a customer: from sign-in to `250 Great success`."""

    def __init__(self, parts: SessionParts, engine: ServerEngine, address: str) -> None:
        self._parts = parts
        self._engine = engine
        self._address = address
        self._principal: Principal | None = None
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
            return CONTINUE if self._parts.budget.admits_new else BUSY
        if isinstance(event, AuthTry):
            return self._sign_in(event, answer)
        raise AssertionError(f"no such event here: {event!r}")

    # -- signing in ------------------------------------------------------------

    def _sign_in(self, event: AuthTry, answer: Answer) -> Reply | None:
        principal = self._parts.identity.recognise(event.user, event.password)
        if principal is not None:
            return self._welcome(principal)
        self._looking = asyncio.get_running_loop().create_task(self._look_again(event, answer))
        return None

    async def _look_again(self, event: AuthTry, answer: Answer) -> None:
        try:
            reply = await self._second_look(event)
        except Exception as error:
            log.warning("sign-in of %s: the store does not answer: %s", self._address, error)
            reply = NO_SIGN_IN_NOW
        answer(reply)

    async def _second_look(self, event: AuthTry) -> Reply:
        """The view may be half a second old: a user made just now must get in at once."""
        await self._parts.identity.refresh(self._parts.store)
        principal = self._parts.identity.recognise(event.user, event.password)
        if principal is not None:
            return self._welcome(principal)
        self._parts.sign_ins.failed(self._address)
        await asyncio.sleep(self._parts.sign_ins.delay_s(self._address))
        return refusal_reply(credentials.refusal(event.password))

    def _welcome(self, principal: Principal) -> Reply:
        self._principal = principal
        self._parts.sign_ins.succeeded(self._address)
        return SIGNED_IN

    # -- the transaction ------------------------------------------------------------

    def _sender(self, event: MailFrom) -> Reply:
        trouble = self._parts.store.refusal
        if trouble is not None:  # faults F20 to F23: no waiting, the client comes back
            return refusal_reply(trouble)
        if self._principal is not None:
            current = self._parts.identity.current(self._principal)
            if current is None:
                return SIGNED_OUT
            self._principal = current
        self._mail, self._recipients = event, []
        return SENDER_OK

    def _recipient(self, event: RcptTo) -> Reply:
        address = event.address
        try:
            policy.judge_recipient(address, allow_unqualified=self._parts.allow_unqualified(address.domain))
        except Refused as refused:
            return refusal_reply(refused)
        self._recipients.append(
            Recipient(str(address), address.domain, event.params.notify, event.params.orcpt)
        )
        return RECIPIENT_OK

    def _letter(self, event: BodyEnd, answer: Answer) -> Reply | None:
        mail, recipients = self._mail, self._recipients
        self._mail, self._recipients = None, []
        if mail is None or self._principal is None:
            raise AssertionError("the engine let a letter pass without sender or sign-in")
        try:
            submission = self._parts.reader.submission(
                event.body, mail, recipients, self._principal, self._engine, self._address
            )
        except PosthouseError as refused:
            log.info("letter of %s refused: %s", self._principal.login, refused)
            return refusal_reply(refused)

        def done(receipt: Receipt | None, error: BaseException | None) -> None:
            answer(self._after_commit(receipt, error))

        self._parts.intake.accept(submission, self._principal, done)
        return None

    def _after_commit(self, receipt: Receipt | None, error: BaseException | None) -> Reply | None:
        if receipt is not None:
            if self._parts.queue_id_in_reply:
                return Reply(250, "", f"Great success queued as {receipt.message_id}")
            return GREAT_SUCCESS
        if isinstance(error, CommitInDoubt):
            log.error("a commit is in doubt: closing the connection of %s without a reply", self._address)
            return None
        if isinstance(error, PosthouseError):
            return refusal_reply(error)
        log.error("a letter could not be stored", exc_info=error)
        return CANNOT_NOW


def refusal_reply(error: PosthouseError) -> Reply:
    return Reply(error.code, error.enhanced, error.text)
