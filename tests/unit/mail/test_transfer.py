"""mail.transfer: what encodings make of octets."""

from __future__ import annotations

import pytest

from posthouse.mail.transfer import decode, encode


@pytest.mark.parametrize(
    ("encoded", "transfer", "expected"),
    [
        (b"any \xff=\r\n", "8bit", b"any \xff=\r\n"),
        (b"a=3D=c3=A4=\r\nb \t\r\nc=  \r\nd=", "quoted-printable", b"a=\xc3\xa4b\r\ncd"),
        (b"end  ", "quoted-printable", b"end"),
        (b"=20 \r\n", "quoted-printable", b" \r\n"),
        (b"a=b", "quoted-printable", None),
        (b"a=\nb", "quoted-printable", None),
        (b"==3D", "quoted-printable", None),
        (b"\xe4 raw", "quoted-printable", b"\xe4 raw"),
        (b"SGVs\r\n bG8=\r\n", "base64", b"Hello"),
        (b"SGVsbG8", "base64", None),
        (b"SGVs*bG8=", "base64", None),
        (b"SGVsbG8=SGVs", "base64", None),
        (b"", "base64", b""),
    ],
)
def test_decode(encoded: bytes, transfer: str, expected: bytes | None) -> None:
    assert decode(encoded, transfer) == expected


@pytest.mark.parametrize(
    ("decoded", "encoded"),
    [
        (b"a=b\r\nc \r\n", b"a=3Db\r\nc=20\r\n"),
        (b"\xc3\xa4\n\r", b"=C3=A4=0A=0D"),
        (b"a" * 80, b"a" * 75 + b"=\r\n" + b"a" * 5),
        (b".\r\n.", b"=2E\r\n=2E"),
    ],
)
def test_encode_quoted_printable(decoded: bytes, encoded: bytes) -> None:
    assert encode(decoded, "quoted-printable") == encoded


def test_encode_base64_has_lines_of_76() -> None:
    assert encode(b"a" * 58, "base64").split(b"\r\n") == [b"YWFh" * 19, b"YQ==", b""]
