"""A body with holes, encoded once: each recipient's values are put in quickly.

A `Program` is the fixed text cut at the holes. What lies outside of the holes keeps its encoded octets:
- quoted-printable: a soft line break before and after each value, so a value has lines of its own;
- 7bit and 8bit: a value goes in raw; the line (or lines) around it is the variable piece;
- base64: octets move, so the pieces between the holes are encoded in their three phases, when needed.
Every piece therefore is made of whole lines, and the relaxed form that DKIM hashes (RFC 6376 3.4.4) can be
made piece by piece. Line breaks in values become CRLF and NUL is dropped: neither may reach the wire raw.

`holes.cut` makes one. Public: Program.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from posthouse.mail.canon import relaxed_lines
from posthouse.mail.transfer import LINE_MAX, base64_lines, quoted_lines

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
            lines = quoted_lines(value)
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
            wire += (base64_lines(run), encoded)
        wire.append(base64_lines(rest))
        return wire, wire  # there is no blank in it

    def _phase(self, number: int, skip: int) -> tuple[bytes, bytes]:
        """Piece `number` without its first `skip` octets: (lines of whole groups of three, octets left)."""
        found = self.phases.get((number, skip))
        if found is None:
            octets = self.chunks[number][skip:]
            whole = len(octets) - len(octets) % 3
            found = self.phases[number, skip] = (base64_lines(octets[:whole]), octets[whole:])
        return found


def _clean(value: bytes) -> bytes:
    return _line_ends(b"\r\n", value.replace(b"\0", b""))


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
