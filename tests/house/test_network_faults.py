"""What the other side can do to us (faults F30 to F41): every letter is handed over first, then each ends as
the table says, with the reason and the reply in its event."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

import pytest

from house import books
from house.house import House, Houses, letter, unique, until
from house.internet import Internet

pytestmark = pytest.mark.long

TAG = "+fault"
BIG = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n" * 40


@dataclass(frozen=True, slots=True)
class Fault:
    """What a recipient's host does, and what must come of it. `first` is the first event after acceptance,
    `last` the one that must come in the end ("": not within this test); `copies` that arrived by then."""

    recipient: str
    first: str
    enhanced: str = ""
    reason: str = ""
    last: str = ""
    copies: int = 0
    body: bytes = b"Hello\r\n"


def _once(fault: str, domain: str, copies: int = 1, reason: str = "") -> Fault:
    """The first time goes wrong for now, the second time all is well."""
    return Fault(f"{fault}{TAG}@{domain}", "deferred", "4.", reason, "delivered", copies)


def _straight(domain: str) -> Fault:
    """Whatever the host is like, the letter arrives at the first try."""
    return Fault(f"m{TAG}@{domain}", "delivered", "", "delivered", "delivered", 1)


FAULTS = {
    "F30 SERVFAIL": Fault(f"m{TAG}@servfail.test", "deferred", "4.4.3", "dns-servfail"),
    "F30 REFUSED": Fault(f"m{TAG}@refused.test", "deferred", "4.4.3", "dns-refused"),
    "F30 no answer": Fault(f"m{TAG}@timeout.test", "deferred", "4.4.3", "dns-timeout"),
    "F31 no such domain": Fault(f"m{TAG}@nxdomain.test", "failed", "5.1.2", "no-such-domain", "failed"),
    "F31 null MX": Fault(f"m{TAG}@null-mx.test", "failed", "5.1.10", "null-mx", "failed"),
    "F31 MX without address": Fault(f"m{TAG}@no-host.test", "failed", "5.4.4", "no-host", "failed"),
    "F31 CNAME loop": Fault(f"m{TAG}@alias-loop.test", "failed", "5.4.4", "", "failed"),
    "F32 slow host": _straight("slow.test"),
    "F33 refuses connections": Fault(f"m{TAG}@dead.test", "deferred", "4.4.1", "connection"),
    "F33 next MX takes it": _straight("mixed.test"),
    "F33 greeting 421": Fault(f"m{TAG}@busy.test", "deferred", "4.3.2"),
    "F33 greeting 554": Fault(f"m{TAG}@closed.test", "deferred", "5.3.2"),
    "F33 greeting 521": Fault(f"m{TAG}@no-mail.test", "failed", "5.3.2", "", "failed"),
    "F34 expired certificate": _straight("tls-bad.test"),
    "F34 wrong name": _straight("tls-wrong-name.test"),
    "F34 self-signed": _straight("tls-self-signed.test"),
    "F34 old TLS": _straight("tls-old.test"),
    "F34 STARTTLS 454": _straight("tls-refused.test"),
    "F34 garbage for TLS": _straight("tls-garbage.test"),
    "F34 gone after 220": _straight("tls-drop.test"),
    "F34 no TLS": _straight("notls.test"),
    "F35 451 at RCPT": Fault(f"m{TAG}@defer.test", "deferred", "4.3.0", "", "delivered", 1),
    "F35 451 at DATA": _once("defer-data-1", "no-utf8.test"),
    "F35 451 after the dot": _once("defer-dot-1", "no-utf8.test"),
    "F36 421 at RCPT": _once("421-rcpt-1", "no-chunking.test"),
    "F36 421 at DATA": _once("421-data-1", "late.test"),
    "F36 421 in the content": Fault(f"m{TAG}@midway.test", "deferred", "4.", "", "delivered", 1),
    "F36 421 after the dot": _once("421-dot-1", "no-8bitmime.test"),
    "F37 copy kept, no reply": Fault(
        f"m{TAG}@drop.test", "deferred", "4.4.2", "ambiguous", "delivered", copies=2
    ),
    "F37 nothing kept, no reply": _once("drop-dot-1", "tls-self-signed.test", 1, "ambiguous"),
    "F37 dropped in the content": _once("drop-body-1", "tls-wrong-name.test", 1, "ambiguous"),
    "F37 dropped at RCPT": _once("drop-rcpt-1", "no-pipelining.test"),
    "F39 one recipient at a time": _straight("single.test"),
    "F39 452 too many recipients": _once("too-many-1", "single.test"),
    "F40 no code": _once("malformed-no-code-1", "few.test"),
    "F40 letters in the code": _once("malformed-letters-1", "old.test"),
    "F40 a short line": _once("malformed-short-1", "tls-bad.test"),
    "F40 spaces in the code": _once("malformed-spaces-1", "spam.test"),
    "F40 changing codes": Fault(f"malformed-codes{TAG}@good.test", "failed", "5.0.0", "", "failed"),
    # understood as the 250 that they are; but this host has not taken the recipient and says so at DATA
    "F40 NUL in the text": Fault(f"malformed-nul{TAG}@good.test", "failed", "5.5.1", "", "failed"),
    "F40 not ASCII": Fault(f"malformed-latin{TAG}@good.test", "failed", "5.5.1", "", "failed"),
    "F40 a bare line feed": Fault(f"malformed-bare-lf{TAG}@late.test", "failed", "5.5.1", "", "failed"),
    "F40 a line of a megabyte": _once("malformed-long-1", "tls-refused.test"),
    "F40 lines without end": _once("malformed-endless-1", "tls-drop.test"),
    "F40 EHLO without a code": Fault(f"m{TAG}@malformed.test", "deferred", ""),
    "F41 no PIPELINING": _straight("no-pipelining.test"),
    "F41 no extension": _straight("old.test"),
    "F41 SIZE too small": Fault(f"m{TAG}@tiny.test", "failed", "5.3.4", body=BIG),
    "F41 no SMTPUTF8, none needed": _straight("no-utf8.test"),
}


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    """All letters are handed over at once; a letter is on its way while others wait."""
    house = shared_houses.new()
    with house.wire(signed_in=True) as wire:
        for fault in FAULTS.values():
            sent = letter(fault.recipient, body=fault.body)
            assert house.hand_over(wire, fault.recipient, sent) == "250 Great success"
    until(lambda: not _unfinished(house), 45, "the end of every fault")
    house.cli("queue", "drop", "--all")
    return house


def _unfinished(house: House) -> list[str]:
    """Faults that the table has more events for than have come; a final event ends them all the same."""
    kinds = defaultdict(set)
    for event in books.event_rows(house.store):
        kinds[event["recipient"]].add(event["kind"])
    wanted = {name: {fault.last or fault.first, *books.TERMINAL} for name, fault in FAULTS.items()}
    return [name for name, fault in FAULTS.items() if not kinds[fault.recipient] & wanted[name]]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_F30_to_F41(house: House, fault: Fault) -> None:
    events = [e for e in house.events(fault.recipient) if e["kind"] not in ("accepted", "cancelled")]
    first = events[0]
    assert first["kind"] == fault.first, first
    assert first.get("enhanced", "").startswith(fault.enhanced), first
    assert fault.reason in ("", first["reason"]), first
    assert not fault.last or events[-1]["kind"] == fault.last
    assert len(house.internet.to(fault.recipient)) == fault.copies
    doubtful = fault.reason == "ambiguous"
    assert bool(first.get("ambiguous")) == doubtful


def test_F30_nothing_that_may_come_back_has_failed_for_good(house: House) -> None:
    for name, fault in FAULTS.items():
        kinds = {event["kind"] for event in house.events(fault.recipient)}
        assert ("failed" in kinds) == (fault.first == "failed"), name


def test_F31_mail_that_would_come_back_to_us_fails(house: House) -> None:
    domain = f"{unique('loop')}.test"
    house.internet.publish(f"{domain} MX 10 {house.hostname}\n{house.hostname} A 127.0.0.1")
    house.submit(f"m@{domain}")
    assert house.event(f"m@{domain}", "failed")["enhanced"] == "5.4.6"


@pytest.mark.parametrize("domain", ["tls-old.test", "tls-garbage.test", "tls-drop.test"], ids=str)
def test_F34_S7_clear_text_only_after_a_failed_handshake_and_on_a_new_connection(
    house: House, domain: str
) -> None:
    (arrival,) = house.internet.to(f"m{TAG}@{domain}")
    assert not arrival.is_tls
    first, *later = house.internet.sessions_at(domain)
    assert "C: STARTTLS" in first.lines and not any("MAIL FROM" in line for line in first.lines)
    assert arrival.session in {session.number for session in later}


@pytest.mark.parametrize("domain", ["tls-bad.test", "tls-wrong-name.test", "tls-self-signed.test"], ids=str)
def test_F34_S7_a_certificate_that_does_not_verify_is_still_better_than_clear(
    house: House, domain: str
) -> None:
    (arrival,) = house.internet.to(f"m{TAG}@{domain}")
    assert arrival.is_tls
    assert house.event(f"m{TAG}@{domain}", "delivered")["tls"].startswith("TLSv1.")


def test_S7_what_stands_in_clear_behind_the_220_is_thrown_away(house: House) -> None:
    recipient = f"{unique()}@tls-inject.test"
    house.submit(recipient)
    arrival = house.internet.copy(recipient)
    event = house.event(recipient, "delivered")
    assert arrival.is_tls == bool(event["tls"])
    (session,) = [s for s in house.internet.sessions_at("tls-inject.test") if s.number == arrival.session]
    assert not house.internet.violations("tls-inject.test"), session.text()


def test_F34_a_handshake_that_hangs_is_given_up_for_a_new_connection_in_clear(house: House) -> None:
    recipient = f"{unique()}@tls-hang.test"
    house.submit(recipient)
    _open_session(house.internet, "tls-hang.test")
    house.internet.drop_connections("tls-hang.test")  # what the time-out of a minute would do
    assert not house.internet.copy(recipient).is_tls


def test_F33_a_black_hole_costs_nobody_else_time(house: House) -> None:
    hole, good = f"{unique()}@black-hole.test", f"{unique()}@good.test"
    house.submit(hole)
    house.submit(good)
    assert house.event(good, "delivered", seconds=3)["attempt"] == 1
    assert house.state(hole) == "taken"
    house.internet.stop_host("mx1.black-hole.test")  # from now on connections are refused
    deferred = house.event(hole, "deferred")
    assert deferred["enhanced"] == "4.4.1" and deferred["reason"] == "connection"


@pytest.mark.parametrize("domain", ["silent.test", "stall.test"], ids=str)
def test_F33_F38_silence_is_waited_for_without_harm(house: House, domain: str) -> None:
    silent, good = f"{unique()}@{domain}", f"{unique()}@good.test"
    house.submit(silent)
    _open_session(house.internet, domain)
    house.submit(good)
    house.event(good, "delivered", seconds=3)
    assert house.events(silent, "deferred", "failed") == []
    house.internet.drop_connections(domain)
    deferred = house.event(silent, "deferred")
    assert bool(deferred.get("ambiguous")) == (domain == "stall.test")


def _open_session(internet: Internet, domain: str) -> None:
    """Wait until a host of the domain is being talked to, and its script has gone as far as it goes."""
    last = {"tls-hang.test": "C: STARTTLS", "stall.test": "octets)", "silent.test": ""}[domain]

    def silent() -> bool:
        open_now = [session for session in internet.sessions_at(domain) if not session.end]
        return any(last in "\n".join(session.lines) for session in open_now)

    until(silent, 10, f"a connection to {domain}")


def test_F36_a_host_that_closes_after_three_letters_gets_all_of_them(house: House) -> None:
    tag = unique()
    recipients = [f"{n}+{tag}@few.test" for n in range(10)]
    house.submit(recipients)
    for recipient in recipients:
        house.event(recipient, "delivered", seconds=30)
        assert len(house.internet.to(recipient)) == 1


def test_F40_what_a_host_says_is_shown_escaped(house: House) -> None:
    (event,) = house.events(f"malformed-nul{TAG}@good.test", "failed")
    shown = house.command("message", event["message_id"])
    assert "\0" not in shown and re.search(r"S: 250 fi\S+ne", shown), shown
