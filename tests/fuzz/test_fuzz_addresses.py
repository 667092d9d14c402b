"""Address lists: any bytes give mailboxes or BadAddress, and never another address than the standard
library's header parser sees where both accept without a defect (S5, S11)."""

from __future__ import annotations

from email.headerregistry import HeaderRegistry
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from posthouse.mail.addresses import parse_mailboxes
from posthouse.mail.words import decode_words
from posthouse.model.address import BadAddress, parse_address

PIECES = st.sampled_from(
    [
        "a",
        "b.c",
        "ann",
        "x.test",
        "evil.test",
        "good.test",
        "@",
        "@",
        "<",
        ">",
        ",",
        ";",
        ":",
        ".",
        '"',
        "\\",
        "(",
        ")",
        "[192.0.2.1]",
        " ",
        "\t",
        "\r\n ",
        '"q s"',
        "(c)",
        "<a@good.test>",
        "a@good.test",
        "<b@evil.test>",
        "=?utf-8?q?x?=",
        "=?utf-8?q?a=40evil.test?=",
        "ü",
        "＠",
        "\u200b",
        "\0",
        "\n",
    ]
)
LISTS = st.lists(PIECES, max_size=9).map("".join)

LOCALS = st.from_regex(r"\A[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,8}(\.[a-z0-9]{1,8}){0,2}\Z").filter(
    lambda text: "=?" not in text
)
QUOTED_LOCALS = st.from_regex(r'\A"[a-z @<>,;:.()]{1,12}"\Z')
DOMAINS = st.from_regex(r"\A[a-z]{1,6}(-[a-z]{1,3})?(\.[a-z]{2,5}){1,2}\Z")
NAMES = st.text(
    st.characters(
        min_codepoint=32, max_codepoint=0x24F, exclude_characters="\x7f", exclude_categories=("Cc", "Cf")
    ),
    max_size=12,
)


def quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@given(st.binary(max_size=200))
@settings(max_examples=500, deadline=None)
def test_any_bytes_give_mailboxes_or_bad_address(value: bytes) -> None:
    try:
        boxes = parse_mailboxes(value)
    except BadAddress:
        return
    for box in boxes:
        assert parse_address(str(box.address)) == box.address


@given(LISTS)
@settings(max_examples=1500, deadline=None)
def test_where_both_accept_both_see_the_same(value: str) -> None:
    try:
        ours = [str(box.address) for box in parse_mailboxes(value.encode())]
    except BadAddress:
        return
    assume(value.isascii())
    header = their_header(value.replace("\r\n", ""))
    if header is None or header.defects:
        return
    theirs = [f"{address.username}@{address.domain.lower()}" for address in header.addresses]
    assert [plain(address) for address in ours] == [plain(address) for address in theirs]


def their_header(value: str) -> Any:
    """The standard library's reading, or None where its parser breaks (it does for some obsolete phrases)."""
    try:
        return HeaderRegistry()("To", value)
    except Exception:
        return None


def plain(address: str) -> str:
    """The standard library gives quoted local parts without quotes and escapes, ours are in wire form."""
    local, _, domain = address.rpartition("@")
    return local.replace('"', "").replace("\\", "").replace(" ", "") + "@" + domain


@given(st.lists(st.tuples(NAMES, st.one_of(LOCALS, QUOTED_LOCALS), DOMAINS), min_size=1, max_size=5))
@settings(max_examples=300, deadline=None)
def test_what_was_written_is_read(written: list[tuple[str, str, str]]) -> None:
    value = ",\r\n ".join(f"{quoted(name)} <{local}@{domain}>" for name, local, domain in written)
    boxes = parse_mailboxes(value.encode())
    assert [(box.name, box.address.local, box.address.domain) for box in boxes] == written


@given(LOCALS, DOMAINS, st.text(max_size=10))
@settings(max_examples=300, deadline=None)
def test_no_text_around_an_address_changes_it(local: str, domain: str, around: str) -> None:
    """Whatever stands before or behind: the address is refused, or it is a list that still holds it."""
    for value in (f"{around}<{local}@{domain}>", f"{local}@{domain}{around}", f"<{local}@{domain}>{around}"):
        try:
            boxes = parse_mailboxes(value.encode("utf-8", "surrogatepass"))
        except BadAddress:
            continue
        if "@" not in around and "(" not in around:
            assert len(boxes) == 1
            assert str(boxes[0].address).endswith(domain) or value.startswith(f"{local}@{domain}")


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_words_are_always_one_line(value: bytes) -> None:
    text = decode_words(value)
    assert not any(ord(char) < 32 or char in "\x7f\x85\u2028\u2029" for char in text)
