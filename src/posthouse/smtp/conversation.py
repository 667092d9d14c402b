"""Where one SMTP conversation stands, and the few moves that change it.

This is the ground under `verbs` (what each command does) and `server` (reading, events, replies): the state
of the transaction, the queue of replies, the event that waits for an answer, and the counters of misuse.

Public: Conversation, State, Mode, AuthPolicy.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

from posthouse.smtp import answers
from posthouse.smtp.chunks import ChunkReader
from posthouse.smtp.dots import DotReader
from posthouse.smtp.events import Event, Junk, Limits
from posthouse.smtp.lines import LineReader
from posthouse.smtp.replies import Reply
from posthouse.smtp.sasl import LoginExchange, PlainExchange

AuthPolicy = Literal["always", "after-tls", "never"]


class State(IntEnum):
    """Where the transaction stands. The order matters: from SENDER on one is open."""

    START = 0  # nobody said hello
    READY = 1
    SENDER = 2  # MAIL was taken
    RECIPIENTS = 3  # and a RCPT
    CHUNKS = 4  # and a BDAT


class Mode(IntEnum):
    """How the next octets are read."""

    COMMAND = 0
    AUTH_LINE = 1
    BODY = 2
    CHUNK = 3


class Conversation:
    """The state of one connection. Only `verbs` and `server` change it.

    For everybody to read: `is_closing`, `is_tls`, `is_authenticated`, `is_extended` (EHLO was said),
    `hello_name` (safe characters only, "" when nobody said hello).
    """

    def __init__(
        self,
        hostname: str,
        limits: Limits,
        *,
        offers_tls: bool,
        is_tls: bool,
        auth: AuthPolicy,
        requires_auth: bool,
    ) -> None:
        self.hostname = hostname
        self.limits = limits
        self.offers_tls = offers_tls
        self.auth_policy = auth
        self.requires_auth = requires_auth
        self.is_tls = is_tls
        self.is_closing = False
        self._buffer = bytearray()
        self._out: list[bytes] = []
        self._lines = LineReader(limits.line_discard_bytes)
        self._event: Event | None = None  # found, not yet handed out
        self._asked: Event | None = None  # its reply is owed
        self._bad_commands = self._idle_commands = self._early_commands = 0
        self._auth_failures = self._refused = 0
        self.forget_hello()

    @property
    def transaction_open(self) -> bool:
        """True from a taken MAIL to the reply at the end of data."""
        return self._state >= State.SENDER

    @property
    def auth_usable(self) -> bool:
        """True when AUTH may be used on this connection as it is now (AUT-1)."""
        return self.auth_policy == "always" or (self.auth_policy == "after-tls" and self.is_tls)

    def say(self, reply: Reply) -> None:
        """Queue a reply."""
        self._out.append(reply.wire)

    def ask(self, event: Event) -> None:
        """Hand out an event and read nothing more until it is answered."""
        self._event = self._asked = event

    def refuse(self, reply: Reply) -> None:
        """Queue the reply to a command that should not have come, and count it (SRV-38)."""
        self._bad_commands += 1
        if self._bad_commands > self.limits.bad_commands:
            self.close(answers.TOO_MANY_BAD_COMMANDS, "too many bad commands")
        else:
            self.say(reply)

    def may_idle(self) -> bool:
        """Count a command that brings no mail forward; False when it was one too many (SRV-38)."""
        self._idle_commands += 1
        if self._idle_commands > self.limits.idle_commands:
            self.close(answers.TOO_MANY_IDLE_COMMANDS, "too many commands without a message")
            return False
        return True

    def refuse_login(self, reply: Reply) -> None:
        """Queue the reply to wrong credentials, and count them (AUT-11)."""
        self.say(reply)
        self._auth_failures += 1
        if self._auth_failures >= self.limits.auth_failures:
            self.close(answers.TOO_MANY_AUTH_FAILURES, "too many failed authentications")

    def close(self, reply: Reply | None, reason: str) -> None:
        """End because of what the client did; `reason` goes out with a Junk event."""
        if reply:
            self.say(reply)
        self.end()
        self._event = Junk(reason)

    def end(self) -> None:
        """Read nothing more, wait for nothing more, hold nothing more."""
        self.is_closing = True
        self._event = self._asked = None
        self._buffer.clear()
        self.clear_transaction()

    def forget_hello(self) -> None:
        """Back to the state of a new connection (RFC 3207 4.2)."""
        self.is_authenticated = self.is_extended = False
        self.hello_name = ""
        self._state = State.START
        self.clear_transaction()

    def clear_transaction(self) -> None:
        """Forget sender, recipients and body; keep hello, TLS and sign-in (RFC 5321 4.1.1.5)."""
        self._state = min(self._state, State.READY)
        self._mode = Mode.COMMAND
        self._is_utf8 = False
        self._recipients = 0
        self._dots: DotReader | None = None
        self._chunks: ChunkReader | None = None
        self._doom: Reply | None = None  # what a discarded body will be answered with
        self.leave_auth()

    def leave_auth(self) -> None:
        """The AUTH exchange is over, one way or another."""
        self._mode = Mode.COMMAND
        self._exchange: PlainExchange | LoginExchange | None = None
        self._mechanism = ""
