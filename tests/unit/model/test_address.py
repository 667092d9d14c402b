"""Addresses: what is one, how it is written, and that it stays itself (MSG-5, S5)."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from posthouse.model.address import Address, BadAddress, ascii_domain, parse_address

GOOD: dict[str, str] = {
    "ann@good.test": "ann@good.test",
    "ANN@Good.Test": "ANN@good.test",
    "a.b.c@good.test": "a.b.c@good.test",
    "!#$%&'*+-/=?^_`{|}~@good.test": "!#$%&'*+-/=?^_`{|}~@good.test",
    '"a b"@good.test': '"a b"@good.test',
    '"a@b"@good.test': '"a@b"@good.test',
    '"a\\"b"@good.test': '"a\\"b"@good.test',
    '""@good.test': '""@good.test',
    '"..dots.."@good.test': '"..dots.."@good.test',
    "ann@bücher.test": "ann@xn--bcher-kva.test",
    "ann@BÜCHER.test": "ann@xn--bcher-kva.test",
    "ann@XN--BCHER-KVA.test": "ann@xn--bcher-kva.test",
    "ann@faß.test": "ann@xn--fa-hia.test",
    "ann@例え.テスト": "ann@xn--r8jz45g.xn--zckzah",
    "grüße@good.test": "grüße@good.test",
    "用户@例子.测试": "用户@xn--fsqu00a.xn--0zwm56d",
    "ann@[192.0.2.1]": "ann@[192.0.2.1]",
    "ann@[IPv6:2001:DB8::0:1]": "ann@[IPv6:2001:db8::1]",
    "ann@[ipv6:::1]": "ann@[IPv6:::1]",
    "ann@localhost": "ann@localhost",
    "ann@a_b.test": "ann@a_b.test",
    "ann@1and1.test": "ann@1and1.test",
    "ann@1.2.3.test": "ann@1.2.3.test",
    "a" * 64 + "@good.test": "a" * 64 + "@good.test",
    "ann@" + "a" * 63 + ".test": "ann@" + "a" * 63 + ".test",
}

BAD: dict[str, str] = {
    "a scope id in a literal": "ann@[IPv6:fe80::1%eth0]",
    "text behind a scope id": "a@[IPv6:fe80::1%x> SIZE=9 <b]",
    "nothing": "",
    "no at sign": "ann",
    "no local part": "@good.test",
    "no domain": "ann@",
    "only an at sign": "@",
    "two at signs": "ann@bob@good.test",
    "a dot at the front": ".ann@good.test",
    "a dot at the end": "ann.@good.test",
    "two dots": "a..b@good.test",
    "a space": "an n@good.test",
    "a comma": "a,b@good.test",
    "angle brackets": "<ann@good.test>",
    "an open quote": '"ann@good.test',
    "a quote in the middle": 'a"b"@good.test',
    "a quoted string and more": '"a"b@good.test',
    "a bare quote inside quotes": '"a"b"@good.test',
    "a final backslash": '"a\\"@good.test',
    "a line break": "ann@good.test\r\nRCPT TO:<evil@bank.test>",
    "a line feed at the end": "ann@good.test\n",
    "a line break in quotes": '"a\r\nb"@good.test',
    "an escaped line break": '"a\\\nb"@good.test',
    "a NUL": "an\0n@good.test",
    "DEL": "an\x7fn@good.test",
    "a C1 control": "an\x85n@good.test",
    "a line separator": "an\u2028n@good.test",
    "a byte order mark": "\ufeffann@good.test",
    "a lone surrogate": "an\udcffn@good.test",
    "a dot behind the domain": "ann@good.test.",
    "an empty label": "ann@good..test",
    "a hyphen at the front": "ann@-good.test",
    "a hyphen at the end": "ann@good-.test",
    "a label of 64": "ann@" + "a" * 64 + ".test",
    "a bare IP address": "ann@192.0.2.1",
    "a number for a top level": "ann@good.123",
    "a wrong literal": "ann@[300.0.0.1]",
    "an empty literal": "ann@[]",
    "a tagged literal": "ann@[x400:abc]",
    "IPv6 without its tag": "ann@[2001:db8::1]",
    "a local part of 65": "a" * 65 + "@good.test",
    "33 letters of two octets": "ü" * 33 + "@good.test",
    "a domain of 254": "a@" + ".".join(["a" * 62] * 4) + ".b",
    "an address of 255": "a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".toolong",
    "not IDNA": "ann@☃.test",
    "a right-to-left mixture": "ann@\u05d0b.test",
    "a soft hyphen alone": "ann@\u00ad",
}


@pytest.mark.parametrize(("text", "written"), GOOD.items(), ids=[text[:30] for text in GOOD])
def test_good(text: str, written: str) -> None:
    address = parse_address(text)
    assert str(address) == written
    assert parse_address(str(address)) == address
    assert address.needs_utf8 == (not address.local.isascii())


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_bad(text: str) -> None:
    with pytest.raises(BadAddress) as told:
        parse_address(text)
    assert str(told.value).isprintable(), "the reason quotes nothing of the input"


def test_the_longest_address() -> None:
    longest = "a" * 64 + "@" + ".".join(["b" * 62] * 3)
    assert len(longest) == 253
    assert str(parse_address(longest)) == longest
    assert str(parse_address(longest + "c")) == longest + "c"
    with pytest.raises(BadAddress):
        parse_address(longest + ".c" + "d")


_local = st.one_of(
    st.text("abcXYZ0189!#$%&'*+-/=?^_`{|}~.üñ用", min_size=1, max_size=30),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(lambda text: f'"{text}"'),
    st.text('ab"\\ @.,<>', max_size=20).map(
        lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    ),
)
_domain = st.one_of(
    st.text("abcXYZ019-._üß例", min_size=1, max_size=30),
    st.ip_addresses().map(lambda ip: f"[{ip}]" if ip.version == 4 else f"[IPv6:{ip}]"),
    st.sampled_from(["good.test", "BÜCHER.example", "xn--bcher-kva.test", "a.b.c.d.e"]),
)


@given(_local, _domain)
def test_what_is_parsed_is_written_and_parsed_to_itself(local: str, domain: str) -> None:
    try:
        address = parse_address(f"{local}@{domain}")
    except BadAddress:
        assume(False)
        return
    assert parse_address(str(address)) == address
    assert address.domain.isascii() and address.local == local
    assert len(str(address).encode()) <= 254
    assert not set(str(address)) & set("\r\n\0")


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_told_why_not(text: str) -> None:
    try:
        address = parse_address(text)
    except BadAddress:
        return
    assert parse_address(str(address)) == address


@given(st.text(max_size=60))
def test_a_domain_in_any_form_comes_to_rest(text: str) -> None:
    try:
        domain = ascii_domain(text)
    except BadAddress:
        return
    assert ascii_domain(domain) == domain and domain.isascii()


def test_addresses_are_compared_as_they_are_sent() -> None:
    """RFC 5321 2.4: local parts are the other side's business, their case too; domains are not."""
    assert parse_address("Ann@Good.test") == Address("Ann", "good.test")
    assert parse_address("Ann@good.test") != parse_address("ann@good.test")
