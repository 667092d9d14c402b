"""Conversations of the client engine as text.

A conversation has lines `S:` (the host says), `C:` (exactly what we must say next), `go` (begin the letter),
`tls` (the handshake succeeds), `lost`, `late`, `quit`. The content is written as
`C: (content)` behind 354 and as `C: (chunk)` behind BDAT.
"""

from __future__ import annotations

from posthouse.model.message import Outgoing, SmtpResult
from posthouse.smtp.client import ClientEngine
from posthouse.smtp.steps import READY, WANTS_CONTENT, WANTS_TLS, Broken, Finished

LETTER = Outgoing("a@example.com", "b@example.net", b"Subject: hello\r\n\r\n", b"one\r\n.two\r\n..\r\n")
CONTENT = b"Subject: hello\r\n\r\none\r\n..two\r\n...\r\n.\r\n"
CHUNK = LETTER.head + LETTER.body
WRITTEN = {"(content)": CONTENT, "(chunk)": CHUNK}


class Conversation:
    """Plays a conversation's text against an engine."""

    def __init__(self, engine: ClientEngine, letter: Outgoing = LETTER, *, bytewise: bool = False) -> None:
        self.engine = engine
        self.letter = letter
        self.bytewise = bytewise
        self.results: list[SmtpResult] = []
        self.stale: list[bool] = []
        self.chunk_trouble: list[bool] = []
        self.broken: list[SmtpResult] = []
        self.said = b""
        self.ready = 0
        self.asked = 0  # how often the content was wanted

    def play(self, text: str) -> Conversation:
        heard, expected = b"", b""
        for line in [*(line.strip() for line in text.strip().splitlines()), ""]:
            mark, _, rest = line.partition(": ")
            if heard and mark != "S":
                self.feed(heard)
                heard = b""
            if expected and mark != "C":
                assert self.said == expected
                self.said = expected = b""
            match mark:
                case "S":
                    heard += rest.encode("utf-8", "surrogateescape") + b"\r\n"
                case "C":
                    expected += WRITTEN.get(rest) or rest.encode() + b"\r\n"
                case "go":
                    self.engine.start(self.letter)
                case "tls":
                    self.engine.tls_started("TLSv1.3 X")
                case "lost":
                    self.engine.lost()
                case "late":
                    self.engine.lost("Timed out")
                case "quit":
                    self.engine.quit()
            self.settle()
        assert self.said == b""
        return self

    def feed(self, data: bytes) -> None:
        pieces = [data[n : n + 1] for n in range(len(data))] if self.bytewise else [data]
        for piece in pieces:
            self.engine.receive(piece)
            self.settle()

    def settle(self) -> None:
        while (event := self.engine.next_event()) is not None:
            if event is WANTS_CONTENT:
                self.asked += 1
                self.engine.allow_content()
            elif event is READY:
                self.ready += 1
            elif isinstance(event, Finished):
                self.results.append(event.result)
                self.stale.append(event.is_stale)
                self.chunk_trouble.append(event.is_chunk_trouble)
            elif isinstance(event, Broken):
                self.broken.append(event.result)
            else:
                assert event is WANTS_TLS
        while self.engine.has_output:
            self.said += b"".join(self.engine.to_send())
