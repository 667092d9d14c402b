"""Is a letter in order? A table for each kind of check."""

from __future__ import annotations

import pytest

from posthouse.mail.checks import Level, Seen, Standing, check_letter

GOOD, WARN, BAD = Level.GOOD, Level.WARN, Level.BAD
HEAD = {
    "From": "Shop <news@shop.example>",
    "To": "ann@example.com",
    "Subject": "Your order is on its way",
    "Date": "Thu, 26 Nov 2026 10:00:00 +0000",
    "Message-ID": "<1@shop.example>",
}
PAGE = "<p>Dear Ann, your order left our house this morning and will be with you tomorrow evening.</p>"


def head(**changes: str | None) -> str:
    fields = HEAD | {name.replace("_", "-"): value for name, value in changes.items()}
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)


def plain(**changes: str | None) -> bytes:
    return f"{head(**changes)}\r\nHello Ann\r\n".encode()


def page(html: str, more: str = "", text: str = "Hello Ann", **changes: str | None) -> bytes:
    parts = [f"Content-Type: text/plain\r\n\r\n{text}\r\n"] if text else []
    parts.append(f"Content-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n")
    kind = "Content-Type: multipart/mixed; boundary=b\r\n"
    body = "".join(f"--b\r\n{part}" for part in parts) + more + "--b--\r\n"
    return f"{head(**changes)}{kind}\r\n{body}".encode()


def attached(name: str, kind: str = "application/octet-stream") -> str:
    return f'--b\r\nContent-Type: {kind}\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\nx\r\n'


def found(raw: bytes, check: str, standing: Standing = Standing()) -> list[tuple[Level, str]]:
    return [(each.level, each.text) for each in check_letter(raw, standing) if each.check == check]


def holds(given: list[tuple[Level, str]], level: Level, words: str) -> bool:
    return any(each is level and words in text for each, text in given)


@pytest.mark.parametrize(
    ("subject", "level", "words"),
    [
        ("Your order is on its way", GOOD, "24 characters"),
        ("", BAD, "no subject"),
        (None, BAD, "no subject"),
        ("BUY THIS TODAY", WARN, "all capitals"),
        ("NASA", GOOD, "4 characters"),
        ("ÜBER ALLES GÜNSTIG", WARN, "all capitals"),
        ("Win now!!!", WARN, "shouts"),
        ("Free $$$", WARN, "shouts"),
        ("x" * 79, WARN, "79 characters"),
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe_an_Ann?=", GOOD, "12 characters"),
    ],
)
def test_subjects(subject: str | None, level: Level, words: str) -> None:
    assert holds(found(plain(Subject=subject), "subject"), level, words)


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({}, GOOD, "It is from news@shop.example."),
        ({"From": "news@shop.example"}, GOOD, "without a name"),
        ({"From": None}, BAD, "exactly one"),
        ({"From": "a@x.example, b@x.example"}, BAD, "exactly one"),
        ({"From": "nonsense <<"}, BAD, "exactly one"),
        ({"From": '"info@bank.example" <a@shop.example>'}, BAD, "another address"),
        ({"From": '"news@shop.example" <news@shop.example>'}, GOOD, "It is from"),
        ({"Reply-To": "help@shop.example"}, GOOD, "It is from"),
        ({"Reply-To": "help@help.shop.example"}, GOOD, "It is from"),
        ({"Reply-To": "shop@mailbox.example.org"}, WARN, "another domain"),
        ({"Reply-To": "nobody"}, BAD, "no readable address"),
    ],
)
def test_authors(changes: dict[str, str | None], level: Level, words: str) -> None:
    assert holds(found(plain(**changes), "from"), level, words)


@pytest.mark.parametrize(
    ("raw", "level", "words"),
    [
        (plain(), GOOD, "are there"),
        (plain(Date=None), BAD, "no Date field"),
        (plain(Message_ID=None, Date=None, **{"Message-ID": None}), BAD, "no Date and no Message-ID"),
        (b"Subject: twice\r\n" + plain(), BAD, "Subject"),
    ],
)
def test_standard_fields(raw: bytes, level: Level, words: str) -> None:
    assert holds(found(raw, "standard"), level, words)


ONE_CLICK = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


@pytest.mark.parametrize(
    ("changes", "goes_to_many", "level", "words"),
    [
        ({}, False, GOOD, "right for mail to one person"),
        ({}, True, BAD, "goes to many"),
        ({"Precedence": "bulk"}, False, BAD, "goes to many"),
        ({"List-Id": "<news.shop.example>"}, False, BAD, "goes to many"),
        ({"List-Unsubscribe": "<https://x.example/u>"}, True, WARN, "One click does not"),
        ({"List-Unsubscribe": "<mailto:u@x.example>", **ONE_CLICK}, True, WARN, "One click"),
        ({"List-Unsubscribe": "<http://x.example/u>", **ONE_CLICK}, True, WARN, "One click"),
        ({"List-Unsubscribe": "https://shop.example/u"}, True, BAD, "no address in <>"),
        ({"List-Unsubscribe": "<https://x.example/u>", **ONE_CLICK}, True, GOOD, "RFC 8058"),
    ],
)  # fmt: skip
def test_unsubscribing(changes: dict[str, str], goes_to_many: bool, level: Level, words: str) -> None:
    standing = Standing(goes_to_many=goes_to_many)
    assert holds(found(plain(**changes), "unsubscribe", standing), level, words)


@pytest.mark.parametrize(
    ("raw", "level", "words"),
    [
        (plain(), GOOD, "plain text"),
        (page(PAGE), GOOD, "is there"),
        (page(PAGE, text=""), WARN, "no plain text"),
        (page(PAGE, text="   "), WARN, "is empty"),
        (page(PAGE * 20, text="See HTML"), WARN, "much less"),
        ((head() + "Content-Type: image/png\r\n\r\nx").encode(), BAD, "nothing to read"),
    ],
)
def test_plain_texts(raw: bytes, level: Level, words: str) -> None:
    assert holds(found(raw, "text"), level, words)


@pytest.mark.parametrize(
    ("octets", "level", "words"),
    [
        (1_000, GOOD, "1 KB"),
        (90_000, WARN, "some room"),
        (104_448, WARN, "102 KB"),
        (104_449, BAD, "cuts it off"),
    ],
)
def test_sizes(octets: int, level: Level, words: str) -> None:
    html = ("x" * 70 + "\r\n") * (octets // 72)
    assert holds(found(page(html + "x" * (octets - len(html))), "size"), level, words)


OWN = "https://email.shop.example"


@pytest.mark.parametrize(
    ("link", "level", "words"),
    [
        ('<a href="https://shop.example/">Shop</a>', GOOD, "1 link, in order"),
        ('<a href="mailto:a@shop.example">Write</a>', GOOD, "1 link"),
        ("no link", GOOD, "no links"),
        ('<a href="http://shop.example/">Shop</a>', WARN, "https"),
        ('<a href="/orders">Orders</a>', BAD, "relative"),
        ('<base href="https://shop.example"><a href="/orders">Orders</a>', GOOD, "1 link"),
        ('<a href="javascript:alert(1)">x</a>', BAD, "run something"),
        ('<a href=" JavaScript:alert(1)">x</a>', BAD, "run something"),
        ('<a href="https://[broken">x</a>', BAD, "no readable address"),
        ('<a href="https://">x</a>', BAD, "no readable address"),
        ('<a href="http://localhost:3000/x">x</a>', BAD, "your own network"),
        ('<a href="https://192.168.1.7/x">x</a>', BAD, "your own network"),
        ('<a href="https://[::1]/x">x</a>', BAD, "your own network"),
        ('<a href="https://intranet/x">x</a>', BAD, "your own network"),
        ('<a href="https://shop.local/x">x</a>', BAD, "your own network"),
        ('<a href="https://evil.example/">https://bank.example/</a>', BAD, "as fraud does"),
        ('<a href="https://evil.example/">bank.example</a>', BAD, "as fraud does"),
        ('<a href="https://www.bank.example/">bank.example</a>', GOOD, "1 link"),
        ('<a href="https://bank.example/">www.bank.example/login</a>', GOOD, "1 link"),
        ('<a href="#">x</a>', WARN, "leads nowhere"),
        ("<a>x</a>", WARN, "leads nowhere"),
        ('<a href="https://bit.ly/3x">x</a>', WARN, "shortener"),
        ('<a href="https://shop.example/{{id}}">x</a>', BAD, "placeholder"),
        ('<a href="foo:bar">x</a>', WARN, "of this kind"),
        (f'<a href="{OWN}/c/abc">x</a>', GOOD, "1 of 1 links lead by way"),
        (f'<a href="{OWN}/c/abc">https://shop2.example</a>', WARN, "tracked link"),
        ('<a href="https://shop.example/">x</a>' * 51, WARN, "51 links"),
    ],
)
def test_links(link: str, level: Level, words: str) -> None:
    assert holds(found(page(PAGE + link), "links", Standing(links=OWN)), level, words)


CID = "--b\r\nContent-Type: image/png\r\nContent-ID: <logo>\r\n\r\n"


@pytest.mark.parametrize(
    ("html", "more", "level", "words"),
    [
        (PAGE + '<img src="https://x.example/a.png" alt="A" width="9" height="9">', "", GOOD, "1 picture"),
        (PAGE + '<img src="https://x.example/a" alt="" style="width:1px;height:2px">', "", GOOD, "1 picture"),
        (PAGE + '<img src="https://x.example/a.png" width="9" height="9">', "", WARN, "no alt text"),
        (PAGE + '<img src="https://x.example/a.png" alt="A">', "", WARN, "no width and height"),
        (PAGE + '<img src="http://x.example/a.png" alt="A" width="9" height="9">', "", WARN, "over http"),
        (PAGE + '<img src="/a.png" alt="A">', "", BAD, "not a whole one"),
        (PAGE + "<img alt=A>", "", BAD, "not a whole one"),
        (PAGE + '<img src="data:image/png;base64,AA" alt="A">', "", WARN, "data:"),
        (PAGE + '<img src="cid:logo" alt="A">', "", BAD, "not in the mail"),
        (PAGE + '<img src="cid:logo" alt="A">', CID + "x\r\n", GOOD, "1 picture"),
        (PAGE + '<img src="cid:logo" alt="A">', CID + ("x" * 70 + "\r\n") * 15_000, WARN, "KB together"),
        ('<img src="https://x.example/a.png" alt="A" width="9" height="9">', "", BAD, "hardly a word"),
        (PAGE + f'<img src="{OWN}/o/abc">', "", None, ""),
    ],
)  # fmt: skip
def test_pictures(html: str, more: str, level: Level | None, words: str) -> None:
    given = found(page(html, more), "images", Standing(links=OWN))
    assert holds(given, level, words) if level else given == []


@pytest.mark.parametrize(
    ("html", "level", "words"),
    [
        (PAGE, GOOD, "Nothing"),
        (PAGE + "<script>x()</script>", BAD, "scripts"),
        (PAGE + '<p onclick="x()">x</p>', BAD, "scripts in attributes"),
        (PAGE + "<form action=x><input></form>", BAD, "forms"),
        (PAGE + '<iframe src="https://x.example"></iframe>', BAD, "frames"),
        (PAGE + "<object></object><video></video>", BAD, "embedded objects, video"),
    ],
)
def test_what_mail_programs_take_out(html: str, level: Level, words: str) -> None:
    assert holds(found(page(html), "active"), level, words)


@pytest.mark.parametrize(
    ("html", "is_found"),
    [
        ('<div style="display:none">A line of preview</div>', False),
        (f'<div style="display: none">{"spam " * 100}</div>', True),
        (f'<div style="font-size:0px"><div>{"spam " * 100}</div></div>', True),
        (f"<p hidden>{'spam ' * 100}</p>", True),
        (f'<div style="font-size:0.9em">{"word " * 100}</div>', False),
        (f'<div style="display:none">x</div>{"word " * 100}', False),
    ],
)
def test_hidden_texts(html: str, is_found: bool) -> None:
    assert bool(found(page(PAGE + html), "hidden")) is is_found


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (page("<p>Dear {{first_name}}, how are you?</p>"), "{{first_name}}"),
        (page("<p>Dear *|FNAME|*</p>"), "*|FNAME|*"),
        (plain(Subject="Hello %recipient.name%"), "%recipient.name%"),
        (page(PAGE, text="Dear [[name]]"), "[[name]]"),
    ],
)
def test_placeholders_that_nobody_filled_in(raw: bytes, words: str) -> None:
    assert holds(found(raw, "placeholders"), BAD, words)


@pytest.mark.parametrize(
    ("name", "level", "words"),
    [
        ("invoice.pdf", GOOD, "1 file"),
        ("setup.exe", BAD, "refuse files"),
        ("photo.jpg.scr", BAD, "two endings"),
        ("Setup.EXE", BAD, "refuse files"),
        ("sheet.xlsm", WARN, "macros"),
        ("all.zip", WARN, "archives"),
        ("notes.v2.txt", GOOD, "1 file"),
        ("", WARN, "no name"),
    ],
)
def test_files(name: str, level: Level, words: str) -> None:
    assert holds(found(page(PAGE, attached(name)), "files"), level, words)


@pytest.mark.parametrize(
    ("raw", "level", "words"),
    [
        (plain(), GOOD, "Every host"),
        (plain() + b"x" * 998 + b"\r\n", GOOD, "Every host"),
        (plain() + b"x" * 999 + b"\r\n", BAD, "longer than 998"),
        (plain() + b"\0", BAD, "octet zero"),
        (plain() + "ü".encode(), WARN, "8BITMIME"),
        (plain(Subject="Grüße"), WARN, "SMTPUTF8"),
        (plain() + b"x\r\n" * (4 << 20), WARN, "12 MB"),
        (plain() + b"x\r\n" * (9 << 20), BAD, "27 MB"),
    ],
    ids=["usual", "as long as allowed", "long line", "zero", "8bit", "raw header", "large", "too large"],
)
def test_lines(raw: bytes, level: Level, words: str) -> None:
    assert holds(found(raw, "lines"), level, words)


SIGNED = "v=1; a=rsa-sha256; d=shop.example; s=s1; h=From; b=xx"
IN_ORDER = Seen(True, "")
MISSING = Seen(False, "publish it.")


@pytest.mark.parametrize(
    ("signature", "standing", "check", "level", "words"),
    [
        (SIGNED, Standing("shop.example"), "dkim", GOOD, "fits shop.example"),
        (None, Standing("shop.example"), "dkim", BAD, "not signed"),
        (SIGNED.replace("shop", "other"), Standing("other.example"), "dkim", BAD, "signed by other"),
        (SIGNED.replace("d=shop", "d=mail.shop"), Standing(), "dkim", GOOD, "fits"),
        (SIGNED, Standing("shop.example", records={"dkim": MISSING}), "dkim", BAD, "publish it."),
        (SIGNED, Standing(return_domain="return.shop.example"), "spf", GOOD, "fits shop.example"),
        (SIGNED, Standing(return_domain="bounces.example"), "spf", WARN, "the signature alone"),
        (SIGNED, Standing(), "spf", GOOD, "no envelope sender"),
        (SIGNED, Standing("", "shop.example", {"spf": MISSING}), "spf", WARN, "publish it."),
        (SIGNED, Standing(), "dmarc", WARN, "nobody has looked"),
        (SIGNED, Standing(records={"dmarc": IN_ORDER}), "dmarc", GOOD, "would pass"),
        (SIGNED, Standing(records={"dmarc": MISSING}), "dmarc", WARN, "publish it."),
        (None, Standing("", "shop.example", {"dmarc": IN_ORDER}), "dmarc", GOOD, "would pass"),
        (None, Standing(return_domain="other.example"), "dmarc", BAD, "DMARC fails"),
        ("d=example", Standing(), "dmarc", BAD, "DMARC fails"),
    ],
)  # fmt: skip
def test_alignment(signature: str | None, standing: Standing, check: str, level: Level, words: str) -> None:
    raw = plain(**{"DKIM-Signature": signature})
    assert holds(found(raw, check, standing), level, words)


def test_nobody_can_align_with_a_from_that_cannot_be_read() -> None:
    assert holds(found(plain(From="<<"), "dmarc"), BAD, "Nobody can say")


def test_an_ordinary_mail_is_all_good() -> None:
    standing = Standing(
        "shop.example", "shop.example", {"dkim": IN_ORDER, "spf": IN_ORDER, "dmarc": IN_ORDER}
    )
    raw = page(PAGE, **{"DKIM-Signature": SIGNED})
    assert [each for each in check_letter(raw, standing) if each.level is not GOOD] == []
