"""Any draft: mail.build refuses it, or our own readers and Python's find in the letter what was put in."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

from hypothesis import example, given
from hypothesis import strategies as st

from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.mail.build import Draft, Part, build
from posthouse.mail.entities import fits_lines, fresh_boundary
from posthouse.mail.fields import one_line
from posthouse.mail.letter import parse
from posthouse.mail.parts import Node, read_tree
from posthouse.mail.transfer import decode
from posthouse.mail.words import decode_words
from posthouse.model.address import parse_address
from posthouse.model.errors import Refused

TAME = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=40)
WILD = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.sampled_from(["\r\n", "\n", " ", "=?", "?=", '"', "\\", ";", "ä", "日", "x" * 80, "--=_"])
    ).map("".join),
)
TEXT = st.integers(0, 15).flatmap(lambda number: TAME if number else WILD)  # most drafts can be built
LINE = TEXT.filter(lambda text: "=?" not in text)
ADDRESSES = st.sampled_from(["a@b.test", '"a b"@b.test', "a@xn--bcher-kva.test", "ü@b.test"]).map(
    parse_address
)
MAILBOXES = st.lists(st.builds(Mailbox, LINE, ADDRESSES), max_size=4)
TYPES = st.sampled_from(
    ["", "text/plain", "image/png", "text/csv; charset=utf-8", 'a/b; c="d e"', "message/rfc822"]
)
PARTS = st.lists(st.builds(Part, st.binary(max_size=200), TYPES, TEXT, TEXT, st.booleans()), max_size=4)
DRAFTS = st.builds(
    Draft,
    author=MAILBOXES.filter(bool),
    to=MAILBOXES,
    cc=MAILBOXES,
    reply_to=MAILBOXES,
    subject=LINE,
    fields=st.lists(st.tuples(st.sampled_from(["X-A", "X-B", "x y"]), LINE), max_size=3),
    text=st.none() | TEXT,
    html=st.none() | TEXT,
    amp=st.none() | TEXT,
    alternatives=st.lists(st.builds(Part, st.binary(max_size=50), st.just("text/calendar")), max_size=1),
    parts=PARTS,
    date=st.sampled_from([0.0, 1.7e9]),
    message_id=st.sampled_from(["", "a@b", "<a@b>"]),
)
KNOWN = {b"from", b"sender", b"to", b"cc", b"reply-to", b"subject", b"date", b"message-id", b"mime-version"}


@given(DRAFTS)
def test_what_is_built_is_what_was_meant(draft: Draft) -> None:
    try:
        raw = build(draft)
    except Refused as refused:
        assert refused.text
        return
    letter = parse(raw)
    assert letter.is_whole
    assert raw[letter.header_end : letter.body_at] == b"\r\n"
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    own = {name.lower().encode() for name, _ in draft.fields}
    names = [field.name for field in letter.fields if not field.name.startswith(b"content-")]
    assert set(names) <= KNOWN | own
    assert len(names) == len(set(names) - own) + len(draft.fields)
    for name, mailboxes in ((b"from", draft.author), (b"to", draft.to), (b"cc", draft.cc)):
        assert_mailboxes(letter.first(name) or b"", mailboxes)
    assert decode_words(letter.first(b"subject") or b"") == one_line(draft.subject)
    assert_bodies(draft, raw, read_tree(letter))


def assert_mailboxes(value: bytes, mailboxes: list[Mailbox]) -> None:
    found = parse_mailboxes(value)
    assert [each.address for each in found] == [each.address for each in mailboxes]
    wanted = [" ".join(one_line(each.name).split()) for each in mailboxes]
    assert [" ".join(decode_words(each.name.encode()).split()) for each in found] == wanted


def assert_bodies(draft: Draft, raw: bytes, tree: Node) -> None:
    leaves = list(leaves_of(tree))
    texts = [text for text in (draft.text, draft.amp, draft.html) if text is not None]
    found: list[bytes] = []
    for leaf in leaves:
        assert leaf.type, raw
        octets = decode(raw[leaf.start : leaf.end], leaf.transfer)
        assert octets is not None
        found.append(octets)
    count = len(texts) + len(draft.alternatives) + len(draft.parts)
    assert len(leaves) == max(count, 1)
    if len(leaves) > 1:
        for text in texts:
            lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
            assert lines.encode("utf-8", "replace") in found
        for part in draft.parts:
            assert part.content in found or part.type == "message/rfc822"


def leaves_of(node: Node) -> list[Node]:
    return [leaf for child in node.children for leaf in leaves_of(child)] if node.children else [node]


@given(DRAFTS)
def test_python_reads_the_same_letter(draft: Draft) -> None:
    try:
        raw = build(draft)
    except Refused:
        return
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    assert not isinstance(message, EmailMessage)
    tree = read_tree(parse(raw))
    leaves = [part for part in message.walk() if not part.is_multipart()]
    if any(part.type == "message/rfc822" for part in draft.parts):
        return  # Python looks into it
    assert [part.get_content_type() for part in leaves] == [leaf.type for leaf in leaves_of(tree)]


@given(st.lists(st.sampled_from([b"x" * 500, b"x" * 499, b"x", b"\r\n"])).map(b"".join))
@example(b"x" * 998 + b"\r\n" + b"y" * 999)
@example(b"\r\n" * 600)
def test_lines_that_fit_are_known(octets: bytes) -> None:
    assert fits_lines(octets) == (max(map(len, octets.split(b"\r\n"))) <= 998)


@given(st.binary(max_size=200), st.text(max_size=20))
def test_a_boundary_is_never_in_what_it_parts(octets: bytes, seed: str) -> None:
    first = fresh_boundary(b"", seed)
    assert fresh_boundary(octets + first.encode(), seed) != first
