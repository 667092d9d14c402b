"""Chosen passwords: what is strong enough and what is told (C-03, C-07)."""

from __future__ import annotations

import pytest

from posthouse.rules.passwords import trouble_with

LOGIN = "orders@example.com"


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "5859d0b7c1f0a6c4e2d39b8471f6a0ce-3af5b7d1-046d19ec",
        "x7Kq!9vTz#2mWb$4",
        "Grüße-aus-Köln-und-Bonn",
        "kJ8-orders-kd93hdm2Q",
    ],
)
def test_a_strong_one_is_taken(password: str) -> None:
    assert trouble_with(password, LOGIN) == ""


@pytest.mark.parametrize(
    ("password", "part"),
    [
        ("", "16 to 256 characters, this one has 0"),
        ("x7Kq!9vTz#2mWb$", "16 to 256 characters, this one has 15"),
        ("x7Kq!9vTz#2mWb$4" * 17, "16 to 256 characters"),
        (" x7Kq!9vTz#2mWb$4", "without blanks at its ends"),
        ("x7Kq!9vTz\n#2mWb$4", "one line of printable characters"),
        ("x7Kq!9vTz\x00#2mWb$4", "one line of printable characters"),
        ("aaaaaaaaaaaaaaaaaaaa", "again and again"),
        ("abcabcabcabcabcabcabcx", "different characters"),
        ("secret42secret42secret42", "again and again"),
        ("x7Kq!9vTz#x7Kq!9vTz#x7", "again and again"),
        ("abcdefghijklmnopqrst", "a sequence"),
        ("qwertyuiopasdfghjkl", "a sequence"),
        ("0123456789abcdef", "a sequence"),
        ("Password12345678", "a sequence"),
        ("orders@example.com", "hardly more than the login"),
        ("orders-Example!2026", "hardly more than the login"),
    ],
)
def test_a_weak_one_is_told_why(password: str, part: str) -> None:
    assert part in trouble_with(password, LOGIN)
