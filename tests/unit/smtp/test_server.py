"""The server engine where a talk cannot look: events, closing from outside, discarding, misuse."""

from __future__ import annotations

import pytest

from posthouse.model.address import Address
from posthouse.smtp.answers import OK
from posthouse.smtp.events import (
    AuthTry,
    BodyEnd,
    BodyStart,
    Event,
    Junk,
    Limits,
    MailFrom,
    Quit,
    RcptTo,
    StartTls,
)
from posthouse.smtp.grammar import MailParams, RcptParams
from posthouse.smtp.replies import Reply
from posthouse.smtp.server import EngineMisused, ServerEngine
from posthouse.smtp.verbs import VERBS

GO_ON = Reply(354, "", "Go on")
REPLIES = {
    AuthTry: Reply(235, "2.7.0", "In"),
    MailFrom: Reply(250, "2.1.0", "Sender"),
    RcptTo: Reply(250, "2.1.5", "Recipient"),
    BodyStart: GO_ON,
    BodyEnd: Reply(250, "2.0.0", "Taken"),
}
TOO_BUSY = Reply(451, "4.3.1", "Too busy")
SHUTDOWN = Reply(421, "4.3.2", "Shutting down")
ENVELOPE = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"


def an_engine(limits: Limits | None = None) -> ServerEngine:
    engine = ServerEngine(
        "mx.example", limits or Limits(), offers_tls=True, auth="always", requires_auth=False
    )
    engine.receive(b"EHLO me\r\n")
    assert engine.next_event() is None
    engine.to_send()
    return engine


def run(engine: ServerEngine, data: bytes) -> list[Event]:
    """Feed and answer everything; the events."""
    engine.receive(data)
    events: list[Event] = []
    while (event := engine.next_event()) is not None:
        events.append(event)
        if type(event) in REPLIES:
            engine.reply(REPLIES[type(event)])
    return events


def test_events_carry_what_was_said() -> None:
    data = (
        b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"
        b"MAIL FROM:<a@B.example> SIZE=5 BODY=8BITMIME RET=HDRS ENVID=e1\r\n"
        b"RCPT TO:<C@d.example> NOTIFY=DELAY ORCPT=rfc822;x\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n"
    )
    assert run(an_engine(), data) == [
        AuthTry("PLAIN", "ann", "secret"),
        MailFrom(Address("a", "b.example"), MailParams(size=5, body="8BITMIME", ret="HDRS", envid="e1")),
        RcptTo(Address("C", "d.example"), RcptParams(notify="DELAY", orcpt="rfc822;x")),
        BodyStart(),
        BodyEnd(b"hi\r\n"),
        Quit(),
    ]


def test_pipelined_input_waits_for_the_reply() -> None:  # EXT-1
    engine = an_engine()
    engine.receive(ENVELOPE + b"NOOP\r\n")
    assert isinstance(engine.next_event(), MailFrom)
    assert engine.next_event() is None
    assert engine.to_send() == b""
    engine.receive(b"NOOP\r\n")
    assert engine.unread_bytes > 0
    engine.reply(REPLIES[MailFrom])
    assert isinstance(engine.next_event(), RcptTo)
    engine.reply(REPLIES[RcptTo])
    assert engine.next_event() is None
    assert engine.to_send().count(b"\r\n") == 4
    assert engine.to_send() == b""


def test_what_the_door_may_look_at() -> None:
    engine = an_engine(Limits(message_bytes=100))
    assert (engine.hello_name, engine.is_extended, engine.is_authenticated) == ("me", True, False)
    run(engine, b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\nMAIL FROM:<>\r\n")
    assert engine.is_authenticated
    assert engine.transaction_open
    assert not engine.in_body
    run(engine, b"RCPT TO:<c@d.example>\r\nDATA\r\n0123456789")
    assert engine.in_body
    assert engine.body_bytes == 10
    assert engine.unread_bytes == 0
    run(engine, b"\r\n.\r\n")
    assert not engine.in_body
    assert engine.body_bytes == 0
    assert not engine.transaction_open


def test_the_transaction_is_open_until_the_body_is_answered() -> None:  # SRV-26
    engine = an_engine()
    run(engine, ENVELOPE + b"DATA\r\n")
    engine.receive(b"hi\r\n.\r\nNOOP\r\n")
    assert isinstance(engine.next_event(), BodyEnd)
    assert engine.transaction_open
    assert engine.next_event() is None
    engine.to_send()
    engine.reply(REPLIES[BodyEnd])
    engine.close_with(SHUTDOWN)
    assert engine.to_send() == b"250 2.0.0 Taken\r\n421 4.3.2 Shutting down\r\n"


@pytest.mark.parametrize(
    "before", [b"", ENVELOPE, ENVELOPE + b"DATA\r\nhalf", ENVELOPE + b"BDAT 10\r\nhalf"], ids=repr
)
def test_closing_from_outside(before: bytes) -> None:  # SRV-25, SRV-26
    engine = an_engine()
    run(engine, before)
    engine.to_send()
    engine.close_with(SHUTDOWN)
    engine.close_with(SHUTDOWN)
    assert engine.is_closing
    assert engine.to_send() == b"421 4.3.2 Shutting down\r\n"
    assert run(engine, b"\r\n.\r\nNOOP\r\n") == []
    assert engine.to_send() == b""
    assert (engine.body_bytes, engine.unread_bytes) == (0, 0)


def test_a_reply_after_closing_is_dropped() -> None:
    engine = an_engine()
    engine.receive(ENVELOPE)
    assert isinstance(engine.next_event(), MailFrom)
    engine.close_with(SHUTDOWN)
    engine.to_send()
    engine.reply(OK)
    assert engine.to_send() == b""
    assert engine.next_event() is None


@pytest.mark.parametrize("kind", REPLIES, ids=lambda kind: kind.__name__)
def test_a_421_of_the_session_ends_the_connection(kind: type) -> None:  # SRV-25
    engine = an_engine()
    engine.receive(b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n" + ENVELOPE + b"DATA\r\n")
    while not isinstance(event := engine.next_event(), kind):
        if event is None:
            engine.receive(b"hi\r\n.\r\n")
        else:
            engine.reply(REPLIES[type(event)])
    engine.to_send()
    engine.reply(SHUTDOWN)
    assert engine.is_closing
    assert engine.to_send() == b"421 4.3.2 Shutting down\r\n"
    assert engine.next_event() is None


def test_a_reply_that_nobody_asked_for_is_a_bug() -> None:
    engine = an_engine()
    with pytest.raises(EngineMisused):
        engine.reply(OK)
    engine.receive(b"STARTTLS\r\n")
    assert isinstance(engine.next_event(), StartTls)
    with pytest.raises(EngineMisused):
        engine.reply(OK)


@pytest.mark.parametrize("cut", [1, 1000])
def test_a_discarded_body_gets_its_reply_at_its_end(cut: int) -> None:
    engine = an_engine()
    run(engine, ENVELOPE + b"DATA\r\nSubject: x\r\n")
    engine.to_send()
    engine.discard_body(TOO_BUSY)
    assert engine.body_bytes <= 4
    rest = b"QUIT\r\n\n.\n" * 20 + b"\r\n.\r\n" + ENVELOPE
    events = [event for at in range(0, len(rest), cut) for event in run(engine, rest[at : at + cut])]
    assert [type(event) for event in events] == [MailFrom, RcptTo]
    assert engine.to_send() == b"451 4.3.1 Too busy\r\n250 2.1.0 Sender\r\n250 2.1.5 Recipient\r\n"


def test_discarded_chunks() -> None:
    engine = an_engine()
    run(engine, ENVELOPE + b"BDAT 6\r\nabcd\r\nBDAT 6\r\nQU")
    engine.to_send()
    engine.discard_body(TOO_BUSY)
    assert engine.body_bytes == 0
    assert run(engine, b"IT\r\nBDAT 6 LAST\r\nQUIT\r\nMAIL FROM:<>\r\n") == [MailFrom(None, MailParams())]
    assert [line[:3] for line in engine.to_send().split(b"\r\n")] == [b"451", b"503", b"250", b""]


def test_discarding_between_two_chunks() -> None:
    engine = an_engine()
    run(engine, ENVELOPE + b"BDAT 6\r\nabcd\r\n")
    engine.to_send()
    engine.discard_body(TOO_BUSY)
    assert run(engine, b"BDAT 6 LAST\r\nQUIT\r\n") == []
    assert engine.to_send() == b"451 4.3.1 Too busy\r\n"


def test_discarding_outside_a_body_does_nothing() -> None:
    engine = an_engine()
    run(engine, ENVELOPE)
    engine.discard_body(TOO_BUSY)
    assert BodyEnd(b"x\r\n") in run(engine, b"DATA\r\nx\r\n.\r\n")


def test_a_handshake_forgets_everything() -> None:  # TLS-3
    engine = an_engine()
    run(engine, b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n")
    assert run(engine, b"STARTTLS\r\n") == [StartTls()]
    assert engine.to_send().endswith(b"220 2.0.0 Ready to start TLS\r\n")
    engine.tls_started()
    assert engine.is_tls
    assert (engine.hello_name, engine.is_extended, engine.is_authenticated) == ("", False, False)
    assert run(engine, b"MAIL FROM:<>\r\n") == []
    assert engine.to_send().startswith(b"503 5.5.1 ")


def test_a_client_hello_in_pieces() -> None:  # TLS-5
    engine = an_engine()
    assert run(engine, b"\x16") == []
    assert not engine.is_closing
    assert run(engine, b"\x03") == [Junk("TLS handshake on a clear port")]
    assert engine.is_closing
    assert engine.to_send() == b""


def test_an_octet_that_only_looks_like_tls() -> None:
    engine = an_engine()
    assert run(engine, b"\x16\x04\r\n") == []
    assert engine.to_send().startswith(b"500 5.5.1 ")


def test_such_octets_inside_an_over_long_line_are_swallowed() -> None:
    engine = an_engine(Limits(line_bytes=100))
    assert run(engine, b"x" * 100) == []
    assert run(engine, b"\x16\x03\x01\r\nNOOP\r\n") == []
    assert [line[:3] for line in engine.to_send().split(b"\r\n")] == [b"500", b"250", b""]


def test_a_message_taken_forgives_earlier_mistakes() -> None:  # SRV-38
    engine = an_engine(Limits(bad_commands=2, idle_commands=3))
    for _ in range(4):
        run(engine, b"XYZZY\r\nXYZZY\r\nNOOP\r\nNOOP\r\n" + ENVELOPE + b"DATA\r\n")
        run(engine, b".\r\n")
    assert not engine.is_closing
    assert run(engine, b"X\r\nX\r\nX\r\n") == [Junk("too many bad commands")]


def test_empty_chunks_are_idle() -> None:  # SRV-38, EXT-6
    engine = an_engine(Limits(idle_commands=5))
    events = run(engine, ENVELOPE + b"BDAT 0\r\n" * 10)
    assert events[-1] == Junk("too many commands without a message")


def test_a_login_in_the_events_does_not_show_its_password() -> None:  # S22
    assert "secret" not in repr(run(an_engine(), b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"))


def test_help_names_every_command_that_works() -> None:
    engine = an_engine()
    run(engine, b"HELP\r\n")
    told = engine.to_send().decode()
    assert {verb for verb in VERBS if verb in told} == set(VERBS) - {"EXPN", "ETRN", "TURN"}
