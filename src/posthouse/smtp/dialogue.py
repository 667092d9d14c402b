"""Where the client's side of one SMTP conversation stands, and the few moves that change it.

This is the ground under `opening`, `transaction` and `content` (what follows from each reply) and `client`
(reading, and what the owner of the connection does): the step, what the host offers, what waits to be
written, the letter under way and what was said about it.

Public: Dialogue.
"""

from __future__ import annotations

from collections import deque

from posthouse.model.message import Outgoing, Phase, SmtpResult
from posthouse.smtp.envelope import Offers, is_safe_value
from posthouse.smtp.outbox import Outbox
from posthouse.smtp.replies import ReplyReader, ServerReply
from posthouse.smtp.steps import (
    IN_LETTER,
    OPENING,
    READY,
    WANTS_CONTENT,
    Broken,
    ClientEvent,
    Finished,
    Step,
    own_words,
    phase_of,
    refused,
    said,
)
from posthouse.smtp.transcript import Transcript
from posthouse.smtp.wire_content import Chunk


class Dialogue:
    """The state of one connection. Only `opening`, `transaction`, `content` and `client` change it.

    For everybody to read: `step`, `offers`, `is_tls`, and `letters`, the number begun on this connection.
    """

    def __init__(
        self,
        hello_name: str,
        *,
        peer: str,
        wants_tls: bool,
        requires_tls: bool,
        is_tls: bool,
        send_8bit_anyway: bool,
        uses_chunks: bool,
    ) -> None:
        if not hello_name or not is_safe_value(hello_name):
            raise ValueError("the EHLO name must be printable ASCII without spaces")
        self.step = Step.GREETING
        self.offers = Offers()
        self.is_tls = is_tls
        self.letters = 0
        self._hello_name = hello_name
        self._peer = peer
        self._wants_tls = wants_tls or requires_tls
        self._requires_tls = requires_tls
        self._send_8bit_anyway = send_8bit_anyway
        self._uses_chunks = uses_chunks
        self._reader = ReplyReader()
        self._events: deque[ClientEvent] = deque()
        self._out = Outbox()
        self._transcript = Transcript()
        self._outgoing: Outgoing | None = None
        self._refusal: tuple[Phase, ServerReply] | None = None  # the first no, which decides (MX-10)
        self._has_recipient = False
        self._chunks: deque[Chunk] = deque()  # what is still to be sent behind BDAT
        self._transcript.note(f"connected to {peer}")

    @property
    def has_output(self) -> bool:
        """True while `to_send` has something."""
        return bool(self._out)

    @property
    def is_content_out(self) -> bool:
        """The octet that commits the host, of the final dot or of the last chunk, was handed out."""
        return self.step is Step.FINAL and not self._out

    def say(self, command: str) -> None:
        """Queue a command, without its line end."""
        self._out.add(f"{command}\r\n".encode())
        self._transcript.said(command)

    @property
    def by_chunks(self) -> bool:
        """The content goes by BDAT, not by DATA."""
        return self._uses_chunks and self.offers.has_chunking

    def want_content(self) -> None:
        """Nothing but the owner's word is missing."""
        self.step = Step.CONTENT
        self._events.append(WANTS_CONTENT)

    def ready(self) -> None:
        """Idle: the next letter may begin."""
        self.step = Step.IDLE
        if self.letters:
            self._transcript.take()  # the tidying up belongs to no letter
        self._events.append(READY)

    def finish(self, result: SmtpResult, step: Step) -> None:
        """The letter's result; the connection lives on in `step`."""
        result.transcript = self._transcript.take()
        result.passes_dsn_on = self.offers.has_dsn
        self.step, self._outgoing = step, None
        self._events.append(Finished(result))

    def finish_and_reset(self, result: SmtpResult) -> None:
        """The same, and the host is to forget what it has of the letter."""
        self.finish(result, Step.RSET)
        self.say("RSET")

    def close(self, result: SmtpResult, *, is_stale: bool = False, is_chunk_trouble: bool = False) -> None:
        """The connection's end: `Finished` inside a letter, else `Broken`."""
        step, self.step = self.step, Step.CLOSED
        self._outgoing = None
        self._chunks.clear()
        result.transcript = self._transcript.take()
        if step not in IN_LETTER:
            self._events.append(Broken(result))
            return
        self._out.clear()
        if self._events and self._events[-1] is WANTS_CONTENT:
            self._events.pop()
        is_stale = is_stale or (step is Step.MAIL and self.letters > 1)
        self._events.append(Finished(result, is_stale, is_chunk_trouble))

    def give_up(
        self,
        phase: Phase,
        code: int,
        enhanced: str,
        text: str,
        *,
        failed: bool = False,
        ambiguous: bool = False,
        is_stale: bool = False,
    ) -> None:
        """The connection's end, in our own words."""
        self._transcript.note(text)
        result = own_words(phase, code, enhanced, text, failed=failed, ambiguous=ambiguous)
        # whatever it was, BDAT may be the cause, and DATA does as well: no letter should meet it again
        is_chunk_trouble = self.by_chunks and self.step in (Step.CHUNK, Step.FINAL)
        self.close(result, is_stale=is_stale, is_chunk_trouble=is_chunk_trouble)

    def service_ends(self, reply: ServerReply) -> None:
        """421 (MX-11): nothing of the open letter counts, except a refusal given before."""
        if self._refusal and self.step in IN_LETTER:
            self.close(refused(*self._refusal))
        else:
            self.close(said(phase_of(self.step), reply, failed=True))

    def protocol_error(self, what: str) -> None:
        """Something that is no fitting reply: the host is not understood any more (MX-8): deferred."""
        step = self.step
        if self._refusal and step in IN_LETTER:
            self.close(refused(*self._refusal))
            return
        ambiguous = self.is_content_out
        text = f"The host broke the protocol: {what}, while we were waiting for {step.value}"
        self.give_up(phase_of(step), 451, "4.5.0", text, failed=step in OPENING, ambiguous=ambiguous)
