"""A spam scanner in threads of this process, that speaks as SpamAssassin's spamd does.

Public: SpamScanner.
"""

from __future__ import annotations

import re
import socketserver
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from house.house import until

_SCORE = re.compile(rb"score-([0-9.]+)")
_LENGTH = re.compile(rb"Content-length: (\d+)\r\n")


@dataclass
class SpamScanner:
    """The score of a letter is the number behind `score-` in it, else 0.1. While `says` is not b"" every
    answer is that, while `is_away` connections are closed. `asked`: the letters, in order."""

    says: bytes = b""
    is_away: bool = False
    asked: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Self:
        scanner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                if not scanner.is_away:
                    scanner._talk(self.rfile, self.wfile)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A house that hangs up is no trouble."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="scanner")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def about(self, word: str) -> list[bytes]:
        """The letters with this word that it was asked about."""
        return [letter for letter in list(self.asked) if word.encode() in letter]

    def wait_for(self, word: str) -> bytes:
        return until(lambda: self.about(word), 20, f"a question about {word}")[0]

    def _talk(self, reader: Any, writer: Any) -> None:
        assert reader.readline() == b"REPORT SPAMC/1.5\r\n"
        fields = b""
        while (line := reader.readline()) not in (b"\r\n", b""):
            fields += line
        found = _LENGTH.search(fields)
        assert found
        letter = reader.read(int(found[1]))
        self.asked.append(letter)
        writer.write(self.says or _answer(letter))


def _answer(letter: bytes) -> bytes:
    found = _SCORE.search(letter)
    score = float(found[1]) if found else 0.1
    report = b"Content analysis details: %.1f points" % score
    return b"SPAMD/1.1 0 EX_OK\r\nContent-length: %d\r\nSpam: %s ; %.1f / 5.0\r\n\r\n%b" % (
        len(report),
        b"True" if score >= 5 else b"False",
        score,
        report,
    )
