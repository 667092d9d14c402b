"""Command lines: what a line is, and what becomes of one that is too long (SRV-1, SRV-4, S9)."""

from __future__ import annotations

import pytest

from posthouse.smtp.lines import LineReader, LineTrouble

LONG, ENDLESS = LineTrouble.TOO_LONG, LineTrouble.NEVER_ENDS
CASES = {
    "two lines": (b"ab\r\ncd\r\nef", [b"ab", b"cd"]),
    "bare LF and CR are part of the line": (b"a\nb\rc\r\n", [b"a\nb\rc"]),
    "empty": (b"\r\n\r\n", [b"", b""]),
    "just within": (b"x" * 8 + b"\r\n", [b"x" * 8]),
    "as soon as it is certain": (b"x" * 10, [LONG]),
    "one over": (b"x" * 9 + b"\r\nok\r\n", [LONG, b"ok"]),
    "CR at the border": (b"x" * 9 + b"\r\r\nok\r\n", [LONG, b"ok"]),
    "swallowed up to the bound": (b"x" * 20 + b"\r\nok\r\n", [LONG, b"ok"]),
    "CR at the bound": (b"x" * 19 + b"\r\r\nok\r\n", [LONG, b"ok"]),
    "one over the bound": (b"x" * 21 + b"\r\nok\r\n", [LONG, ENDLESS]),
    "no end at all": (b"x" * 21, [LONG, ENDLESS]),
    "two long ones": (b"x" * 15 + b"\r\n" + b"y" * 15 + b"\r\nok\r\n", [LONG, LONG, b"ok"]),
}


@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("cut", [1, 2, 3, 100])
def test_lines(data: bytes, expected: list[bytes | LineTrouble], cut: int) -> None:
    reader, buffer, found = LineReader(20), bytearray(), []
    for at in range(0, len(data), cut):
        buffer += data[at : at + cut]
        while ENDLESS not in found and (line := reader.take(buffer, 10)) is not None:
            found.append(line)
    assert found == expected
