"""The client's side of SMTP without a socket: greeting, EHLO, STARTTLS, then letters, each to one recipient.

The owner of the connection calls `receive` with what arrived, asks `next_event` until it is None and writes
`to_send` while `has_output`. It begins a letter with `start` when `step` is IDLE.

    GREETING -> EHLO (-> HELO) -> IDLE          with STARTTLS: EHLO -> STARTTLS -> HANDSHAKE -> EHLO -> IDLE
    IDLE -> MAIL -> RCPT -> DATA -> CONTENT -> FINAL -> IDLE       a refusal may lead over LONE_DOT or RSET
    any -> CLOSED                               the connection is of no more use

With PIPELINING the three commands leave in one write and each of their replies is read (RFC 2920 3.1). The
content waits for the owner's word (`allow_content`), who may have lost the right to send meanwhile. What the
host says is untrusted: anything that is no fitting reply ends the connection, never the program.

Public: ClientEngine; the events are in `steps`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from posthouse.model.message import Outgoing, Phase, SmtpResult
from posthouse.smtp.envelope import (
    Offers,
    envelope_commands,
    is_safe_value,
    parse_offers,
    unfitness,
    wire_content,
)
from posthouse.smtp.outbox import Outbox
from posthouse.smtp.replies import PeerError, ReplyReader, ServerReply
from posthouse.smtp.steps import (
    DEAF,
    IN_LETTER,
    OPENING,
    READY,
    WANTS_CONTENT,
    WANTS_TLS,
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


class ClientEngine:
    """One connection's conversation. `peer` names host and address for the transcript.

    `wants_tls`: use STARTTLS when offered; `requires_tls`: never go on in clear. `send_8bit_anyway`: an
    8-bit letter goes to a host without 8BITMIME as it is, because it is signed and nearly every host takes
    it (EXT-5); otherwise it fails with 5.6.3.
    """

    def __init__(
        self,
        hello_name: str,
        *,
        peer: str = "",
        wants_tls: bool,
        requires_tls: bool = False,
        is_tls: bool = False,
        send_8bit_anyway: bool = True,
    ) -> None:
        if not hello_name or not is_safe_value(hello_name):
            raise ValueError("the EHLO name must be printable ASCII without spaces")
        self.step = Step.GREETING
        self.offers = Offers()
        self.is_tls = is_tls
        self.letters = 0  # begun on this connection
        self._hello_name = hello_name
        self._peer = peer
        self._wants_tls = wants_tls or requires_tls
        self._requires_tls = requires_tls
        self._send_8bit_anyway = send_8bit_anyway
        self._reader = ReplyReader()
        self._events: deque[ClientEvent] = deque()
        self._out = Outbox()
        self._transcript = Transcript()
        self._outgoing: Outgoing | None = None
        self._refusal: tuple[Phase, ServerReply] | None = None  # the first no, which decides (MX-10)
        self._has_recipient = False
        self._transcript.note(f"connected to {peer}")

    def receive(self, data: bytes) -> None:
        """Take bytes of the host. Never raises for what they are."""
        if self.step in DEAF:
            return  # TLS-4: what follows the 220 in clear is thrown away
        reader = self._reader
        reader.feed(data)
        try:
            while (reply := reader.next()) is not None:
                self._take(reply)
                if self.step in DEAF:
                    reader.drop()
                    return
        except PeerError as error:
            self._protocol_error(str(error))

    def next_event(self) -> ClientEvent | None:
        """The next thing that the owner must know, or None."""
        return self._events.popleft() if self._events else None

    @property
    def has_output(self) -> bool:
        """True while `to_send` has something."""
        return bool(self._out)

    def to_send(self) -> list[bytes | memoryview]:
        """What to write now, in order; of a large letter about SLICE octets a call."""
        return self._out.take()

    def start(self, outgoing: Outgoing) -> None:
        """Begin a letter; `step` must be IDLE. Ends with one `Finished`."""
        if self.step is not Step.IDLE:
            raise RuntimeError(f"a letter cannot begin while waiting for {self.step.value}")
        if self.letters:
            self._transcript.note(f"reused connection to {self._peer} ({self.letters} messages before)")
        self.letters += 1
        unfit = unfitness(outgoing, self.offers, send_8bit_anyway=self._send_8bit_anyway)
        if unfit:
            self._transcript.note(unfit.text)
            self._finish(own_words(Phase.LOCAL, 0, unfit.enhanced, unfit.text), Step.IDLE)
            return
        self._outgoing, self._refusal, self._has_recipient = outgoing, None, False
        if outgoing.is_8bit and not self.offers.has_8bitmime:
            self._transcript.note(
                "the host does not offer 8BITMIME; the letter is sent with its 8-bit content"
            )
        mail, rcpt = envelope_commands(outgoing, self.offers)
        self.step = Step.MAIL
        if self.offers.has_pipelining:
            self._out.add(f"{mail}\r\n{rcpt}\r\nDATA\r\n".encode())
            self._transcript.said(f"{mail}\nC: {rcpt}\nC: DATA")
        else:
            self._say(mail)

    def allow_content(self) -> None:
        """Answer to `WantsContent`: the letter leaves."""
        outgoing = self._outgoing
        if self.step is not Step.CONTENT or outgoing is None:
            raise RuntimeError("no content is wanted")
        content = wire_content(outgoing.head, outgoing.body)
        if content is None:
            self._give_up(Phase.LOCAL, 0, "5.6.0", "The letter holds a bare CR or LF or a NUL: not sent")
            return
        self._transcript.said(f"({len(outgoing.head) + len(outgoing.body)} octets)")
        self.step = Step.FINAL
        self._out.add_content(content)

    def withhold_content(self, why: str) -> None:
        """Answer to `WantsContent`: not a byte of it leaves; the connection must be dropped at once."""
        self._give_up(Phase.LOCAL, 0, "4.3.0", why)

    def tls_started(self, version: str = "TLS") -> None:
        """The handshake is done: forget what was offered in clear, say EHLO again (RFC 3207 4.2)."""
        if self.step is Step.HANDSHAKE:
            self.is_tls = True
            self.offers = Offers()
            self._transcript.note(f"{version} started")
            self._hello("EHLO", Step.EHLO)

    def tls_failed(self, why: str) -> None:
        """The handshake failed: this connection ends (TLS-7)."""
        if self.step is Step.HANDSHAKE:
            self._give_up(Phase.STARTTLS, 0, "4.7.5", f"The TLS handshake failed: {why}", failed=True)

    def lost(self, why: str = "The connection was lost") -> None:
        """The connection is gone, or the host took too long and it must be dropped."""
        step = self.step
        text = f"{why} while waiting for {step.value}"
        if step is Step.CLOSED:
            return
        if self._refusal and step in IN_LETTER:  # this recipient has its answer already
            self._close(refused(*self._refusal))
        elif self._is_content_out:
            # MX-12: the dot has left, the answer was not read: the host may have the letter
            self._give_up(Phase.BODY, 451, "4.4.2", text, ambiguous=True)
        else:
            # MX-11: a host that lets a letter down said 451; before any letter the words are only ours
            code = 451 if step in IN_LETTER else 0
            self._give_up(phase_of(step), code, "4.4.2", text, failed=step in OPENING)

    def quit(self) -> None:
        """Say good-bye on an idle connection."""
        if self.step is Step.IDLE:
            self._say("QUIT")
            self.step = Step.QUIT

    def _take(self, reply: ServerReply) -> None:
        self._transcript.heard(reply)
        if reply.code == 421:
            self._service_ends(reply)
            return
        take = _TAKERS.get(self.step)
        if take is None:
            self._protocol_error("a reply came that nobody asked for")
        else:
            take(self, reply)

    def _on_greeting(self, reply: ServerReply) -> None:
        if 200 <= reply.code < 300:
            self._hello("EHLO", Step.EHLO)
        else:
            self._no_service(reply)

    def _on_hello(self, reply: ServerReply) -> None:
        if 200 <= reply.code < 300:
            self.offers = parse_offers(reply.lines) if self.step is Step.EHLO else Offers()
            self._secure_or_ready()
        elif self.step is Step.EHLO and reply.code >= 500 and reply.code not in (521, 554):
            self._hello("HELO", Step.HELO)  # MX-6
        else:
            self._no_service(reply)

    def _secure_or_ready(self) -> None:
        if self._wants_tls and not self.is_tls and self.offers.has_starttls:
            self._say("STARTTLS")
            self.step = Step.STARTTLS
        elif self._requires_tls and not self.is_tls:
            self._no_tls("TLS is required and the host does not offer it")
        else:
            self._ready()

    def _on_starttls(self, reply: ServerReply) -> None:
        if 200 <= reply.code < 300:
            self.step = Step.HANDSHAKE
            self._events.append(WANTS_TLS)
        elif self._requires_tls:
            self._no_tls(f"TLS is required and the host answered STARTTLS with {reply}")
        else:
            self._ready()  # RFC 3207 4.1: after a refusal the client may go on in clear

    def _on_mail(self, reply: ServerReply) -> None:
        self._note_refusal(Phase.MAIL, reply)
        if self.offers.has_pipelining:
            self.step = Step.RCPT
        elif self._refusal:
            self._finish(refused(*self._refusal), Step.IDLE)
        elif self._outgoing:
            self._say(envelope_commands(self._outgoing, self.offers)[1])
            self.step = Step.RCPT

    def _on_rcpt(self, reply: ServerReply) -> None:
        self._has_recipient = 200 <= reply.code < 300
        self._note_refusal(Phase.RCPT, reply)
        if self.offers.has_pipelining:
            self.step = Step.DATA
        elif self._refusal:
            self._finish_and_reset(refused(*self._refusal))
        else:
            self._say("DATA")
            self.step = Step.DATA

    def _on_data(self, reply: ServerReply) -> None:
        refusal = self._refusal
        if 300 <= reply.code < 400:
            if not refusal:
                self.step = Step.CONTENT
                self._events.append(WANTS_CONTENT)
            elif self._has_recipient:
                # MAIL refused, RCPT taken, 354: a lone dot would deliver an empty letter
                self._close(refused(*refusal))
            else:
                self._finish(refused(*refusal), Step.LONE_DOT)
                self._out.add(b".\r\n")  # RFC 2920 3.1
        elif refusal and refusal[0] is Phase.MAIL and not self._has_recipient:
            self._finish(refused(*refusal), Step.IDLE)  # no transaction was ever open
        elif refusal:
            self._finish_and_reset(refused(*refusal))
        elif reply.code >= 400:
            self._finish_and_reset(said(Phase.DATA, reply))
        else:
            self._protocol_error(f"DATA was answered with {reply.code}")

    def _on_final(self, reply: ServerReply) -> None:
        code = reply.code
        if self._is_content_out and not 300 <= code < 400:
            phase = Phase.DONE if code < 300 else Phase.BODY
            self._finish(said(phase, reply), Step.IDLE)
        elif code >= 400:  # refused while the content was on its way: its rest must not become commands
            self._close(said(Phase.BODY, reply))
        else:
            self._protocol_error(f"the content was answered with {code}")

    def _on_tidied(self, reply: ServerReply) -> None:
        """The reply to a lone dot, to RSET or to QUIT."""
        if self.step is Step.QUIT or (self.step is Step.RSET and reply.code >= 300):
            self._close(said(Phase.LOCAL, reply))  # after a refused RSET nobody knows what the host thinks
        else:
            self._ready()

    def _note_refusal(self, phase: Phase, reply: ServerReply) -> None:
        """Keep the first answer that is no yes."""
        if not self._refusal and not 200 <= reply.code < 300:
            self._refusal = (phase, reply)

    @property
    def _is_content_out(self) -> bool:
        """The final dot was handed out for writing."""
        return self.step is Step.FINAL and not self._out

    def _ready(self) -> None:
        self.step = Step.IDLE
        if self.letters:
            self._transcript.take()  # the tidying up belongs to no letter
        self._events.append(READY)

    def _finish(self, result: SmtpResult, step: Step) -> None:
        """The letter's result; the connection lives on in `step`."""
        result.transcript = self._transcript.take()
        result.passes_dsn_on = self.offers.has_dsn
        self.step, self._outgoing = step, None
        self._events.append(Finished(result))

    def _finish_and_reset(self, result: SmtpResult) -> None:
        self._finish(result, Step.RSET)
        self._say("RSET")

    def _give_up(
        self,
        phase: Phase,
        code: int,
        enhanced: str,
        text: str,
        *,
        failed: bool = False,
        ambiguous: bool = False,
    ) -> None:
        """The connection's end, in our own words."""
        self._transcript.note(text)
        self._close(own_words(phase, code, enhanced, text, failed=failed, ambiguous=ambiguous))

    def _close(self, result: SmtpResult) -> None:
        """The connection's end: `Finished` inside a letter, else `Broken`."""
        step, self.step = self.step, Step.CLOSED
        self._outgoing = None
        result.transcript = self._transcript.take()
        if step not in IN_LETTER:
            self._events.append(Broken(result))
            return
        self._out.clear()
        if self._events and self._events[-1] is WANTS_CONTENT:
            self._events.pop()
        self._events.append(Finished(result, is_stale=step is Step.MAIL and self.letters > 1))

    def _service_ends(self, reply: ServerReply) -> None:
        """421 (MX-11): nothing of the open letter counts, except a refusal given before."""
        if self._refusal and self.step in IN_LETTER:
            self._close(refused(*self._refusal))
        else:
            self._close(said(phase_of(self.step), reply, failed=True))

    def _no_service(self, reply: ServerReply) -> None:
        result = said(phase_of(self.step), reply, failed=True)
        self._say("QUIT")
        self._close(result)

    def _no_tls(self, text: str) -> None:
        self._say("QUIT")
        self._give_up(Phase.STARTTLS, 0, "4.7.10", text, failed=True)

    def _protocol_error(self, what: str) -> None:
        """Something that is no fitting reply: the host is not understood any more (MX-8): deferred."""
        step = self.step
        if self._refusal and step in IN_LETTER:
            self._close(refused(*self._refusal))
            return
        ambiguous = self._is_content_out
        text = f"The host broke the protocol: {what}, while we were waiting for {step.value}"
        self._give_up(phase_of(step), 451, "4.5.0", text, failed=step in OPENING, ambiguous=ambiguous)

    def _hello(self, verb: str, step: Step) -> None:
        self._say(f"{verb} {self._hello_name}")
        self.step = step

    def _say(self, command: str) -> None:
        self._out.add(f"{command}\r\n".encode())
        self._transcript.said(command)


_TAKERS: dict[Step, Callable[[ClientEngine, ServerReply], None]] = {
    Step.GREETING: ClientEngine._on_greeting,
    Step.EHLO: ClientEngine._on_hello,
    Step.HELO: ClientEngine._on_hello,
    Step.STARTTLS: ClientEngine._on_starttls,
    Step.MAIL: ClientEngine._on_mail,
    Step.RCPT: ClientEngine._on_rcpt,
    Step.DATA: ClientEngine._on_data,
    Step.FINAL: ClientEngine._on_final,
    Step.LONE_DOT: ClientEngine._on_tidied,
    Step.RSET: ClientEngine._on_tidied,
    Step.QUIT: ClientEngine._on_tidied,
}
