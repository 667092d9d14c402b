"""A connection to a `ServerEngine` in this very process: no socket, no time.

Public: EngineConnection.
"""

from __future__ import annotations

from collections.abc import Sequence

from posthouse.smtp.events import StartTls
from talks.runner.house import NAMES, FakeSession, engine_for
from talks.runner.play import Closed, TalkFailed
from talks.runner.script import Talk


class EngineConnection:
    """Feeds an engine in pieces of `cut` octets (0: as sent)."""

    def __init__(self, talk: Talk, cut: int = 0) -> None:
        self.names = NAMES
        self.session = FakeSession()
        self._cut = cut
        self._engine = engine_for(talk)
        self._sent = b""
        self._awaits_tls = False
        self._engine.start()
        self._turn()

    def _turn(self) -> None:
        while (event := self._engine.next_event()) is not None:
            self._awaits_tls = self._awaits_tls or isinstance(event, StartTls)
            reply = self.session.answer(event)
            if reply is not None:
                self._engine.reply(reply)
        self._sent += self._engine.to_send()

    def send(self, data: bytes) -> None:
        cut = self._cut or len(data)
        for at in range(0, len(data), cut):
            self._engine.receive(data[at : at + cut])
            self._turn()

    def read_line(self) -> bytes:
        end = self._sent.find(b"\n")
        if end >= 0:
            line, self._sent = self._sent[: end + 1], self._sent[end + 1 :]
            return line
        if self._engine.is_closing:
            raise Closed
        raise TalkFailed("no reply came")

    def start_tls(self) -> None:
        if not self._awaits_tls or self._engine.is_closing:
            raise TalkFailed("the server is not ready for TLS")
        self._awaits_tls = False
        self._engine.tls_started()

    def wait(self, seconds: float) -> None:
        """Nothing to wait for: the engine has no clock."""

    def is_silent(self) -> bool:
        return not self._sent and not self._engine.is_closing

    def accepted(self) -> Sequence[bytes] | None:
        return self.session.letters

    def close(self) -> None:
        """A lost connection: the engine is just dropped."""
