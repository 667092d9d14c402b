"""A test's conversation without a socket: greeting, EHLO or HELO, STARTTLS, sign-in, a short letter, QUIT.

Every line is kept for somebody to read, so nothing of the sign-in is: what answers AUTH is written down as
what it is, not as it was sent, and replies lose whatever repeats it (S22). The owner feeds `receive`, writes
`to_send`, reads `lines`, shakes hands while `wants_tls`, and stops when `is_over`.

Unlike `ClientEngine` this signs in, takes one command after the other, and ends at the first no.

Public: ProbeEngine, MAX_TRANSCRIPT.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from posthouse.model.probe import Mechanism, ProbeEnd, ProbeStep, ProbeTls, ProbeWish, Security
from posthouse.smtp.dots import dot_stuffed
from posthouse.smtp.masking import Mask, secrets_of
from posthouse.smtp.replies import PeerError, ReplyReader, ServerReply
from posthouse.smtp.sasl import cram_digest

MAX_TRANSCRIPT = 65_536  # characters of all lines

_UNKNOWN = (500, 502, 504)  # RFC 5321 3.2: whoever does not know EHLO is greeted with HELO

Said = tuple[str, str]
"""Who ("C", "S" or "*"), and the text."""


class ProbeEngine:
    """`content`: the letter, with CRLF. `is_tls`: the connection began with TLS."""

    def __init__(self, wish: ProbeWish, hello_name: str, content: bytes) -> None:
        self.end: ProbeEnd | None = None
        self.step = ProbeStep.GREETING
        self.wants_tls = False
        self.is_over = False
        self._wish = wish
        self._hello_name = hello_name
        self._content = content
        self._mask = Mask(secrets_of(wish.user, wish.password))
        self._reader = ReplyReader()
        self._out: list[bytes] = []
        self._lines: list[Said] = []
        self._room = MAX_TRANSCRIPT
        self._tls: ProbeTls | None = None
        self._offers: dict[str, str] = {}
        self._mechanisms: tuple[str, ...] = ()
        self._answers: list[tuple[str, bytes]] = []  # to the prompts of AUTH LOGIN, and what they are
        self._awaits_challenge = False  # of CRAM-MD5
        self._is_signed_in = False
        self._says_helo = False
        self._heard: ServerReply | None = None

    def to_send(self) -> bytes:
        """What to write now."""
        out, self._out = b"".join(self._out), []
        return out

    def lines(self) -> list[Said]:
        """What was said since the last look."""
        found, self._lines = self._lines, []
        return found

    def receive(self, data: bytes) -> None:
        """Take bytes of the server. Never raises for what they are; those that are no reply are not shown."""
        if self.wants_tls or self.is_over:
            return  # TLS-4: what follows the 220 in clear is not believed
        self._reader.feed(data)
        try:
            while not self.is_over and not self.wants_tls and (reply := self._reader.next()) is not None:
                self._hear(reply)
        except PeerError as error:
            self.note(f"The server broke the protocol: {error}")
            self._finish("not-smtp")
            self.is_over = True

    def tls_started(self, tls: ProbeTls) -> None:
        """The handshake is done; what was offered in clear is forgotten (RFC 3207 4.2)."""
        self._tls, self.wants_tls = tls, False
        self._offers, self._mechanisms = {}, ()
        if self.step is ProbeStep.STARTTLS:
            self._hello()

    def tls_failed(self, tls: ProbeTls) -> None:
        self._tls, self.wants_tls = tls, False
        self.step = ProbeStep.TLS
        self._finish("tls")
        self.is_over = True

    def lost(self, fault: str) -> None:
        """The connection is gone ("closed"), or nothing came in time ("silent", "too-long")."""
        self.is_over = True
        if self.end is None:
            self._finish(fault)

    def note(self, text: str) -> None:
        """Something that happened and that nobody said."""
        self._write("*", self._mask.line(text))

    # What the server says

    def _hear(self, reply: ServerReply) -> None:
        self._show(reply)
        self._heard = reply
        if self.is_over or self.end is not None:
            self.is_over = True  # the answer to QUIT
        elif self.step is ProbeStep.AUTH and reply.code == 334:
            self._answer(reply)
        elif self._is_yes(reply):
            _NEXT[self.step](self)
        elif self.step is ProbeStep.EHLO and reply.code in _UNKNOWN and not self._says_helo:
            self._hello_again()
        else:
            self._refused(reply)

    def _is_yes(self, reply: ServerReply) -> bool:
        if self.step is ProbeStep.AUTH:
            return reply.code == 235
        if self.step is ProbeStep.DATA:
            return reply.code == 354
        if self.step is ProbeStep.EHLO and 200 <= reply.code < 300 and not self._says_helo:
            self._read_offers(reply.lines)
        return 200 <= reply.code < 300

    def _read_offers(self, lines: Sequence[str]) -> None:
        for line in lines[1:]:
            # "AUTH=LOGIN" is a form older than RFC 4954 that some servers still say
            word, _, rest = line.strip().replace("=", " ", 1).partition(" ")
            name = word.upper()
            self._offers[name] = f"{self._offers.get(name, '')} {rest}".strip()
        words = self._offers.get("AUTH", "").upper().split()
        self._mechanisms = tuple(dict.fromkeys(self._mask.line(word[:40]) for word in words[:20]))

    def _greeted(self) -> None:
        self._hello()

    def _hello(self) -> None:
        self.step = ProbeStep.EHLO
        self._say(f"EHLO {self._hello_name}")

    def _hello_again(self) -> None:
        self._says_helo = True
        self.note("The server does not know EHLO: it can offer neither STARTTLS nor a sign-in")
        self._say(f"HELO {self._hello_name}")

    def _offered(self) -> None:
        if self._wish.security is Security.STARTTLS and self._tls is None:
            self._start_tls()
        elif self._wish.user or self._wish.password:
            self._sign_in()
        elif self._wish.only_sign_in:
            self._finish("")
        else:
            self._begin_letter()

    def _start_tls(self) -> None:
        self.step = ProbeStep.STARTTLS
        if "STARTTLS" in self._offers:
            self._say("STARTTLS")
        else:
            self.note("The server does not offer STARTTLS")
            self._finish("no-starttls")

    def _granted(self) -> None:
        self._reader.drop()
        self.wants_tls = True

    def _sign_in(self) -> None:
        self.step = ProbeStep.AUTH
        chosen = self._chosen_mechanism()
        if not chosen:
            offered = ", ".join(self._mechanisms)
            self.note(f"The server offers for signing in: {offered or 'nothing'}")
            self._finish("no-mechanism" if self._mechanisms else "no-auth")
            return
        user, password = self._wish.user.encode(), self._wish.password.encode()
        if chosen == "PLAIN":  # RFC 4616; the answer on the same line, RFC 4954 4
            self._out.append(b"AUTH PLAIN " + base64.b64encode(b"\0" + user + b"\0" + password) + b"\r\n")
            self._write("C", "AUTH PLAIN (user and password, not shown)")
        elif chosen == "CRAM-MD5":
            self._awaits_challenge = True
            self._say("AUTH CRAM-MD5")
        else:
            self._answers = [("the password", password), ("the user", user)]
            self._say("AUTH LOGIN")

    def _chosen_mechanism(self) -> str:
        wanted = self._wish.mechanism
        names = ("PLAIN", "LOGIN", "CRAM-MD5") if wanted is Mechanism.AUTO else (wanted.value.upper(),)
        return next((name for name in names if name in self._mechanisms), "")

    def _answer(self, reply: ServerReply) -> None:
        if self._awaits_challenge:
            self._answer_challenge(reply)
        if not self._answers:
            self._refused(reply)
            return
        what, octets = self._answers.pop()
        self._out.append(base64.b64encode(octets) + b"\r\n")
        self._write("C", f"({what}, not shown)")

    def _answer_challenge(self, reply: ServerReply) -> None:
        """RFC 2195; a digest is as good as the password to who can guess, so replies lose it too (S22)."""
        self._awaits_challenge = False
        digest = cram_digest(self._wish.password, "".join(reply.lines))
        if digest:
            self._mask = Mask([*secrets_of(self._wish.user, self._wish.password), digest])
            self._answers = [("user and digest", f"{self._wish.user} {digest}".encode())]

    def _signed_in(self) -> None:
        self._is_signed_in = True
        if self._wish.only_sign_in:
            self._finish("")
        else:
            self._begin_letter()

    def _begin_letter(self) -> None:
        self.step = ProbeStep.MAIL
        needs_utf8 = not f"{self._wish.sender}{self._wish.recipient}".isascii()
        if needs_utf8 and "SMTPUTF8" not in self._offers:  # RFC 6531 3.2
            self.note("The server does not offer SMTPUTF8, which these addresses need")
            self._finish("no-smtputf8")
            return
        self._say(f"MAIL FROM:<{self._wish.sender}>{' SMTPUTF8' if needs_utf8 else ''}")

    def _sender_taken(self) -> None:
        self.step = ProbeStep.RCPT
        self._say(f"RCPT TO:<{self._wish.recipient}>")

    def _recipient_taken(self) -> None:
        self.step = ProbeStep.DATA
        self._say("DATA")

    def _may_send(self) -> None:
        self.step = ProbeStep.CONTENT
        self._out.append(dot_stuffed(self._content) + b".\r\n")
        self._write("C", f"({len(self._content)} octets of a test message, and the final dot)")

    def _taken(self) -> None:
        self.step = ProbeStep.DONE
        self._finish("", self._heard)

    # The end

    def _refused(self, reply: ServerReply) -> None:
        self._finish("refused", reply)
        self.is_over = reply.code == 421  # RFC 5321 4.2.1: the server closes

    def _finish(self, fault: str, reply: ServerReply | None = None) -> None:
        self.end = ProbeEnd(
            step=self.step,
            fault=fault,
            code=reply.code if reply else 0,
            enhanced=reply.enhanced if reply else "",
            text=" ".join(self._mask.lines(reply.lines))[:2000] if reply else "",
            mechanisms=self._mechanisms,
            offers_starttls="STARTTLS" in self._offers,
            is_signed_in=self._is_signed_in,
            tls=self._tls,
        )
        if reply and reply.code == 421:
            return
        if fault in ("", "refused", "no-starttls", "no-auth", "no-mechanism", "no-smtputf8"):
            if reply and reply.code == 334:
                self._say("*")  # RFC 4954 4: the sign-in is called off; its reply is the last that we hear
            else:
                self._say("QUIT")

    # What is written down

    def _say(self, command: str) -> None:
        self._out.append(f"{command}\r\n".encode())
        self._write("C", self._mask.line(command))

    def _show(self, reply: ServerReply) -> None:
        lead = f"{reply.enhanced} " if reply.enhanced else ""
        texts = self._mask.lines([f"{lead}{line}" for line in reply.lines])
        last = len(texts) - 1
        for number, text in enumerate(texts):
            self._write("S", f"{reply.code}{' ' if number == last else '-'}{text}")

    def _write(self, who: str, text: str) -> None:
        if self.is_over and self._room <= 0:
            return
        self._room -= len(text) + 1
        if self._room <= 0:
            self._lines.append(("*", "The server says too much: the test ends here"))
            self.is_over = True
            if self.end is None:
                self._finish_quietly()
            return
        self._lines.append((who, text))

    def _finish_quietly(self) -> None:
        self.end = ProbeEnd(step=self.step, fault="too-much", tls=self._tls)


_NEXT = {
    ProbeStep.GREETING: ProbeEngine._greeted,
    ProbeStep.EHLO: ProbeEngine._offered,
    ProbeStep.STARTTLS: ProbeEngine._granted,
    ProbeStep.AUTH: ProbeEngine._signed_in,
    ProbeStep.MAIL: ProbeEngine._sender_taken,
    ProbeStep.RCPT: ProbeEngine._recipient_taken,
    ProbeStep.DATA: ProbeEngine._may_send,
    ProbeStep.CONTENT: ProbeEngine._taken,
}
