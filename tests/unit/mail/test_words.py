"""Encoded words made readable (MSG-6)."""

from __future__ import annotations

import time

import pytest

from posthouse.mail.words import MAX_BYTES, decode_words

READ: list[tuple[str, bytes, str]] = [
    ("plain", b"Hello there", "Hello there"),
    ("Q", b"=?utf-8?Q?J=C3=B6rg_M=FCller?=", "Jörg M\ufffdller"),
    ("B", b"=?UTF-8?B?SsO2cmc=?=", "Jörg"),
    ("Latin-1", b"=?iso-8859-1?q?J=F6rg?=", "Jörg"),
    ("RFC 2047 8: text around", b"a =?iso-8859-1?q?b?= c", "a b c"),
    ("RFC 2047 8: neighbours", b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
    ("RFC 2047 8: folded neighbours", b"=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab"),
    ("RFC 2047 8: space inside", b"=?ISO-8859-1?Q?a_b?=", "a b"),
    ("RFC 2047 8: space between two", b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
    ("a character cut between words", b"=?utf-8?B?w?= =?utf-8?Q?=C3?= =?utf-8?Q?=B6?=", "ö"),
    ("language (RFC 2231 5)", b"=?us-ascii*en?q?Hi?=", "Hi"),
    ("no padding", b"=?utf-8?B?SsO2cmc?=", "Jörg"),
    ("bad base64", b"=?utf-8?B?S*s=O2c-mc=?=", "Jörg"),
    ("bad hexadecimal", b"=?utf-8?Q?a=ZZ=4?=", "a=ZZ=4"),
    ("glued to text", b"x=?utf-8?Q?=C3=B6?=y", "xöy"),
    ("spaces inside Q", b"=?utf-8?Q?two words?=", "two words"),
    ("unknown charset", b"=?x-martian?Q?J=C3=B6rg?=", "Jörg"),
    ("a codec that is no charset", b"=?unicode_escape?Q?=5Cn?=", "\\n"),
    ("another one", b"=?idna?Q?xn--bcher-kva?=", "xn--bcher-kva"),
    ("unfinished", b"=?utf-8?Q?abc", "=?utf-8?Q?abc"),
    ("no encoding of that name", b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
    ("Japanese", b"=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "日本"),
    ("Shift_JIS", b"=?Shift_JIS?B?k/qWew==?=", "日本"),
    ("raw UTF-8", "Jörg".encode(), "Jörg"),
    ("raw Latin-1", b"J\xf6rg", "Jörg"),
    ("folded", b"a\r\n b\r\n\tc", "a b c"),
    ("a line break inside", b"=?utf-8?Q?a=0D=0ABcc:_x?=", "a Bcc: x"),
    ("controls inside", b"=?utf-8?Q?a=00=1B[31m=7F?=", "a\ufffd\ufffd[31m\ufffd"),
    ("direction marks inside", b"=?utf-8?Q?a=E2=80=AEb?=", "a\ufffdb"),
    ("empty", b"", ""),
]


@pytest.mark.parametrize(("value", "wanted"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_decode_words(value: bytes, wanted: str) -> None:
    assert decode_words(value) == wanted


@pytest.mark.parametrize(
    "run", [b"=?", b"=?a?q?", b"=?utf-8?b?a?= ", b"=?utf-8?Q?=", b"?=", b"\xff", b" "], ids=repr
)
def test_bounded_and_linear(run: bytes) -> None:  # S11
    begun = time.process_time()
    assert len(decode_words(run * 1_000_000)) <= MAX_BYTES
    assert time.process_time() - begun < 1
