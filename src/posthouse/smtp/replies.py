"""Replies in both directions: those we give, made safe and rendered once, and those that a peer gives us.

`Reply` renders itself at construction, so a reply kept as a constant costs nothing in the conversation.
Whatever text it is given, only printable ASCII reaches the wire, in lines of at most 512 octets, with CRLF
(RFC 5321 4.2.1, 4.5.3.1.5; RFC 2034 4: the enhanced code stands on every line).

`ReplyReader` takes a peer's bytes and yields whole replies. The peer is not trusted: lines, their number and
the codes are bounded, and what cannot be a reply raises `PeerError` (MX-8).

Public: Reply, ServerReply, ReplyReader, PeerError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_REPLY_LINE = 512  # octets with CRLF, what we send (RFC 5321 4.5.3.1.5)
MAX_PEER_LINE = 4096  # octets, what we put up with
MAX_PEER_LINES = 100

_UNSAFE = re.compile(r"[^\x20-\x7e]")
_BREAKS = re.compile(r"[\r\n\t]+")
_ENHANCED = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?=[ \t]|\Z)")
# and what makes a text read otherwise than it is written (Unicode's bidirectional controls)
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_CODE = re.compile(rb"[2-5][0-9][0-9](?=[ -]|\Z)")


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of ours. `enhanced` is "" for none; `text` is one line or a tuple of lines.

    `wire` is the rendered form. Line breaks in the text become one space, other unsafe characters "?";
    a line too long for 512 octets is continued on further lines, at a space where there is one.
    """

    code: int
    enhanced: str
    text: str | tuple[str, ...]
    wire: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wire", _render(self.code, self.enhanced, self.text))

    @property
    def is_positive(self) -> bool:
        """2yz: done as asked. A 3yz is neither positive nor a refusal."""
        return 200 <= self.code < 300

    def __str__(self) -> str:
        text = self.text if isinstance(self.text, str) else " / ".join(self.text)
        return " ".join(part for part in (str(self.code), self.enhanced, text) if part)


def _render(code: int, enhanced: str, text: str | tuple[str, ...]) -> bytes:
    lead = f"{enhanced} " if enhanced else ""
    if isinstance(text, str) and len(text) < 400 and text.isascii() and text.isprintable():
        return f"{code} {lead}{text}\r\n".encode()
    given = (text,) if isinstance(text, str) else text
    lines = [piece for line in given for piece in _safe_lines(line, MAX_REPLY_LINE - 6 - len(lead))] or [""]
    last = len(lines) - 1
    return "".join(
        f"{code}{' ' if n == last else '-'}{lead}{line}\r\n" for n, line in enumerate(lines)
    ).encode("ascii")


def _safe_lines(text: str, room: int) -> Iterator[str]:
    """`text` as printable ASCII in pieces of at most `room` characters; at least one piece."""
    safe = _UNSAFE.sub("?", _BREAKS.sub(" ", text))
    while len(safe) > room:
        cut = safe.rfind(" ", 1, room + 1)
        cut = cut if cut > 0 else room
        yield safe[:cut]
        safe = safe[cut:].lstrip(" ")
    yield safe


class PeerError(Exception):
    """The peer broke the protocol: an over-long line, too many lines, or something that is no reply.

    The text is ours and holds nothing of what the peer sent.
    """


@dataclass(slots=True)
class ServerReply:
    """A peer's reply. `enhanced` is "" when none was given or its class contradicts the code (RFC 2034 4).

    `lines` are the texts behind the codes, decoded as UTF-8 or else Latin-1, controls shown as \\xNN, with
    the enhanced code taken off. When the codes of a multi-line reply differ, the last one counts.
    """

    code: int
    enhanced: str
    lines: list[str]

    @property
    def text(self) -> str:
        """All lines joined with one space."""
        return self.lines[0] if len(self.lines) == 1 else " ".join(self.lines)

    def __str__(self) -> str:
        lead = f"{self.code} {self.enhanced}" if self.enhanced else str(self.code)
        return f"{lead} {self.text}"


class ReplyReader:
    """Bytes in, replies out. After a `PeerError` the connection must not be used any more.

    A line ends with LF; a CR before it is dropped. Unlike the commands that we take, a lone LF ends a line
    here: the peer can only confuse its own replies with it, and servers that send it exist.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[bytes] = []

    @property
    def has_unread(self) -> bool:
        """True when bytes arrived that are not part of a reply taken by `next`."""
        return bool(self._buffer or self._lines)

    def feed(self, data: bytes) -> None:
        """Take what the peer sent; any cut is fine."""
        self._buffer += data

    def drop(self) -> None:
        """Forget all unread bytes: those behind the 220 to STARTTLS must not be believed (TLS-4)."""
        self._buffer.clear()
        self._lines.clear()

    def next(self) -> ServerReply | None:
        """The next whole reply, or None when more bytes are needed. Raises PeerError."""
        buffer = self._buffer
        while True:
            end = buffer.find(b"\n", 0, MAX_PEER_LINE)
            if end < 0:
                if len(buffer) >= MAX_PEER_LINE:
                    raise PeerError(f"a reply line is longer than {MAX_PEER_LINE} octets")
                return None
            line = bytes(buffer[: end - 1 if end and buffer[end - 1] == 13 else end])
            del buffer[: end + 1]
            if not _CODE.match(line):
                raise PeerError("a reply line does not begin with a reply code")
            if line[3:4] != b"-":
                return self._finish(line)
            self._lines.append(line)
            if len(self._lines) >= MAX_PEER_LINES:
                raise PeerError(f"a reply has more than {MAX_PEER_LINES} lines")

    def _finish(self, last: bytes) -> ServerReply:
        code = int(last[:3])
        if not self._lines:
            enhanced, text = _split_enhanced(code, _readable(last[4:]))
            return ServerReply(code, enhanced, [text])
        texts = [_split_enhanced(code, _readable(line[4:])) for line in (*self._lines, last)]
        self._lines.clear()
        return ServerReply(code, next((e for e, _ in texts if e), ""), [text for _, text in texts])


def _readable(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text if text.isprintable() else _CONTROLS.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def _split_enhanced(code: int, text: str) -> tuple[str, str]:
    match = _ENHANCED.match(text)
    if not match or match[1] != str(code)[0]:
        return "", text
    return match[0], text[match.end() :].lstrip(" \t")
