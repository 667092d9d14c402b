"""mail.render.Rendering: who needs it, header options, List-Unsubscribe, templates, shared copies."""

from __future__ import annotations

import re

import pytest

from dkim_oracle import dkimpy_accepts, ed_key, rsa_key, verified_signatures
from posthouse.mail.canon import body_hash
from posthouse.mail.render import CannotRender, Rendering, finish, is_plain, prepare
from posthouse.mail.tokens import Links
from posthouse.mail.transfer import encode
from posthouse.model.options import NOBODY_SPECIAL, Block, LinkTag, RecipientOptions, SendOptions
from unit.mail.copies import BASE, FROM, ID, LINKS, RECEIVED, letter, made, message, token_in

PLAIN_OPTIONS = {
    "nothing": SendOptions(),
    "tags and data": SendOptions(tags=("a",), metadata={"x": 1}, dialect="d"),
    "off": SendOptions(track_opens=False, track_clicks="off"),
    "time, route": SendOptions(deliver_at=1.0, sources=("192.0.2.1",), require_tls=True, dkim=False),
    "dropped fields": SendOptions(drop_fields=("x-a",)),
}
RICH_OPTIONS = {
    "MG-06": SendOptions(track_opens=True),
    "MG-05": SendOptions(track_clicks="html"),
    "MG-18": SendOptions(to_each=True),
    "SG-01": SendOptions(verbatim=("-a-",)),
    "SG-02": SendOptions(sections={"-a-": "x"}),
    "SG-09 footer": SendOptions(blocks=(Block(text="x"),)),
    "SG-09 ganalytics": SendOptions(utm=(("utm_source", "x"),)),
    "SG-09 template": SendOptions(wrapper_html="<% body %>"),
    "SG-09 subscriptiontrack": SendOptions(auto_unsubscribe="unsubscribe"),
    "MG-19": SendOptions(is_template=True),
    "MG-22": SendOptions(add_fields=(("X-A", "b"),)),
    "MP-02": SendOptions(list_unsubscribe="<mailto:x@y.test>"),
    "MP-03": SendOptions(only_fields=("from",)),
    "SG-04": SendOptions(links=(LinkTag("[x]", "unsubscribe_group"),)),
}


@pytest.mark.parametrize("options", PLAIN_OPTIONS.values(), ids=PLAIN_OPTIONS)
def test_ordinary_letters_take_the_short_way(options: SendOptions) -> None:
    assert is_plain(options, letter(plain="100% -a-"))


@pytest.mark.parametrize("options", RICH_OPTIONS.values(), ids=RICH_OPTIONS)
def test_these_options_need_a_rendering(options: SendOptions) -> None:
    assert not is_plain(options, letter(plain="x"))


BASE64 = b"Content-Transfer-Encoding: base64\r\n\r\n"
PERCENT = {
    "body": (letter(plain="Hi %recipient.x%"), False),
    "subject": (letter(plain="x", subject="%recipient_name%"), False),
    "link": (letter(html='<a href="%unsubscribe_url%">'), False),
    "tag link": (letter(html='<a href="%tag_unsubscribe_url%">'), False),
    "encoded subject": (letter(plain="x", subject="=?utf-8?b?JXJlY2lwaWVudCU=?="), False),
    "soft break": (letter(plain="%recip=\nient.x%", transfer="quoted-printable"), False),
    "soft break behind the sign": (letter(plain="%=\nrecipient.x%", transfer="quoted-printable"), False),
    "base64": (FROM + BASE64 + encode(b"%recipient.x%", "base64"), False),
    "base64 in a part": (
        FROM
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        + BASE64.replace(b"base64", b"BASE64")
        + encode(b"x" * 80 + b"%recipient.x%", "base64")
        + b"--b--\r\n",
        False,
    ),
    "other signs": (letter(html='<td width="100%" title="50% off">%recip%ient</td>'), True),
    "no sign": (letter(plain="hello"), True),
    "other base64": (FROM + BASE64 + encode(b"hello", "base64"), True),
    "other subject": (letter(plain="x", subject="=?utf-8?b?w6k=?="), True),
    "text about it": (letter(plain="recipient unsubscribe_url"), True),
}


@pytest.mark.parametrize(("raw", "wanted"), PERCENT.values(), ids=PERCENT)
def test_percent_letters_without_tags_take_the_short_way(raw: bytes, wanted: bool) -> None:
    assert is_plain(SendOptions(percent=True), raw) is wanted


def test_prepare_drops_option_fields_only() -> None:
    raw = RECEIVED + FROM + b"X-Opt: 1\r\n 2\r\nDate: x\r\nMessage-ID: y\r\nX-Keep: 3\r\n\r\nhi\r\n"
    ready = prepare(raw, message(SendOptions(drop_fields=("x-opt",))))
    assert ready.head == raw.replace(b"X-Opt: 1\r\n 2\r\n", b"").partition(b"\r\n\r\n")[0] + b"\r\n"
    assert [field.name for field in ready.fields] == [b"received", b"from", b"date", b"message-id", b"x-keep"]


def test_a_dropped_message_id_is_replaced() -> None:
    """MP-03"""
    raw = FROM + b"Message-ID: <old@x>\r\nDate: x\r\n\r\nhi\r\n"
    ready = prepare(raw, message(SendOptions(drop_fields=("Message-ID",))))
    assert b"<old@x>" not in ready.head
    assert ready.head.count(b"Message-ID: <01HF") == 1


def test_a_rebuilt_letter_has_only_the_named_fields() -> None:
    """MP-03: no Message-ID, X-Custom, Sender, List-Id, Bcc, foreign Received; a new Message-ID and Date."""
    head = b"".join(
        [
            b"To: bob@far.test\r\nReceived: by old\r\nMessage-ID: <old@x>\r\nDate: old\r\nX-Custom: 1\r\n",
            b"Sender: s@x.test\r\nList-Id: <l>\r\nBcc: e@x.test\r\nContent-Language: de\r\n",
        ]
    )
    copy = made(letter(plain="hi", head=head), SendOptions(only_fields=("from", "to", "subject")))
    names = re.findall(rb"(?m)^([\w-]+):", copy.prepared.head)
    assert names == [
        b"Received",
        b"Message-ID",
        b"Date",
        b"From",
        b"To",
        b"Content-Language",
        b"Subject",
        b"MIME-Version",
        b"Content-Type",
        b"Content-Transfer-Encoding",
    ]
    assert b"old" not in copy.prepared.head


# (options, the field lines to be found, those not to be found)
ADDED = {
    "MG-22 plain": ((("X-A", "b c"),), b"\r\nX-A: b c\r\n"),
    "S4 line breaks": ((("X-A", "b\r\nBcc: c@d.test\n e"),), b"\r\nX-A: b Bcc: c@d.test  e\r\n"),
    "beyond ASCII": ((("X-A", "é"),), b"\r\nX-A: =?utf-8?b?w6k=?=\r\n"),
    "SG-01 values": ((("X-A", "<-a->"),), b"\r\nX-A: <1>\r\n"),
    "addresses": (
        (("Reply-To", "Ann, Bo <a@b.test>, -a-@c.test"),),
        b"\r\nReply-To: Ann, Bo <a@b.test>, 1@c.test\r\n",
    ),
    "addresses with names": (
        (("Reply-To", "Büro <a@b.test>"),),
        b"\r\nReply-To: =?utf-8?b?QsO8cm8=?= <a@b.test>\r\n",
    ),
}


@pytest.mark.parametrize(("fields", "wanted"), ADDED.values(), ids=ADDED)
def test_added_fields(fields: tuple[tuple[str, str], ...], wanted: bytes) -> None:
    options = SendOptions(add_fields=fields, verbatim=("-a-",))
    copy = made(letter(plain="x"), options, RecipientOptions(values=("1",)))
    assert wanted in copy.prepared.head
    assert copy.field("Bcc") is None


@pytest.mark.parametrize("name", ["X A", "X:A", "X\r\nA", "", "Ü", "x" * 300])
def test_s4_a_bad_name_adds_nothing(name: str) -> None:
    copy = made(letter(plain="x"), SendOptions(add_fields=((name, "v"),)))
    assert copy.prepared.head.count(b"\r\n") == made(
        letter(plain="x"), SendOptions(to_each=True)
    ).prepared.head.count(b"\r\n")


def test_order_on_the_wire() -> None:
    options = SendOptions(add_fields=(("X-A", "b"),), auto_unsubscribe="unsubscribe", to_each=True)
    copy = made(letter(plain="x", head=b"Cc: c@x.test\r\n"), options)
    names = re.findall(rb"(?m)^([\w-]+):", copy.prepared.head)
    assert names[:7] == [
        b"Received",
        b"Message-ID",
        b"Date",
        b"X-A",
        b"List-Unsubscribe",
        b"List-Unsubscribe-Post",
        b"To",
    ]


# (options, fields of the letter, List-Unsubscribe with {scope}, one click?)
UNSUBSCRIBE = {
    "D-08 domain": (SendOptions(auto_unsubscribe="unsubscribe"), b"", "<u:>", True),
    "SG-04 group": (
        SendOptions(auto_unsubscribe="unsubscribe_group", unsubscribe_group=9),
        b"",
        "<u:group:9>",
        True,
    ),
    "SG-09 global": (SendOptions(auto_unsubscribe="unsubscribe_global"), b"", "<u:global>", True),
    "no one click": (SendOptions(auto_unsubscribe="unsubscribe", is_one_click=False), b"", "<u:>", False),
    "MP-02 the author's value": (
        SendOptions(list_unsubscribe="<https://a.test/u>"),
        b"",
        "<https://a.test/u>",
        False,
    ),
    "MP-02 replaces a field": (
        SendOptions(list_unsubscribe="<mailto:x@y.test>"),
        b"List-Unsubscribe: <old>\r\n",
        "<mailto:x@y.test>",
        False,
    ),
    "D-08 the letter's own stays": (
        SendOptions(auto_unsubscribe="unsubscribe"),
        b"List-Unsubscribe: <own>\r\n",
        "<own>",
        False,
    ),
    "D-08 a dropped field does not count": (
        SendOptions(auto_unsubscribe="unsubscribe", drop_fields=("list-unsubscribe",)),
        b"List-Unsubscribe: <own>\r\n",
        "<u:>",
        True,
    ),
}


@pytest.mark.parametrize(
    ("options", "fields", "wanted", "is_one_click"), UNSUBSCRIBE.values(), ids=UNSUBSCRIBE
)
def test_list_unsubscribe(options: SendOptions, fields: bytes, wanted: str, is_one_click: bool) -> None:
    copy = made(letter(plain="x", head=fields), options)
    value = copy.field("List-Unsubscribe") or ""
    if value.startswith(f"<{BASE}"):
        value = f"<u:{token_in(value.strip('<>')).scope}>"
    assert value == wanted
    post = copy.field("List-Unsubscribe-Post")
    assert post == ("List-Unsubscribe=One-Click" if is_one_click else None)


@pytest.mark.parametrize(("dkim", "has_post"), [(None, True), (True, True), (False, False)])
def test_D_08_mail_is_the_second_way_and_one_click_needs_a_signature(
    dkim: bool | None, has_post: bool
) -> None:
    links = Links(b"k" * 32, BASE, "shop.test", lambda delivery_id: f"u{delivery_id}@returns.test")
    options = SendOptions(auto_unsubscribe="unsubscribe", dkim=dkim)
    rendering = Rendering(letter(plain="x"), message(options), links)
    head = rendering.copy(f"{ID}.0001", "ann@good.test", NOBODY_SPECIAL).head
    [field] = re.findall(rb"List-Unsubscribe: <[^>]+>,\r\n <mailto:([^>?]+)[^>]*>\r\n", head)
    assert field == f"u{ID}.0001@returns.test".encode()
    assert (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in head) == has_post


def test_list_unsubscribe_is_covered_by_the_signature() -> None:
    """D-03, D-08: RFC 8058 4"""
    raw = letter(plain="hi -a-", html='<body><a href="https://a.test/">x</a> \t </body>\n\n')
    options = SendOptions(
        verbatim=("-a-",), track_clicks="all", track_opens=True, auto_unsubscribe="unsubscribe", to_each=True
    )
    copy = made(raw, options, RecipientOptions(values=("é  \t \r\n \r\n",)))
    head, body = finish(copy.prepared, [rsa_key(), ed_key()], 1_700_000_000)
    assert verified_signatures(head + body) == ["rsa", "ed25519"]
    assert dkimpy_accepts(head + body)
    covered = head.partition(b" h=")[2].partition(b";")[0].replace(b"\r\n ", b"").split(b":")
    assert covered.count(b"list-unsubscribe") == 2
    assert covered.count(b"list-unsubscribe-post") == 2


SHARED = {
    "MP-03": (SendOptions(only_fields=("from",)), True),
    "MG-22": (SendOptions(add_fields=(("X-A", "b"),)), True),
    "SG-09 ganalytics": (SendOptions(utm=(("utm_source", "x"),)), True),
    "SG-09 footer": (SendOptions(blocks=(Block(html="<i>f</i>"),)), True),
    "MG-05 without links": (SendOptions(track_clicks="all"), True),
    "tags that are not there": (SendOptions(verbatim=("-a-",), percent=True), True),
    "MG-06": (SendOptions(track_opens=True), False),
    "MG-18": (SendOptions(to_each=True), False),
    "D-08": (SendOptions(auto_unsubscribe="unsubscribe"), False),
    "MG-18 variables": (SendOptions(verbatim=("<p>",)), False),
}


@pytest.mark.parametrize(("options", "is_shared"), SHARED.values(), ids=SHARED)
def test_copies_that_do_not_differ_are_made_once(options: SendOptions, is_shared: bool) -> None:
    rendering = Rendering(letter(html="<p>x</p>"), message(options), LINKS)
    assert (rendering.shared is not None) is is_shared
    one, two = (
        rendering.copy(f"{ID}.{n:04d}", "b@far.test", RecipientOptions(values=("1",))) for n in (0, 1)
    )
    assert (one is two) is is_shared


def test_a_body_that_does_not_change_is_hashed_once() -> None:
    rendering = Rendering(letter(plain="x"), message(SendOptions(to_each=True)), LINKS)
    one, two = (rendering.copy(f"{ID}.{n:04d}", f"{n}@far.test", RecipientOptions()) for n in (0, 1))
    assert one.head != two.head
    assert one.body is two.body
    assert one.body_hash is two.body_hash


# (html source, subject source, options, recipient's, html, subject)
TEMPLATES = {
    "MG-21 variables": (
        "<p>{{name}}</p>",
        "Hi {{name}}",
        SendOptions(is_template=True, template_vars={"name": "A & B"}),
        RecipientOptions(),
        "<p>A &amp; B</p>",
        "Hi A & B",
    ),
    "MG-21 beats data beats own": (
        "{{a}}{{b}}{{c}}",
        "x",
        SendOptions(is_template=True, template_vars={"a": 1}, metadata={"a": 2, "b": 2}),
        RecipientOptions(variables={"a": 3, "b": 3, "c": 3}),
        "123",
        "x",
    ),
    "SG-06 own data instead of the message's": (
        "{{a}}{{b}}",
        "x",
        SendOptions(is_template=True, metadata={"a": 2, "b": 2}),
        RecipientOptions(metadata={"a": 5}),
        "5",
        "x",
    ),
    "MG-18 recipient variables in the input": (
        "{{#if vip}}VIP {{/if}}{{who}}",
        "{{who}}",
        SendOptions(is_template=True, percent=True, template_vars={"who": "Mr %recipient.last%"}),
        RecipientOptions(variables={"last": "Bo", "vip": True}),
        "VIP Mr Bo",
        "Mr Bo",
    ),
    "MG-18 tags in the output": (
        "{{who}}, %recipient_email%",
        "%recipient_email%",
        SendOptions(is_template=True, percent=True, template_vars={"who": "x"}),
        RecipientOptions(),
        "x, bob@far.test",
        "bob@far.test",
    ),
    "braces in a value are no source": (
        "{{{a}}}",
        "{{{a}}}",
        SendOptions(is_template=True, template_vars={"a": "{{b}}", "b": "no"}),
        RecipientOptions(),
        "{{b}}",
        "{{b}}",
    ),
}


@pytest.mark.parametrize(
    ("page", "subject", "options", "personal", "wanted", "wanted_subject"), TEMPLATES.values(), ids=TEMPLATES
)
def test_templates(
    page: str,
    subject: str,
    options: SendOptions,
    personal: RecipientOptions,
    wanted: str,
    wanted_subject: str,
) -> None:
    copy = made(letter(html=page, subject=subject), options, personal)
    assert (copy.html, copy.field("Subject")) == (wanted, wanted_subject)


def test_plain_part_of_a_template_is_not_escaped() -> None:
    options = SendOptions(is_template=True, template_vars={"a": "<&>"})
    copy = made(letter(html="{{a}}", plain="{{a}}"), options)
    assert (copy.html, copy.plain) == ("&lt;&amp;&gt;", "<&>")


def test_templates_are_filled_once_where_all_have_the_same_input() -> None:
    options = SendOptions(is_template=True, template_vars={"a": 1}, track_opens=True)
    rendering = Rendering(letter(html="{{a}}"), message(options), LINKS)
    rendering.copy(f"{ID}.0000", "a@far.test", RecipientOptions())
    common = rendering._common
    rendering.copy(f"{ID}.0001", "b@far.test", RecipientOptions())
    assert rendering._common is common


def test_links_in_a_template() -> None:
    """SG 3.8: {{{unsubscribe}}}; a link that a template makes is tracked"""
    tags = (
        LinkTag("{{{unsubscribe}}}", "unsubscribe_group"),
        LinkTag("{{{unsubscribe_preferences}}}", "preferences"),
    )
    options = SendOptions(
        is_template=True,
        links=tags,
        unsubscribe_group=3,
        track_clicks="html",
        template_vars={"url": "https://a.test"},
    )
    names = ("{{{unsubscribe}}}", "{{unsubscribe_preferences}}", "{{url}}")
    page = "".join([f'<a href="{name}">x</a>' for name in names])
    found = [token_in(url) for url in re.findall('"(.*?)"', made(letter(html=page), options).html)]
    assert [(token.kind, token.scope if token.kind == "u" else token.url) for token in found] == [
        ("u", "group:3"),
        ("u", "preferences"),
        ("c", "https://a.test"),
    ]


FROM_TEMPLATES = {
    "name": ("{{who}} <a@shop.test>", "Ann", "Ann <a@shop.test>"),
    "hostile name": ("{{who}} <a@shop.test>", "x <e@evil.test>,", '"x <e@evil.test>," <a@shop.test>'),
    "name with a comma": ("{{ who }} <a@shop.test>", "Doe, John", '"Doe, John" <a@shop.test>'),
    "hostile name, quoted template": ('{{insert who "x"}} <a@shop.test>', "x <e@evil.test>,", None),
    "default of a template": ('{{insert none "Ann"}} <a@shop.test>', "x", "Ann <a@shop.test>"),
    "two addresses": ("{{who}}@shop.test", "a@evil.test, b", None),
    "address at home": ("{{who}}@news.shop.test", "ann", "ann@news.shop.test"),
    "address elsewhere": ("a@{{who}}", "evil.test", None),
}


@pytest.mark.parametrize(("source", "value", "wanted"), FROM_TEMPLATES.values(), ids=FROM_TEMPLATES)
def test_s5_from_templates(source: str, value: str, wanted: str | None) -> None:
    raw = letter(plain="x").replace(b"Shop <a@shop.test>", source.encode())
    options = SendOptions(is_template=True, template_vars={"who": value})
    if wanted is None:
        with pytest.raises(CannotRender):
            made(raw, options)
    else:
        assert made(raw, options).field("From") == wanted


def test_a_broken_template_cannot_be_rendered() -> None:
    """SG 3.8: at send time"""
    with pytest.raises(CannotRender, match="template"):
        made(letter(html="{{#if}}"), SendOptions(is_template=True))


def test_retries_get_the_same_octets() -> None:
    options = SendOptions(track_clicks="all", track_opens=True, to_each=True, auto_unsubscribe="unsubscribe")
    raw = letter(html='<a href="https://a.test">x</a>')
    assert made(raw, options).prepared == made(raw, options).prepared


def test_links_longer_than_foretold_still_fit_into_their_lines() -> None:
    page = '<a href="https://a.test">x</a>' * 7 + "<p>" + "y" * 100
    options = SendOptions(track_clicks="all", track_opens=True)
    rendering = Rendering(letter(html=page), message(options), LINKS)
    for delivery_id in ("x" * 250, f"{ID}.0000"):
        ready = rendering.copy(delivery_id, "b@far.test", RecipientOptions())
        assert max(map(len, ready.body.split(b"\r\n"))) <= 998
        assert ready.body_hash == body_hash(ready.body)
        assert ready.body.replace(b"=\r\n", b"").count(b"/c/") == 7


def test_a_letter_without_header_or_body_survives() -> None:
    options = SendOptions(track_clicks="all", track_opens=True, to_each=True, percent=True, verbatim=("-a-",))
    for raw in (
        b"",
        b"\r\n",
        b"hello",
        b"From: x",
        b"\r\nhello -a-",
        RECEIVED,
        b"From a@b\r\nSubject: -a-\r\n\r\nx",
    ):
        copy = made(raw, options, RecipientOptions(values=("1",)))
        assert copy.field("To") == "bob@far.test"
        assert b"-a-" not in copy.whole
