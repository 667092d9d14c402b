"""From `250` to the receiving host, on both stores: bytes, signatures, retries, events, reports."""

from __future__ import annotations

import email
import email.policy
import re

import pytest

from dkim_oracle import dkimpy_accepts, verified_signatures
from house import books
from house.conftest import Stores
from house.house import DOMAIN, House, Houses, letter, unique
from posthouse.smtp.wire_content import CHUNK_BYTES


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def house(request: pytest.FixtureRequest, shared_houses: Houses, stores: Stores) -> House:
    """One house on each store."""
    return shared_houses.new(store=stores.fresh(request.param))


def _records(house: House, domain: str) -> dict[str, str]:
    """DNS name -> TXT value as `posthouse domain show` prints them."""
    shown = house.cli("domain", "show", domain)
    return {row["name"]: row["value"] for row in shown["records"] if row["kind"] == "TXT"}


# -- D-03 ------------------------------------------------------------------------------------------------


def test_D_03_the_signature_verifies_with_the_record_that_the_command_line_prints(house: House) -> None:
    recipient = f"{unique()}@good.test"
    house.submit(recipient)
    content = house.internet.copy(recipient).content
    records = _records(house, DOMAIN)
    assert dkimpy_accepts(content, records)
    assert verified_signatures(content, records) == ["ph1"]
    assert verified_signatures(content.replace(b"is on its way", b"is not coming"), records) == []


def test_D_03_a_domain_with_both_keys_signs_twice(house: House) -> None:
    domain = f"{unique('both')}.test"
    house.cli("domain", "add", domain, "--assume-verified", "--ed25519")
    login = f"app@{domain}"
    house.add_user(login)
    recipient = f"{unique()}@good.test"
    sent = letter(recipient, sender=f"me@{domain}")
    with house.wire() as wire:
        assert wire.sign_in(login, house.passwords[login]).code == 235
        wire.envelope(f"me@{domain}", [recipient])
        wire.send(sent.raw + b".\r\n")
        assert wire.read() == "250 Great success"
    content = house.internet.copy(recipient).content
    records = _records(house, domain)
    assert sorted(verified_signatures(content, records)) == ["ph1", "ph1ed"]
    for forged in (b"From: Boss <boss@bank.test>\r\n", b"Subject: Pay now\r\n"):  # S26: over-signed
        assert verified_signatures(forged + content, records) == []


# -- bytes -----------------------------------------------------------------------------------------------

ODD_BODIES = {
    "plain": b"Hello\r\n",
    "empty": b"",
    "empty lines": b"\r\n\r\n\r\n",
    "dots": b".\r\n..\r\n.leading\r\n...\r\nend.\r\n",
    "spaces": b"trailing   \r\n\ttab\t\r\n   \r\n",
    "eight bit": "Grüße, ￼ żółć\r\n".encode() + bytes(range(128, 256)) + b"\r\n",
    "latin-1": "Gr\xfc\xdfe\r\n".encode("latin-1"),
    "from line": b"From here on\r\n>From there\r\n",
    "long line": b"x" * 990 + b"\r\n",
    "controls": bytes(set(range(1, 32)) - {10, 13}) + b"\x7f\r\n",
    "mime": b"--b\r\nContent-Type: text/plain\r\n\r\none\r\n--b--\r\nepilogue\r\n",
    "200 kB": b"0123456789abcdef" * 4 + b"\r\n" + (b"z" * 76 + b"\r\n") * 2600,
}
ODD_FIELDS = [
    "X-Folded: one\r\n two\r\n\tthree",
    "x-lOwEr-CaSe:no space",
    "X-Empty:",
    "X-Blanks: a  b\t c ",
    "Subject2: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
    "Content-Type: multipart/mixed; boundary=b",
    "X-Dup: 1",
    "X-Dup: 2",
]


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES.keys())
def test_D_04_a_letter_arrives_byte_for_byte_below_our_fields(house: House, body: bytes) -> None:
    recipient = f"{unique()}@good.test"
    sent = letter(recipient, body=body, fields=ODD_FIELDS)
    house.submit(recipient, sent)
    content = house.internet.copy(recipient).content
    ours, rest = content[: -len(sent.raw)], content[-len(sent.raw) :]
    assert rest == sent.raw
    names = [line.partition(b":")[0] for line in ours.split(b"\r\n") if line and line[:1] not in b" \t"]
    assert names == [b"DKIM-Signature", b"Received"]
    assert verified_signatures(content, _records(house, DOMAIN)) == ["ph1"]


def test_D_04_bcc_and_return_path_stay_here_and_missing_fields_are_added(house: House) -> None:
    recipient = f"{unique()}@good.test"
    raw = (
        b"Return-Path: <x@shop.test>\r\nFrom: <orders@shop.test>\r\n"
        b"Bcc: secret@good.test,\r\n other@good.test\r\nSubject: Hi\r\n\r\nBody\r\n"
    )
    with house.wire(signed_in=True) as wire:
        wire.envelope(f"orders@{DOMAIN}", [recipient])
        wire.send(raw + b".\r\n")
        assert wire.read() == "250 Great success"
    content = house.internet.copy(recipient).content
    assert content.endswith(b"From: <orders@shop.test>\r\nSubject: Hi\r\n\r\nBody\r\n")
    assert b"secret@" not in content and b"Return-Path" not in content
    assert len(re.findall(rb"(?m)^Message-ID: <\w+@shop\.test>\r$", content)) == 1
    assert len(re.findall(rb"(?m)^Date: \w{3}, ", content)) == 1
    (message,) = books.rows(house.store, f"select * from message where id = '{books.origin_of(content)}'")
    assert message["header_id"] in content.decode()


def _unsigned(content: bytes) -> bytes:
    """A letter without the signature at its top."""
    return re.sub(rb"\ADKIM-Signature: .*\r\n([ \t].*\r\n)*", b"", content)


def test_D_04_one_copy_each_for_many_recipients(house: House) -> None:
    tag = unique()
    recipients = [f"r{n}+{tag}@{domain}" for n in range(10) for domain in ("good.test", "also-good.test")]
    house.submit(recipients)
    contents = {house.internet.copy(recipient).content for recipient in recipients}
    # the same letter, signed once by each worker that claimed some of it, perhaps in another second (t=, b=)
    assert len(contents) <= len(house.workers())
    assert len({_unsigned(content) for content in contents}) == 1
    assert all(a.recipients == (r,) for r in recipients for a in house.internet.to(r))
    assert all(b"\tfor <" not in content for content in contents)  # SRV-50: several: the trace names none


def test_D_04_the_same_recipient_twice_gets_one_copy(house: House) -> None:
    recipient = f"{unique()}@good.test"
    house.submit([recipient, recipient])
    house.event(recipient, "delivered")
    assert len(house.internet.to(recipient)) == len(house.events(recipient, "accepted")) == 1


# -- where it goes ---------------------------------------------------------------------------------------

WAYS = {
    "equal hosts": ("good.test", "mx[12].good.test"),
    "the third host by preference": ("mixed.test", "mx3.mixed.test"),
    "no MX but an address": ("mx1.good.test", "mx1.good.test"),
    "a CNAME": ("alias.test", "mx[12].good.test"),
    "a wildcard": ("any.name.wild.test", "mx1.good.test"),
    "a host without TLS": ("notls.test", "mx1.notls.test"),
    "a host without any extension": ("old.test", "mx1.old.test"),
    "a host without PIPELINING": ("no-pipelining.test", "mx1.no-pipelining.test"),
    "a slow host": ("slow.test", "mx1.slow.test"),
}


@pytest.mark.parametrize(("domain", "host"), WAYS.values(), ids=WAYS.keys())
def test_D_04_mail_finds_its_host(house: House, domain: str, host: str) -> None:
    recipient = f"{unique()}@{domain}"
    house.submit(recipient)
    arrival = house.internet.copy(recipient)
    assert re.fullmatch(host, arrival.host)
    assert arrival.is_tls == (domain not in ("notls.test", "old.test"))
    assert house.event(recipient, "delivered")["mx"] == arrival.host
    assert house.internet.violations(domain) == []


@pytest.mark.parametrize(
    ("domain", "verb"), [("no-utf8.test", "BDAT"), ("no-chunking.test", "DATA")], ids=str
)
def test_D_04_a_host_that_offers_chunking_gets_the_same_octets_by_bdat(
    house: House, domain: str, verb: str
) -> None:
    recipient = f"{unique()}@{domain}"
    sent = letter(recipient, body=b"".join(ODD_BODIES.values()), fields=ODD_FIELDS)
    house.submit(recipient, sent)
    arrival = house.internet.copy(recipient)
    assert arrival.verb == verb and arrival.content.endswith(sent.raw)
    assert house.internet.violations(domain) == []
    assert verified_signatures(arrival.content, _records(house, DOMAIN)) == ["ph1"]
    size = len(arrival.content)
    said = f"C: BDAT {size} LAST\nC: ({size} octets)\nS: 250 2.0.0"
    assert (said in house.event(recipient, "delivered")["transcript"]) == (verb == "BDAT")


def test_D_04_a_large_letter_goes_in_chunks_of_bounded_size(house: House) -> None:
    recipient = f"{unique()}@no-utf8.test"
    sent = letter(recipient, body=(b"." * 76 + b"\r\n") * 60_000)  # 4.7 MB
    house.submit(recipient, sent)
    arrival = house.internet.copy(recipient)
    assert arrival.verb == "BDAT" and arrival.content.endswith(sent.raw)
    transcript = house.event(recipient, "delivered")["transcript"]
    rest = len(arrival.content) - CHUNK_BYTES
    assert f"C: BDAT {CHUNK_BYTES}\n" in transcript and f"C: BDAT {rest} LAST\n" in transcript


def test_D_04_a_recipient_refused_before_bdat_is_recorded_with_its_own_reply(house: House) -> None:
    tag = unique()
    table = {"refuse": ("failed", "5.1.1"), "full": ("deferred", "4.2.2"), "ok": ("delivered", "2.0.0")}
    recipients = {f"{name}+{tag}@no-utf8.test": wanted for name, wanted in table.items()}
    house.submit(list(recipients))
    for recipient, (kind, enhanced) in recipients.items():
        event = house.event(recipient, kind)
        assert event["enhanced"] == enhanced
        assert ("BDAT" in event["transcript"]) == (kind == "delivered")


def test_D_04_a_host_that_does_not_understand_bdat_gets_the_letter_by_data(house: House) -> None:
    recipients = [f"{unique()}@no-bdat.test" for _ in range(2)]
    for recipient in recipients:
        house.submit(recipient)
        assert house.internet.copy(recipient).verb == "DATA"
    events = [house.event(recipient, "delivered") for recipient in recipients]
    assert [house.events(recipient, "deferred") for recipient in recipients] == [[], []]
    assert "\nS: 502 5.5.1 Command not implemented\n" in events[0]["transcript"]
    assert [event["attempt"] for event in events] == [1, 1]


def test_D_04_one_connection_carries_many_letters(house: House) -> None:
    tag, domain = unique(), "no-chunking.test"
    house.submit(f"first+{tag}@{domain}")
    house.internet.copy(f"first+{tag}@{domain}")
    before = len(house.internet.sessions_at(domain))
    with house.wire(signed_in=True) as wire:
        for n in range(20):
            recipient = f"{n}+{tag}@{domain}"
            assert house.hand_over(wire, recipient) == "250 Great success"
            house.internet.copy(recipient)
    assert len(house.internet.sessions_at(domain)) - before <= 1


def test_D_04_eight_bit_text_is_announced_where_the_host_knows_it(house: House) -> None:
    tag = unique()
    body = "Grüße\r\n".encode()
    for domain in ("good.test", "no-8bitmime.test"):
        house.submit(f"{tag}@{domain}", letter(body=body))
    with_it = house.internet.copy(f"{tag}@good.test")
    assert "BODY=8BITMIME" in with_it.sender_params and with_it.content.endswith(body)
    without = house.internet.copy(f"{tag}@no-8bitmime.test")
    assert "BODY" not in without.sender_params and without.content.endswith(body)


def test_D_04_utf8_mail_goes_where_it_is_understood_and_fails_elsewhere(house: House) -> None:
    tag = unique()
    good, bad = f"größe{tag}@good.test", f"größe{tag}@no-utf8.test"
    for recipient in (good, bad):
        with house.wire(signed_in=True) as wire:
            wire.envelope(f"orders@{DOMAIN}", [recipient], options=" SMTPUTF8 BODY=8BITMIME")
            wire.send(letter(recipient).raw + b".\r\n")
            assert wire.read() == "250 Great success"
    arrival = house.internet.copy(good)
    assert "SMTPUTF8" in arrival.sender_params
    failed = house.event(bad, "failed")
    assert failed["enhanced"] == "5.6.7", failed
    assert house.internet.to(bad) == []


# -- D-05, D-06 ------------------------------------------------------------------------------------------


def test_D_05_a_temporary_failure_is_tried_again_and_each_try_leaves_its_event(house: House) -> None:
    recipient = f"defer-2+{unique()}@good.test"
    house.submit(recipient)
    house.event(recipient, "delivered")
    events = house.events(recipient)
    assert [event["kind"] for event in events] == ["accepted", "deferred", "deferred", "delivered"]
    assert [event.get("attempt") for event in events] == [None, 1, 2, 3]
    deferred = events[1]
    assert (deferred["code"], deferred["enhanced"]) == (451, "4.3.0")
    assert deferred["retry_at"] >= deferred["at"] + 1
    assert len(house.internet.to(recipient)) == 1


def test_D_05_a_permanent_failure_is_final_at_once(house: House) -> None:
    recipient = f"{unique()}@bounce.test"
    house.submit(recipient)
    failed = house.event(recipient, "failed")
    assert (failed["code"], failed["enhanced"], failed["attempt"]) == (550, "5.1.1", 1)
    assert failed["reason"] == "bad-mailbox"
    assert [event["kind"] for event in house.events(recipient)] == ["accepted", "failed"]


def test_F45_greylisting_is_outlived_with_the_same_triplet(house: House) -> None:
    recipient = f"greylist-2+{unique()}@good.test"
    house.submit(recipient)
    house.event(recipient, "delivered")
    deferred = house.events(recipient, "deferred")
    assert 1 <= len(deferred) <= 3 and {event["reason"] for event in deferred} == {"greylisted"}


def test_D_06_every_event_says_who_answered_what(house: House) -> None:
    tag = unique()
    wanted = {
        f"ok+{tag}@good.test": "delivered",
        f"refuse+{tag}@good.test": "failed",
        f"defer-1+{tag}@good.test": "deferred",
    }
    message_id = house.submit(list(wanted))
    for recipient, kind in wanted.items():
        event = house.event(recipient, kind)
        assert event["message_id"] == message_id
        assert re.fullmatch("mx[12].good.test", event["mx"]) and event["address"].startswith("127.0.1.")
        assert event["code"] in (250, 451, 550) and event["text"] and event["tls"].startswith("TLSv1.3")
        assert f"C: RCPT TO:<{recipient}>" in event["transcript"]
        assert "\nS: " in event["transcript"]
        accepted = house.event(recipient, "accepted")
        assert accepted["login"] == house.login and accepted["sender"] == f"orders@{DOMAIN}"


def test_F39_each_recipient_ends_in_its_own_state(house: House) -> None:
    tag = unique()
    table = {
        "ok": ("delivered", 250),
        "refuse": ("failed", 550),
        "gone": ("failed", 551),
        "full": ("deferred", 452),
        "defer-data-1": ("deferred", 451),
        "refuse-data": ("failed", 554),
        "refuse-dot": ("failed", 554),
        "blocked": ("failed", 550),
    }
    house.submit([f"{name}+{tag}@single.test" for name in table])
    for name, (kind, code) in table.items():
        assert house.event(f"{name}+{tag}@single.test", kind)["code"] == code, name


# -- reports ---------------------------------------------------------------------------------------------


def test_D_05_a_failure_report_that_was_asked_for_reaches_the_senders_host(house: House) -> None:
    tag = unique()
    sender, recipient = f"bounces+{tag}@good.test", f"refuse+{tag}@bounce.test"
    sent = letter(recipient)
    house.submit(
        recipient,
        sent,
        sender=sender,
        mail_options=["ENVID=QQ314159", "RET=HDRS"],
        rcpt_options=["NOTIFY=FAILURE", f"ORCPT=rfc822;Other+2B{tag}@bounce.test"],
    )
    arrival = house.internet.copy(sender)
    assert arrival.sender == ""
    assert verified_signatures(arrival.content, _records(house, DOMAIN)) == ["ph1"]
    report = email.message_from_bytes(arrival.content, policy=email.policy.default)
    assert report.get_content_type() == "multipart/report"
    assert report["Content-Type"].params["report-type"] == "delivery-status"
    assert report["To"].addresses[0].addr_spec == sender
    assert str(report["From"].addresses[0].addr_spec).lower() == f"mailer-daemon@{house.hostname}"
    assert report["Auto-Submitted"] == "auto-replied" and report["Date"] and report["Message-ID"]
    text, status, original = report.get_payload()
    assert recipient in text.get_content()
    assert status.get_content_type() == "message/delivery-status"
    about_message, about_recipient = status.get_payload()
    assert about_message["Reporting-MTA"] == f"dns; {house.hostname}"
    assert about_message["Original-Envelope-Id"] == "QQ314159"
    assert about_recipient["Final-Recipient"] == f"rfc822; {recipient}"
    assert about_recipient["Original-Recipient"] == f"rfc822; Other+{tag}@bounce.test"
    assert about_recipient["Action"] == "failed" and about_recipient["Status"] == "5.1.1"
    assert about_recipient["Diagnostic-Code"].startswith("smtp; 550 5.1.1")
    assert original.get_content_type() == "text/rfc822-headers"
    assert sent.header_id in original.get_payload()
    assert "on its way" not in arrival.content.decode()


@pytest.mark.parametrize("notify", ["", "NOTIFY=NEVER", "NOTIFY=SUCCESS,DELAY"], ids=str)
def test_D_05_no_report_where_none_was_asked_for(house: House, notify: str) -> None:
    tag = unique()
    sender, recipient = f"bounces+{tag}@good.test", f"refuse+{tag}@bounce.test"
    house.submit(recipient, sender=sender, rcpt_options=[notify] if notify else [])
    house.event(recipient, "failed")
    assert house.events(sender) == []


def test_D_04_a_request_for_reports_is_passed_on_where_the_host_knows_it(house: House) -> None:
    tag = unique()
    sender = f"bounces+{tag}@good.test"
    knows, does_not = f"{tag}@good.test", f"{tag}@old.test"
    for recipient in (knows, does_not):
        house.submit(recipient, sender=sender, mail_options=["RET=FULL"], rcpt_options=["NOTIFY=SUCCESS"])
        house.event(recipient, "delivered")
    (params,) = house.internet.copy(knows).recipient_params
    assert "NOTIFY=SUCCESS" in params
    report = house.internet.copy(sender)  # RFC 3461 5.2.2: told by us where the next host will not
    assert b"Action: relayed" in report.content and does_not.encode() in report.content
    assert len(house.events(sender, "accepted")) == 1


# -- R4 --------------------------------------------------------------------------------------------------


def test_D_06_R4_the_counts_agree_to_the_unit(house: House) -> None:
    tag = unique()
    names = ["ok", "refuse", "full", "defer-1", "refuse-dot", "421-dot-1"]
    house.submit([f"{name}+{tag}@{domain}" for name in names for domain in ("notls.test", "few.test")])
    for name in names:
        for domain in ("notls.test", "few.test"):
            kind = {"refuse": "failed", "refuse-dot": "failed", "full": "deferred"}.get(name, "delivered")
            house.event(f"{name}+{tag}@{domain}", kind)
    house.cli("queue", "hold", "--all")
    kinds = house.counted_kinds()  # waits until every event is counted
    states = house.counts()
    queued = sum(states.get(state, 0) for state in books.OPEN)
    assert queued == 2  # the full mailboxes
    assert kinds["accepted"] == kinds["delivered"] + kinds["failed"] + kinds["cancelled"] + queued
    assert kinds["delivered"] == states["delivered"] and kinds["failed"] == states["failed"]
