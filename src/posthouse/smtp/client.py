"""The client's side of SMTP without a socket: greeting, EHLO, STARTTLS, then letters, each to one recipient.

The owner of the connection calls `receive` with what arrived, asks `next_event` until it is None and writes
`to_send` while `has_output`. It begins a letter with `start` when `step` is IDLE.

The steps to IDLE are in `opening`, those of a letter in `transaction` and `content`, where the conversation
stands in `dialogue`; this module reads replies in the current `Step` and carries the owner's words into the
state. From anywhere a conversation may end in CLOSED: the connection is of no more use.

The content waits for the owner's word (`allow_content`), who may have lost the right to send meanwhile. What
the host says is untrusted: anything that is no fitting reply ends the connection, never the program.

Public: ClientEngine; the events are in `steps`.
"""

from __future__ import annotations

from collections.abc import Callable

from posthouse.model.message import Outgoing, Phase
from posthouse.smtp import content, opening, transaction
from posthouse.smtp.dialogue import Dialogue
from posthouse.smtp.envelope import Offers
from posthouse.smtp.replies import PeerError, ServerReply
from posthouse.smtp.steps import DEAF, IN_LETTER, OPENING, ClientEvent, Step, phase_of, refused


class ClientEngine(Dialogue):
    """One connection's conversation. `peer` names host and address for the transcript.

    `wants_tls`: use STARTTLS when offered; `requires_tls`: never go on in clear. `send_8bit_anyway`: an
    8-bit letter goes to a host without 8BITMIME as it is, because it is signed and nearly every host takes
    it (EXT-5); otherwise it fails with 5.6.3. `uses_chunks`: content goes by BDAT where CHUNKING is offered.
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
        uses_chunks: bool = True,
    ) -> None:
        super().__init__(
            hello_name,
            peer=peer,
            wants_tls=wants_tls,
            requires_tls=requires_tls,
            is_tls=is_tls,
            send_8bit_anyway=send_8bit_anyway,
            uses_chunks=uses_chunks,
        )

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
            self.protocol_error(str(error))

    def _take(self, reply: ServerReply) -> None:
        self._transcript.heard(reply)
        if reply.code == 421:
            self.service_ends(reply)
            return
        take = _TAKERS.get(self.step)
        if take is None:
            self.protocol_error("a reply came that nobody asked for")
        else:
            take(self, reply)

    def next_event(self) -> ClientEvent | None:
        """The next thing that the owner must know, or None."""
        return self._events.popleft() if self._events else None

    def to_send(self) -> list[bytes | memoryview]:
        """What to write now, in order; of a large letter about SLICE octets a call."""
        return self._out.take()

    def start(self, outgoing: Outgoing) -> None:
        """Begin a letter; `step` must be IDLE. Ends with one `Finished`."""
        if self.step is not Step.IDLE:
            raise RuntimeError(f"a letter cannot begin while waiting for {self.step.value}")
        transaction.begin(self, outgoing)

    def allow_content(self) -> None:
        """Answer to `WantsContent`: the letter, or its next chunk, leaves."""
        outgoing = self._outgoing
        if self.step is not Step.CONTENT or outgoing is None:
            raise RuntimeError("no content is wanted")
        content.send(self, outgoing)

    def withhold_content(self, why: str) -> None:
        """Answer to `WantsContent`: nothing more of it leaves; the connection must be dropped at once."""
        self.give_up(Phase.LOCAL, 0, "4.3.0", why)

    def tls_started(self, version: str = "TLS") -> None:
        """The handshake is done: forget what was offered in clear, say EHLO again (RFC 3207 4.2)."""
        if self.step is Step.HANDSHAKE:
            self.is_tls = True
            self.offers = Offers()
            self._transcript.note(f"{version} started")
            opening.say_hello(self, "EHLO", Step.EHLO)

    def tls_failed(self, why: str) -> None:
        """The handshake failed: this connection ends (TLS-7)."""
        if self.step is Step.HANDSHAKE:
            self.give_up(Phase.STARTTLS, 0, "4.7.5", f"The TLS handshake failed: {why}", failed=True)

    def lost(self, why: str = "The connection was lost") -> None:
        """The connection is gone, or the host took too long and it must be dropped."""
        step = self.step
        text = f"{why} while waiting for {step.value}"
        if step is Step.CLOSED:
            return
        if self._refusal and step in IN_LETTER:  # this recipient has its answer already
            self.close(refused(*self._refusal))
        elif self.is_content_out:
            # MX-12: all of it has left, the answer was not read: the host may have the letter
            self.give_up(Phase.BODY, 451, "4.4.2", text, ambiguous=True)
        else:
            # MX-11: a host that lets a letter down said 451; before any letter the words are only ours
            code = 451 if step in IN_LETTER else 0
            self.give_up(phase_of(step), code, "4.4.2", text, failed=step in OPENING)

    def quit(self) -> None:
        """Say good-bye on an idle connection."""
        if self.step is Step.IDLE:
            self.say("QUIT")
            self.step = Step.QUIT


_TAKERS: dict[Step, Callable[[Dialogue, ServerReply], None]] = {
    Step.GREETING: opening.on_greeting,
    Step.EHLO: opening.on_hello,
    Step.HELO: opening.on_hello,
    Step.STARTTLS: opening.on_starttls,
    Step.MAIL: transaction.on_mail,
    Step.RCPT: transaction.on_rcpt,
    Step.DATA: transaction.on_data,
    Step.CHUNK: content.on_chunk,
    Step.FINAL: content.on_final,
    Step.LONE_DOT: transaction.on_tidied,
    Step.RSET: transaction.on_tidied,
    Step.QUIT: transaction.on_tidied,
}
