"""Cut an encoded body at its holes.

Public: cut.
"""

from __future__ import annotations

from collections.abc import Sequence

from posthouse.mail.canon import relaxed_lines
from posthouse.mail.program import Program
from posthouse.mail.transfer import LINE_MAX, SOFT, QuotedPlaces, encode


def cut(
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


def _quoted_program(encoded: bytes, holes: Sequence[tuple[int, int]]) -> Program:
    """Cut quoted-printable text; a piece that ends within a line gets a soft break."""
    places = QuotedPlaces(encoded)
    chunks: list[bytes] = []
    done = 0
    for start, end in holes:
        at = places.behind(start)
        chunk = encoded[done:at]
        length = len(chunk) - (chunk.rfind(b"\r\n") + 2 if b"\r\n" in chunk else 0)
        if length > 75:  # RFC 2045 6.7 (5): no room for the `=`
            last = places.of(start - 1) - done
            chunk = chunk[:last] + SOFT + chunk[last:]
        chunks.append(chunk + SOFT if length else chunk)
        done = max(places.of(end), at)
    chunks.append(encoded[done:])
    return Program(chunks, [relaxed_lines(chunk) for chunk in chunks], "quoted-printable")
