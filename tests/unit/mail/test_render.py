"""mail.render: what is dropped, added, kept to the octet (RW-1, SUB-3, SRV-51, SRV-54); the final order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from dkim_oracle import dkimpy_accepts, ed_key, rsa_key, split, verified_signatures
from posthouse.mail.letter import BadLetter, parse
from posthouse.mail.render import Prepared, finish, prepare
from posthouse.model.message import Message

NOW = 1_700_000_000
MESSAGE = Message(
    id="01HF000000ABCDEFGHJKMNPQRS",
    account_id="a",
    domain="example.com",
    credential_id="c",
    sender="a@example.com",
    subject="",
    header_id="",
    size_bytes=0,
    accepted_at=1_700_000_000.0,
    expires_at=1_700_400_000.0,
)
ADDED_ID = b"Message-ID: <01HF000000ABCDEFGHJKMNPQRS@example.com>\r\n"
ADDED_DATE = b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
RECEIVED = b"Received: from c.example ([192.0.2.1])\r\n\tby mail.example.com; x\r\n"
OWN = b"Message-Id: <x@y>\r\nDATE: yesterday\r\n"


def prepared(raw: bytes) -> Prepared:
    return prepare(raw, MESSAGE)


def test_a_complete_letter_is_not_touched() -> None:
    # RW-1
    raw = RECEIVED + OWN + b"X-odd  :  a\r\n\t b \r\nFrom: a@example.com\r\n\r\n--x\r\n \r\n\r\npre\r\n"
    ready = prepared(raw)
    assert ready.head + b"\r\n" + ready.body == raw
    assert finish(ready, [], NOW) == (ready.head + b"\r\n", ready.body)


# (letter, head, body)
CASES = {
    "adds both": (b"From: a\r\n\r\nx\r\n", ADDED_ID + ADDED_DATE + b"From: a\r\n", b"x\r\n"),
    "adds below our Received": (
        RECEIVED + b"From: a\r\n\r\nx\r\n",
        RECEIVED + ADDED_ID + ADDED_DATE + b"From: a\r\n",
        b"x\r\n",
    ),
    "adds Date only": (b"Message-ID:\r\nFrom: a\r\n\r\n", ADDED_DATE + b"Message-ID:\r\nFrom: a\r\n", b""),
    "adds Message-ID only": (b"Date: x\r\n\r\n", ADDED_ID + b"Date: x\r\n", b""),
    "nothing at all": (b"", ADDED_ID + ADDED_DATE, b""),
    "only a line end": (b"\r\n", ADDED_ID + ADDED_DATE, b""),
    "no header": (b"\r\nHello", ADDED_ID + ADDED_DATE, b"Hello\r\n"),
    "text only": (b"Hello\r\n", ADDED_ID + ADDED_DATE, b"Hello\r\n"),
    "Received only, unfinished": (b"Received: x", b"Received: x\r\n" + ADDED_ID + ADDED_DATE, b""),
    "no body and no empty line": (OWN, OWN, b""),
    "no final line end in the header": (OWN + b"A: 1", OWN + b"A: 1\r\n", b""),
    "no final line end in the body": (OWN + b"\r\nx", OWN, b"x\r\n"),
    "missing empty line": (OWN + b"Hello there\r\nB: 2\r\n", OWN, b"Hello there\r\nB: 2\r\n"),
    "drops Bcc, Return-Path": (
        b"Return-Path: <x>\r\nBCC : a,\r\n b\r\n" + OWN + b"Resent-Bcc: c\r\nX: Bcc: d\r\n\r\nBcc: e\r\n",
        OWN + b"X: Bcc: d\r\n",
        b"Bcc: e\r\n",
    ),
    "drops an unfinished Bcc": (OWN + b"Bcc: a", OWN, b""),
    "drops the mbox line": (b"From a@b Mon Jan 1\r\n" + OWN + b"\r\nx\r\n", OWN, b"x\r\n"),
    "drops the mbox line, adds below Received": (
        b"From a@b Mon Jan 1\r\nReceived: x\r\nA: 1\r\n\r\nx\r\n",
        b"Received: x\r\n" + ADDED_ID + ADDED_DATE + b"A: 1\r\n",
        b"x\r\n",
    ),
    "drops the mbox line below Received": (
        RECEIVED + b"From a@b Mon Jan 1\r\n" + OWN + b"\r\nx\r\n",
        RECEIVED + OWN,
        b"x\r\n",
    ),
    "keeps foreign signatures and trace": (
        RECEIVED + b"DKIM-Signature: v=1\r\nReceived: y\r\n" + OWN + b"\r\n",
        RECEIVED + b"DKIM-Signature: v=1\r\nReceived: y\r\n" + OWN,
        b"",
    ),
    "keeps doubles": (
        OWN + b"From: a\r\nFrom: b\r\n" + OWN + b"\r\n",
        OWN + b"From: a\r\nFrom: b\r\n" + OWN,
        b"",
    ),
}


@pytest.mark.parametrize(("raw", "head", "body"), CASES.values(), ids=CASES)
def test_what_leaves_is_what_came_but_for_the_named_fields(raw: bytes, head: bytes, body: bytes) -> None:
    ready = prepared(raw)
    assert ready.head == head
    assert ready.body == body
    # The fields' places are right, and the next reader finds the same letter.
    again = parse(ready.head + b"\r\n" + ready.body)
    assert ready.fields == again.fields
    assert again.body == body
    top, _ = finish(ready, [rsa_key(), ed_key()], NOW)
    assert top.endswith(head + b"\r\n")
    assert verified_signatures(top + body) == ["rsa", "ed25519"]


def test_order_on_the_wire() -> None:
    head, body = finish(prepared(RECEIVED + b"From: a@example.com\r\n\r\nx\r\n"), [rsa_key(), ed_key()], NOW)
    names = [name for name, _ in split(head + body)[0]]
    assert names == [b"dkim-signature", b"dkim-signature", b"received", b"message-id", b"date", b"from"]
    assert dkimpy_accepts(head + body)


def test_retries_get_the_same_octets() -> None:
    # R2: Message-ID and Date come from the message, not from the attempt
    raw = b"From: a@example.com\r\n\r\nx\r\n"
    assert prepared(raw) == prepared(raw)
    assert finish(prepared(raw), [rsa_key()], NOW) == finish(prepared(raw), [rsa_key()], NOW)


@pytest.mark.parametrize(
    ("raw", "is_8bit", "needs_utf8"),
    [
        (OWN + b"\r\nx\r\n", False, False),
        (OWN + b"\r\n\xc3\xbc\r\n", True, False),
        (OWN + b"Subject: \xc3\xbc\r\n\r\nx\r\n", True, True),
        (OWN + b"Bcc: \xc3\xbc@x\r\n\r\nx\r\n", False, False),
    ],
    ids=["ASCII", "8-bit body", "8-bit header", "8-bit only in what is dropped"],
)
def test_what_the_next_host_must_support(raw: bytes, is_8bit: bool, needs_utf8: bool) -> None:
    ready = prepared(raw)
    assert (ready.is_8bit, ready.needs_utf8) == (is_8bit, needs_utf8)


@pytest.mark.parametrize(
    "raw",
    [b"A:\r\n" * 10_000 + b"\r\nx\r\n", b"A: " + b"x" * ((1 << 20) - 20) + b"\r\n\r\nx\r\n"],
    ids=["most fields", "longest header"],
)
def test_letters_taken_at_the_limit_still_leave(raw: bytes) -> None:
    # S10: no stuck row, although our own fields came on top
    parse(raw)
    with pytest.raises(BadLetter):
        parse(RECEIVED + raw)
    ready = prepared(RECEIVED + raw)
    assert ready.head == RECEIVED + ADDED_ID + ADDED_DATE + raw[: -len(b"\r\nx\r\n")]


def test_threads_may_finish_one_letter_at_once() -> None:
    ready = prepared(RECEIVED + b"From: a@example.com\r\n\r\n" + b"some text\r\n" * 500)
    with ThreadPoolExecutor(4) as pool:
        results = set(pool.map(lambda _: finish(ready, [rsa_key(), ed_key()], NOW), range(40)))
    assert len(results) == 1
    assert dkimpy_accepts(b"".join(results.pop()))
