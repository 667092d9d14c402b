"""One-time codes by time against the vectors of RFC 6238 and RFC 4226."""

from __future__ import annotations

import pytest

from posthouse.rules import totp

SECRET = b"12345678901234567890"

# RFC 6238 appendix B, the lines of SHA-1
RFC_6238 = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]

# RFC 4226 appendix D
RFC_4226 = [
    "755224",
    "287082",
    "359152",
    "969429",
    "338314",
    "254676",
    "287922",
    "162583",
    "399871",
    "520489",
]


@pytest.mark.parametrize(("now", "code"), RFC_6238)
def test_codes_are_those_of_rfc_6238(now: float, code: str) -> None:
    assert totp.code_at(SECRET, totp.step_at(now), digits=8) == code
    assert totp.code_at(SECRET, totp.step_at(now)) == code[2:]


@pytest.mark.parametrize(("step", "code"), list(enumerate(RFC_4226)))
def test_codes_are_those_of_rfc_4226(step: int, code: str) -> None:
    assert totp.code_at(SECRET, step) == code


NOW = 1_700_000_000.0
STEP = totp.step_at(NOW)

WINDOW = {
    "the present step": (0, -1, STEP),
    "the last step: a slow hand": (-1, -1, STEP - 1),
    "the next step: a fast clock": (1, -1, STEP + 1),
    "two steps ago": (-2, -1, None),
    "two steps ahead": (2, -1, None),
    "a step that was used": (0, STEP, None),
    "a step before one that was used": (-1, STEP, None),
    "the step after one that was used": (1, STEP, STEP + 1),
}


@pytest.mark.parametrize(("offset", "used", "found"), WINDOW.values(), ids=WINDOW)
def test_a_code_opens_once_and_one_step_around(offset: int, used: int, found: int | None) -> None:
    assert totp.find_step(SECRET, totp.code_at(SECRET, STEP + offset), NOW, used) == found


@pytest.mark.parametrize("code", ["", "000000", "12345", "1234567", "abcdef", "２８７０８２", "é" * 6])
def test_anything_else_is_wrong(code: str) -> None:
    assert totp.find_step(SECRET, code, NOW, -1) is None


def test_a_secret_is_read_back() -> None:
    text = totp.secret_text(SECRET)
    assert text == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert totp.parse_secret(text) == SECRET
    for wrong in ("", "GEZD", text + "A", text.lower(), "!" * 32, text[:-1] + "1"):
        with pytest.raises(ValueError, match=r"not"):
            totp.parse_secret(wrong)


def test_the_address_names_issuer_and_person() -> None:
    uri = totp.uri(SECRET, "a+b@example.com", "mail.example.com")
    assert uri == (
        "otpauth://totp/mail.example.com:a%2Bb@example.com"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=mail.example.com"
    )
