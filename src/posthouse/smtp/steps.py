"""The words of the client engine: its steps, its events, and the results that it makes of replies.

Public: Step, phase_of, the events (Ready, WantsTls and WantsContent always as the constants READY, WANTS_TLS
and WANTS_CONTENT; Finished; Broken), and said, own_words, refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from posthouse.model.message import Phase, SmtpResult
from posthouse.smtp.replies import ServerReply

MAX_TEXT = 2_048  # characters of a reply's text that go into a result


class Step(Enum):
    """What the client is waiting for; the values complete the phrase "while waiting for"."""

    GREETING = "the greeting"
    EHLO = "the reply to EHLO"
    HELO = "the reply to HELO"
    STARTTLS = "the reply to STARTTLS"
    HANDSHAKE = "the TLS handshake"
    IDLE = "nothing"
    MAIL = "the reply to MAIL"
    RCPT = "the reply to RCPT"
    DATA = "the reply to DATA"
    CONTENT = "the word to send the content"
    CHUNK = "the reply to a chunk"
    FINAL = "the reply to the content"
    LONE_DOT = "the reply to a lone dot"
    RSET = "the reply to RSET"
    QUIT = "the reply to QUIT"
    CLOSED = "the end"

    __hash__ = object.__hash__  # members are singletons; Enum's own hash is Python code in the hot path


OPENING = frozenset({Step.GREETING, Step.EHLO, Step.HELO, Step.STARTTLS, Step.HANDSHAKE})
IN_LETTER = frozenset({Step.MAIL, Step.RCPT, Step.DATA, Step.CONTENT, Step.CHUNK, Step.FINAL})
DEAF = frozenset({Step.HANDSHAKE, Step.CLOSED})  # what the host says is not heard
_PHASES = {
    Step.GREETING: Phase.GREETING,
    Step.EHLO: Phase.EHLO,
    Step.HELO: Phase.EHLO,
    Step.STARTTLS: Phase.STARTTLS,
    Step.HANDSHAKE: Phase.STARTTLS,
    Step.MAIL: Phase.MAIL,
    Step.RCPT: Phase.RCPT,
    Step.DATA: Phase.DATA,
    Step.CONTENT: Phase.DATA,
    Step.CHUNK: Phase.BODY,
    Step.FINAL: Phase.BODY,
}


def phase_of(step: Step) -> Phase:
    """The phase that a result carries when the attempt ends in this step."""
    return _PHASES.get(step, Phase.LOCAL)


@dataclass(frozen=True, slots=True)
class Ready:
    """The engine is idle: after the opening, or after it has tidied up behind a refused letter."""


@dataclass(frozen=True, slots=True)
class WantsTls:
    """STARTTLS was granted: read no more in clear, shake hands, then `tls_started` or `tls_failed`."""


@dataclass(frozen=True, slots=True)
class WantsContent:
    """The host is ready for the content, or for its next chunk: `allow_content` or `withhold_content`."""


@dataclass(slots=True)
class Finished:
    """The letter's attempt is over. `step` tells whether the connection is idle, busy tidying up, or closed.

    `is_stale`: the host gave up a connection used before without having answered anything to this letter, or
    did not understand BDAT; it may be tried at once on a new one. `is_chunk_trouble`: the connection ended
    over a BDAT; the host should get DATA for a while.
    """

    result: SmtpResult
    is_stale: bool = False
    is_chunk_trouble: bool = False


@dataclass(slots=True)
class Broken:
    """The connection ended outside a letter: while opening (`result` says why), idle, or tidying up."""

    result: SmtpResult


READY, WANTS_TLS, WANTS_CONTENT = Ready(), WantsTls(), WantsContent()
ClientEvent = Ready | WantsTls | WantsContent | Finished | Broken


def said(phase: Phase, reply: ServerReply, *, failed: bool = False) -> SmtpResult:
    """The result in the host's words."""
    return SmtpResult(phase, reply.code, reply.enhanced, reply.text[:MAX_TEXT], connection_failed=failed)


def own_words(
    phase: Phase, code: int, enhanced: str, text: str, *, failed: bool = False, ambiguous: bool = False
) -> SmtpResult:
    """A result in our words: the host said nothing that decides."""
    return SmtpResult(phase, code, enhanced, text, connection_failed=failed, ambiguous=ambiguous)


def refused(phase: Phase, reply: ServerReply) -> SmtpResult:
    """The result of a reply that is no yes where one was due; a 3yz makes no sense there (MX-8)."""
    if reply.code >= 400:
        return said(phase, reply)
    text = f"The host broke the protocol: {phase.value.upper()} was answered with {reply.code}"
    return own_words(phase, 451, "4.5.0", text)
