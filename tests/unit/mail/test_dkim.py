"""mail.dkim and mail.canon: the edge cases of DK-8 against dkimpy and a verifier of the tests; keys."""

from __future__ import annotations

import base64
import re
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from dkim_oracle import (
    DOMAIN,
    dkimpy_accepts,
    ed_key,
    our_records,
    relaxed_line,
    rsa_key,
    slow_relaxed_body,
    split,
    tags_of,
    verified_signatures,
)
from posthouse.mail.canon import OVERSIGNED, body_hash, relaxed_body, relaxed_lines, signed_header
from posthouse.mail.dkim import (
    BadKey,
    PrivateKey,
    SigningKey,
    load_key,
    new_key,
    public_of,
    signature_fields,
)
from posthouse.mail.key_import import import_key
from posthouse.mail.letter import closed, parse
from posthouse.rules.records import dkim_value, txt_strings

NOW = 1_700_000_000
BASE = b"From: a@example.com\r\nTo: b@example.net\r\nSubject: Hi\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"


def signed(head: bytes, body: bytes, *keys: SigningKey) -> bytes:
    letter = parse(head)
    return signature_fields(keys or (rsa_key(),), head, letter.fields, body, NOW) + head + b"\r\n" + body


# DK-8
LETTERS = {
    "no body": (BASE, b""),
    "body of one empty line": (BASE, b"\r\n"),
    "body of blank lines": (BASE, b"\r\n\r\n\r\n"),
    "body of blanks and blank lines": (BASE, b" \t\r\n\r\n  \r\n"),
    "last line has only spaces": (BASE, b"x\r\n   \r\n"),
    "last lines have only tabs": (BASE, b"x\r\n\t\r\n\t\r\n\r\n"),
    "tabs and runs of spaces": (BASE, b"\ta\t b  \tc \r\n  d\t\r\n"),
    "leading spaces": (BASE, b"    a\r\n b\r\n"),
    "stuffed dots": (BASE, b".\r\n..\r\n.x\r\n"),
    "998-octet lines": (BASE, b"x" * 998 + b"\r\n" + b"y " * 499 + b"\r\n"),
    "8-bit body": (BASE, "größer ≥\r\n".encode() + bytes(range(128, 256)) + b"\r\n"),
    "empty value": (b"From: a@example.com\r\nSubject:\r\nTo: \r\n", b"x\r\n"),
    "folded before any text": (b"From:\r\n a@example.com\r\nSubject:\r\n\tx\r\n  y\r\n", b"x\r\n"),
    "folded on a blank line": (b"From: a@example.com\r\nSubject: x\r\n \t\r\n y\r\n", b"x\r\n"),
    "UTF-8 header": ("From: Jürgen <jürgen@example.com>\r\nSubject: größer  ≥\r\n".encode(), b"x\r\n"),
    "8-bit header in no charset": (b"From: a@example.com\r\nSubject: \xe9\xff \xa0\r\n", b"x\r\n"),
    "very long field": (
        b"From: a@example.com\r\nReferences: " + b"<x@y>\r\n " * 5000 + b"<z@y>\r\n",
        b"x\r\n",
    ),
    "very long line": (b"From: a@example.com\r\nSubject: " + b"long " * 20_000 + b"\r\n", b"x\r\n"),
    "odd case": (b"fROM: a@example.com\r\nSUBJECT: X\r\ncontent-TYPE: Text/PLAIN\r\n", b"x\r\n"),
    "Subject and To twice": (BASE + b"Subject: Hi\r\nTo: c@example.net\r\nSubject: again\r\n", b"x\r\n"),
    "many trace and foreign fields": (
        b"Received: x\r\n\ty; z\r\nDKIM-Signature: v=1; b=AAAA\r\nAuthentication-Results: x\r\n" + BASE,
        b"x\r\n",
    ),
    "list and resent fields": (
        BASE + b"List-Unsubscribe: <https://x.example/u>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-Id: <l.example.com>\r\n"
        b"Feedback-ID: 1:2:3\r\nResent-From: r@example.com\r\nResent-Date: today\r\nAuto-Submitted: no\r\n",
        b"x\r\n",
    ),
    "no From": (b"Subject: x\r\n", b"x\r\n"),
    "tab after the colon": (b"From:\ta@example.com\r\nSubject:\t \tx \t \r\n", b"x\r\n"),
}


@pytest.mark.parametrize(("head", "body"), LETTERS.values(), ids=LETTERS)
def test_signature_verifies_in_dkimpy_and_by_rfc(head: bytes, body: bytes) -> None:
    message = signed(head, body, rsa_key(), ed_key())
    if b"From:" in head or b"fROM:" in head:
        assert dkimpy_accepts(message)
    assert verified_signatures(message) == ["rsa", "ed25519"]
    assert message.endswith(head + b"\r\n" + body)
    # DK-9
    lines = message[: message.index(head)].split(b"\r\n")
    assert max(len(line) for line in lines) <= 78


@pytest.mark.parametrize(
    "head",
    [
        b"From : a@example.com\r\nSubject\t : x\r\n",
        b"From: a@example.com\r\nSubject: \x0b x \x0c\r\n",
        b"From: a@example.com\r\nSubject: a\x00b\r\n",
    ],
    ids=["white space before the colon", "vertical tab and form feed", "NUL"],
)
def test_signature_verifies_by_rfc_where_dkimpy_reads_otherwise(head: bytes) -> None:
    assert verified_signatures(signed(head, b"x\r\n", rsa_key(), ed_key())) == ["rsa", "ed25519"]


def test_two_signatures_differ_only_where_they_must() -> None:
    # RFC 8463 section 6; DK-1
    message = signed(BASE, b"x\r\n", rsa_key(), ed_key())
    first, second = (tags_of(value) for name, value in split(message)[0] if name == b"dkim-signature")
    for tags in (first, second):
        assert list(tags) == ["v", "a", "c", "d", "s", "h", "t", "bh", "b"]
        assert (tags["v"], tags["c"], tags["d"], tags["t"]) == ("1", "relaxed/relaxed", DOMAIN, str(NOW))
    assert [first["a"], second["a"]] == ["rsa-sha256", "ed25519-sha256"]
    assert (first["bh"], first["h"]) == (second["bh"], second["h"])


def header_list(head: bytes) -> list[str]:
    return tags_of(split(signed(head, b""))[0][0][1])["h"].split(":")


def test_every_named_field_is_signed_and_the_rest_is_not() -> None:
    # DK-4
    once = (
        "in-reply-to references content-id content-description resent-date resent-from resent-sender"
        " resent-to resent-cc resent-message-id list-id list-subscribe list-post list-owner list-archive"
        " list-help feedback-id auto-submitted"
    )
    others = (
        "return-path received bcc resent-bcc authentication-results arc-seal arc-message-signature"
        " dkim-signature x-mailgun-tag x-smtpapi comments resent-;l=0 list-unsubscribe-x"
    )
    signed_names = [name.decode() for name in OVERSIGNED] + once.split(" ")
    listed = header_list("".join(f"{name}: x\r\n" for name in signed_names + others.split(" ")).encode())
    assert set(listed) == set(signed_names)


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("name", [name.decode() for name in OVERSIGNED])
def test_oversigned_fields_are_listed_once_more_than_present(name: str, count: int) -> None:
    # DK-5
    assert header_list(f"X: y\r\n{f'{name}: z{chr(13)}{chr(10)}' * count}".encode()).count(name) == count + 1


@pytest.mark.parametrize("name", ["list-id", "references", "resent-from"])
def test_other_fields_are_listed_as_often_as_present(name: str) -> None:
    assert name not in header_list(BASE)
    assert header_list(BASE + f"{name}: z\r\n{name}: y\r\n".encode()).count(name) == 2


@pytest.mark.parametrize(
    "added",
    [
        b"Subject: Buy now\r\n",
        b"From: evil@example.net\r\n",
        b"Reply-To: evil@example.net\r\n",
        b"Cc: c@example.net\r\n",
        b"Content-Type: text/html\r\n",
        b"List-Unsubscribe: <https://evil.example>\r\n",
    ],
    ids=lambda added: added.split(b":")[0].decode(),
)
@pytest.mark.parametrize("at_top", [True, False], ids=["above", "below"])
def test_an_added_field_breaks_the_signature(added: bytes, at_top: bool) -> None:
    # S26
    message = signed(BASE, b"x\r\n", rsa_key(), ed_key())
    changed = added + message if at_top else message.replace(b"\r\n\r\nx", b"\r\n" + added + b"\r\nx")
    assert len(changed) == len(message) + len(added)
    assert verified_signatures(changed) == []


def test_added_body_text_breaks_the_signature() -> None:
    # S26, DK-3: there is no l=
    message = signed(BASE, b"x\r\n", rsa_key(), ed_key())
    assert verified_signatures(message + b"y\r\n") == []
    assert verified_signatures(message + b"\r\n") == ["rsa", "ed25519"]


# RFC 6376 3.4.4 and 3.4.5
@pytest.mark.parametrize(
    ("body", "relaxed"),
    [
        (b"", b""),
        (b"\r\n", b""),
        (b"\r\n\r\n", b""),
        (b" \t \r\n \r\n", b""),
        (b" ", b""),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),
        (b"x", b"x\r\n"),
        (b"x \t", b"x\r\n"),
        (b"x\r\n ", b"x\r\n"),
        (b"\r\n\r\nx\r\n", b"\r\n\r\nx\r\n"),
        (b"  x\r\n", b" x\r\n"),
        (b"a     b\r\n", b"a b\r\n"),
        (b"a \r\n \r\n b\r\n", b"a\r\n\r\n b\r\n"),
    ],
)
def test_relaxed_body(body: bytes, relaxed: bytes) -> None:
    assert relaxed_body(body) == relaxed == slow_relaxed_body(body)


@pytest.mark.parametrize(
    ("text", "relaxed"),
    [
        (b"a \t b \r\n\r\n", b"a b\r\n\r\n"),
        (b"  \r\n \r\n", b"\r\n\r\n"),
        (b"last ", b"last"),
        (b" \t", b""),
        (b"", b""),
        (b"a\r\n", b"a\r\n"),
    ],
)
def test_relaxed_lines(text: bytes, relaxed: bytes) -> None:
    assert relaxed_lines(text) == relaxed


def test_relaxed_header_of_rfc_6376() -> None:
    head = b"A: X\r\nTo : Y\t\r\n\tZ  \r\nSubject: \r\n"
    assert signed_header(head, parse(head).fields) == ((b"subject", b"to"), b"subject:\r\nto:Y Z\r\n")


def test_hash_of_the_empty_body() -> None:
    # DK-7: relaxed keeps it empty; simple would hash a CRLF (frcCV1k9oG9o…)
    assert body_hash(b"") == body_hash(b"\r\n") == b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


RFC_8463_SEED = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
RFC_8463_RSA = """-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
-----END RSA PRIVATE KEY-----
"""
RFC_8463_RECORDS = {
    "brisbane._domainkey.football.example.com": (
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    ),
    "test._domainkey.football.example.com": (
        "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qh"
        "dR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5Qjv"
        "HO9PzoxZyVYLzBfO2EeC3"
        "Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
    ),
}
RFC_8463_LETTER = (
    b"From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\n"
    b"Subject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
)
RFC_8463_BODY = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"


def rfc_8463_keys() -> list[SigningKey]:
    seed = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(RFC_8463_SEED))
    pem = import_key(RFC_8463_RSA.encode())
    return [
        SigningKey("football.example.com", "brisbane", "ed25519-sha256", seed),
        SigningKey("football.example.com", "test", "rsa-sha256", load_key(pem.der)),
    ]


def test_vector_of_rfc_8463_appendix_a() -> None:
    """The letter, keys and signatures printed there: our hash, our canonical header and our keys agree."""
    text = b"".join(
        relaxed_line(name.lower(), value + b"\r\n")
        for name, _, value in (line.partition(b":") for line in RFC_8463_LETTER.split(b"\r\n")[:-1])
    )
    names, ours = signed_header(RFC_8463_LETTER, parse(RFC_8463_LETTER).fields)
    assert sorted(ours.split(b"\r\n")) == sorted(text.split(b"\r\n"))
    assert names == (b"message-id", b"date", b"subject", b"to", b"from")
    assert body_hash(RFC_8463_BODY) == b"2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
    ed = (
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
        " d=football.example.com; i=@football.example.com;\r\n"
        " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
        " subject : date : message-id : from : subject : date;\r\n"
        " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
        " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
        " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    )
    rsa_field = (
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
        " d=football.example.com; i=@football.example.com;\r\n"
        " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
        " date : message-id : from : subject : date;\r\n"
        " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
        " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
        " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
        " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
    )
    message = ed.encode() + rsa_field.encode() + RFC_8463_LETTER + b"\r\n" + RFC_8463_BODY
    assert verified_signatures(message, RFC_8463_RECORDS) == ["brisbane", "test"]


def test_keys_of_rfc_8463_sign_for_the_records_of_rfc_8463() -> None:
    keys = rfc_8463_keys()
    for key in keys:
        record = RFC_8463_RECORDS[f"{key.selector}._domainkey.{key.domain}"]
        assert dkim_value(public_of(key.private), key.algorithm) == record
    message = signed(RFC_8463_LETTER, RFC_8463_BODY, *keys)
    assert verified_signatures(message, RFC_8463_RECORDS) == ["brisbane", "test"]


def pem_of(private: PrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


def rsa_key_of(p: int, q: int) -> rsa.RSAPrivateKey:
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key(
        unsafe_skip_rsa_key_validation=True
    )


def test_new_keys_sign_and_come_back() -> None:
    # DK-1
    for algorithm in ("rsa-sha256", "ed25519-sha256"):
        der, public = new_key(algorithm)
        private = load_key(der)
        assert public_of(private) == public
        assert not isinstance(private, rsa.RSAPrivateKey) or private.key_size == 2048
        imported = import_key(der)
        assert (imported.algorithm, imported.public, imported.warning) == (algorithm, public, "")
        assert import_key(pem_of(private)) == imported
    assert len(base64.b64decode(public)) == 32


def test_short_keys_are_taken_with_a_warning() -> None:
    # DK-1, S26
    short = rsa.generate_private_key(65537, 1024)
    imported = import_key(pem_of(short))
    assert imported.algorithm == "rsa-sha256" and "1024" in imported.warning
    body = b"x\r\n"
    message = signed(BASE, body, SigningKey(DOMAIN, "short", "rsa-sha256", load_key(imported.der)))
    record = dkim_value(imported.public, imported.algorithm)
    assert dkimpy_accepts(message, {f"short._domainkey.{DOMAIN}": record})


def test_over_large_keys_are_refused() -> None:
    # Of two Mersenne primes: making such a key in the usual way takes seconds.
    large = rsa_key_of(2**2203 - 1, 2**2281 - 1)
    with pytest.raises(BadKey, match="1024 to 4096"):
        import_key(pem_of(large))
    with pytest.raises(BadKey, match="1024 to 4096"):
        SigningKey(DOMAIN, "s", "rsa-sha256", large)


def test_stored_keys_that_cannot_be_read_are_named() -> None:
    with pytest.raises(BadKey, match="cannot be read"):
        load_key(b"junk")
    with pytest.raises(BadKey, match="neither"):
        load_key(
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    with pytest.raises(BadKey, match="algorithm"):
        new_key("rsa-sha1")


@pytest.mark.parametrize(
    ("domain", "selector"),
    [
        ("example.com; l=0", "s"),
        ("example.com\r\nX: y", "s"),
        ("Example.com", "s"),
        ("", "s"),
        ("a..b", "s"),
        ("b\u00fccher.example", "s"),
        ("example.com", "s;"),
        ("example.com", ""),
        ("example.com\n", "s"),
        ("a." * 130 + "com", "s"),
    ],
)
def test_names_that_would_write_tags_are_refused(domain: str, selector: str) -> None:
    with pytest.raises(BadKey):
        SigningKey(domain, selector, "ed25519-sha256", ed_key().private)


def test_a_key_of_another_algorithm_is_refused() -> None:
    with pytest.raises(BadKey):
        SigningKey(DOMAIN, "s", "rsa-sha256", ed_key().private)


def test_private_keys_are_not_shown() -> None:
    # S22
    assert "private" not in repr(rsa_key())


def test_long_names_go_on_lines_of_their_own() -> None:
    domain = "a" * 60 + "." + "b" * 60 + ".example.com"
    opening = SigningKey(domain, "s" * 40, "ed25519-sha256", ed_key().private).opening.decode()
    first, second, third = opening.split("\r\n")
    assert (second, third) == (f" d={domain};", f" s={'s' * 40};")
    assert len(first) <= 78


def test_records_are_cut_for_dns() -> None:
    # DK-9
    der_record = our_records()[f"rsa._domainkey.{DOMAIN}"]
    strings = txt_strings(der_record)
    assert "".join(strings) == der_record
    assert [len(text) <= 255 for text in strings] == [True, True]
    assert re.fullmatch(r"v=DKIM1; k=rsa; p=[A-Za-z0-9+/=]+", der_record)


@pytest.mark.parametrize(
    "octet", [b" ", b"\t", b"\r", b"\n", b"\r\n", b" \r\n", b"x", b" x", b"  x", b"\0", b"\x0b "]
)
def test_a_megabyte_of_one_thing_stays_linear(octet: bytes) -> None:
    # S11
    run = octet * ((1 << 20) // len(octet))
    begun = time.process_time()
    relaxed_body(run)
    relaxed_body(run + b"x")
    head = closed(b"Subject: " + run.replace(b"\r\n", b"\r\n "))
    signed_header(head, parse(head, most_bytes=1 << 22).fields)
    assert time.process_time() - begun < 1.0


def test_ten_thousand_fields_of_one_name_stay_linear() -> None:
    head = b"Subject: x\r\n" * 9_000
    begun = time.process_time()
    message = signed(head, b"x\r\n", ed_key())
    assert time.process_time() - begun < 1.0
    assert message.count(b"subject:") > 9_000
