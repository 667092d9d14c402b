"""Plays a talk over a connection and says, with the whole transcript, where it went another way.

Public: Connection, Closed, TalkFailed, play.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from string import Template
from typing import Protocol

from talks.runner.script import Step, Talk

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
_WHOLE_REPLY = re.compile(r"(\d{3})(?: (\d\.\d{1,3}\.\d{1,3}))?\Z")

HELLO = ["S: 220", "C: EHLO talk.example.test", "S: 250"]
SIGN_IN = [*HELLO, r"C64: AUTH PLAIN |\0$LOGIN\0$PASSWORD", "S: 235 2.7.0"]


class Closed(Exception):
    """The server closed the connection where a line was expected."""


class TalkFailed(AssertionError):
    """The server answered otherwise than the talk says."""


class Connection(Protocol):
    """What a talk needs of a connection. `names` fills in $LOGIN, $PASSWORD, $SENDER, $RECIPIENT, $HOST."""

    names: dict[str, str]

    def send(self, data: bytes) -> None: ...

    def read_line(self) -> bytes:
        """The next reply line with its CRLF. Raises Closed; a time-out is a TalkFailed."""
        ...

    def start_tls(self) -> None: ...

    def wait(self, seconds: float) -> None: ...

    def is_silent(self) -> bool:
        """True when nothing unread has come and the server has not closed."""
        ...

    def accepted(self) -> Sequence[bytes] | None:
        """The letters taken so far, or None where that cannot be seen from here."""
        ...

    def close(self) -> None: ...


Connect = Callable[[Talk], Connection]


def play(talk: Talk, connect: Connect) -> None:
    """Play `talk` on a connection made by `connect`. Raises TalkFailed with the transcript so far."""
    connection = connect(talk)
    player = _Player(connection)
    try:
        for step in (*_prelude(talk), *talk.steps):
            player.do(step)
        player.flush()
    except (TalkFailed, Closed) as error:
        shown = "\n".join(player.transcript)
        raise TalkFailed(f"{talk.name}: {error}\n--- so far ---\n{shown}") from error
    finally:
        connection.close()


def _prelude(talk: Talk) -> list[Step]:
    lines = SIGN_IN if "signed-in" in talk.settings else HELLO if "hello" in talk.settings else []
    return [Step(kind, text, 0) for kind, text in (line.split(": ", 1) for line in lines)]


class _Player:
    def __init__(self, connection: Connection) -> None:
        self.transcript: list[str] = []
        self._connection = connection
        self._unsent = b""
        self._last = b""  # the reply line read last

    def do(self, step: Step) -> None:
        if step.kind in ("C", "C64", "CX"):
            self._unsent += self._octets(step) * step.times
            return
        self.flush()
        try:
            _DO[step.kind](self, step.text)
        except TalkFailed as error:
            raise TalkFailed(f"line {step.line} ({step.kind}: {step.text}): {error}") from error
        except Closed as error:
            raise TalkFailed(f"line {step.line} ({step.kind}: {step.text}): connection closed") from error

    def flush(self) -> None:
        if self._unsent:
            self.transcript.append(f"C: {_short(self._unsent)}")
            self._connection.send(self._unsent)
            self._unsent = b""

    def _octets(self, step: Step) -> bytes:
        text = self._filled(step.text)
        if step.kind == "C":
            return text.encode() + b"\r\n"
        if step.kind == "CX":
            return _unescaped(text)
        lead, _, secret = text.rpartition("|")
        return lead.encode() + base64.b64encode(_unescaped(secret)) + b"\r\n"

    def _filled(self, text: str) -> str:
        return Template(text).safe_substitute(self._connection.names)

    def _line(self) -> bytes:
        line = self._connection.read_line()
        self.transcript.append(f"S: {_short(line)}")
        if not line.endswith(b"\r\n"):
            raise TalkFailed(f"a reply line without CRLF: {line!r}")
        if len(line) > 512 or not line[:-2].isascii() or not line[:-2].decode("ascii").isprintable():
            raise TalkFailed(f"an unsafe reply line: {line!r}")
        self._last = line[:-2]
        return self._last

    def expect(self, text: str) -> None:
        if text == "...":
            while self._last[3:4] == b"-":
                self._line()
        elif match := _WHOLE_REPLY.match(text):
            self._expect_reply(match[1], match[2])
        elif text.startswith("~"):
            if not re.fullmatch(self._filled(text[1:]), self._line().decode("ascii")):
                raise TalkFailed(f"got {self._last!r}")
        elif self._line() != self._filled(text).encode():
            raise TalkFailed(f"got {self._last!r}")

    def _expect_reply(self, code: str, enhanced: str | None) -> None:
        """Each line has the code, and the enhanced code or (EXT-7) at least one of its class."""
        while True:
            line = self._line().decode("ascii")
            if line[:3] != code or (enhanced and not line[4:].startswith(enhanced + " ")):
                raise TalkFailed(f"got {line!r}")
            if line[3:4] != "-":
                return

    def tls(self, _: str) -> None:
        self._connection.start_tls()

    def wait(self, text: str) -> None:
        self._connection.wait(float(text))

    def closed(self, _: str) -> None:
        try:
            line = self._line()
        except Closed:
            return
        raise TalkFailed(f"the server goes on: {line!r}")

    def drop(self, _: str) -> None:
        self._connection.close()

    def silence(self, _: str) -> None:
        if not self._connection.is_silent():
            raise TalkFailed("the server said something")

    def accepted(self, text: str) -> None:
        letters = self._connection.accepted()
        if letters is not None and len(letters) != int(text):
            raise TalkFailed(f"{len(letters)} letters were taken: {[_short(x) for x in letters]}")

    def body(self, text: str) -> None:
        letters = self._connection.accepted()
        if letters is not None and (not letters or letters[-1] != _unescaped(text)):
            raise TalkFailed(f"the last letter is {_short(letters[-1]) if letters else 'missing'}")


_DO: dict[str, Callable[[_Player, str], None]] = {
    "S": _Player.expect,
    "tls": _Player.tls,
    "wait": _Player.wait,
    "close": _Player.closed,
    "drop": _Player.drop,
    "silence": _Player.silence,
    "accepted": _Player.accepted,
    "body": _Player.body,
}


def _unescaped(text: str) -> bytes:
    out, at = b"", 0
    for match in _ESCAPE.finditer(text):
        out += text[at : match.start()].encode()
        out += bytes.fromhex(match[1]) if match[1] else _ESCAPES[match[2]]
        at = match.end()
    return out + text[at:].encode()


def _short(data: bytes) -> str:
    return repr(data) if len(data) < 300 else f"{data[:200]!r}… ({len(data)} octets)"
