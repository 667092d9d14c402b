"""Domain names in any form: what is read, and the sentence for whatever is none."""

from __future__ import annotations

import pytest

from posthouse.desk.domain_names import doubts, new_name, sending_name
from posthouse.model.errors import Refused

READ = {
    "example.com": "example.com",
    "Example.COM": "example.com",
    "example.com.": "example.com",
    "  example.com\n": "example.com",
    "\ufeffexample.com\u00a0": "example.com",
    "bücher.example": "xn--bcher-kva.example",
    "BÜCHER.example.": "xn--bcher-kva.example",
    "bu\u0308cher.example": "xn--bcher-kva.example",
    "XN--BCHER-KVA.example": "xn--bcher-kva.example",
    "faß.de": "xn--fa-hia.de",
    "例え。テスト": "xn--r8jz45g.xn--zckzah",
    "ｅｘａｍｐｌｅ．com": "example.com",
    "a.b.c.d.example.com": "a.b.c.d.example.com",
    "1.example.com": "1.example.com",
    "a--b.example": "a--b.example",
    "x" * 63 + ".com": "x" * 63 + ".com",
}


@pytest.mark.parametrize("text", READ, ids=ascii)
def test_D_01_a_name_in_any_form_is_read(text: str) -> None:
    assert sending_name(text) == READ[text]
    assert sending_name(READ[text]) == READ[text]


WRONG = {
    "": "there is no name",
    " \n": "there is no name",
    "https://example.com/": "'https://example.com/' is a URL; the domain's name is 'example.com'",
    "http://u:p@example.com:8080/x?y#z": "is a URL; the domain's name is 'example.com'",
    "https://": "'https://' is a URL",
    "me@example.com": "'me@example.com' is an address; the domain's name is 'example.com'",
    "@": "'@' is an address",
    "example.com/path": "is more than a name; the domain's name is 'example.com'",
    "example.com:25": "is more than a name; the domain's name is 'example.com'",
    "*.example.com": "is a wildcard; the domain's name is 'example.com'",
    "192.0.2.1": "is an IP address, not a domain name",
    "[192.0.2.1]": "is an IP address",
    "2001:db8::1": "is an IP address",
    "[IPv6:2001:db8::1]": "is an IP address",
    "192.0.2": "ends with a number",
    "localhost": "'localhost' has only one part; it needs at least one dot, such as localhost.com",
    "com.": "has only one part",
    "example..com": "two dots stand side by side",
    ".example.com": "one at the beginning",
    ".": "one at the beginning",
    "my_shop.example.com": "'my_shop' has an underscore",
    "-a.example": "begins or ends with a hyphen",
    "a-.example": "begins or ends with a hyphen",
    "a b.example": "has blanks in it",
    "ex*mple.com": "'ex*mple' has a character that is no letter, digit or hyphen",
    "exa\u200bmple.com": "has a character in it that nobody can see",
    "exa\x00mple.com": "has a character in it that nobody can see",
    "exa\u202emple.com": "has a character in it that nobody can see",
    "☃.example": "'☃' is not allowed in an international name",
    "\ud800.example": "is not allowed in an international name",
    "xn--a.example": "'xn--a' is no encoded international name",
    "x" * 64 + ".com": "has 64 octets; a part has at most 63",
    "ü" * 60 + ".com": "is too long: encoded it has more than 63 octets",
    ".".join(["x" * 50] * 6): "it has 305 octets; a domain name has at most 253",
    "x" * 2000: "it is 2000 characters long",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: ascii(text[:40]))
def test_D_01_what_is_no_name_is_explained(text: str) -> None:
    with pytest.raises(Refused) as raised:
        sending_name(text)
    said = raised.value.text
    assert said.startswith("Not a domain to send for: ") and WRONG[text] in said
    assert said.isprintable() and len(said) < 250
    assert raised.value.reason == "bad-domain"


NOBODYS = {
    "co.uk": "co.uk is a public suffix: everybody registers names below it",
    "GitHub.io": "github.io is a public suffix",
    "公司.cn": "is a public suffix",
    "a.localhost": "names below .localhost mean nothing to other hosts",
    "printer.local": "names below .local mean nothing",
    "x.invalid": "names below .invalid",
    "x.onion": "names below .onion",
    "2.0.192.in-addr.arpa": "names below .arpa",
    "home.arpa": "names below .arpa",
    "db.internal": "names below .internal",
}


@pytest.mark.parametrize("text", NOBODYS)
def test_D_01_a_name_that_nobody_can_own_is_not_added(text: str) -> None:
    sending_name(text)  # but may be looked for
    with pytest.raises(Refused) as raised:
        new_name(text)
    assert NOBODYS[text] in raised.value.text


@pytest.mark.parametrize(
    "text", ["shop.test", "bücher.example", "shop.co.uk", "me.github.io", "new.tldofnextyear"]
)
def test_D_01_other_names_are_added(text: str) -> None:
    assert new_name(text) == sending_name(text)


DOUBTS = {
    "example.com": "",
    "xn--bcher-kva.example": "",
    sending_name("пример.example"): "",
    sending_name("日本ブランド.example"): "",
    sending_name("p\u0430ypal.com"): "mixes scripts (Cyrillic, Latin)",
    sending_name("\u0440\u0430\u0443\u0440\u0430\u04cf.com"): "looks like paypal and is another name",
}


@pytest.mark.parametrize("name", DOUBTS)
def test_a_name_that_looks_like_another_is_doubted(name: str) -> None:
    said = doubts(name)
    assert DOUBTS[name] in said and bool(said) == bool(DOUBTS[name])
