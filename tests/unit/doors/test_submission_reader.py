"""submission.Reader: odd letters, and what becomes of ordinary ones (SUB-2, DM-2, MSG-4, MSG-11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.doors.submission import Reader
from posthouse.mail.letter import FIELDS_MAX, HEADER_BYTES_MAX, parse
from posthouse.model.account import Domain, Principal
from posthouse.model.address import Address
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.model.message import Recipient, Submission
from posthouse.smtp.events import Limits, MailFrom
from posthouse.smtp.grammar import MailParams
from posthouse.smtp.server import ServerEngine

CLOCK = FakeClock()
ME = Principal("acc", "dom", "shop.test", "us", True, "cred", "app@shop.test")
NEW = Principal("acc", "dom2", "new.test", "us", False, "cred2", "app@new.test")
DOMAINS = {
    "shop.test": Domain("dom", "acc", "shop.test", "us", 1.0, 1.0),
    "new.test": Domain("dom2", "acc", "new.test", "us", None, 1.0),
    "bank.test": Domain("dom3", "another", "bank.test", "us", 1.0, 1.0),
    "xn--bcher-kva.test": Domain("dom4", "acc", "xn--bcher-kva.test", "us", 1.0, 1.0),
}
FROM = b"From: Me <me@shop.test>\r\n"


@dataclass
class Policy:
    from_domain: str = "account"
    unverified: str = "refuse"


def reader(policy: Policy | None = None, hide: bool = False) -> Reader:
    return Reader(
        clock=CLOCK,
        ids=Ids(CLOCK),
        hostname="mail.example.com",
        hide_client=hide,
        policy_settings=policy or Policy(),
        find_domain=DOMAINS.get,
    )


def engine(hello: bytes = b"EHLO me.test\r\n") -> ServerEngine:
    made = ServerEngine("mail.example.com", Limits(), offers_tls=True, auth="always")
    made.receive(hello)
    made.next_event()
    return made


def read(body: bytes, principal: Principal = ME, *recipients: str, **more: Any) -> Submission:
    wanted = [Recipient(each, each.rpartition("@")[2]) for each in recipients or ("ann@good.test",)]
    sender = more.pop("sender", Address("bounce", "shop.test"))
    mail = MailFrom(sender, more.pop("params", MailParams()))
    chosen = reader(more.pop("policy", None), more.pop("hide", False))
    return chosen.submission(body, mail, wanted, principal, more.pop("engine", engine()), "192.0.2.7")


ACCEPTED: dict[str, bytes] = {
    "an ordinary letter": FROM + b"Subject: x\r\n\r\nhello\r\n",
    "no body": FROM,
    "no body and no end of the last line": FROM[:-2],
    "an empty body": FROM + b"\r\n",
    "no empty line before the text": FROM + b"hello\r\n",
    "a header in capitals": FROM.upper() + b"\r\n",
    "a folded From": b"From: Me\r\n <me@shop.test>\r\n\r\n",
    "a bare address": b"From: me@shop.test\r\n\r\n",
    "a name with a comma in quotes": b'From: "Me, myself" <me@shop.test>\r\n\r\n',
    "a name as an encoded word": b"From: =?utf-8?q?M=C3=A9?= <me@shop.test>\r\n\r\n",
    "an 8-bit name": "From: Mé <me@shop.test>\r\n\r\n".encode(),
    "a name in Latin-1": b"From: M\xe9 <me@shop.test>\r\n\r\n",
    "an international domain of ours": "From: <me@bücher.test>\r\n\r\n".encode(),
    "the same as an A-label": b"From: <me@xn--bcher-kva.test>\r\n\r\n",
    "a name below our domain": b"From: <me@mail.shop.test>\r\n\r\n",
    "a machine's own name": b"From: root@build7.local\r\n\r\n",
    "an 8-bit subject": FROM + b"Subject: gr\xc3\xbc\xc3\x9fe \xff\r\n\r\n",
    "a hundred Received fields": b"Received: x\r\n" * 100 + FROM + b"\r\n",
    "a mailbox file's first line": b"From app Thu Jan  1 00:00:00 1970\r\n" + FROM + b"\r\nhello\r\n",
    "white space before the colon": b"From : me@shop.test\r\n\r\n",
    "two fields nobody knows": FROM + b"X-A: 1\r\nX-A: 2\r\n\r\n",
}

REFUSED: dict[str, tuple[bytes, int, str]] = {
    "nothing at all": (b"", 550, "no From field"),
    "no header": (b"\r\nhello\r\n", 550, "no From field"),
    "text only": (b"hello\r\n", 550, "no From field"),
    "a letter that begins with white space": (b" From: me@shop.test\r\n\r\n", 550, "no From field"),
    "no From": (b"Subject: x\r\n\r\nhello\r\n", 550, "no From field"),
    "From only in the body": (b"Subject: x\r\n\r\n" + FROM, 550, "no From field"),
    "two From fields": (FROM + b"From: <me@shop.test>\r\n\r\n", 550, "2 From fields"),
    "two From fields in different case": (FROM + b"FROM: <me@bank.test>\r\n\r\n", 550, "2 From fields"),
    "two subjects": (FROM + b"Subject: a\r\nSubject: b\r\n\r\n", 550, "2 Subject fields"),
    "an empty From": (b"From:\r\n\r\n", 550, "From field"),
    "From without a domain": (b"From: me\r\n\r\n", 550, "Cannot parse from address in the From field"),
    "two addresses": (b"From: me@shop.test, you@shop.test\r\n\r\n", 550, "several addresses"),
    "a group": (b"From: us: me@shop.test;\r\n\r\n", 550, "group"),
    "an empty group": (b"From: us:;\r\n\r\n", 550, "no address"),
    "a route": (b"From: <@bank.test:me@shop.test>\r\n\r\n", 550, "obsolete"),
    "a comment inside": (b"From: <me@shop.test(x)>, <a@b.test>\r\n\r\n", 550, "From field"),
    "text behind the address": (b"From: <me@shop.test> x\r\n\r\n", 550, "From field"),
    "somebody else's domain": (b"From: <ceo@bank.test>\r\n\r\n", 550, "Domain not found: bank.test"),
    "nobody's domain": (b"From: <me@nowhere.test>\r\n\r\n", 550, "Domain not found: nowhere.test"),
    "a domain not verified yet": (b"From: <me@new.test>\r\n\r\n", 550, "new.test is unverified"),
    "a name in front of another address": (
        b'From: "me@shop.test" <ceo@bank.test>\r\n\r\n',
        550,
        "Domain not found: bank.test",
    ),
    "101 Received fields": (b"Received: x\r\n" * 101 + FROM + b"\r\n", 554, "101 hosts"),
    "too many fields": (FROM + b"X: y\r\n" * FIELDS_MAX + b"\r\n", 554, "fields"),
    "a header without end": (FROM + b"X: " + b"y" * HEADER_BYTES_MAX + b"\r\n\r\n", 554, "octets"),
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(body: bytes) -> None:
    submission = read(body)
    assert submission.content.endswith(body)
    letter = parse(submission.content)
    assert letter.fields[0].name == b"received" and letter.count(b"from") == 1
    assert not submission.is_held and submission.is_8bit == (not body.isascii())


@pytest.mark.parametrize(("body", "code", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(body: bytes, code: int, words: str) -> None:
    with pytest.raises(Refused) as told:
        read(body)
    assert told.value.code == code and words in told.value.text, told.value
    assert told.value.text.isprintable()


def test_what_is_read_of_it() -> None:
    body = (
        FROM + b"Subject: =?utf-8?b?R3LDvMOfZQ==?= an\r\n alle\r\nMessage-ID: <1@shop.test>\r\n\r\nhello\r\n"
    )
    params = MailParams(is_utf8=True, ret="HDRS", envid="QQ314159")
    submission = read(body, ME, "ann@good.test", params=params)
    assert submission.subject == "Grüße an alle"
    assert submission.header_id == "<1@shop.test>"
    assert (submission.is_utf8, submission.ret, submission.envid) == (True, "HDRS", "QQ314159")
    assert submission.sender == "bounce@shop.test"
    received = parse(submission.content).first(b"received")
    assert received and submission.id.encode() in received and b"me.test ([192.0.2.7])" in received
    assert b"for <ann@good.test>" in received and b"with UTF8SMTP" in received


def test_a_letter_without_message_id_is_known_by_the_one_that_it_will_get() -> None:
    submission = read(FROM + b"\r\n")
    assert submission.header_id == f"<{submission.id}@shop.test>"


def test_many_recipients_are_not_shown_to_each_other() -> None:
    assert b"good.test" not in read(FROM + b"\r\n", ME, "ann@good.test", "bob@good.test").content


def test_the_client_can_be_left_out() -> None:
    content = read(FROM + b"\r\n", hide=True).content
    assert b"192.0.2.7" not in content and b"me.test" not in content.partition(b"\r\nFrom")[0]


def test_the_null_sender() -> None:
    assert read(FROM + b"\r\n", sender=None).sender == ""


@pytest.mark.parametrize("hello", [b"HELO me.test\r\n", b"EHLO [192.0.2.9]\r\n", b"EHLO x\x01y\r\n"])
def test_whatever_the_client_calls_itself_the_trace_stays_one_field(hello: bytes) -> None:
    content = read(FROM + b"\r\n", engine=engine(hello)).content
    assert [field.name for field in parse(content).fields] == [b"received", b"from"]


@pytest.mark.parametrize(("unverified", "is_held"), [("hold", True), ("refuse", None)])
def test_an_unverified_domain_is_held_or_refused(unverified: str, is_held: bool | None) -> None:
    def attempt() -> Submission:
        return read(b"From: me@new.test\r\n\r\n", NEW, policy=Policy(unverified=unverified))

    if is_held:
        assert attempt().is_held
    else:
        with pytest.raises(Refused):
            attempt()


def test_any_from_goes_where_the_operator_says_so() -> None:
    assert not read(b"From: x@bank.test\r\n\r\n", policy=Policy(from_domain="any")).is_held


def test_long_texts_are_cut() -> None:
    submission = read(FROM + b"Subject: " + b"x" * 5000 + b"\r\nMessage-ID: <" + b"y" * 5000 + b">\r\n\r\n")
    assert len(submission.subject) == 500 == len(submission.header_id)


def check(make: Callable[[], Submission], body: bytes) -> None:
    try:
        submission = make()
    except Refused as refused:
        assert 500 <= refused.code < 600
    else:
        assert submission.content.endswith(body)


@given(st.binary(max_size=400))
def test_any_octets_are_accepted_or_refused(body: bytes) -> None:
    """Never another exception: the door would have to guess."""
    check(lambda: read(body), body)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_octets_around_a_from_field(before: bytes, after: bytes) -> None:
    body = before + FROM + after
    check(lambda: read(body), body)
