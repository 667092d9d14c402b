"""Any octets in any Mailgun header, any container: wishes that can be stored, or Refused, nothing else."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from posthouse.dialects.dialect import Context, Header
from posthouse.dialects.mailgun import DIALECT
from posthouse.dialects.mailgun.container import unwrap
from posthouse.dialects.mailgun.table import NOT_OPTIONS, ROWS
from posthouse.mail.letter import BadLetter, parse
from posthouse.mail.percent import PATTERN, personal_metadata, value_of
from posthouse.model.errors import Refused
from posthouse.model.options import PLAIN, options_text, read_options

NAMES = [
    *(row.header for row in ROWS),
    *(name.title() for name in NOT_OPTIONS),
    *(
        f"X-Mailgun-{name}"
        for name in (
            "Tag",
            "Recipient-Variables",
            "Variables",
            "Template-Name",
            "Template-Version",
            "Template-Text",
            "Template-Variables",
            "Suppress-Headers",
            "Unknown",
        )
    ),
]
LIKELY = st.sampled_from(
    [
        b" yes",
        b" no",
        b"all",
        b"{",
        b"}",
        b'"',
        b":",
        b",",
        b'{"bob@example.com": {"a": 1}}',
        b'{"a": "%recipient.a%"}',
        b"\\ud83d",
        b"=?utf-8?q?=C3=BC?=",
        b"=?utf-8?b?eyJhIjoxfQ==?=",
        b"\r\n ",
        b"\r\n\t",
        b"12:00PM",
        b"Fri, 14 Oct 2011 12:00:00 0000",
        b"1h30m",
        b"1e99",
        b"http://[",
        b"a.test,s1",
        b"::1",
        b"\xc3\xbc",
        b"\xff",
        b"\x00",
    ]
)
VALUE = st.lists(st.one_of(LIKELY, st.binary(max_size=6)), max_size=8).map(b"".join)
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES), VALUE), max_size=8)


@given(HEADERS, st.booleans())
def test_read_gives_wishes_or_refuses(fields: list[tuple[str, bytes]], owns: bool) -> None:
    context = Context(
        now=1.7e9,
        recipients=("bob@example.com",),
        domain="shop.test",
        is_own=owns,
        owns_ip=lambda ip: owns,
        owns_pool=lambda name: owns,
        owns_key=lambda domain, selector: owns,
    )
    headers = [Header(title.lower(), title, raw) for title, raw in fields]
    try:
        wishes = DIALECT.read(headers, context)
    except Refused as refused:
        assert refused.code == 554 and refused.text.isascii() and refused.text.isprintable()
        return
    assert [seen.header for seen in wishes.seen] == [header.title for header in headers]
    assert all(len(seen.value) <= 500 and seen.effect for seen in wishes.seen)
    options = msgspec.structs.replace(PLAIN, **wishes.values, seen=tuple(wishes.seen))
    assert read_options(options_text(options)) == options
    assert set(wishes.sources) == set(wishes.values)


INSIDE = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"--X\r\n",
                b"--X--\r\n",
                b"Content-Type: application/json\r\n\r\n",
                b"Content-Type: message/rfc822\r\n\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b"e30=",
                b"\r\n",
            ]
        ),
        st.binary(max_size=6),
    ),
    max_size=12,
).map(b"".join)


@given(INSIDE)
def test_any_container_is_opened_or_refused(body: bytes) -> None:
    raw = b"Content-Type: multipart/mailgun-variables; boundary=X\r\n\r\n" + body
    try:
        inner = unwrap(parse(raw))
    except (Refused, BadLetter):
        return
    assert inner is not None and inner.content.endswith(b"\r\n")


TEXT = st.lists(
    st.sampled_from(
        ["%recipient.", "%recipient_email%", "%", "|", "a", "%recipient%", "\n", "%unsubscribe_url%"]
    )
).map("".join)


@given(TEXT, st.dictionaries(st.text(max_size=2), st.one_of(st.text(max_size=3), st.integers(), st.none())))
def test_any_text_with_tags_is_filled(text: str, variables: dict[str, object]) -> None:
    def fill(match: object) -> str:
        value = value_of(match, "a@b.test", "A B", variables)  # type: ignore[arg-type]
        return "" if value is None else value

    assert isinstance(PATTERN.sub(fill, text), str)
    assert personal_metadata({"k": text}, {}, "") == {"k": text} or "|" in text
