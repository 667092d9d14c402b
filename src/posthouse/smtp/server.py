"""The server's side of an SMTP conversation, without a socket: bytes in, events and bytes out.

    engine.receive(data)
    while event := engine.next_event():
        engine.reply(...)            # for the events that want one; it may come later
    transport.write(engine.to_send())

`receive` only stores. `next_event` reads what is stored until something needs the session's judgement; as
long as that reply is owed it gives nothing, so pipelined input waits in the buffer (RFC 2920). Replies are
gathered in order. Whatever the bytes, the result is an event, a reply, or silence: never an exception.

What the verbs do is in `verbs`, where the conversation stands in `conversation`; this module reads octets
in the current `Mode` and carries the session's replies back into the state.

Public: ServerEngine, EngineMisused; `Limits` and the events are in `events`.
"""

from __future__ import annotations

from collections.abc import Callable

from posthouse.smtp import answers
from posthouse.smtp.conversation import AuthPolicy, Conversation, Mode, State
from posthouse.smtp.dots import BareLineEnds, DotReader, has_bare_line_end, normalized
from posthouse.smtp.events import AuthTry, BodyEnd, BodyStart, Event, Limits, MailFrom, RcptTo, StartTls
from posthouse.smtp.grammar import SyntaxRefused, parse_command
from posthouse.smtp.lines import LineTrouble
from posthouse.smtp.replies import Reply
from posthouse.smtp.verbs import auth_step, obey


class EngineMisused(RuntimeError):
    """A bug of the caller: a reply that no event asked for."""


class ServerEngine(Conversation):
    """One conversation from the greeting to its end.

    `auth` says when AUTH is usable: on any connection, only under TLS, or never. `requires_auth` refuses
    MAIL before signing in. `bare_line_ends` is the policy of SRV-31 for bare CR or LF in a body.
    """

    def __init__(
        self,
        hostname: str,
        limits: Limits,
        *,
        offers_tls: bool,
        is_tls: bool = False,
        auth: AuthPolicy,
        requires_auth: bool = True,
        bare_line_ends: BareLineEnds = "reject",
    ) -> None:
        super().__init__(
            hostname, limits, offers_tls=offers_tls, is_tls=is_tls, auth=auth, requires_auth=requires_auth
        )
        self.bare_line_ends = bare_line_ends

    # What the caller does

    def start(self) -> None:
        """Queue the greeting of a new connection."""
        self.say(answers.greeting(self.hostname))

    def receive(self, data: bytes) -> None:
        """Store what arrived. Once the engine is closing nothing is kept."""
        if self.is_closing or not data:
            return
        if isinstance(self._asked, StartTls):
            self.close(answers.BYTES_BEHIND_STARTTLS, "clear bytes behind STARTTLS")
            return
        self._buffer += data

    def next_event(self) -> Event | None:
        """The next thing to judge; None when more octets are needed or a reply is owed."""
        while self._event is None and self._asked is None and not self.is_closing:
            if not self._buffer and self._mode is not Mode.CHUNK:
                break
            if not _READERS[self._mode](self):
                break
        event = self._event
        self._event = None
        return event

    def reply(self, reply: Reply) -> None:
        """Answer the event handed out last. After the engine closed, a late reply is dropped."""
        if self.is_closing:
            return
        asked = self._asked
        judged = _JUDGED.get(type(asked))
        if asked is None or judged is None:
            raise EngineMisused("a reply that no event asked for")
        self._asked = None
        judged(self, asked, reply)
        if reply.code == 421 and not self.is_closing:  # RFC 5321 3.8: a 421 ends the connection
            self.end()

    def to_send(self) -> bytes:
        """Everything queued since the last call."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def tls_started(self) -> None:
        """The handshake is done: everything said before it is forgotten (TLS-3)."""
        self.is_tls = True
        self._buffer.clear()
        self._asked = None
        self.forget_hello()

    def close_with(self, reply: Reply) -> None:
        """End from outside: a time-out, a shutdown. An owed reply is no longer waited for."""
        if not self.is_closing:
            self.say(reply)
            self.end()

    def discard_body(self, reply: Reply) -> None:
        """Keep nothing of the body being read; answer `reply` at its end. Outside a body nothing happens."""
        if self._dots is not None:
            self._dots.discard()
            self._doom = reply
        elif self._state is State.CHUNKS and self._chunks is not None:
            self._chunks.fail(reply)

    @property
    def in_body(self) -> bool:
        """True from the 354 to the end of data, and from the first BDAT to the end of the last."""
        return self._dots is not None or self._chunks is not None

    @property
    def body_bytes(self) -> int:
        """Octets of an unfinished body in memory now."""
        reader = self._dots or self._chunks
        return reader.held_bytes if reader else 0

    @property
    def unread_bytes(self) -> int:
        """Octets received and not yet read. They grow while a reply is owed: stop reading the socket."""
        return len(self._buffer)

    # Reading: each takes what it can from the buffer and says whether to go on

    def _read_command(self) -> bool:
        buffer = self._buffer
        if buffer[0] == 0x16 and self._is_client_hello():
            return False
        line = self._lines.take(buffer, self.limits.line_bytes)
        if line is None:
            return False
        if isinstance(line, LineTrouble):
            return self._line_trouble(line, answers.LINE_TOO_LONG)
        try:
            obey(self, parse_command(line))
        except SyntaxRefused as refusal:
            self.refuse(refusal.reply)
        return True

    def _read_auth_line(self) -> bool:
        line = self._lines.take(self._buffer, self.limits.auth_line_bytes)
        if line is None:
            return False
        if isinstance(line, LineTrouble):
            self.leave_auth()
            return self._line_trouble(line, answers.AUTH_LINE_TOO_LONG)
        if line == b"*":  # RFC 4954 4: the client cancels
            self.leave_auth()
            self.refuse(answers.AUTH_CANCELLED)
        else:
            auth_step(self, line)
        return True

    def _is_client_hello(self) -> bool:
        """TLS-5: a TLS handshake on a clear port is closed without a reply. One octet is not yet known."""
        buffer = self._buffer
        if self.is_tls or self._lines.is_swallowing or (len(buffer) > 1 and buffer[1] != 3):
            return False
        if len(buffer) > 1:
            self.close(None, "TLS handshake on a clear port")
        return True

    def _line_trouble(self, trouble: LineTrouble, too_long: Reply) -> bool:
        if trouble is LineTrouble.NEVER_ENDS:
            self.close(answers.LINE_NEVER_ENDS, "a line without end")
        else:
            self.refuse(too_long)
        return True

    def _read_body(self) -> bool:
        dots = self._dots
        assert dots is not None
        dots.feed(self._buffer)
        if dots.done:
            too_big = answers.too_big(self.limits.message_bytes) if dots.too_big else None
            self._finish_body(dots.body(), self._doom or too_big)
        elif dots.seen_bytes > 2 * self.limits.message_bytes + self.limits.discard_bytes:
            self.close(answers.BODY_NEVER_ENDS, "a body far past the limit")
        return dots.done

    def _read_chunk(self) -> bool:
        chunks = self._chunks
        assert chunks is not None
        chunks.feed(self._buffer)
        if not chunks.is_complete:
            return False
        self._mode = Mode.COMMAND
        if self._state is not State.CHUNKS:  # swallowed outside a transaction (EXT-6)
            self._chunks = None
            self.refuse(chunks.failure or answers.MAIL_FIRST)
        elif chunks.is_last:
            self._finish_body(chunks.take_body(), chunks.failure)
        elif chunks.failure:  # RFC 3030 2: what is already on its way gets refused as well
            self.say(chunks.failure)
            chunks.failure = answers.CHUNKS_FAILED
        else:
            self.say(answers.chunk_taken(chunks.chunk_bytes))
        return True

    def _finish_body(self, body: bytes, doom: Reply | None) -> None:
        """The end of data: give the body out or refuse it; the transaction is over once it is answered."""
        self._dots = self._chunks = None
        self._mode = Mode.COMMAND
        is_bare = doom is None and has_bare_line_end(body)
        if is_bare and self.bare_line_ends == "reject":  # SRV-31: after the true end, then close
            self.close(answers.BARE_LINE_END, "bare CR or LF in a body")
        elif doom or b"\0" in body:
            self.clear_transaction()
            self.say(doom or answers.NUL_IN_BODY)
        else:
            self.ask(BodyEnd(normalized(body) if is_bare else body))

    # The session's judgements

    def _auth_judged(self, _: AuthTry, reply: Reply) -> None:
        if reply.code >= 500:
            self.refuse_login(reply)
            return
        self.say(reply)
        if reply.is_positive:
            self.is_authenticated = True
            self._state = State.READY

    def _mail_judged(self, asked: MailFrom, reply: Reply) -> None:
        self.say(reply)
        if reply.is_positive:
            self._state = State.SENDER
            self._is_utf8 = asked.params.is_utf8

    def _rcpt_judged(self, _: RcptTo, reply: Reply) -> None:
        self.say(reply)
        if reply.is_positive:
            self._state = State.RECIPIENTS
            self._recipients += 1
            return
        self._refused += 1
        if self._refused > self.limits.refused_recipients:
            self.close(answers.TOO_MANY_REFUSED, "too many refused recipients")

    def _start_judged(self, _: BodyStart, reply: Reply) -> None:
        may_go_on = 300 <= reply.code < 400
        if self._chunks is not None:  # BDAT: asked silently, a refusal waits for the end of the chunk
            if not may_go_on:
                self._chunks.fail(reply)
            return
        self.say(reply)
        if may_go_on:
            self._dots = DotReader(self.limits.message_bytes)
            self._mode = Mode.BODY

    def _end_judged(self, _: BodyEnd, reply: Reply) -> None:
        self.say(reply)
        self.clear_transaction()  # SRV-24: whatever the result
        if reply.is_positive:
            self._bad_commands = self._idle_commands = 0


_READERS: tuple[Callable[[ServerEngine], bool], ...] = (  # in the order of Mode
    ServerEngine._read_command,
    ServerEngine._read_auth_line,
    ServerEngine._read_body,
    ServerEngine._read_chunk,
)

_JUDGED: dict[type, Callable[..., None]] = {
    AuthTry: ServerEngine._auth_judged,
    MailFrom: ServerEngine._mail_judged,
    RcptTo: ServerEngine._rcpt_judged,
    BodyStart: ServerEngine._start_judged,
    BodyEnd: ServerEngine._end_judged,
}
