"""Address lists of header fields: what is read, and what is refused as it could be read in two ways.

Proves S3, S4, S5, S11, MSG-3, MSG-5.
"""

from __future__ import annotations

import contextlib
import time

import pytest

from posthouse.mail.addresses import MAX_BYTES, MAX_MAILBOXES, Mailbox, parse_mailboxes
from posthouse.model.address import BadAddress

Row = tuple[str, str, str, bool]  # display name, address, group, is it obsolete


def read(value: str | bytes) -> list[Row]:
    raw = value.encode() if isinstance(value, str) else value
    return [(box.name, str(box.address), box.group, box.is_obsolete) for box in parse_mailboxes(raw)]


def plain(address: str, name: str = "", group: str = "") -> Row:
    return name, address, group, False


READ: list[tuple[str, str, list[Row]]] = [
    ("bare", "a@b.test", [plain("a@b.test")]),
    ("angle", "<a@b.test>", [plain("a@b.test")]),
    ("name", "Ann Lee <a@b.test>", [plain("a@b.test", "Ann Lee")]),
    ("name without space", "Ann<a@b.test>", [plain("a@b.test", "Ann")]),
    ("quoted name", '"Lee, Ann" <a@b.test>', [plain("a@b.test", "Lee, Ann")]),
    ("quoted name with escapes", r'"A \"B\" \\" <a@b.test>', [plain("a@b.test", 'A "B" \\')]),
    ("quoted and plain words", '"Ann" B. "Lee" <a@b.test>', [plain("a@b.test", "Ann B. Lee")]),
    ("empty quoted name", '"" <a@b.test>', [plain("a@b.test")]),
    ("dots in the name (obs-phrase)", "Ann B. Lee <a@b.test>", [plain("a@b.test", "Ann B. Lee")]),
    ("comment behind", "a@b.test (Ann <x@y.test>)", [plain("a@b.test")]),
    ("nested comments", "(a (b (c\\)) )) Ann (d) <a@b.test> (e)", [plain("a@b.test", "Ann")]),
    ("domain case", "A.b@B.Test", [plain("A.b@b.test")]),
    ("quoted local part", '"a b"@c.test', [plain('"a b"@c.test')]),
    ("quoted local part with @", '"a@evil.test"@c.test', [plain('"a@evil.test"@c.test')]),
    ("literal", "a@[192.0.2.1]", [plain("a@[192.0.2.1]")]),
    ("IPv6 literal", "a@[IPv6:2001:DB8::1]", [plain("a@[IPv6:2001:db8::1]")]),
    ("list", "a@b.test, C <c@d.test>", [plain("a@b.test"), plain("c@d.test", "C")]),
    ("empty elements (obs-addr-list)", ",, a@b.test ,,c@d.test,", [plain("a@b.test"), plain("c@d.test")]),
    (
        "folded",
        "Ann\r\n Lee\r\n\t<a@b.test>,\r\n c@d.test",
        [plain("a@b.test", "Ann Lee"), plain("c@d.test")],
    ),
    ("with its line end", "a@b.test\r\n", [plain("a@b.test")]),
    ("group", "Us: a@b.test, C <c@d.test>;", [plain("a@b.test", "", "Us"), plain("c@d.test", "C", "Us")]),
    ("empty group", "undisclosed-recipients:;", []),
    ("empty group with spaces", "undisclosed recipients: ( none ) ;", []),
    (
        "group and others",
        'x@y.test, "U, s": a@b.test;, c@d.test',
        [plain("x@y.test"), plain("a@b.test", "", "U, s"), plain("c@d.test")],
    ),
    ("group of empty elements", "Us:,,a@b.test,;", [plain("a@b.test", "", "Us")]),
    ("route (obs-route)", "Ann <@x.test,@y.test:a@b.test>", [("Ann", "a@b.test", "", True)]),
    ("comments inside (obs)", "a(x)@(y)b.test", [("", "a@b.test", "", True)]),
    ("spaces inside (obs)", "ann . lee @ b . test", [("", "ann.lee@b.test", "", True)]),
    ("space inside the brackets only", "< a@b.test >", [plain("a@b.test")]),
    ("the same address as its own name", "a@b.test <a@b.test>", [plain("a@b.test", "a@b.test")]),
    ("encoded word", "=?utf-8?q?J=C3=B6rg?= <a@b.test>", [plain("a@b.test", "=?utf-8?q?J=C3=B6rg?=")]),
    (
        "an encoded address in the name",
        "=?utf-8?b?YUBldmlsLnRlc3Q=?= <a@b.test>",
        [plain("a@b.test", "=?utf-8?b?YUBldmlsLnRlc3Q=?=")],
    ),
    ("UTF-8 (RFC 6532)", "Jörg <jörg@bücher.test>", [plain("jörg@xn--bcher-kva.test", "Jörg")]),
    ("UTF-8 capitals", "a@BÜCHER.test", [plain("a@xn--bcher-kva.test")]),
    ("nothing", "", []),
    ("only a comment", "(nobody)", []),
]


@pytest.mark.parametrize(("value", "wanted"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_read(value: str, wanted: list[Row]) -> None:
    assert read(value) == wanted


REFUSED = [
    ("text behind", "x <a@b.test> y"),
    ("address behind", "<a@b.test> c@d.test"),
    ("two angle addresses", "<a@b.test><c@d.test>"),
    ("two angle addresses with a name", "a <a@b.test> <c@d.test>"),
    ("another address as the name", "a@evil.test <b@good.test>"),
    ("another quoted local as the name", '"x"@evil.test <b@good.test>'),
    ("an @ in the name", "me@home <b@good.test>"),
    ("name in front of a bare address", "Ann a@b.test"),
    ("two words before the @", "a b@c.test"),
    ("a quoted and a plain word before the @", '"a"b@c.test'),
    ("quoted beside dots", '"a".b@c.test'),
    ("two @", "a@b@c.test"),
    ("two @ in brackets", "<a@b@c.test>"),
    ("local part like an encoded word", "=?utf-8?q?a=40evil.test=3E?=@good.test"),
    ("the same in brackets", "X <=?x?q?a=40evil.test=3E=00?=@good.test>"),
    ("the same inside quotes", '"=?x?q?a=40evil.test?="@good.test'),
    ("line feed", "a@b.test\nBcc: c@d.test"),
    ("carriage return", "a@b.test\rBcc: c@d.test"),
    ("line end without a fold", "a@b.test\r\nBcc: c@d.test"),
    ("line end in quotes", '"a\r\nBcc: x" <a@b.test>'),
    ("line end in a comment", "a@b.test (\r\nBcc: x)"),
    ("NUL", "a@b.test\0"),
    ("NUL in quotes", '"a\0b" <a@b.test>'),
    ("escaped line feed", '"a\\\nb" <a@b.test>'),
    ("vertical tab", "a\x0b@b.test"),
    ("DEL", "a\x7f@b.test"),
    ("empty brackets", "<>"),
    ("empty brackets behind a name", "Ann <>"),
    ("no domain", "Ann"),
    ("no domain in brackets", "<ann>"),
    ("no local part", "@b.test"),
    ("empty domain", "a@"),
    ("dot first", ".a@b.test"),
    ("dot last", "a.@b.test"),
    ("two dots", "a..b@c.test"),
    ("domain dot last", "a@b.test."),
    ("domain dot first", "a@.b.test"),
    ("name dot first", ". <a@b.test>"),
    ("bare IP address", "a@192.0.2.1"),
    ("bad literal", "a@[evil]"),
    ("literal with space", "a@[192.0.2.1 ]"),
    ("text after a literal", "a@[192.0.2.1]evil.test"),
    ("unclosed brackets", "<a@b.test"),
    ("unclosed quotes", '"Ann <a@b.test>'),
    ("unclosed comment", "a@b.test (Ann"),
    ("comment closed twice", "a@b.test (Ann))"),
    ("backslash outside", "a\\@b.test"),
    ("unclosed group", "Us: a@b.test"),
    ("group in a group", "Us: In: a@b.test;;"),
    ("group without a name", ": a@b.test;"),
    ("group with an empty name", '"": a@b.test;'),
    ("semicolon as comma", "a@b.test; c@d.test"),
    ("semicolon alone", ";"),
    ("route not closed", "<@x.test a@b.test>"),
    ("route without address", "<@x.test:>"),
    ("comma in a bare name", "Lee, Ann <a@b.test>"),
    ("full-width @", "a＠evil.test@good.test"),
    ("small @", "a﹫evil.test@good.test"),
    ("full-width brackets", "a＜b＞@good.test"),
    ("one dot leader", "a․b@good.test"),
    ("full-width dot in the domain", "a@good．test"),
    ("ideographic dot in the domain", "a@good。test"),
    ("script letters that map to ASCII", "a@ℯvil.test"),
    ("full-width letters", "a@ｇood.test"),
    ("soft hyphen in the domain", "a@go\u00adod.test"),
    ("zero width space in the domain", "a@go\u200bod.test"),
    ("zero width joiner in the local part", "a\u200db@good.test"),
    ("right-to-left override", "a\u202eb@good.test"),
    ("no-break space in the local part", "a\u00a0b@good.test"),
    ("next line control", "a\u0085b@good.test"),
    ("line separator", "a\u2028b@good.test"),
    ("not UTF-8 in the address", b"\xe9@good.test"),
    ("not UTF-8 in the domain", b"a@\xe9.test"),
    ("local part too long", "a" * 65 + "@b.test"),
    ("domain too long", "a@" + "b." * 130 + "test"),
    ("comments too deep", "(" * 200 + ")" * 200 + "a@b.test"),
]


@pytest.mark.parametrize("value", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(value: str | bytes) -> None:  # S3, S4, S5
    with pytest.raises(BadAddress) as caught:
        parse_mailboxes(value.encode() if isinstance(value, str) else value)
    assert "evil" not in str(caught.value), "the text must not quote the input"


def test_octets_that_are_no_utf8_are_fine_in_a_name() -> None:
    assert read(b"Jos\xe9 <a@b.test>") == [plain("a@b.test", "Jos\ufffd")]


def test_controls_never_reach_a_name() -> None:
    assert read("A\u0085B\u2028C\ufeff <a@b.test>") == [plain("a@b.test", "A\ufffdB\ufffdC\ufffd")]


def test_limits() -> None:
    many = b",".join([b"a@b.test"] * MAX_MAILBOXES)
    assert len(parse_mailboxes(many)) == MAX_MAILBOXES
    with pytest.raises(BadAddress, match="too many"):
        parse_mailboxes(many + b",a@b.test")
    with pytest.raises(BadAddress, match="too long"):
        parse_mailboxes(b" " * (MAX_BYTES + 1))


def test_a_mailbox_has_one_address_on_the_wire() -> None:
    (box,) = parse_mailboxes(b"Ann <Ann@B.test>")
    assert box == Mailbox("Ann", box.address)
    assert (box.address.local, box.address.domain) == ("Ann", "b.test")


RUNS = [
    "a",
    "(",
    "()",
    '"',
    '""',
    ",",
    "<",
    ">",
    "@",
    ":",
    ";",
    ".",
    "\\",
    "[",
    "[]",
    "a.",
    "a@b.test,",
    "g:;,",
    '"a" ',
    "a b ",
    "<@a,",
    " ",
    "ü",
    "(\\)",
    '"\\',
]


@pytest.mark.parametrize("run", RUNS, ids=repr)
@pytest.mark.parametrize("head", ["", "<", "(", '"', "a@"], ids=repr)
def test_cost_is_linear(head: str, run: str) -> None:  # S11
    value = (head + run * MAX_BYTES).encode()[:MAX_BYTES].decode("utf-8", "ignore").encode()

    def cost_s() -> float:
        begun = time.process_time()
        with contextlib.suppress(BadAddress):
            parse_mailboxes(value)
        return time.process_time() - begun

    assert any(cost_s() < 1 for _ in range(3))  # what is not linear takes minutes, however idle the machine
