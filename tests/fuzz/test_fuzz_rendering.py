"""Copies of any letter with any values: what is signed is what leaves, nothing breaks out (S4)."""

from __future__ import annotations

import email
import email.policy
import re

from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.addresses import parse_mailboxes
from posthouse.mail.canon import body_hash
from posthouse.mail.fields import address_field, one_line, text_field
from posthouse.mail.letter import parse
from posthouse.mail.render import CannotRender, Rendering
from posthouse.mail.tokens import Links, packed, read_token, verify, write_token
from posthouse.mail.transfer import encode
from posthouse.mail.words import decode_words
from posthouse.model.message import Message
from posthouse.model.options import Block, LinkTag, RecipientOptions, SendOptions

ID = "01HF000000ABCDEFGHJKMNPQRS"
LINKS = Links(b"k" * 32, "https://email.shop.test", "shop.test")
BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
TAGS = ("-name-", "%code%", "-na", "[x]")

_line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=60)
_piece = st.one_of(
    _line,
    st.sampled_from(
        [*TAGS, "%recipient.first%", "%unsubscribe_url%", "<%u%>", "-sect-", "\r\n", " \r\n", "\r\n\r\n"]
    ),
    st.sampled_from(
        [
            '<a href="https://a.test/?x=1&amp;y=-name-">',
            "<a href='http://b.test/' clicktracking=off>",
            "</a>",
            "<body>",
            "</body>",
            "https://c.test/-name-/x.",
            "<!-- ",
            "-->",
            "x" * 400,
        ]
    ),
)
texts = st.lists(_piece, max_size=12).map("".join)
values = st.lists(st.one_of(st.text(max_size=30), _piece), min_size=4, max_size=4).map(tuple)
charsets = st.sampled_from(
    ["utf-8", "us-ascii", "iso-8859-1", "windows-1252", "iso-2022-jp", "utf-16", "gb2312", ""]
)
transfers = st.sampled_from(["7bit", "8bit", "quoted-printable", "base64"])
option_sets = st.builds(
    SendOptions,
    percent=st.booleans(),
    to_each=st.booleans(),
    track_opens=st.booleans(),
    track_clicks=st.sampled_from(["", "html", "all"]),
    verbatim=st.sampled_from([(), TAGS]),
    sections=st.sampled_from([{}, {"-sect-": "Dear -name- of [x]", "-name-x": "-sect-"}]),
    links=st.sampled_from([(), (LinkTag("<%u%>", "unsubscribe_tags", html='<a href="{url}">u</a>'),)]),
    blocks=st.sampled_from([(), (Block(html="<p>é -name-</p>", text="bye\n-name-"),)]),
    utm=st.sampled_from([(), (("utm_source", "é s"),)]),
    auto_unsubscribe=st.sampled_from(["", "unsubscribe"]),
    wrapper_html=st.sampled_from(["", "<html><body><% body %></body></html>"]),
    add_fields=st.sampled_from([(), (("X-Added", "a -name- b"),)]),
)


def entity(text: str, kind: str, charset: str, transfer: str) -> bytes:
    """A part with fields; what the charset lacks becomes a question mark."""
    octets = text.encode(charset or "ascii", "replace")
    if transfer in ("quoted-printable", "base64"):
        octets = encode(octets, transfer)
    named = f"; charset={charset}" if charset else ""
    return (
        f"Content-Type: text/{kind}{named}\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n".encode() + octets
    )


@st.composite
def letters(draw: st.DrawFn) -> bytes:
    head = "Received: by x; y\r\nFrom: -name- <a@shop.test>\r\nTo: B <b@far.test>\r\nMIME-Version: 1.0\r\n"
    subject = draw(
        st.sampled_from(["Subject: hello -name-\r\n", "Subject: =?utf-8?q?=2Dname=2D_=C3=A9?=\r\n"])
    )
    plain = entity(draw(texts), "plain", draw(charsets), draw(transfers))
    if draw(st.booleans()):
        return (head + subject).encode() + plain
    page = entity(draw(texts), "html", draw(charsets), draw(transfers))
    parts = b"".join([b"--=_b\r\n" + part + b"\r\n" for part in (plain, page)])
    top = b'Content-Type: multipart/alternative; boundary="=_b"\r\n\r\n'
    return (
        (head + subject).encode() + top + parts + b"--=_b--\r\n" + draw(st.sampled_from([b"", b"\r\n \r\n"]))
    )


def message(options: SendOptions) -> Message:
    return Message(ID, "acc", "shop.test", "c", "a@shop.test", "", "", 0, 1.7e9, 1.8e9, options=options)


@given(
    letters(),
    option_sets,
    values,
    st.dictionaries(st.just("first"), st.text(max_size=20)),
    st.text(max_size=20),
)
def test_a_copy_is_whole_and_its_hash_is_right(
    raw: bytes, options: SendOptions, given_values: tuple[str, ...], variables: dict[str, str], name: str
) -> None:
    rendering = Rendering(raw, message(options), LINKS)
    personal = RecipientOptions(values=given_values, variables=variables, name=name)
    try:
        ready = rendering.copy(f"{ID}.0007", "b@far.test", personal)
    except CannotRender:
        return
    whole = ready.head + b"\r\n" + ready.body
    assert ready.body_hash == body_hash(ready.body)
    assert ready.head.endswith(b"\r\n")
    assert not ready.head.startswith((b" ", b"\t", b"\r"))
    again = parse(whole)
    assert again.header_end == len(ready.head)
    assert again.body == ready.body
    names = [field.name for field in again.fields]
    assert names.count(b"from") == 1
    assert b"bcc" not in names
    mailboxes = parse_mailboxes(again.first(b"from") or b"")
    assert [str(each.address) for each in mailboxes] == ["a@shop.test"]
    if max(map(len, raw.split(b"\r\n"))) <= 998:
        assert max(map(len, whole.split(b"\r\n"))) <= 998
    if not BARE.search(raw):
        assert not BARE.search(whole)
    # every copy is made of the same pieces: the next one is the same
    assert rendering.copy(f"{ID}.0007", "b@far.test", personal) == ready


def decoded(raw: bytes) -> list[str]:
    """The texts as an independent reader sees them."""
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    return [part.get_content() for part in parsed.walk() if part.get_content_maintype() == "text"]


@given(
    st.lists(st.one_of(_line, st.sampled_from(TAGS), st.just("\r\n")), max_size=10).map("".join),
    values,
    transfers,
)
def test_values_stand_where_the_tags_stood(text: str, given_values: tuple[str, ...], transfer: str) -> None:
    """SG-01: one pass, the longest tag first, in any encoding."""
    if transfer == "7bit":
        transfer = "8bit"
    text = text.replace("=", "") + "\r\n"
    raw = b"From: a@shop.test\r\nMIME-Version: 1.0\r\n" + entity(text, "plain", "utf-8", transfer)
    safe = tuple(re.sub("[\ud800-\udfff\0]", "", each) for each in given_values)
    simple = tuple(each if not any(tag in each for tag in TAGS) else "v" for each in safe)
    by_tag = dict(zip(TAGS, simple, strict=True))
    pattern = "|".join(map(re.escape, sorted(TAGS, key=len, reverse=True)))
    wanted = re.sub(pattern, lambda match: re.sub("\r\n|\r|\n", "\r\n", by_tag[match[0]]), text)
    rendering = Rendering(raw, message(SendOptions(verbatim=TAGS)), LINKS)
    ready = rendering.copy(f"{ID}.0007", "b@far.test", RecipientOptions(values=simple))
    found = decoded(ready.head + b"\r\n" + ready.body)[0]
    if max(map(len, wanted.encode().split(b"\r\n"))) <= 998:  # else it was folded
        assert found.replace("\r\n", "\n").rstrip("\n") == wanted.replace("\r\n", "\n").rstrip("\n")


@given(st.text(max_size=300))
def test_a_text_field_is_one_field_and_reads_as_it_was(text: str) -> None:
    """S4"""
    field = text_field("Subject", text)
    again = parse(field + b"\r\n")
    assert [each.name for each in again.fields] == [b"subject"]
    assert max(map(len, field.split(b"\r\n"))) <= 998
    assert field.isascii()
    value = field.partition(b":")[2].removesuffix(b"\r\n").replace(b"\r\n", b"").strip(b" ")
    assert decode_words(value) == one_line(one_line(text)).strip()


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_a_name_never_becomes_an_address(names: list[str]) -> None:
    """S4, S5"""
    field = address_field("To", [(name, f"u{number}@far.test") for number, name in enumerate(names)])
    again = parse(field + b"\r\n")
    assert [each.name for each in again.fields] == [b"to"]
    found = parse_mailboxes(field.partition(b":")[2])
    assert [str(each.address) for each in found] == [f"u{number}@far.test" for number in range(len(names))]


@given(
    st.sampled_from(["c", "o", "u"]),
    st.one_of(
        st.integers(0, 2**31).map(lambda number: f"{ID}.{number:04d}"),
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
    ),
    st.binary(max_size=60),
    st.integers(0, 400),
)
def test_a_token_says_what_was_written_and_no_change_is_believed(
    kind: str, delivery_id: str, data: bytes, place: int
) -> None:
    """S17"""
    text = write_token(b"key", b"tag4", kind, delivery_id, data)
    token = read_token(text)
    assert token is not None
    assert (token.kind, token.tag, token.delivery_id, token.data) == (kind, b"tag4", delivery_id, data)
    assert verify(token, b"key")
    assert not verify(token, b"other")
    at = place % len(text)
    changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    other = read_token(changed)
    assert (
        other is None or not verify(other, b"key") or (other.signed, other.mac) == (token.signed, token.mac)
    )


@given(st.text(max_size=200))
def test_any_text_may_be_tried_as_a_token(text: str) -> None:
    token = read_token(text)
    assert token is None or not verify(token, b"key")
    packed("x" + text[:20].encode("utf-8", "replace").decode())
