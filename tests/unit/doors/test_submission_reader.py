"""submission.Reader: odd letters, and what becomes of ordinary ones (SUB-2, DM-2, MSG-4, MSG-11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.dialects.dialect import Dialect, Header, Rejection, TemplateUse, Unwrapped, Wishes
from posthouse.dialects.native import DIALECT as NATIVE
from posthouse.dialects.table import DIALECTS
from posthouse.doors.submission import Arrival, Reader
from posthouse.mail.letter import FIELDS_MAX, HEADER_BYTES_MAX, parse
from posthouse.mail.trace import with_word
from posthouse.model.account import (
    ACCOUNT_DEFAULTS,
    AccountSettings,
    CredentialKind,
    Domain,
    DomainSettings,
    Principal,
)
from posthouse.model.address import Address, parse_address
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.model.message import Recipient, Submission
from posthouse.smtp.events import Limits, MailFrom
from posthouse.smtp.grammar import MailParams
from posthouse.smtp.server import ServerEngine

CLOCK = FakeClock()
ME = Principal("acc", "dom", "shop.test", "us", True, "cred", "app@shop.test")
NEW = Principal("acc", "dom2", "new.test", "us", False, "cred2", "app@new.test")
KEY = Principal("acc", "", "", "", True, "key", "k1", CredentialKind.API_KEY, "sendgrid")
TOKEN = Principal("acc", "dom", "shop.test", "us", True, "tok", "t1", CredentialKind.DOMAIN_TOKEN, "mailpace")
SANDBOX = replace(ME, domain="box.test", domain_id="dom5")
DOMAINS = {
    "shop.test": Domain("dom", "acc", "shop.test", "us", 1.0, 1.0),
    "new.test": Domain("dom2", "acc", "new.test", "us", None, 1.0),
    "bank.test": Domain("dom3", "another", "bank.test", "us", 1.0, 1.0),
    "box.test": Domain(
        "dom5",
        "acc",
        "box.test",
        "us",
        1.0,
        1.0,
        DomainSettings(is_sandbox=True, authorised=("Ann@good.test", "bob@good.test")),
    ),
    "eu.shop.test": Domain("dom6", "acc", "eu.shop.test", "us", 1.0, 1.0),
    "relay.test": Domain("dom7", "acc", "relay.test", "us", 1.0, 1.0, DomainSettings(keeps_fields=True)),
    "xn--bcher-kva.test": Domain("dom4", "acc", "xn--bcher-kva.test", "us", 1.0, 1.0),
}
FROM = b"From: Me <me@shop.test>\r\n"


@dataclass
class Policy:
    from_domain: str = "account"
    unverified: str = "refuse"


class Nothing:
    """An account without groups, addresses, pools and keys."""

    def account_settings(self, _: str) -> AccountSettings:
        return ACCOUNT_DEFAULTS

    def groups_of(self, _: str) -> frozenset[int]:
        return frozenset()

    def owns_ip(self, *_: str) -> bool:
        return False

    def pool_sources(self, *_: str) -> None:
        return None

    def key_of(self, *_: str) -> None:
        return None


def _read_test_headers(headers: Any, _: Any) -> Wishes:
    wishes = Wishes(template=TemplateUse("t", lambda text: Refused(554, "5.6.0", text)))
    if headers[0].raw.strip() == b"reject":
        wishes.rejection = Rejection("Invalid", "this and that")
    return wishes


TESTED = Dialect("tested", NATIVE.words, ("x-tested-",), _read_test_headers)
BOXED = b"From: box@bank.test\r\nX-Boxed: 1\r\n\r\n"
INSIDE = b"From: Me <me@shop.test>\r\nSubject: inside\r\n\r\nhello\r\n"


def _unwrap(letter: Any) -> Unwrapped | None:
    if not letter.count(b"x-boxed"):
        return None
    return Unwrapped(INSIDE, (Header("x-tested-a", "X-Tested-A", b" reject"),))


MADE_UP = {**DIALECTS, "tested": replace(TESTED, unwrap=_unwrap)}


def reader(policy: Policy | None = None, hide: bool = False) -> Reader:
    return Reader(
        clock=CLOCK,
        ids=Ids(CLOCK),
        hostname="mail.example.com",
        hide_client=hide,
        policy_settings=policy or Policy(),
        find_domain=DOMAINS.get,
        estate=Nothing(),
        dialects=MADE_UP,
    )


def engine(hello: bytes = b"EHLO me.test\r\n") -> ServerEngine:
    made = ServerEngine("mail.example.com", Limits(), offers_tls=True, auth="always")
    made.receive(hello)
    made.next_event()
    return made


def arrival(mail: MailFrom, made: ServerEngine) -> Arrival:
    protocol = with_word(
        is_extended=made.is_extended,
        is_tls=made.is_tls,
        is_authenticated=made.is_authenticated,
        is_utf8=mail.params.is_utf8,
    )
    return Arrival(made.hello_name, "192.0.2.7", protocol)


def read(body: bytes, principal: Principal = ME, *recipients: str, **more: Any) -> Submission:
    wanted = [Recipient(each, each.rpartition("@")[2]) for each in recipients or ("ann@good.test",)]
    sender = more.pop("sender", Address("bounce", "shop.test"))
    mail = MailFrom(sender, more.pop("params", MailParams()))
    chosen = reader(more.pop("policy", None), more.pop("hide", False))
    submission, template = chosen.submission(
        body, mail, wanted, principal, arrival(mail, more.pop("engine", engine()))
    )
    assert not template
    return submission


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
    assert not submission.held_for and submission.is_8bit == (not body.isascii())


@pytest.mark.parametrize(("body", "code", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(body: bytes, code: int, words: str) -> None:
    with pytest.raises(Refused) as told:
        read(body)
    assert told.value.code == code and words in told.value.text, told.value
    assert told.value.text.isprintable()


@pytest.mark.parametrize(
    ("recipient", "sender", "is_mended"),
    [
        pytest.param(
            "ann@good.test", Address("bounce", "shop.test"), True, id="Go says it with every letter"
        ),
        pytest.param("ann@good.test", None, True, id="no sender"),
        pytest.param("jürgen@good.test", Address("bounce", "shop.test"), False, id="a recipient needs it"),
        pytest.param("ann@good.test", Address("büro", "shop.test"), False, id="the sender needs it"),
    ],
)
def test_EXT_9_a_header_that_alone_would_need_smtputf8_is_written_without(
    recipient: str, sender: Address | None, is_mended: bool
) -> None:
    body = FROM + "Subject: Grüße\r\n\r\nGrüße\r\n".encode()
    submission = read(body, ME, recipient, sender=sender, params=MailParams(is_utf8=True, body="8BITMIME"))
    letter = parse(submission.content)
    assert letter.raw[: letter.header_end].isascii() is is_mended
    assert letter.body == "Grüße\r\n".encode() and submission.is_8bit
    assert submission.subject == "Grüße"
    # a client that did not ask for it gets its octets carried as they are
    assert "Subject: Grüße\r\n".encode() in read(body, ME, recipient, sender=sender).content


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


@pytest.mark.parametrize(("unverified", "held_for"), [("hold", "new.test"), ("refuse", "")])
def test_an_unverified_domain_is_held_or_refused(unverified: str, held_for: str) -> None:
    def attempt() -> Submission:
        return read(b"From: me@new.test\r\n\r\n", NEW, policy=Policy(unverified=unverified))

    if held_for:
        assert attempt().held_for == held_for
    else:
        with pytest.raises(Refused):
            attempt()


def test_any_from_goes_where_the_operator_says_so() -> None:
    assert not read(b"From: x@bank.test\r\n\r\n", policy=Policy(from_domain="any")).held_for


SENDERS = [
    ("a foreign author", b"x@bank.test", "me@shop.test", b"Sender: <me@shop.test>\r\n"),
    ("a sender below the domain", b"x@nowhere.test", "me@eu.shop.test", b"Sender: <me@eu.shop.test>\r\n"),
    ("a foreign sender too", b"x@bank.test", "x@bank.test", b"Sender: <postmaster@shop.test>\r\n"),
    ("no sender", b"x@bank.test", "", b"Sender: <postmaster@shop.test>\r\n"),
    ("the domain itself", b"x@shop.test", "me@shop.test", b""),
    ("below it", b"x@mail.shop.test", "me@shop.test", b""),
    ("another domain of the account", b"x@relay.test", "me@shop.test", b""),
    ("the machine's own name", b"root@build7", "me@shop.test", b""),
]


@pytest.mark.parametrize(
    ("author", "sender", "field"), [row[1:] for row in SENDERS], ids=[row[0] for row in SENDERS]
)
def test_a_foreign_author_gets_a_sender_field(author: bytes, sender: str, field: bytes) -> None:
    """mailgun.md 1.6."""
    known = parse_address(sender) if sender else None
    made = read(b"From: " + author + b"\r\n\r\n", policy=Policy(from_domain="any"), sender=known)
    head, _, _ = made.content.partition(b"From: ")
    assert head.partition(b"Sender:")[1] + head.partition(b"Sender:")[2] == field
    own = read(b"From: x@bank.test\r\nSender: y@z.test\r\n\r\n", policy=Policy(from_domain="any"))
    assert own.content.count(b"Sender:") == 1


def test_long_texts_are_cut() -> None:
    submission = read(FROM + b"Subject: " + b"x" * 5000 + b"\r\nMessage-ID: <" + b"y" * 5000 + b">\r\n\r\n")
    assert len(submission.subject) == 500 == len(submission.header_id)


# -- options -----------------------------------------------------------------------------------------------


def test_options_and_dropped_fields_are_in_the_submission() -> None:
    body = FROM + b"X-MailPace-Tags: a, b\r\n\r\nhello\r\n"
    submission = read(body)
    assert submission.options.tags == ("a", "b")
    assert submission.options.drop_fields == ("x-mailpace-tags",)
    assert submission.options.dialect == "mailgun"
    assert submission.content.endswith(body), "stored as it came"


def test_a_template_and_a_rejection_are_handed_on() -> None:
    wanted = [Recipient("ann@good.test", "good.test")]
    mail = MailFrom(Address("bounce", "shop.test"), MailParams())
    body = FROM + b"X-Tested-A: reject\r\n\r\n"
    submission, template = reader().submission(body, mail, wanted, ME, arrival(mail, engine()))
    assert template and template.name == "t"
    assert (submission.drop_reason, submission.drop_text) == ("Invalid", "this and that")


def test_what_is_inside_a_container_is_judged_and_stored() -> None:
    mail = MailFrom(None, MailParams())
    wanted = [Recipient("ann@good.test", "good.test")]
    submission, _ = reader().submission(BOXED, mail, wanted, ME, arrival(mail, engine()))
    assert submission.content.endswith(INSIDE) and b"X-Boxed" not in submission.content
    assert submission.subject == "inside" and submission.drop_reason == "Invalid"


# -- whose letter it is ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("author", "domain"),
    [
        ("me@shop.test", "shop.test"),
        ("me@news.shop.test", "shop.test"),
        ("me@eu.shop.test", "eu.shop.test"),
        ("me@b.eu.shop.test", "eu.shop.test"),
    ],
)
def test_c11_the_from_field_chooses_the_domain_of_an_account_wide_key(author: str, domain: str) -> None:
    submission = read(f"From: {author}\r\n\r\n".encode(), KEY)
    assert submission.domain == domain
    assert submission.header_id == f"<{submission.id}@{domain}>"


@pytest.mark.parametrize("author", ["x@bank.test", "x@nowhere.test", "root@build7.local", "x@[192.0.2.1]"])
@pytest.mark.parametrize("policy", ["account", "any"])
def test_c11_an_account_wide_key_needs_a_domain_of_the_account(author: str, policy: str) -> None:
    with pytest.raises(Refused) as told:
        read(f"From: {author}\r\n\r\n".encode(), KEY, policy=Policy(from_domain=policy))
    assert told.value.reason == "from-domain"


def test_c11_and_a_verified_one() -> None:
    with pytest.raises(Refused) as told:
        read(b"From: me@new.test\r\n\r\n", KEY)
    assert told.value.reason == "domain-unverified"
    assert read(b"From: me@new.test\r\n\r\n", KEY, policy=Policy(unverified="hold")).held_for == "new.test"


def test_the_domain_of_a_credential_stays() -> None:
    assert read(b"From: me@eu.shop.test\r\n\r\n").domain == ""


TO = b"To: ann@good.test\r\n"


@pytest.mark.parametrize("author", ["me@eu.shop.test", "me@mail.shop.test", "root@localhost", "x@bank.test"])
def test_c11_a_token_speaks_for_exactly_its_domain(author: str) -> None:
    with pytest.raises(Refused) as told:
        read(f"From: {author}\r\n".encode() + TO + b"\r\n", TOKEN)
    assert (told.value.code, told.value.reason) == (550, "from-domain")


def test_c11_unless_the_operator_lets_everything_pass() -> None:
    body = b"From: me@eu.shop.test\r\n" + TO + b"\r\n"
    assert read(body, TOKEN, policy=Policy(from_domain="any")).header_id


@pytest.mark.parametrize("field", [b"", b"To:\r\n", b"Cc: a@b.test\r\n", b"Bcc: a@b.test\r\n"])
def test_c15_mp_a_letter_without_to_is_refused(field: bytes) -> None:
    with pytest.raises(Refused) as told:
        read(FROM + field + b"\r\n", TOKEN)
    assert (told.value.code, told.value.enhanced, told.value.reason) == (550, "5.6.0", "no-to")
    assert read(FROM + field + b"\r\n", ME).recipients


REASONS: dict[str, tuple[bytes, str]] = {
    "none": (b"Subject: x\r\n\r\n", "no-from"),
    "unreadable": (b"From: me\r\n\r\n", "bad-from"),
    "several": (b"From: me@shop.test, you@shop.test\r\n\r\n", "bad-from"),
    "a group": (b"From: us: me@shop.test;\r\n\r\n", "bad-from"),
    "twice": (FROM + FROM + b"\r\n", "bad-header"),
    "two subjects": (FROM + b"Subject: a\r\nSubject: b\r\n\r\n", "bad-header"),
}


@pytest.mark.parametrize(("body", "reason"), REASONS.values(), ids=REASONS.keys())
def test_c15_reasons_that_services_phrase(body: bytes, reason: str) -> None:
    with pytest.raises(Refused) as told:
        read(body)
    assert told.value.reason == reason


# -- a rebuilt letter, a sandbox ---------------------------------------------------------------------------


def test_mp03_a_rebuilt_letter_is_known_by_a_new_message_id() -> None:
    submission = read(FROM + TO + b"Message-ID: <1@shop.test>\r\n\r\n", TOKEN)
    assert submission.header_id == f"<{submission.id}@shop.test>"
    assert "message-id" not in submission.options.only_fields and "from" in submission.options.only_fields


def test_mp03_unless_the_domain_keeps_its_fields() -> None:
    token = replace(TOKEN, domain="relay.test", domain_id="dom7")
    submission = read(b"From: me@relay.test\r\n" + TO + b"Message-ID: <1@relay.test>\r\n\r\n", token)
    assert submission.header_id == "<1@relay.test>" and not submission.options.only_fields


BOX = b"From: me@box.test\r\n\r\n"


def test_c12_a_sandbox_sends_to_its_authorised_recipients() -> None:
    assert len(read(BOX, SANDBOX, "ann@good.test", "BOB@good.test").recipients) == 2


def test_c12_one_stranger_refuses_the_letter() -> None:
    with pytest.raises(Refused) as told:
        read(BOX, SANDBOX, "ann@good.test", "eve@good.test")
    assert (told.value.code, told.value.enhanced, told.value.reason) == (550, "5.7.1", "sandbox")
    assert told.value.text.startswith("Sandbox subdomains are for test purposes only. ")


def test_c12_holds_for_account_wide_keys_too() -> None:
    with pytest.raises(Refused) as told:
        read(BOX, KEY, "eve@good.test")
    assert told.value.reason == "sandbox"


# -- any input ---------------------------------------------------------------------------------------------


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


# -- files: the services that judge them --------------------------------------------------------------------


def with_files(*names: str) -> bytes:
    head = (
        FROM + b"To: ann@good.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    parts = [b"--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n"]
    for name in names:
        disposition = f'Content-Disposition: attachment; filename="{name}"'.encode()
        parts.append(b"--b\r\nContent-Type: application/x\r\n" + disposition + b"\r\n\r\nx\r\n")
    return head + b"".join(parts) + b"--b--\r\n"


@pytest.mark.parametrize("name", ["a.exe", "image.001.jpeg", "README", "=?utf-8?q?a=2Eexe?="])
def test_MP_02_a_file_that_the_domain_does_not_send_refuses_a_tokens_letter(name: str) -> None:
    assert read(with_files("a.PDF", "photo.jpg"), TOKEN)
    with pytest.raises(Refused) as refused:
        read(with_files("a.pdf", name), TOKEN)
    assert (refused.value.code, refused.value.enhanced, refused.value.reason) == (550, "5.7.1", "bad-file")
    assert "attachment_types" in refused.value.text
    assert read(with_files(name)), "other services take every file"


def test_MP_02_a_letter_that_cannot_be_taken_apart_has_no_files() -> None:
    deep = b"".join(
        f"Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n".encode()
        for level in range(40)
    )
    assert read(FROM + b"To: ann@good.test\r\nMIME-Version: 1.0\r\n" + deep, TOKEN)
