"""What each SMTP event means here: sign-in, sender, recipients, and the letter itself.

One `SubmissionSession` per connection. Until the sign-in it speaks in common words, from then on in those of
the credential's dialect (`dialects.table`); a failed sign-in is answered in the words of the service whose
customer seems to be trying.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from posthouse.desk import sign_in
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.last_use import LastUses
from posthouse.dialects.dialect import Refusal, SessionLimits, TemplateUse, Words
from posthouse.dialects.native import DIALECT as NATIVE
from posthouse.dialects.table import speaker, speaker_for
from posthouse.doors.budget import BUSY, BodyBudget
from posthouse.doors.submission import Arrival, Reader, is_newer, may_be_news
from posthouse.doors.throttle import TOO_MANY_WRONG, Throttle
from posthouse.mail.trace import with_word
from posthouse.model.account import MAIL_SEND, CredentialKind, Principal
from posthouse.model.errors import CommitInDoubt, PosthouseError, Refused, TryLater
from posthouse.model.message import Receipt, Recipient, Submission
from posthouse.pipeline.rejections import NoteRejected, nobody_notes, of_octets, of_submission
from posthouse.pipeline.submit import Intake
from posthouse.rules import policy
from posthouse.rules.ranges import shown_address
from posthouse.smtp.events import AuthTry, BodyEnd, BodyStart, Event, MailFrom, RcptTo
from posthouse.smtp.replies import Reply
from posthouse.smtp.server import ServerEngine
from posthouse.store.engine import Store

log = structlog.get_logger()

Answer = Callable[[Reply | None], None]

CANNOT_NOW = Reply(451, "4.3.0", "cannot accept your message now")
NO_SIGN_IN_NOW = Reply(454, "4.7.0", "Temporary authentication failure, try again in a moment")
SIGNED_OUT = Refused(
    535, "5.7.8", "Authentication failed: this credential was revoked or reset", reason="signed-out"
)
MAY_NOT_SEND = Refused(
    535, "5.7.8", f"Authentication failed: this key lacks the permission {MAIL_SEND}", reason="no-permission"
)
SUSPENDED = Refused(
    535,
    "5.7.8",
    "Authentication failed: this account is suspended; ask whoever runs this service",
    reason="account-suspended",
)
WRONG_PLACE = Refused(
    535,
    "5.7.8",
    "Authentication failed: this credential may not be used from {address}",
    reason="address-range",
)

_TOO_MANY_RECIPIENTS = TryLater(452, "4.5.3", "Too many recipients", reason="too-many-recipients")
_AS_IT_IS = Refusal()


class Connections(Protocol):
    """Counts by name, over all workers of this machine (`net.board.Row`)."""

    def enter(self, text: str) -> int: ...

    def leave(self, text: str) -> None: ...


@dataclass(slots=True)
class SessionParts:
    """What the sessions of one worker share. `limits` by dialect (`dialects.table.session_limits`)."""

    identity: IdentityView
    store: Store
    intake: Intake
    reader: Reader
    budget: BodyBudget
    throttle: Throttle
    last_uses: LastUses
    allow_unqualified: Callable[[str], bool]
    queue_id_in_reply: bool
    limits: Mapping[str, SessionLimits]
    connections: Connections
    note_rejected: NoteRejected = nobody_notes


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
        self._principal: Principal | None = None
        self._words = NATIVE.words
        self._limits = SessionLimits()
        self._counted_as = ""  # on the board, "" when this connection is not on it
        self._letters = 0
        self._is_closed = False
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
            return self._words.go_on if self._parts.budget.admits_new else self._said(BUSY)
        if isinstance(event, AuthTry):
            return self._sign_in(event, answer)
        raise AssertionError(f"no such event here: {event!r}")

    def closed(self) -> None:
        """The connection is gone."""
        self._is_closed = True
        self._uncount()

    # -- signing in ------------------------------------------------------------

    def _sign_in(self, event: AuthTry, answer: Answer) -> Reply | None:
        identity = self._parts.identity
        principal = identity.recognise(event.user, event.password)
        if principal is not None and principal.account_id not in identity.suspended:
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
        """The view may be half a second old: a user made or an account resumed just now gets in at once."""
        await self._parts.identity.look(self._parts.store)
        principal = self._parts.identity.recognise(event.user, event.password)
        if principal is not None:
            return self._welcome(principal)
        if not await self._parts.throttle.hold_back(self._address, event.user):
            return TOO_MANY_WRONG
        return bad_login(event, self._parts.identity.kind_of(event.password))

    def _welcome(self, principal: Principal) -> Reply:
        dialect = speaker(principal.dialect)
        if not self._parts.identity.admits(principal, self._address):
            return self._out_of_place(principal, dialect.words)
        self._parts.throttle.succeeded(self._address)
        if principal.account_id in self._parts.identity.suspended:
            return refusal_reply(SUSPENDED, dialect.words)
        if MAIL_SEND not in principal.permissions:
            return refusal_reply(MAY_NOT_SEND, dialect.words)
        limits = self._limits_of(principal)
        # C-09: a credential with a limit of its own is counted by itself
        own = principal.limits.connections_per_address
        who = dialect.name if own is None else principal.credential_id
        if not self._has_room(who, limits.connections_per_address):
            return dialect.words.too_many_connections(self._address)
        self._principal, self._words, self._limits = principal, dialect.words, limits
        self._parts.last_uses.note(principal.credential_id, self._address)
        return self._words.signed_in

    def _out_of_place(self, principal: Principal, words: Words) -> Reply:
        """The secret was right, so the client may know more than that it failed."""
        log.warning(
            "a credential was used outside its address ranges", login=principal.login, client=self._address
        )
        text = WRONG_PLACE.text.replace("{address}", shown_address(self._address))
        return refusal_reply(Refused(535, "5.7.8", text, reason=WRONG_PLACE.reason), words)

    def _limits_of(self, principal: Principal) -> SessionLimits:
        """What the credential says, else the settings, else its dialect."""
        dialect, own = speaker(principal.dialect), principal.limits
        limits = self._parts.limits.get(dialect.name, dialect.words.limits)
        if own.messages_per_connection is not None:
            limits = replace(limits, messages_per_connection=own.messages_per_connection)
        if own.connections_per_address is not None:
            limits = replace(limits, connections_per_address=own.connections_per_address)
        return limits

    def _has_room(self, who: str, limit: int) -> bool:
        """C-09: count this connection, unless its client has too many open."""
        self._uncount()
        if not limit or self._is_closed:
            return True
        self._counted_as = f"{who} {self._address}"
        if self._parts.connections.enter(self._counted_as) <= limit:
            return True
        self._uncount()
        return False

    def _uncount(self) -> None:
        if self._counted_as:
            self._parts.connections.leave(self._counted_as)
            self._counted_as = ""

    # -- the transaction ------------------------------------------------------------

    def _sender(self, event: MailFrom) -> Reply:
        trouble = self._parts.store.refusal
        if trouble is not None:  # faults F20 to F23: no waiting, the client comes back
            return self._refused(trouble)
        if self._principal is not None and (objection := self._still_signed_in(self._principal)):
            return objection
        if 0 < self._limits.messages_per_connection <= self._letters:
            return self._words.too_many_messages
        self._mail, self._recipients = event, []
        return self._words.sender_ok

    def _still_signed_in(self, principal: Principal) -> Reply | None:
        """None while the credential holds; else what was changed since the sign-in."""
        identity = self._parts.identity
        current = identity.current(principal)
        if current is None or MAIL_SEND not in current.permissions:
            return self._refused(SIGNED_OUT)
        if current.account_id in identity.suspended:
            return self._refused(SUSPENDED)
        if current is not principal:  # the view is a new one
            if not identity.admits(current, self._address):
                return self._out_of_place(current, self._words)
            self._principal, self._limits = current, self._limits_of(current)
        self._parts.last_uses.note(current.credential_id, self._address)
        return None

    def _recipient(self, event: RcptTo) -> Reply:
        address = event.address
        if self._limits.recipients and len(self._recipients) >= self._limits.recipients:
            return self._refused(_TOO_MANY_RECIPIENTS)
        try:
            policy.judge_recipient(address, allow_unqualified=self._parts.allow_unqualified(address.domain))
        except Refused as refused:
            return self._refused(refused)
        self._recipients.append(
            Recipient(str(address), address.domain, event.params.notify, event.params.orcpt)
        )
        return self._words.recipient_ok

    def _letter(self, event: BodyEnd, answer: Answer) -> Reply | None:
        mail, recipients = self._mail, self._recipients
        self._mail, self._recipients = None, []
        self._letters += 1
        if mail is None or self._principal is None:
            raise AssertionError("the engine let a letter pass without sender or sign-in")
        draft = _Draft(event.body, mail, recipients, self._principal)
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
            return self._refused(found)
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
            return self._refused(error)
        log.error("a letter could not be stored", exc_info=error)
        return self._said(CANNOT_NOW)

    def _queued(self, message_id: str) -> Reply:
        reply = self._words.queued(message_id)
        if self._parts.queue_id_in_reply and "queued" not in str(reply).lower():
            return Reply(reply.code, reply.enhanced, f"{reply.text} queued as {message_id}")
        return reply

    # -- words ------------------------------------------------------------

    def _refused(self, error: PosthouseError) -> Reply:
        return refusal_reply(error, self._words, self._principal.domain if self._principal else "")

    def _said(self, reply: Reply) -> Reply:
        """A common reply in the form of this dialect."""
        return reply if self._words.has_enhanced_codes else Reply(reply.code, "", reply.text)


def refusal_reply(error: PosthouseError, words: Words, domain: str = "") -> Reply:
    """One of our refusals as a service phrases it."""
    refusal = words.refusals.get(error.reason, _AS_IT_IS)
    text = refusal.text.replace("{domain}", domain).replace("{text}", error.text)
    enhanced = error.enhanced if refusal.enhanced is None else refusal.enhanced
    return Reply(refusal.code or error.code, enhanced if words.has_enhanced_codes else "", text)


def bad_login(event: AuthTry, kind: CredentialKind | None) -> Reply:
    """The answer to a wrong sign-in. Who puts a key or a token into the wrong place is told where it belongs
    (C-06; `kind`: what the password is here); nobody learns whether a login exists."""
    words = speaker_for(event.user, event.password).words
    refused = sign_in.refusal(event.user, event.password, kind)
    if refused.reason == "bad-credentials":
        return words.bad_login(event.user, event.password)
    return refusal_reply(refused, words)
