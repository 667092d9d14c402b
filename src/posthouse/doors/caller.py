"""Who speaks on an SMTP connection: the sign-in, and whether it still holds.

Until the sign-in a client is spoken to in common words, from then on in those of the credential's dialect
(`dialects.table`); a failed sign-in is answered in the words of the service whose customer seems to be
trying.

Public: Caller.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import structlog

from posthouse.dialects.dialect import SessionLimits, Words
from posthouse.dialects.native import DIALECT as NATIVE
from posthouse.dialects.table import speaker
from posthouse.doors.refusals import bad_login, refusal_reply
from posthouse.doors.session_parts import Answer, SessionParts
from posthouse.doors.throttle import TOO_MANY_WRONG
from posthouse.model.account import MAIL_SEND, Principal
from posthouse.model.errors import PosthouseError, Refused
from posthouse.rules.ranges import shown_address
from posthouse.smtp.events import AuthTry
from posthouse.smtp.replies import Reply

log = structlog.get_logger()

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


class Caller:
    """The client of one connection. `principal` is None before the sign-in; `words` and `limits` are those of
    its dialect."""

    def __init__(self, parts: SessionParts, address: str) -> None:
        self._parts = parts
        self._address = address
        self.principal: Principal | None = None
        self.words = NATIVE.words
        self.limits = SessionLimits()
        self._counted_as = ""  # on the board, "" when this connection is not on it
        self._is_gone = False
        self._looking: asyncio.Task[None] | None = None

    def sign_in(self, event: AuthTry, answer: Answer) -> Reply | None:
        """The reply, or None: `answer` gets it later, after a look into the store."""
        identity = self._parts.identity
        principal = identity.recognise(event.user, event.password)
        if principal is not None and principal.account_id not in identity.suspended:
            return self._welcome(principal)
        self._looking = asyncio.get_running_loop().create_task(self._look_again(event, answer))
        return None

    def objection(self) -> Reply | None:
        """None before the sign-in and while the credential holds; else what was changed since the sign-in."""
        principal, identity = self.principal, self._parts.identity
        if principal is None:
            return None
        current = identity.current(principal)
        if current is None or MAIL_SEND not in current.permissions:
            return self.refused(SIGNED_OUT)
        if current.account_id in identity.suspended:
            return self.refused(SUSPENDED)
        if current is not principal:  # the view is a new one
            if not identity.admits(current, self._address):
                return self._out_of_place(current, self.words)
            self.principal, self.limits = current, self._limits_of(current)
        self._parts.last_uses.note(current.credential_id, self._address)
        return None

    def refused(self, error: PosthouseError) -> Reply:
        """One of our refusals in the words of this dialect."""
        return refusal_reply(error, self.words, self.principal.domain if self.principal else "")

    def said(self, reply: Reply) -> Reply:
        """A common reply in the form of this dialect."""
        return reply if self.words.has_enhanced_codes else Reply(reply.code, "", reply.text)

    def gone(self) -> None:
        """The connection is closed: it is counted no more."""
        self._is_gone = True
        self._uncount()

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
        self.principal, self.words, self.limits = principal, dialect.words, limits
        self._parts.last_uses.note(principal.credential_id, self._address)
        return self.words.signed_in

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
        if not limit or self._is_gone:
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
