"""Any octets: mail.letter, canon, render and trace never raise past BadLetter and keep what they must."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dkim_oracle import dkimpy_accepts, ed_key, rsa_key, slow_relaxed_body, split, verified_signatures
from posthouse.mail.canon import relaxed_body
from posthouse.mail.letter import BadLetter, closed, parse, without
from posthouse.mail.render import DROPPED, finish, prepare
from posthouse.mail.trace import date_field, message_id_field, on_top, received_field
from posthouse.model.message import Message

NOW = 1_700_000_000
MESSAGE = Message("01HF", "a", "example.com", "c", "a@example.com", "", "", 0, 1.7e9, 1.8e9)

# Pieces that make the interesting borders likely, mixed with anything.
BORDERS = [
    b"\r\n",
    b"\r",
    b"\n",
    b" ",
    b"\t",
    b":",
    b"\x00",
    b"\x0b",
    b"  ",
    b"\r\n\r\n",
    b"\r\n ",
    b" \r\n",
    b".",
]
WORDS = [
    b"From ",
    b">From ",
    b"From: a@example.com",
    b"Bcc: x",
    b"bcc :",
    b"Received: y",
    b"Message-ID: <x@y>",
]
ODD = [b"Date: z", b"Subject", b"Return-Path:", b"DKIM-Signature: v=1; b=", b"\xc3\xbc", b"\xff", b";", b"="]
PIECES = st.sampled_from([*BORDERS, *WORDS, *ODD])
JUNK = st.lists(st.one_of(PIECES, st.binary(max_size=5)), max_size=30).map(b"".join)

TEXT = st.lists(
    st.sampled_from(
        [b"a", b"b;", b"=", b" ", b"  ", b"\t", b"\xc3\xa9", b"\xff", b"b=", b"\r\n x", b"\r\n\t \r\n y"]
    ),
    max_size=12,
).map(b"".join)
SIGNED = [
    b"From",
    b"to",
    b"SUBJECT",
    b"Date",
    b"Message-ID",
    b"References",
    b"List-Unsubscribe",
    b"Resent-To",
]
OTHERS = [b"X-Any", b"Bcc", b"Received", b"DKIM-Signature-Old", b"Return-Path", b"__proto__", b"{};="]
NAMES = st.sampled_from(SIGNED + OTHERS)
FIELDS = st.lists(st.tuples(NAMES, TEXT).map(lambda pair: b"%b:%b\r\n" % pair), max_size=12).map(b"".join)
LINES = st.lists(
    st.sampled_from(
        [b"\r\n", b" \r\n", b"a  b\t\r\n", b"\t\r\n", b".\r\n", b"\xe9 x\r\n", b"x", b" ", b"  "]
    ),
    max_size=12,
).map(b"".join)
LETTERS = st.builds(lambda fields, body: b"From: a@example.com\r\n" + fields + b"\r\n" + body, FIELDS, LINES)


@given(JUNK)
@example(b"From \r\nA:1")
@example(b"Received:\r\n From x\r\nB:")
def test_any_octets_make_a_letter(raw: bytes) -> None:
    letter = parse(raw)
    assert letter.body == raw[letter.body_at :]
    assert letter.header_end <= letter.body_at <= letter.header_end + 2
    places = [(field.start, field.end) for field in letter.fields]
    assert places == sorted(places)
    assert all(field.name == field.name.strip().lower() != b"" for field in letter.fields)
    covered = b"".join([raw[start:end] for start, end in places])
    assert without(letter, frozenset()) == (
        covered if not covered or covered.endswith(b"\r\n") else covered + b"\r\n"
    )
    if letter.is_whole:
        assert covered == raw[: letter.header_end]


@given(JUNK)
@example(b"Received: x")
@example(b"From a\r\nReceived: x")
def test_kept_octets_leave_as_they_came(raw: bytes) -> None:
    # RW-1
    letter = parse(raw)
    ready = prepare(raw, MESSAGE)
    names = [field.name for field in letter.fields]
    lines = [closed(raw[field.start : field.end]) for field in letter.fields if field.name not in DROPPED]
    added = b"" if b"message-id" in names else message_id_field(MESSAGE.id, MESSAGE.domain)
    added += b"" if b"date" in names else date_field(MESSAGE.accepted_at)
    lines.insert(1 if names[:1] == [b"received"] else 0, added)
    assert ready.head == b"".join(lines)
    head, body = finish(ready, [ed_key()], NOW)
    assert head.endswith(b"==\r\n" + ready.head + b"\r\n")
    assert body[: len(letter.body)] == letter.body
    assert body[len(letter.body) :] in (b"", b"\r\n")


@given(JUNK)
def test_what_leaves_reads_the_same_again(raw: bytes) -> None:
    head, body = finish(prepare(raw, MESSAGE), [], NOW)
    again = parse(head + body)
    assert (again.raw[: again.body_at], again.body) == (head, body)
    assert prepare(head + body, MESSAGE).head + b"\r\n" == head
    assert again.count(b"message-id") and again.count(b"date")
    assert not DROPPED.intersection([field.name for field in again.fields])


@given(JUNK, st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_our_received_field_stays_alone_whatever_follows(
    raw: bytes, hello: str, ip: str, recipient: str
) -> None:
    # S4
    received = received_field(
        hello=hello,
        client_ip=ip,
        by_host="mx.example.com",
        protocol="UTF8SMTP",
        id="1",
        at=NOW,
        recipient=recipient,
    )
    assert received.count(b"\r\n\t") == received.count(b"\r\n") - 1 == received.count(b"\r") - 1
    letter = parse(on_top(received, raw))
    bare = parse(raw)
    assert [field.name for field in letter.fields] == [b"received", *(field.name for field in bare.fields)]
    assert letter.body == bare.body


@settings(max_examples=60)
@given(LETTERS)
def test_signatures_verify_by_two_other_hands(raw: bytes) -> None:
    # DK-8
    head, body = finish(prepare(raw, MESSAGE), [rsa_key(), ed_key()], NOW)
    assert dkimpy_accepts(head + body)
    assert verified_signatures(head + body) == ["rsa", "ed25519"]
    assert split(head + body)[1] == body


@given(st.one_of(LINES, JUNK.map(lambda text: text.replace(b"\r", b"").replace(b"\n", b"\r\n"))))
def test_relaxed_body_equals_the_slow_one(body: bytes) -> None:
    assert relaxed_body(body) == slow_relaxed_body(body)
    assert relaxed_body(relaxed_body(body)) == relaxed_body(body)


@given(
    st.sampled_from([b"\x00", b"a", b" ", b"\t", b":", b"\r", b"\n", b"\r\n", b"a:\r\n", b"From ", b"\xff"])
)
@settings(max_examples=30, deadline=2000)
def test_long_runs_are_quick_or_refused(octet: bytes) -> None:
    # S11: a megabyte within a second (deadline in ms, two prepares)
    run = octet * ((1 << 20) // len(octet))
    for raw in (run, b"Subject: x" + run):
        try:
            parse(raw)
        except BadLetter:
            continue
        finish(prepare(raw, MESSAGE), [ed_key()], NOW)


def test_a_header_past_the_limit_is_the_only_refusal() -> None:
    with pytest.raises(BadLetter):
        parse(b"a:\r\n" * 20_000)
