"""Which passwords a person may choose."""

from __future__ import annotations

import pytest

from posthouse.rules.person_passwords import normal, trouble_with

EMAIL = "ann.miller@shop.example"

GOOD = [
    "correct horse",
    "Zebra-Kanal-17",
    "пароль для почты",
    "合言葉は長いほうがよい一番",
    "   spaces count   ",
    "password of my cat Minka",
    "x7" * 6 + "qrs",
    "a" * 200 + "bcdefg",
]


@pytest.mark.parametrize("password", GOOD)
def test_a_long_password_of_any_kind_is_good(password: str) -> None:
    assert trouble_with(normal(password), EMAIL) == ""


BAD = {
    "too short": ("only-eleven", "12 to 256 characters, this one has 11"),
    "nothing": ("", "this one has 0"),
    "too long": ("ab3" * 100, "12 to 256"),
    "one letter again and again": ("aaaaaaaaaaaaaaaa", "again and again"),
    "two letters again and again": ("ababababababab", "again and again"),
    "the address itself": ("Ann.Miller@shop.example", "your own e-mail address"),
    "the address with a year": ("ann.miller@shop.example26", "your own e-mail address"),
    "the name with an ending": ("ann.miller123", "your own e-mail address"),
    "what everybody tries": ("password1234", "the first that anybody would try"),
    "what everybody tries, in capitals": ("PASSWORDPASSWORD1", "the first"),
    "along the alphabet": ("abcdefghijklmn", "over the keyboard"),
    "along the digits, backwards": ("098765432109", "over the keyboard"),
    "along the keys": ("qwertyuiopqwerty", "over the keyboard"),
    "a line end": ("twelve chars\n!", "control characters"),
    "NUL": ("twelve\0chars!", "control characters"),
    "half a character": ("twelve chars \ud800", "control characters"),
}


@pytest.mark.parametrize(("password", "text"), BAD.values(), ids=BAD)
def test_what_anybody_would_guess_is_explained(password: str, text: str) -> None:
    assert text in trouble_with(password, EMAIL)


def test_one_password_has_one_form_on_every_keyboard() -> None:
    assert normal("A\u030angstro\u0308m-16") == normal("\u00c5ngstr\u00f6m-16")
    assert normal("ﬁle") == "file"
