"""Personalised copies: tags, sections, percent syntax, headers (SG-01, SG-02, MG-18, S4, S5)."""

from __future__ import annotations

import re

import pytest

from posthouse.mail.expansion import Expansion, TooMuch
from posthouse.mail.render import CannotRender
from posthouse.model.options import LinkTag, RecipientOptions, SendOptions
from unit.mail.copies import BASE, letter, made, token_in

# The service's documented example: salutation and event sections with tags inside them.
SUB = (":salutation", ":name", ":event_details", ":event_date")
SECTIONS = {
    ":male": "Mr. :name",
    ":female": "Ms. :name",
    ":neutral": ":name",
    ":event1": "New User Event on :event_date",
    ":event2": "Veteran User Appreciation on :event_date",
}
PEOPLE = {
    "SG-02 Alice": ((":female", "Alice", ":event1", "Jan 1"), "Hi Ms. Alice … New User Event on Jan 1."),
    "SG-02 Bob": (
        (":male", "Bob", ":event2", "Feb 14"),
        "Hi Mr. Bob … Veteran User Appreciation on Feb 14.",
    ),
    "SG-02 Casey": ((":neutral", "Casey", ":event1", "Aug 11"), "Hi Casey … New User Event on Aug 11."),
}


@pytest.mark.parametrize(("values", "wanted"), PEOPLE.values(), ids=PEOPLE)
@pytest.mark.parametrize("kind", ["html", "plain"])
def test_sections_documented_example(values: tuple[str, ...], wanted: str, kind: str) -> None:
    raw = letter(**{kind: "Hi :salutation … :event_details."})
    copy = made(raw, SendOptions(verbatim=SUB, sections=SECTIONS), RecipientOptions(values=values))
    assert copy.text(kind) == wanted


# (tags, sections, values, text, result)
TAGS = {
    "SG-01 longest first": (("-a", "-ab"), {}, ("1", "2"), "-ab-a-abc", "212c"),
    "SG-01 regex characters are literal": (("[.*]",), {}, ("x",), "[.*] [ab]", "x [ab]"),
    "SG-01 case matters": (("-Name-",), {}, ("x",), "-name- -Name-", "-name- x"),
    "SG-01 missing value is empty": (("-a-", "-b-"), {}, ("x",), "<-a-|-b->", "<x|>"),
    "SG-01 nobody gave values: tags stay": (("-a-",), {}, (), "-a-", "-a-"),
    "SG-01 values are not escaped": (("-a-",), {}, ("<b>&</b>",), "-a-", "<b>&</b>"),
    "SG-01 tag in a value": (("-a-", "-b-"), {}, ("x -b-", "y"), "-a-", "x y"),
    "SG-01 at most four rounds": (("-a-",), {}, ("-a-x",), "-a-", "-a-xxxxx"),
    "SG-02 section in the body": (("-a-",), {"-s-": "sec -a-"}, ("v",), "-s-", "sec v"),
    "SG-02 section in a section stays": (("-a-",), {"-s-": "-t-", "-t-": "no"}, ("-s-",), "-a-", "-t-"),
    "SG-02 section without values": ((), {"-s-": "sec"}, (), "-s-.", "sec."),
    "SG-01 line ends in values": (("-a-",), {}, ("x\ny\rz\r\n.",), "-a-", "x\ny\nz\n."),
    "SG-01 NUL in a value goes": (("-a-",), {}, ("x\0y",), "-a-", "xy"),
    "SG-01 a lone surrogate": (("-a-",), {}, ("x\ud800y",), "-a-", "x?y"),
    "SG-01 beyond ASCII": (("-a-",), {}, ("日本 é",), "-a- ü", "日本 é ü"),
}


@pytest.mark.parametrize(("tags", "sections", "values", "text", "wanted"), TAGS.values(), ids=TAGS)
@pytest.mark.parametrize("transfer", ["8bit", "quoted-printable", "base64"])
def test_tags(
    tags: tuple[str, ...],
    sections: dict[str, str],
    values: tuple[str, ...],
    text: str,
    wanted: str,
    transfer: str,
) -> None:
    from posthouse.mail.transfer import encode

    raw = letter(plain=text)
    if transfer != "8bit":
        head, _, body = raw.partition(b"\r\n\r\n")
        raw = head.replace(b"8bit", transfer.encode()) + b"\r\n\r\n" + encode(body, transfer)
    copy = made(raw, SendOptions(verbatim=tags, sections=sections), RecipientOptions(values=values))
    assert copy.plain == wanted


PERCENT = {
    "MG-18 value": ("%recipient.first%", "Bob"),
    "MG-18 number": ("%recipient.id%", "7"),
    "MG-18 boolean": ("%recipient.yes%", "true"),
    "MG-18 null": ("<%recipient.nothing%>", "<>"),
    "MG-18 key with colon": ("%recipient.v:user%", "u1"),
    "MG-18 dots do not nest": ("%recipient.a.b%", "ab"),
    "MG-18 unknown key stays": ("%recipient.last%", "%recipient.last%"),
    "MG-18 fallback": ("%recipient.last|friend%", "friend"),
    "MG-18 fallback not needed": ("%recipient.first|friend%", "Bob"),
    "MG-18 address": ("%recipient_email%", "bob@far.test"),
    "MG-18 name": ("%recipient_name%/%recipient_fname%/%recipient_lname%", "Bob B. Baker/Bob/Baker"),
    "MG-18 whole": ("%recipient%", '"Bob B. Baker" <bob@far.test>'),
    "MG-18 other per cent signs stay": ("100% %x% %recipient", "100% %x% %recipient"),
    "MG-18 values are not looked into": ("%recipient.again%", "%recipient.first%"),
}
VARIABLES = {
    "first": "Bob",
    "id": 7,
    "yes": True,
    "nothing": None,
    "v:user": "u1",
    "a.b": "ab",
    "again": "%recipient.first%",
}


@pytest.mark.parametrize(("text", "wanted"), PERCENT.values(), ids=PERCENT)
def test_percent_syntax(text: str, wanted: str) -> None:
    personal = RecipientOptions(name="Bob B. Baker", variables=VARIABLES)
    copy = made(letter(plain=f"a {text} z"), SendOptions(percent=True), personal)
    assert copy.plain == f"a {wanted} z"


def test_percent_in_html_escapes_only_what_we_make() -> None:
    personal = RecipientOptions(name="A & B", variables={"x": "<b>x</b>"})
    copy = made(letter(html="%recipient% %recipient.x%"), SendOptions(percent=True), personal)
    assert copy.html == "&quot;A &amp; B&quot; &lt;bob@far.test&gt; <b>x</b>"


def test_percent_is_dead_without_the_option() -> None:
    raw = letter(plain="%recipient_email% -a-")
    assert made(raw, SendOptions(verbatim=("-a-",)), RecipientOptions(values=("1",))).plain == (
        "%recipient_email% 1"
    )


def test_a_tag_split_by_a_soft_line_break_is_found() -> None:
    """MG-18: encoded parts are decoded first."""
    raw = letter(plain="Dear %recip=\nient.first%=2C", transfer="quoted-printable")
    copy = made(raw, SendOptions(percent=True), RecipientOptions(variables={"first": "Bob"}))
    assert copy.plain == "Dear Bob,"


def test_a_part_in_another_charset_becomes_utf8_only_where_values_go_in() -> None:
    raw = letter(plain="für -a-", html="<p>für</p>", charset="iso-8859-1")
    copy = made(raw, SendOptions(verbatim=("-a-",)), RecipientOptions(values=("日本",)))
    assert (copy.plain, copy.html) == ("für 日本", "<p>für</p>")
    assert b"text/plain; charset=utf-8\r\n" in copy.whole
    assert b"text/html; charset=iso-8859-1\r\n" in copy.whole


def test_a_7bit_part_turns_to_quoted_printable() -> None:
    raw = letter(plain="hi -a-", charset="us-ascii", transfer="7bit")
    copy = made(raw, SendOptions(verbatim=("-a-",)), RecipientOptions(values=("é",)))
    assert copy.plain == "hi é"
    assert b"Content-Transfer-Encoding: quoted-printable\r\n" in copy.prepared.head
    assert b"charset=utf-8" in copy.prepared.head


@pytest.mark.parametrize(
    "value", ["x" * 3000, "word é " * 500, "line\n" * 400], ids=["word", "words", "lines"]
)
@pytest.mark.parametrize("transfer", ["8bit", "quoted-printable", "7bit"])
@pytest.mark.parametrize("is_template", [False, True])
def test_a_long_value_arrives_whole(value: str, transfer: str, is_template: bool) -> None:
    """MG-18"""
    raw = letter(plain="[%recipient.long%]", transfer=transfer)
    options = SendOptions(percent=True, is_template=is_template)
    copy = made(raw, options, RecipientOptions(variables={"long": value}))
    assert copy.plain == f"[{value}]"
    assert max(map(len, copy.whole.split(b"\r\n"))) <= 998
    short = made(raw, options, RecipientOptions(variables={"long": "x"}))
    assert (b"quoted-printable" in short.prepared.head) is (transfer != "8bit")


def test_a_letter_without_mime_fields_gets_them() -> None:
    raw = b"From: a@shop.test\r\n\r\nhi -a-\r\n"
    copy = made(raw, SendOptions(verbatim=("-a-",)), RecipientOptions(values=("é",)))
    assert copy.plain == "hi é"
    assert copy.field("MIME-Version") == "1.0"


def test_attachments_keep_their_octets() -> None:
    inner = b"Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\n-a-\r\n"
    raw = (
        b"From: a@shop.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\n\r\n-a-\r\n--b\r\n" + inner + b"--b--\r\n"
    )
    copy = made(raw, SendOptions(verbatim=("-a-",)), RecipientOptions(values=("x",)))
    assert inner in copy.prepared.body
    assert copy.plain == "x"


def test_a_message_in_a_message_is_left_alone() -> None:
    raw = (
        b"From: a@shop.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: -a-\r\n\r\n-a-\r\n--b--\r\n"
    )
    copy = made(raw, SendOptions(verbatim=("-a-",)), RecipientOptions(values=("x",)))
    assert raw.partition(b"\r\n\r\n")[2] == copy.prepared.body


# (field as submitted, values of -a- and -b-, field as delivered)
HEADERS = {
    "SG-01 subject": (b"Subject: Hi -a-\r\n", ("Bob", ""), b"Subject: Hi Bob\r\n"),
    "SG-01 encoded subject": (
        b"Subject: =?utf-8?q?=2Da=2D_=C3=A9?=\r\n",
        ("Bob", ""),
        b"Subject: =?utf-8?b?Qm9iIMOp?=\r\n",
    ),
    "S4 line break in a value": (
        b"Subject: Hi -a-\r\n",
        ("x\r\nBcc: eve@evil.test", ""),
        b"Subject: Hi x Bcc: eve@evil.test\r\n",
    ),
    "S4 controls in a value": (b"X-Thing: -a-\r\n", ("a\x00b\x0bc\x85d", ""), b"X-Thing: ab c d\r\n"),
    "S4 a value that looks encoded": (
        b"Subject: -a-\r\n",
        ("=?utf-8?q?x?=", ""),
        b"Subject: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?=\r\n",
    ),
    "SG-01 other fields": (b"X-Thing: <-a-@-b->\r\n", ("1", "2"), b"X-Thing: <1@2>\r\n"),
    "SG-01 name of a reply address": (
        b"Reply-To: -a- <r@shop.test>\r\n",
        ('B, "ob"', ""),
        b'Reply-To: "B, \\"ob\\"" <r@shop.test>\r\n',
    ),
    "SG-01 reply address": (b"Reply-To: -a-@shop.test\r\n", ("x1", ""), b"Reply-To: x1@shop.test\r\n"),
    "SG-01 whole reply address": (
        b"Reply-To: -a-\r\n",
        ("X Y <x@y.test>", ""),
        b"Reply-To: X Y <x@y.test>\r\n",
    ),
    "S4 a value that is no address": (
        b"Reply-To: -a-@shop.test\r\n",
        ("a b", ""),
        b"Reply-To: -a-@shop.test\r\n",
    ),
    "S5 the From address has no tags": (
        b"From: -a- <-a-@shop.test>\r\n",
        ("Eve <e@evil.test>,", ""),
        b'From: "Eve <e@evil.test>," <-a-@shop.test>\r\n',
    ),
    "structural fields stay": (
        b"References: <x@y>\r\nMIME-Version: -a-\r\n",
        ("9", ""),
        b"MIME-Version: -a-\r\n",
    ),
    "MG-18 Message-ID stays": (b"Message-ID: <-a-@x>\r\n", ("9", ""), b"Message-ID: <-a-@x>\r\n"),
    "untouched fields keep their octets": (b"X-Odd : a\r\n\tb  c\r\n", ("9", ""), b"X-Odd : a\r\n\tb  c\r\n"),
}


@pytest.mark.parametrize(("field", "values", "wanted"), HEADERS.values(), ids=HEADERS)
def test_header_fields(field: bytes, values: tuple[str, str], wanted: bytes) -> None:
    start = b"" if field.startswith(b"From") else b"From: a@shop.test\r\n"
    raw = start + field + b"\r\nhello\r\n"
    options = SendOptions(verbatim=("-a-", "-b-"))
    assert wanted in made(raw, options, RecipientOptions(values=values)).prepared.head


@pytest.mark.parametrize("value", ["eve@evil.test", "nothing", "a@shop.test, e@evil.test"])
def test_s5_a_from_field_of_tags_only_must_stay_at_home(value: str) -> None:
    raw = b"From: %recipient.from%\r\n\r\nhello\r\n"
    options = SendOptions(percent=True)
    assert (
        b"From: A <a@shop.test>"
        in made(raw, options, RecipientOptions(variables={"from": "A <a@shop.test>"})).prepared.head
    )
    with pytest.raises(CannotRender, match="From"):
        made(raw, options, RecipientOptions(variables={"from": value}))


TO = {
    "MG-18 one recipient": (b"To: Ann <ann@a.test>, Bob <bob@far.test>\r\n", "", "Bob <bob@far.test>"),
    "MG-18 no name": (b"To: ann@a.test\r\n", "", "bob@far.test"),
    "SG-01 own name": (b"To: Bob <bob@far.test>\r\n", "Robert", "Robert <bob@far.test>"),
    "MG-18 name in other case": (b"To: Bob <BOB@far.test>\r\n", "", "Bob <bob@far.test>"),
    "MG-18 placeholder": (b"To: %recipient%\r\n", "Bob B.", '"Bob B." <bob@far.test>'),
    "MG-18 placeholder without name": (b"To: %recipient%\r\n", "", "bob@far.test"),
    "MG-18 placeholder of ours": (
        b"To: %recipient.nick% <%recipient_email%>\r\n",
        "",
        "Bobby <bob@far.test>",
    ),
    "MG-18 no To at all": (b"", "", "bob@far.test"),
    "MG-18 two To fields": (b"To: x@a.test\r\nTo: y@a.test\r\n", "", "bob@far.test"),
    "MG-18 a hostile name": (
        b"To: x@a.test\r\n",
        "E\r\nBcc: <e@e.test>",
        '"E Bcc: <e@e.test>" <bob@far.test>',
    ),
}


@pytest.mark.parametrize(("field", "name", "wanted"), TO.values(), ids=TO)
def test_batch_shows_one_recipient(field: bytes, name: str, wanted: str) -> None:
    raw = letter(plain="x", head=field + b"Cc: c@a.test\r\n")
    personal = RecipientOptions(name=name, variables={"nick": "Bobby"})
    copy = made(raw, SendOptions(to_each=True, percent=True), personal)
    assert copy.field("To") == wanted
    assert copy.field("Cc") == "c@a.test"


def test_without_batch_everybody_sees_the_to_field() -> None:
    raw = letter(plain="-a-", head=b"To: x@a.test,\r\n y@a.test\r\n")
    copy = made(raw, SendOptions(verbatim=("-a-",)), RecipientOptions(values=("1",)))
    assert b"To: x@a.test,\r\n y@a.test\r\n" in copy.prepared.head


def test_a_blind_copy_shows_its_owners_values_and_own_links() -> None:
    """SG-09 bcc"""
    options = SendOptions(percent=True, to_each=True)
    personal = RecipientOptions(variables={"x": "1"}, copy_of="ann@far.test")
    raw = letter(plain="%recipient.x% %recipient_email% %unsubscribe_url%")
    copy = made(raw, options, personal, number=4, recipient="audit@shop.test")
    assert copy.field("To") == "ann@far.test"
    value, address, url = copy.plain.split()
    assert (value, address) == ("1", "ann@far.test")
    assert token_in(url).delivery_id.endswith(".0004")


LINK_TAGS = {
    "D-08 unsubscribe": ("%unsubscribe_url%", ""),
    "D-08 tags": ("%tag_unsubscribe_url%", "tags"),
    "D-08 list": ("%mailing_list_unsubscribe_url%", ""),
}


@pytest.mark.parametrize(("text", "scope"), LINK_TAGS.values(), ids=LINK_TAGS)
def test_unsubscribe_tags_of_the_percent_syntax(text: str, scope: str) -> None:
    copy = made(letter(html=f'<a href="{text}">bye</a>'), SendOptions(percent=True, track_clicks="all"))
    url = re.findall('href="([^"]+)"', copy.html)[0]
    token = token_in(url)
    assert (token.kind, token.scope, token.delivery_id) == ("u", scope, "01HF000000ABCDEFGHJKMNPQRS.0000")


def test_unsubscribe_address() -> None:
    copy = made(letter(plain="%unsubscribe_email%"), SendOptions(percent=True))
    local, _, domain = copy.plain.partition("@")
    assert domain == "shop.test"
    assert local.startswith("u+")
    assert len(local) <= 64


# (link tag, html part, what stands there, {url} for the link)
FORMS = {
    "SG-04 link with words": (
        LinkTag("<%group%>", "unsubscribe_group", html='<a href="{url}">Leave</a>'),
        "<%group%>",
        '<a href="{url}">Leave</a>',
        "group:5",
    ),
    "SG-09 bare, in an attribute": (
        LinkTag("[bye]", "unsubscribe_global"),
        '<a href="[bye]">x</a>',
        '<a href="{url}">x</a>',
        "global",
    ),
    "SG-04 preferences": (LinkTag("<%pref%>", "preferences"), "<%pref%>", "{url}", "preferences"),
}


@pytest.mark.parametrize(("tag", "page", "wanted", "scope"), FORMS.values(), ids=FORMS)
def test_link_tags(tag: LinkTag, page: str, wanted: str, scope: str) -> None:
    options = SendOptions(links=(tag,), unsubscribe_group=5, track_clicks="all")
    copy = made(letter(html=page, plain=f"see {tag.literal}"), options)
    url = copy.plain.removeprefix("see ")
    assert token_in(url).scope == scope
    assert copy.html == wanted.replace("{url}", url)


def test_a_value_may_bring_a_link_tag() -> None:
    """SG: an unsubscribe URL in a substituted value works."""
    options = SendOptions(verbatim=("-a-",), links=(LinkTag("[bye]", "unsubscribe_global"),))
    copy = made(letter(plain="-a-"), options, RecipientOptions(values=("go [bye]",)))
    assert copy.plain.startswith(f"go {BASE}/u/")


def test_values_without_end_are_stopped() -> None:
    options = SendOptions(verbatim=("a",))
    with pytest.raises(CannotRender, match="without end"):
        made(letter(plain="a"), options, RecipientOptions(values=("a" * 9000,)))


def test_all_values_together_are_bounded() -> None:
    raw = letter(plain="-a-\n" * 10_000)
    with pytest.raises(CannotRender, match="too large"):
        made(raw, SendOptions(verbatim=("-a-",)), RecipientOptions(values=("x" * 10_000,)))


def test_thousands_of_tags_that_begin_alike() -> None:
    tags = tuple(f"{'-' * 20}{number}-" for number in range(5000))
    options = SendOptions(verbatim=tags)
    raw = letter(plain="-" * 20_000 + tags[4999])
    values = tuple(f"v{number}" for number in range(5000))
    assert made(raw, options, RecipientOptions(values=values)).plain.endswith("-v4999")


def test_expansion_counts_its_work() -> None:
    expansion = Expansion(("-a-",), {}, most_work=10)
    with pytest.raises(TooMuch):
        expansion.expand("x" * 11, ("1",))
