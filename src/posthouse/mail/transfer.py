"""Content-Transfer-Encodings with holes: encode a text once, put each recipient's values in quickly.

A `Program` is the fixed text cut at the holes. What lies outside of the holes keeps its encoded octets:
- quoted-printable: a soft line break before and after each value, so a value has lines of its own;
- 7bit and 8bit: a value goes in raw; the line (or lines) around it is the variable piece;
- base64: octets move, so the pieces between the holes are encoded in their three phases, when needed.
Every piece therefore is made of whole lines, and the relaxed form that DKIM hashes (RFC 6376 3.4.4) can be
made piece by piece. Line breaks in values become CRLF and NUL is dropped: neither may reach the wire raw.

Public names: Program, decode, encode, program, relaxed_lines.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

LINE_MAX = 998  # RFC 5322 2.1.1, without CRLF
_SOFT = b"=\r\n"
_LITERAL = bytes(octet for octet in range(32, 127) if octet != 61)  # RFC 2045 6.7 (2), (3)
_has_bad_escape = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*+(?:\r\n|\Z))").search
# What decodes to fewer octets than it has: an escape, a soft break, blanks at a line end (RFC 2045 6.7 (3)).
# Blanks are looked for at the beginning of a run only: linear, but every octet is visited.
_ESCAPE = rb"=(?:([0-9A-Fa-f]{2})|[ \t]*+(?:\r\n|\Z))"
_PADDING = rb"(?<![ \t])[ \t]++(?=\r\n|\Z)"
_find_escapes = re.compile(_ESCAPE).finditer
_find_escapes_and_padding = re.compile(_ESCAPE + b"|" + _PADDING).finditer
_drop_padding = re.compile(_PADDING).sub
_find_nul_or_lf = re.compile(rb"[\0\n]").findall
_replace_nul = re.compile(rb"=00").sub
_line_ends = re.compile(rb"\r\n|\r|\n").sub


@dataclass(slots=True)
class Program:
    """`chunks`: the fixed pieces (base64: not yet encoded, unless there is no hole); `canon`: the same in
    relaxed form; `transfer`: what the Content-Transfer-Encoding field must say.

    `lines` (7bit, 8bit): for each variable piece between two chunks its fixed texts around the holes.
    """

    chunks: list[bytes]
    canon: list[bytes]
    transfer: str
    lines: list[list[bytes]] = field(default_factory=list)
    phases: dict[tuple[int, int], tuple[bytes, bytes]] = field(default_factory=dict)

    def fill(self, values: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """One value for each hole -> (pieces for the wire, the same pieces in relaxed form).

        The relaxed pieces are right for the middle of a body: empty lines at their end are still there.
        """
        if not values:
            return self.chunks, self.canon
        together = b"".join(values)
        if b"\n" in together or b"\r" in together or b"\0" in together:
            values = [_clean(value) for value in values]
        if self.transfer == "quoted-printable":
            return self._fill_quoted(values)
        if self.transfer == "base64":
            return self._fill_base64(values)
        return self._fill_raw(values)

    def _fill_quoted(self, values: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        chunks, canon = self.chunks, self.canon
        wire = [chunks[0]]
        relaxed = [canon[0]]
        for number, value in enumerate(values, 1):
            lines = _quoted_lines(value)
            wire += (lines, chunks[number])
            if b"  " in lines or b"\t" in lines:
                lines = relaxed_lines(lines)
            relaxed += (lines, canon[number])
        return wire, relaxed

    def _fill_raw(self, values: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        wire = [self.chunks[0]]
        relaxed = [self.canon[0]]
        at = 0
        for number, texts in enumerate(self.lines, 1):
            pieces = [texts[0]]
            for text in texts[1:]:
                pieces += (values[at], text)
                at += 1
            line = b"".join(pieces)
            if len(line) > LINE_MAX:
                line = _within_limit(line)
            wire += (line, self.chunks[number])
            relaxed += (relaxed_lines(line), self.canon[number])
        return wire, relaxed

    def _fill_base64(self, values: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        encoded, rest = self._phase(0, 0)
        wire = [encoded]
        for number, value in enumerate(values, 1):
            run = rest + value
            missing = -len(run) % 3
            lead = self.chunks[number][:missing]
            run += lead
            if len(lead) < missing:  # a short piece: it rides with the next value
                rest = run
                continue
            encoded, rest = self._phase(number, missing)
            wire += (_base64_lines(run), encoded)
        wire.append(_base64_lines(rest))
        return wire, wire  # there is no blank in it

    def _phase(self, number: int, skip: int) -> tuple[bytes, bytes]:
        """Piece `number` without its first `skip` octets: (lines of whole groups of three, octets left)."""
        found = self.phases.get((number, skip))
        if found is None:
            octets = self.chunks[number][skip:]
            whole = len(octets) - len(octets) % 3
            found = self.phases[number, skip] = (_base64_lines(octets[:whole]), octets[whole:])
        return found


def program(
    encoded: bytes,
    decoded: bytes,
    transfer: str,
    holes: Sequence[tuple[int, int]],
    longest: Sequence[int],
    *,
    is_ascii: bool = False,
) -> Program:
    """Cut a part's body at `holes`: sorted spans of `decoded` that do not overlap (empty: an insertion).

    `decoded` is `decode(encoded, transfer)`. `longest`: for each hole the most octets to expect; a raw line
    that could pass 998 turns the part to quoted-printable. `is_ascii`: no value will ever have an octet
    above 127; without that promise a 7bit part turns to quoted-printable.
    """
    if not holes:
        return Program([encoded], [relaxed_lines(encoded)], transfer)
    holes = _unbroken(decoded, holes)
    if transfer == "base64":
        return Program(_between(decoded, holes), [], "base64")
    if transfer != "quoted-printable":
        raw = _raw_program(decoded, transfer, holes, longest)
        if raw and (is_ascii or transfer == "8bit"):
            return raw
        encoded = encode(decoded, "quoted-printable")
    return _quoted_program(encoded, holes)


def decode(encoded: bytes, transfer: str) -> bytes | None:
    """The octets of a text; None for what is malformed: then leave the part alone."""
    if transfer == "base64":
        try:
            return binascii.a2b_base64(encoded.translate(None, b" \t\r\n"), strict_mode=True)
        except ValueError:
            return None
    if transfer != "quoted-printable":
        return encoded
    if _has_bad_escape(encoded):
        return None
    if _has_padding(encoded):
        encoded = _drop_padding(b"", encoded)
    return binascii.a2b_qp(encoded)


def encode(decoded: bytes, transfer: str) -> bytes:
    """Octets in quoted-printable (CRLF stays a line break, any other octet survives) or base64."""
    if transfer == "base64":
        return _base64_lines(decoded)
    breaks = decoded.count(b"\r\n")
    is_clean = decoded.count(b"\r") == decoded.count(b"\n") == breaks
    if is_clean and breaks and b" \r\n" not in decoded and b"\t\r\n" not in decoded:
        # not with blanks before a line's end: the C function writes those past column 76
        return binascii.b2a_qp(decoded, istext=True)
    lines = [_quoted_line(line) for line in decoded.split(b"\r\n")]
    return b"\n".join(lines).replace(b"\n", b"\r\n")


def relaxed_lines(text: bytes) -> bytes:
    """RFC 6376 3.4.4 for whole lines out of a body: like canon.relaxed_body, but empty lines at the end stay.

    A last line without CRLF counts as ended: in a body a part's end always is a line's end.
    """
    if b"\t" in text:
        text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    if b" \r\n" in text:
        text = text.replace(b" \r\n", b"\r\n")
    return text[:-1] if text.endswith(b" ") else text


def _has_padding(encoded: bytes) -> bool:
    return b" \r\n" in encoded or b"\t\r\n" in encoded or encoded.endswith((b" ", b"\t"))


def _clean(value: bytes) -> bytes:
    return _line_ends(b"\r\n", value.replace(b"\0", b""))


def _unbroken(decoded: bytes, holes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The holes without one that begins or ends between CR and LF: half a line end must not stay behind."""
    moved: list[tuple[int, int]] = []
    least = 0
    for start, end in holes:
        is_empty = start == end
        if decoded[start - 1 : start + 1] == b"\r\n":
            start -= 1
        if is_empty:
            end = start
        elif decoded[end - 1 : end + 1] == b"\r\n":
            end += 1
        start = max(start, least)
        least = max(start, end)
        moved.append((start, least))
    return moved


def _between(text: bytes, holes: Sequence[tuple[int, int]]) -> list[bytes]:
    """The texts before, between and behind the holes: one more than there are holes."""
    starts = [0, *[end for _, end in holes]]
    ends = [*[start for start, _ in holes], len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def _raw_program(
    text: bytes, transfer: str, holes: Sequence[tuple[int, int]], longest: Sequence[int]
) -> Program | None:
    """Cut at line ends around the holes; None when one of the variable lines could become too long."""
    chunks: list[bytes] = []
    lines: list[list[bytes]] = []
    done = 0  # everything before is in chunks or lines
    number = 0
    while number < len(holes):
        first = number
        before = text.rfind(b"\r\n", done, holes[first][0])
        start = before + 2 if before >= 0 else done
        end = _line_end(text, holes[first][1])
        # the end of the text is no line's end: what is inserted there belongs to the same line
        while (number := number + 1) < len(holes) and (holes[number][0] < end or end == len(text)):
            end = max(end, _line_end(text, holes[number][1]))
        own = [(left - start, right - start) for left, right in holes[first:number]]
        texts = _between(text[start:end], own)
        most = LINE_MAX + 2 * texts[-1].endswith(b"\r\n")
        if sum([len(part) for part in texts]) + sum(longest[first:number]) > most:
            return None
        chunks.append(text[done:start])
        lines.append(texts)
        done = end
    chunks.append(text[done:])
    return Program(chunks, [relaxed_lines(chunk) for chunk in chunks], transfer, lines)


def _line_end(text: bytes, at: int) -> int:
    """The offset behind the CRLF that ends the line of `at`, or the end of the text."""
    found = text.find(b"\r\n", at)
    return found + 2 if found >= 0 else len(text)


def _within_limit(lines: bytes) -> bytes:
    """Values longer than foretold: lines over 998 octets are broken, at a blank if there is one."""
    done: list[bytes] = []
    for line in lines.split(b"\r\n"):
        at = 0
        while len(line) - at > LINE_MAX:
            blank = line.rfind(b" ", at + 1, at + LINE_MAX)
            cut = blank if blank > 0 else _character_start(line, at + LINE_MAX)
            done.append(line[at:cut])
            at = cut
        done.append(line[at:])
    return b"\r\n".join(done)


def _character_start(line: bytes, at: int) -> int:
    """`at`, or up to three octets before it: not inside a UTF-8 character."""
    for back in range(3):
        if line[at - back] & 0xC0 != 0x80:
            return at - back
    return at


def _quoted_program(encoded: bytes, holes: Sequence[tuple[int, int]]) -> Program:
    """Cut quoted-printable text; a piece that ends within a line gets a soft break."""
    places = _Places(encoded)
    chunks: list[bytes] = []
    done = 0
    for start, end in holes:
        at = places.behind(start)
        chunk = encoded[done:at]
        length = len(chunk) - (chunk.rfind(b"\r\n") + 2 if b"\r\n" in chunk else 0)
        if length > 75:  # RFC 2045 6.7 (5): no room for the `=`
            last = places.of(start - 1) - done
            chunk = chunk[:last] + _SOFT + chunk[last:]
        chunks.append(chunk + _SOFT if length else chunk)
        done = max(places.of(end), at)
    chunks.append(encoded[done:])
    return Program(chunks, [relaxed_lines(chunk) for chunk in chunks], "quoted-printable")


class _Places:
    """Where each octet of the decoded text stands in quoted-printable text."""

    __slots__ = ("encoded", "starts", "tokens")

    def __init__(self, encoded: bytes) -> None:
        self.encoded = encoded
        self.starts: list[int] = []  # of each token, in decoded octets
        self.tokens: list[tuple[int, int, int]] = []  # its span in `encoded`, how many octets it stands for
        removed = 0
        find = _find_escapes_and_padding if _has_padding(encoded) else _find_escapes
        for match in find(encoded):
            start, end = match.span()
            width = 1 if match[1] else 0
            self.starts.append(start - removed)
            self.tokens.append((start, end, width))
            removed += end - start - width

    def of(self, octet: int) -> int:
        """The encoded offset of decoded octet `octet`, behind the soft breaks before it."""
        number = bisect_right(self.starts, octet) - 1
        if number < 0:
            return octet
        start, end, width = self.tokens[number]
        beyond = octet - self.starts[number]
        return start if width and not beyond else end + beyond - width

    def behind(self, octet: int) -> int:
        """The encoded offset behind the octet before `octet`, before the soft breaks between the two."""
        if octet == 0:
            return 0
        last = self.of(octet - 1)
        return last + (3 if self.encoded.startswith(b"=", last) else 1)


def _quoted_line(line: bytes) -> bytes:
    """One line in quoted-printable with LF as its line ends. The C function uses a column too many before an
    LF that is to be encoded, so such an LF travels as NUL, which has the same width."""
    if b"\n" not in line:
        return binascii.b2a_qp(line, istext=False)
    originals = iter(_find_nul_or_lf(line))
    encoded = binascii.b2a_qp(line.replace(b"\n", b"\0"), istext=False)
    return _replace_nul(lambda _: b"=0A" if next(originals) == b"\n" else b"=00", encoded)


def _quoted_lines(value: bytes) -> bytes:
    """A value in quoted-printable on lines of its own, ended by a soft break or by its own line break."""
    if not value:
        return b""
    if not value.translate(None, _LITERAL):  # links, most names: quicker than the general way
        if len(value) < 76:
            return value + _SOFT
        return _SOFT.join([value[at : at + 75] for at in range(0, len(value), 75)]) + _SOFT
    # the octet behind it keeps column 76 free, where our `=` goes
    lines = encode(value + b"~", "quoted-printable")[:-1]
    return lines if lines.endswith(b"\n") else lines + _SOFT


def _base64_lines(octets: bytes) -> bytes:
    """Lines of 76 characters, each with CRLF."""
    if not octets:
        return b""
    text = binascii.b2a_base64(octets, newline=False)
    if len(text) <= 76:
        return text + b"\r\n"
    return b"\r\n".join([text[at : at + 76] for at in range(0, len(text), 76)]) + b"\r\n"
