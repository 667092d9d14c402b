"""smtp.client: conversations as text (`client_talks`), with the host's bytes fed whole and one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from posthouse.model.message import Phase
from posthouse.smtp.client import ClientEngine
from posthouse.smtp.outbox import SLICE
from posthouse.smtp.steps import WANTS_CONTENT, Finished, Step
from unit.smtp.client_talks import LETTER, Conversation

UMLAUTS = "Grüße\r\n".encode()

FULL = """
S: 220 mx.example.net ESMTP
C: EHLO out.example.com
S: 250-mx.example.net
S: 250-PIPELINING
S: 250-SIZE 1000
S: 250-8BITMIME
S: 250-SMTPUTF8
S: 250 DSN
"""
PIPELINED = """
S: 220 mx.example.net ESMTP
C: EHLO out.example.com
S: 250-mx.example.net
S: 250 PIPELINING
go
C: MAIL FROM:<a@example.com>
C: RCPT TO:<b@example.net>
C: DATA
"""
PLAIN = """
S: 220 mx.example.net
C: EHLO out.example.com
S: 250 mx.example.net
go
C: MAIL FROM:<a@example.com>
"""


@dataclass
class End:
    """What a letter's result must be."""

    phase: Phase
    code: int
    enhanced: str = ""
    step: Step = Step.IDLE
    ambiguous: bool = False
    failed: bool = False


CASES = {
    "pipelined, one write for the envelope": (
        PIPELINED + "S: 250 2.1.0 ok\nS: 250 2.1.5 ok\nS: 354 go\nC: (content)\nS: 250 2.0.0 queued as 7",
        End(Phase.DONE, 250, "2.0.0"),
    ),
    "without pipelining, one command at a time": (
        PLAIN
        + "S: 250 ok\nC: RCPT TO:<b@example.net>\nS: 250 ok\nC: DATA\nS: 354 go\nC: (content)\nS: 250 queued",
        End(Phase.DONE, 250),
    ),
    "HELO after a refused EHLO (MX-6)": (
        """S: 220 old
        C: EHLO out.example.com
        S: 502 what?
        C: HELO out.example.com
        S: 250 old
        go
        C: MAIL FROM:<a@example.com>
        S: 250 ok
        C: RCPT TO:<b@example.net>
        S: 251 forwards
        C: DATA
        S: 354 go
        C: (content)
        S: 250 ok""",
        End(Phase.DONE, 250),
    ),
    "offers of HELO do not count": (
        """S: 220 old
        C: EHLO out.example.com
        S: 500 what?
        C: HELO out.example.com
        S: 250-old
        S: 250 PIPELINING
        go
        C: MAIL FROM:<a@example.com>
        S: 450 4.2.0 later""",
        End(Phase.MAIL, 450, "4.2.0"),
    ),
    "MAIL refused, pipelined: every reply is read (EXT-2)": (
        PIPELINED + "S: 550 5.7.1 no\nS: 503 5.5.1 need MAIL\nS: 503 5.5.1 need RCPT",
        End(Phase.MAIL, 550, "5.7.1"),
    ),
    "MAIL refused": (PLAIN + "S: 451 4.3.0 no", End(Phase.MAIL, 451, "4.3.0")),
    "RCPT refused, pipelined, 354 all the same: lone dot (EXT-2)": (
        PIPELINED + "S: 250 ok\nS: 550 5.1.1 nobody\nS: 354 go\nC: .\nS: 554 5.5.1 no recipients",
        End(Phase.RCPT, 550, "5.1.1"),
    ),
    "RCPT refused, pipelined, DATA refused: RSET": (
        PIPELINED + "S: 250 ok\nS: 450 4.2.1 grey\nS: 554 5.5.1 no\nC: RSET\nS: 250 ok",
        End(Phase.RCPT, 450, "4.2.1"),
    ),
    "RCPT refused: RSET": (
        PLAIN + "S: 250 ok\nC: RCPT TO:<b@example.net>\nS: 552 5.2.2 full\nC: RSET\nS: 250 ok",
        End(Phase.RCPT, 552, "5.2.2"),
    ),
    "RSET refused: closed": (
        PLAIN + "S: 250 ok\nC: RCPT TO:<b@example.net>\nS: 552 5.2.2 full\nC: RSET\nS: 500 what?",
        End(Phase.RCPT, 552, "5.2.2", Step.CLOSED),
    ),
    "MAIL refused, RCPT taken, 354: dropped, no empty letter": (
        PIPELINED + "S: 550 5.7.1 no\nS: 250 ok\nS: 354 go",
        End(Phase.MAIL, 550, "5.7.1", Step.CLOSED),
    ),
    "DATA refused (MX-10)": (
        PIPELINED + "S: 250 ok\nS: 250 ok\nS: 451 4.3.5 no\nC: RSET\nS: 250 ok",
        End(Phase.DATA, 451, "4.3.5"),
    ),
    "content refused": (
        PIPELINED + "S: 250 ok\nS: 250 ok\nS: 354 go\nC: (content)\nS: 554 5.7.1 spam",
        End(Phase.BODY, 554, "5.7.1"),
    ),
    "421 to MAIL (MX-11)": (
        PIPELINED + "S: 421 4.7.0 too many",
        End(Phase.MAIL, 421, "4.7.0", Step.CLOSED, failed=True),
    ),
    "421 to RCPT": (
        PIPELINED + "S: 250 ok\nS: 421 4.7.0 slow down",
        End(Phase.RCPT, 421, "4.7.0", Step.CLOSED, failed=True),
    ),
    "421 to DATA": (
        PIPELINED + "S: 250 ok\nS: 250 ok\nS: 421 4.3.2 down",
        End(Phase.DATA, 421, "4.3.2", Step.CLOSED, failed=True),
    ),
    "421 to the content": (
        PIPELINED + "S: 250 ok\nS: 250 ok\nS: 354 go\nC: (content)\nS: 421 4.3.2 down",
        End(Phase.BODY, 421, "4.3.2", Step.CLOSED, failed=True),
    ),
    "421 behind a refused recipient leaves the refusal": (
        PIPELINED + "S: 250 ok\nS: 550 5.1.1 nobody\nS: 421 4.3.2 down",
        End(Phase.RCPT, 550, "5.1.1", Step.CLOSED),
    ),
    "lost after the content: nobody knows (MX-12)": (
        PIPELINED + "S: 250 ok\nS: 250 ok\nS: 354 go\nC: (content)\nlost",
        End(Phase.BODY, 451, "4.4.2", Step.CLOSED, ambiguous=True),
    ),
    "late answer to the content: nobody knows": (
        PIPELINED + "S: 250 ok\nS: 250 ok\nS: 354 go\nC: (content)\nlate",
        End(Phase.BODY, 451, "4.4.2", Step.CLOSED, ambiguous=True),
    ),
    "nonsense after the content: nobody knows": (
        PIPELINED + "S: 250 ok\nS: 250 ok\nS: 354 go\nC: (content)\nS: yes",
        End(Phase.BODY, 451, "4.5.0", Step.CLOSED, ambiguous=True),
    ),
    "354 as answer to the content": (
        PIPELINED + "S: 250 ok\nS: 250 ok\nS: 354 go\nC: (content)\nS: 354 go",
        End(Phase.BODY, 451, "4.5.0", Step.CLOSED, ambiguous=True),
    ),
    "lost at MAIL": (PIPELINED + "lost", End(Phase.MAIL, 451, "4.4.2", Step.CLOSED)),
    "lost at RCPT": (PIPELINED + "S: 250 ok\nlost", End(Phase.RCPT, 451, "4.4.2", Step.CLOSED)),
    "lost at DATA": (PIPELINED + "S: 250 ok\nS: 250 ok\nlost", End(Phase.DATA, 451, "4.4.2", Step.CLOSED)),
    "lost behind a refused recipient": (
        PIPELINED + "S: 250 ok\nS: 550 5.1.1 nobody\nlost",
        End(Phase.RCPT, 550, "5.1.1", Step.CLOSED),
    ),
    "250 to DATA makes no sense": (
        PIPELINED + "S: 250 ok\nS: 250 ok\nS: 250 ok",
        End(Phase.DATA, 451, "4.5.0", Step.CLOSED),
    ),
    "354 to MAIL makes no sense": (PLAIN + "S: 354 go", End(Phase.MAIL, 451, "4.5.0")),
    "an endless reply (F40)": (
        PIPELINED + "S: 250-on\n" * 100,
        End(Phase.MAIL, 451, "4.5.0", Step.CLOSED),
    ),
    "changing codes: the last counts (MX-8)": (
        PLAIN + "S: 250-ok\nS: 450 4.2.0 later",
        End(Phase.MAIL, 450, "4.2.0"),
    ),
}


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize("name", CASES)
def test_letters(name: str, bytewise: bool) -> None:
    text, end = CASES[name]
    engine = ClientEngine("out.example.com", wants_tls=False)
    talk = Conversation(engine, bytewise=bytewise).play(text)
    (result,) = talk.results
    assert (
        End(
            result.phase,
            result.code,
            result.enhanced,
            engine.step,
            result.ambiguous,
            result.connection_failed,
        )
        == end
    )
    assert engine.step is not Step.IDLE or talk.ready >= 1


OPENINGS = {
    "greeting 554": ("S: 554 no\nC: QUIT", Phase.GREETING, 554, ""),
    "greeting 421": ("S: 421 4.7.0 busy", Phase.GREETING, 421, "4.7.0"),
    "no greeting": ("lost", Phase.GREETING, 0, "4.4.2"),
    "late greeting": ("late", Phase.GREETING, 0, "4.4.2"),
    "HTTP": ("S: HTTP/1.1 400 Bad Request", Phase.GREETING, 451, "4.5.0"),
    "a bare 25 0": ("S: 25 0", Phase.GREETING, 451, "4.5.0"),
    "EHLO 421": ("S: 220 x\nC: EHLO out.example.com\nS: 421 x", Phase.EHLO, 421, ""),
    "EHLO 554 is no case for HELO": (
        "S: 220 x\nC: EHLO out.example.com\nS: 554 x\nC: QUIT",
        Phase.EHLO,
        554,
        "",
    ),
    "EHLO 450": ("S: 220 x\nC: EHLO out.example.com\nS: 450 x\nC: QUIT", Phase.EHLO, 450, ""),
    "HELO 550": (
        "S: 220 x\nC: EHLO out.example.com\nS: 500 x\nC: HELO out.example.com\nS: 550 x\nC: QUIT",
        Phase.EHLO,
        550,
        "",
    ),
    "lost at EHLO": ("S: 220 x\nC: EHLO out.example.com\nlost", Phase.EHLO, 0, "4.4.2"),
    "reply nobody asked for": (
        "S: 220 x\nC: EHLO out.example.com\nS: 250 x\nS: 250 y",
        Phase.LOCAL,
        451,
        "4.5.0",
    ),
}


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize("name", OPENINGS)
def test_openings_that_fail(name: str, bytewise: bool) -> None:
    # MX-9, MX-11, F40
    text, phase, code, enhanced = OPENINGS[name]
    engine = ClientEngine("out.example.com", wants_tls=False)
    talk = Conversation(engine, bytewise=bytewise).play(text)
    (result,) = talk.broken
    assert (result.phase, result.code, result.enhanced) == (phase, code, enhanced)
    assert result.connection_failed or phase is Phase.LOCAL
    assert engine.step is Step.CLOSED


CLEAR = """
S: 220 x
C: EHLO out.example.com
S: 250-x
S: 250-PIPELINING
S: 250-SIZE 9
S: 250 STARTTLS
C: STARTTLS
"""


def test_starttls_forgets_the_clear_offers_and_bytes() -> None:
    # TLS-4, F41, S7: the injected replies behind the 220 are thrown away, and so is the first EHLO's offer
    engine = ClientEngine("out.example.com", wants_tls=True)
    talk = Conversation(engine)
    talk.play(CLEAR + "S: 220 go\nS: 250 injected\nS: 250 injected\ntls\nC: EHLO out.example.com")
    talk.play("S: 250 x\ngo\nC: MAIL FROM:<a@example.com>\nS: 250 ok\nC: RCPT TO:<b@example.net>")
    assert engine.is_tls
    assert not talk.broken
    talk.play("S: 250 ok\nC: DATA\nS: 354 ok\nC: (content)\nS: 250 ok")
    assert "* TLSv1.3 X started" in talk.results[0].transcript


def test_clear_bytes_during_the_handshake_are_not_heard() -> None:
    engine = ClientEngine("out.example.com", wants_tls=True)
    talk = Conversation(engine).play(CLEAR + "S: 220 go")
    assert engine.step is Step.HANDSHAKE
    engine.receive(b"250 injected\r\n")
    talk.play("tls\nC: EHLO out.example.com\nS: 250 x")
    assert (engine.step, talk.broken) == (Step.IDLE, [])


def test_starttls_454_goes_on_in_clear() -> None:
    # RFC 3207 4.1, F34
    engine = ClientEngine("out.example.com", wants_tls=True)
    talk = Conversation(engine, replace(LETTER, body=b"")).play(CLEAR + "S: 454 4.7.0 no key")
    assert (engine.step, talk.ready, engine.is_tls) == (Step.IDLE, 1, False)


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [
        pytest.param(CLEAR + "S: 454 4.7.0 no key\nC: QUIT", "4.7.10", id="454"),
        pytest.param(CLEAR + "S: 502 what?\nC: QUIT", "4.7.10", id="502"),
        pytest.param("S: 220 x\nC: EHLO out.example.com\nS: 250 x\nC: QUIT", "4.7.10", id="not offered"),
        pytest.param(CLEAR + "S: 220 go\nlost", "4.4.2", id="lost in the handshake"),
    ],
)
def test_required_tls_never_goes_on_in_clear(text: str, enhanced: str) -> None:
    # OTL-6, S7: the result is temporary whatever the host said, for it is not about the recipient
    engine = ClientEngine("out.example.com", wants_tls=True, requires_tls=True)
    (result,) = Conversation(engine).play(text).broken
    assert (result.phase, result.code, result.enhanced) == (Phase.STARTTLS, 0, enhanced)
    assert result.connection_failed
    assert engine.step is Step.CLOSED


def test_failed_handshake() -> None:
    engine = ClientEngine("out.example.com", wants_tls=True)
    talk = Conversation(engine).play(CLEAR + "S: 220 go")
    engine.tls_failed("wrong version number")
    talk.settle()
    (result,) = talk.broken
    assert (result.phase, result.code, result.enhanced) == (Phase.STARTTLS, 0, "4.7.5")
    engine.tls_started()  # too late
    assert not engine.has_output


ENVELOPES = {
    "8-bit": (
        replace(LETTER, is_8bit=True),
        "MAIL FROM:<a@example.com> SIZE=33 BODY=8BITMIME",
        "RCPT TO:<b@example.net>",
    ),
    "null sender": (replace(LETTER, sender=""), "MAIL FROM:<> SIZE=33", "RCPT TO:<b@example.net>"),
    "DSN (DSN-2)": (
        replace(LETTER, ret="HDRS", envid="x+2B", notify="SUCCESS,DELAY", orcpt="rfc822;b@example.net"),
        "MAIL FROM:<a@example.com> SIZE=33 RET=HDRS ENVID=x+2B",
        "RCPT TO:<b@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@example.net",
    ),
    "SMTPUTF8 for the recipient (EXT-9)": (
        replace(LETTER, recipient="grüße@example.net"),
        "MAIL FROM:<a@example.com> SIZE=33 SMTPUTF8",
        "RCPT TO:<grüße@example.net>",
    ),
    "no SMTPUTF8 where nothing needs it": (
        replace(LETTER, is_utf8=True),
        "MAIL FROM:<a@example.com> SIZE=33",
        "RCPT TO:<b@example.net>",
    ),
    "quoted local part": (
        replace(LETTER, recipient='"a b<>\\"c"@example.net'),
        "MAIL FROM:<a@example.com> SIZE=33",
        'RCPT TO:<"a b<>\\"c"@example.net>',
    ),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_parameters(name: str) -> None:
    letter, mail, rcpt = ENVELOPES[name]
    engine = ClientEngine("out.example.com", wants_tls=False)
    Conversation(engine, letter).play(f"{FULL}\ngo\nC: {mail}\nC: {rcpt}\nC: DATA")


UNFIT = {
    "too big (RFC 1870)": (replace(LETTER, body=b"x" * 998 + b"\r\n"), "5.3.4"),
    "UTF-8 recipient": (replace(LETTER, recipient="ü@example.net"), "5.6.7"),
    "UTF-8 header": (
        replace(LETTER, head=b"Subject: " + UMLAUTS + b"\r\n", is_utf8=True, is_8bit=True),
        "5.6.7",
    ),
    "UTF-8 header of a part": (
        replace(
            LETTER,
            body=b"--x\r\nContent-Disposition: attachment;\r\n filename=" + UMLAUTS,
            is_utf8=True,
            is_8bit=True,
        ),
        "5.6.7",
    ),
    "line break in the recipient (S3)": (replace(LETTER, recipient="b@example.net>\r\nRSET"), "5.1.3"),
    "space in the recipient": (replace(LETTER, recipient="b@example.net> NOTIFY=NEVER"), "5.1.3"),
    "no recipient": (replace(LETTER, recipient=""), "5.1.3"),
    "NUL in the sender": (replace(LETTER, sender="a\0@example.com"), "5.1.7"),
    "open quote in the sender": (replace(LETTER, sender='"a@example.com'), "5.1.7"),
    "lone surrogate in the sender": (replace(LETTER, sender="\ud800@example.com"), "5.1.7"),
    "line break in ENVID": (replace(LETTER, envid="x\r\nRSET"), "5.5.4"),
    "space in ORCPT": (replace(LETTER, orcpt="rfc822;a b"), "5.5.4"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_letters_that_cannot_go_there(name: str) -> None:
    # EXT-3, EXT-9, MX-16: nothing is said, the connection stays usable
    letter, enhanced = UNFIT[name]
    engine = ClientEngine("out.example.com", wants_tls=False)
    talk = Conversation(engine, letter).play(
        "S: 220 x\nC: EHLO out.example.com\nS: 250-x\nS: 250 SIZE 1000\ngo"
    )
    (result,) = talk.results
    assert (result.phase, result.code, result.enhanced) == (Phase.LOCAL, 0, enhanced)
    assert (engine.step, engine.has_output) == (Step.IDLE, False)
    talk.letter = LETTER
    talk.play("go\nC: MAIL FROM:<a@example.com> SIZE=33")


@pytest.mark.parametrize(
    "body", [b"a\nb\r\n", b"a\rb\r\n", b"a\0b\r\n", b".\n", b"a\r", b"\n.\r\n"], ids=repr
)
def test_bare_line_ends_never_leave(body: bytes) -> None:
    # S2, MX-16
    engine = ClientEngine("out.example.com", wants_tls=False)
    talk = Conversation(engine, replace(LETTER, body=body)).play(PIPELINED + "S: 250 a\nS: 250 b\nS: 354 c")
    (result,) = talk.results
    assert (result.phase, result.enhanced, engine.step) == (Phase.LOCAL, "5.6.0", Step.CLOSED)


@pytest.mark.parametrize(
    ("body", "wire"),
    [
        pytest.param(b"", b".\r\n", id="empty"),
        pytest.param(b".", b"..\r\n.\r\n", id="a dot without line end"),
        pytest.param(b".\r\n", b"..\r\n.\r\n", id="a dot"),
        pytest.param(b"a\r\n\r\n.b", b"a\r\n\r\n..b\r\n.\r\n", id="no last line end"),
        pytest.param(b"x" * 300_000 + b"\r\n.\r\n", b"x" * 300_000 + b"\r\n..\r\n.\r\n", id="large"),
        pytest.param(b"x" * 300_000, b"x" * 300_000 + b"\r\n.\r\n", id="large, no last line end"),
    ],
)
def test_dots_and_ends(body: bytes, wire: bytes) -> None:
    # RFC 5321 4.5.2
    talk = Conversation(ClientEngine("out.example.com", wants_tls=False), replace(LETTER, body=body))
    talk.play(PIPELINED)
    talk.feed(b"250 a\r\n250 b\r\n354 c\r\n")
    assert talk.said == LETTER.head + wire


def test_8bit_to_a_host_without_8bitmime() -> None:
    # EXT-5
    letter = replace(LETTER, is_8bit=True, body=UMLAUTS)
    talk = Conversation(ClientEngine("out.example.com", wants_tls=False), letter).play(PIPELINED)
    talk.feed(b"250 a\r\n250 b\r\n354 c\r\n250 d\r\n")
    talk.play("lost")
    assert "* the host does not offer 8BITMIME" in talk.results[0].transcript
    strict = Conversation(ClientEngine("out.example.com", wants_tls=False, send_8bit_anyway=False), letter)
    strict.play("S: 220 x\nC: EHLO out.example.com\nS: 250 x\ngo")
    assert (strict.results[0].phase, strict.results[0].enhanced) == (Phase.LOCAL, "5.6.3")


def test_a_large_letter_leaves_in_slices_and_its_answer_counts_only_when_it_is_out() -> None:
    letter = replace(LETTER, body=b"x" * (3 * SLICE) + b"\r\n")
    talk = Conversation(ClientEngine("out.example.com", wants_tls=False), letter).play(PIPELINED)
    engine = talk.engine
    engine.receive(b"250 a\r\n250 b\r\n354 c\r\n")
    assert engine.next_event() is WANTS_CONTENT
    engine.allow_content()
    assert sum(map(len, engine.to_send())) <= SLICE + len(letter.head)
    engine.receive(b"250 2.0.0 already?\r\n")
    event = engine.next_event()
    assert isinstance(event, Finished)
    assert (event.result.phase, event.result.enhanced, event.result.ambiguous) == (Phase.BODY, "4.5.0", False)
    assert not engine.has_output  # the rest must not leave


def test_an_early_refusal_of_a_large_letter_counts() -> None:
    letter = replace(LETTER, body=b"x" * (3 * SLICE) + b"\r\n")
    talk = Conversation(ClientEngine("out.example.com", wants_tls=False), letter).play(PIPELINED)
    engine = talk.engine
    engine.receive(b"250 a\r\n250 b\r\n354 c\r\n")
    engine.next_event()
    engine.allow_content()
    engine.to_send()
    engine.receive(b"552 5.3.4 too big\r\n")
    talk.settle()
    assert (talk.results[0].phase, talk.results[0].code, engine.step) == (Phase.BODY, 552, Step.CLOSED)


def test_withheld_content() -> None:
    engine = ClientEngine("out.example.com", wants_tls=False)
    Conversation(engine).play(PIPELINED)
    engine.receive(b"250 a\r\n250 b\r\n354 c\r\n")
    assert engine.next_event() is WANTS_CONTENT
    engine.withhold_content("fenced")
    event = engine.next_event()
    assert isinstance(event, Finished)
    assert (event.result.phase, event.result.code, event.result.enhanced) == (Phase.LOCAL, 0, "4.3.0")
    assert (engine.has_output, engine.step) == (False, Step.CLOSED)


def test_bytes_behind_354_end_the_conversation() -> None:
    engine = ClientEngine("out.example.com", wants_tls=False)
    Conversation(engine).play(PIPELINED)
    engine.receive(b"250 a\r\n250 b\r\n354 c\r\n250 2.0.0 queued\r\n")
    event = engine.next_event()
    assert isinstance(event, Finished)
    assert (event.result.enhanced, event.result.ambiguous, engine.step) == ("4.5.0", False, Step.CLOSED)
    assert engine.next_event() is None


SECOND = "go\nC: MAIL FROM:<a@example.com>\nC: RCPT TO:<b@example.net>\nC: DATA\n"
FIRST = PIPELINED + "S: 250 ok\nS: 250 ok\nS: 354 go\nC: (content)\nS: 250 2.0.0 queued\n"


def test_transcripts_of_two_letters() -> None:
    engine = ClientEngine("out.example.com", peer="mx.example.net [192.0.2.1]", wants_tls=False)
    talk = Conversation(engine).play(
        FIRST + SECOND + "S: 250 2.1.0 ok\nS: 550 5.1.1 nobody\nS: 503 5.5.1 no\nC: RSET\nS: 250 ok"
    )
    first, second = (result.transcript for result in talk.results)
    assert first.splitlines() == [
        "* connected to mx.example.net [192.0.2.1]",
        "S: 220 mx.example.net ESMTP",
        "C: EHLO out.example.com",
        "S: 250-mx.example.net",
        "S: 250 PIPELINING",
        "C: MAIL FROM:<a@example.com>",
        "C: RCPT TO:<b@example.net>",
        "C: DATA",
        "S: 250 ok",
        "S: 250 ok",
        "S: 354 go",
        "C: (33 octets)",
        "S: 250 2.0.0 queued",
    ]
    assert second.splitlines() == [
        "* reused connection to mx.example.net [192.0.2.1] (1 messages before)",
        "C: MAIL FROM:<a@example.com>",
        "C: RCPT TO:<b@example.net>",
        "C: DATA",
        "S: 250 2.1.0 ok",
        "S: 550 5.1.1 nobody",
        "S: 503 5.5.1 no",
    ]


def test_transcripts_and_texts_are_bounded() -> None:
    # F40
    talk = Conversation(ClientEngine("out.example.com", wants_tls=False)).play(PIPELINED)
    for _ in range(3):
        talk.feed(b"550-" + b"x" * 4000 + b"\r\n" + b"550-y\x00\xff\r\n" * 90 + b"550 z\r\n")
    (result,) = talk.results
    assert len(result.transcript) <= 16_384
    assert len(result.text) <= 2048
    assert "\x00" not in result.transcript


@pytest.mark.parametrize(
    ("text", "is_stale"),
    [
        pytest.param("lost", True, id="lost before any answer"),
        pytest.param("S: 421 4.4.2 idle too long", True, id="421 before any answer"),
        pytest.param("S: 250 ok\nlost", False, id="lost after an answer"),
        pytest.param("S: 450 4.2.0 no\nS: 503 no\nS: 503 no", False, id="an ordinary refusal"),
    ],
)
def test_a_kept_connection_that_the_host_gave_up_is_stale(text: str, is_stale: bool) -> None:
    talk = Conversation(ClientEngine("out.example.com", wants_tls=False)).play(FIRST + SECOND + text)
    assert talk.stale == [False, is_stale]


@pytest.mark.parametrize("text", ["S: 421 4.4.2 bye", "S: 250 hello?", "lost"], ids=str)
def test_idle_connections_end_quietly(text: str) -> None:
    talk = Conversation(ClientEngine("out.example.com", wants_tls=False)).play(FIRST + text)
    assert (len(talk.results), len(talk.broken), talk.engine.step) == (1, 1, Step.CLOSED)


def test_quit() -> None:
    engine = ClientEngine("out.example.com", wants_tls=False)
    Conversation(engine).play(FIRST + "quit\nC: QUIT\nS: 221 bye")
    assert engine.step is Step.CLOSED
    with pytest.raises(RuntimeError):
        engine.start(LETTER)


def test_421_right_behind_the_last_answer_keeps_the_delivery() -> None:
    talk = Conversation(ClientEngine("out.example.com", wants_tls=False)).play(FIRST + SECOND)
    talk.feed(b"250 a\r\n250 b\r\n354 c\r\n")
    talk.said = b""
    talk.feed(b"250 2.0.0 queued\r\n421 4.7.0 enough for today\r\n")
    assert [result.is_delivered for result in talk.results] == [True, True]
    assert talk.engine.step is Step.CLOSED


@pytest.mark.parametrize("name", ["", "a b", "a\r\nRSET", "ü"], ids=repr)
def test_bad_hello_names(name: str) -> None:
    # S3
    with pytest.raises(ValueError, match="EHLO"):
        ClientEngine(name, wants_tls=False)


@pytest.mark.parametrize(
    ("line", "size", "mail_max"),
    [
        pytest.param("SIZE 10240000", 10240000, 0, id="size"),
        pytest.param("size 0", 0, 0, id="no limit"),
        pytest.param("SIZE 999999999999999999999999", 0, 0, id="too many digits"),
        pytest.param("SIZE -5", 0, 0, id="negative"),
        pytest.param("SIZE \u0665", 0, 0, id="other digits"),
        pytest.param("LIMITS RCPTMAX=10 MAILMAX=20", 0, 20, id="RFC 9422 (EXT-11)"),
    ],
)
def test_offers(line: str, size: int, mail_max: int) -> None:
    engine = ClientEngine("out.example.com", wants_tls=False)
    Conversation(engine).play(f"S: 220 x\nC: EHLO out.example.com\nS: 250-x\nS: 250 {line}")
    assert (engine.offers.size_limit, engine.offers.mail_max) == (size, mail_max)
