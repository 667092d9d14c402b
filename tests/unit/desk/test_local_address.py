"""What people paste where an address of this machine is wanted: one sentence for each mistake."""

from __future__ import annotations

import pytest

from posthouse.desk.local_address import name_of, parse_address, prove_local
from posthouse.model.errors import Refused

GOOD = [
    ("192.0.2.1", "192.0.2.1"),
    (" 192.0.2.1\n", "192.0.2.1"),
    ("10.0.0.7", "10.0.0.7"),  # behind an address translator this is what sockets are bound to
    ("2001:DB8:0:0::1", "2001:db8::1"),
    ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
    ("fd00::1", "fd00::1"),
]


@pytest.mark.parametrize(("text", "address"), GOOD)
def test_an_address_in_its_usual_form(text: str, address: str) -> None:
    assert parse_address(text) == name_of(text) == address


BAD = [
    ("", "Nothing is not an IPv4 or IPv6 address"),
    ("192.0.2.0/24", "192.0.2.0/24 is a range: give its addresses one by one"),
    ("2001:db8::/64", "2001:db8::/64 is a range: give its addresses one by one"),
    ("192.0.2.1:25", "192.0.2.1:25 is more than an address: give 192.0.2.1 alone"),
    ("[2001:db8::1]:25", "[2001:db8::1]:25 is more than an address: give 2001:db8::1 alone"),
    ("[]", "[] is not an IPv4 or IPv6 address"),
    ("[]:25", "[]:25 is not an IPv4 or IPv6 address"),
    ("[2001:db8::1]", "[2001:db8::1] is more than an address: give 2001:db8::1 alone"),
    (
        "2001:db8::1%eth0",
        "2001:db8::1%eth0 has a zone id, which reaches one link only: give 2001:db8::1 alone",
    ),
    ("::ffff:192.0.2.1", "::ffff:192.0.2.1 is an IPv4 address in IPv6 form: give 192.0.2.1"),
    ("fe80::1", "fe80::1 is a link-local address: it reaches no receiving host"),
    ("169.254.1.1", "169.254.1.1 is a link-local address: it reaches no receiving host"),
    (
        "127.0.0.1",
        "127.0.0.1 is a loopback address: it reaches no other machine "
        '(for trials: delivery.private_networks = "allow")',
    ),
    ("0.0.0.0", "0.0.0.0 is not the address of one machine"),
    ("::", ":: is not the address of one machine"),
    ("255.255.255.255", "255.255.255.255 is not the address of one machine"),
    ("224.0.0.1", "224.0.0.1 is not the address of one machine"),
    ("ff02::1", "ff02::1 is not the address of one machine"),
    ("mail.shop.test", "mail.shop.test is a name, not an IPv4 or IPv6 address"),
    ("192.0.2.010", "192.0.2.010 is not an IPv4 or IPv6 address"),
    ("3221225985", "3221225985 is not an IPv4 or IPv6 address"),
    ("192.0.2.1, 192.0.2.2", "192.0.2.1, 192.0.2.2 is not an IPv4 or IPv6 address"),
    ("192.0.2.256", "192.0.2.256 is not an IPv4 or IPv6 address"),
    ("\u0661\u0669\u0662.0.2.1", "\u0661\u0669\u0662.0.2.1 is not an IPv4 or IPv6 address"),
    ("1\x1b[31m", "'1\\x1b[31m' is not an IPv4 or IPv6 address"),
    ("1" * 5000, "1" * 60 + "… is not an IPv4 or IPv6 address"),
]


@pytest.mark.parametrize(("text", "sentence"), BAD, ids=[text[:20] for text, _ in BAD])
def test_a_mistake_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_address(text)
    assert refused.value.text.startswith(sentence)


def test_loopback_serves_for_trials() -> None:
    assert parse_address("127.0.0.1", allows_loopback=True) == "127.0.0.1"


def test_an_address_is_tried() -> None:
    prove_local("127.0.0.1")
    with pytest.raises(Refused, match=r"192\.0\.2\.1 is not an address of this machine: "):
        prove_local("192.0.2.1")
