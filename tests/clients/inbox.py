"""The receiving side of the client tests: a small SMTP host that keeps every letter byte for byte."""

from __future__ import annotations

import socketserver
import threading
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Arrival:
    """One transaction: envelope and content with CRLF line ends, dot-stuffing undone."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def added(self) -> bytes:
        """The header fields on top that a sender did not write: from the first on while they are trace or
        DKIM."""
        end = 0
        while self.content[end : end + 9].lower() in (b"received:", b"dkim-sign", b"return-pa"):
            end = self.content.index(b"\r\n", end) + 2
            while self.content[end : end + 1] in (b" ", b"\t"):
                end = self.content.index(b"\r\n", end) + 2
        return self.content[:end]

    @property
    def own(self) -> bytes:
        """What stands below the added fields."""
        return self.content[len(self.added) :]


class Inbox:
    """Listens on 127.0.0.1 (`port`) in threads; `wait` returns what came for one recipient."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.inbox = self
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def of(self, recipient: str) -> list[Arrival]:
        return [a for a in self.arrivals if recipient in a.recipients]

    def wait(self, recipient: str, seconds: float = 20.0) -> Arrival:
        """The one letter for this recipient; raises AssertionError when none comes or more than one."""
        end = time.monotonic() + seconds
        while not self.of(recipient) and time.monotonic() < end:
            time.sleep(0.02)
        found = self.of(recipient)
        assert len(found) == 1, f"{len(found)} letters for {recipient} within {seconds} s"
        return found[0]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    inbox: Inbox


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        sender = ""
        recipients: list[str] = []
        self.wfile.write(b"220 inbox.test ESMTP\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.wfile.write(b"250-inbox.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n")
            elif verb == b"DATA":
                self.wfile.write(b"354 Go ahead\r\n")
                self.server.inbox.arrivals.append(Arrival(sender, tuple(recipients), self._letter()))
                recipients = []
                self.wfile.write(b"250 2.0.0 Taken\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 2.0.0 Bye\r\n")
                return
            else:
                if verb == b"MAIL":
                    sender, recipients = _path(line), []
                elif verb == b"RCPT":
                    recipients.append(_path(line))
                self.wfile.write(b"250 2.0.0 Ok\r\n")

    def _letter(self) -> bytes:
        lines: list[Any] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)


def _path(line: bytes) -> str:
    return line[line.index(b"<") + 1 : line.index(b">")].decode()
