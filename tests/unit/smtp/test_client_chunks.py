"""smtp.client with a host that offers CHUNKING: conversations as text (`client_talks`), decision 059."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from posthouse.model.message import Phase
from posthouse.smtp.client import ClientEngine
from posthouse.smtp.steps import WANTS_CONTENT, Finished, Step
from posthouse.smtp.wire_content import CHUNK_BYTES, chunks, dotted
from unit.smtp.client_talks import LETTER, Conversation

HELLO = """
S: 220 mx.example.net
C: EHLO out.example.com
S: 250-mx.example.net
S: 250-PIPELINING
S: 250 CHUNKING
"""
PIPELINED = (
    HELLO
    + """go
C: MAIL FROM:<a@example.com>
C: RCPT TO:<b@example.net>
"""
)
PLAIN = """
S: 220 mx.example.net
C: EHLO out.example.com
S: 250-mx.example.net
S: 250 CHUNKING
go
C: MAIL FROM:<a@example.com>
"""
TAKEN = PIPELINED + "S: 250 ok\nS: 250 ok\nC: BDAT 33 LAST\nC: (chunk)\n"


@dataclass
class End:
    """What a letter's result must be; `trouble`: the host gets DATA for a while."""

    phase: Phase
    code: int
    enhanced: str = ""
    step: Step = Step.IDLE
    ambiguous: bool = False
    stale: bool = False
    trouble: bool = False


CASES = {
    "two writes, no dot is doubled": (TAKEN + "S: 250 2.0.0 queued as 7", End(Phase.DONE, 250, "2.0.0")),
    "without pipelining a round trip less than by DATA": (
        PLAIN + "S: 250 ok\nC: RCPT TO:<b@example.net>\nS: 250 ok\nC: BDAT 33 LAST\nC: (chunk)\nS: 250 ok",
        End(Phase.DONE, 250),
    ),
    "RCPT refused: its reply is the reason, the content stays here": (
        PIPELINED + "S: 250 ok\nS: 550 5.1.1 nobody\nC: RSET\nS: 250 ok",
        End(Phase.RCPT, 550, "5.1.1"),
    ),
    "RCPT deferred, without pipelining": (
        PLAIN + "S: 250 ok\nC: RCPT TO:<b@example.net>\nS: 450 4.2.1 grey\nC: RSET\nS: 250 ok",
        End(Phase.RCPT, 450, "4.2.1"),
    ),
    "MAIL refused, pipelined: both replies are read": (
        PIPELINED + "S: 550 5.7.1 no\nS: 503 5.5.1 need MAIL",
        End(Phase.MAIL, 550, "5.7.1"),
    ),
    "MAIL refused, RCPT taken: no content": (
        PIPELINED + "S: 550 5.7.1 no\nS: 250 ok\nC: RSET\nS: 250 ok",
        End(Phase.MAIL, 550, "5.7.1"),
    ),
    "content refused: RSET, for not every host forgets by itself": (
        TAKEN + "S: 554 5.7.1 spam\nC: RSET\nS: 250 ok",
        End(Phase.BODY, 554, "5.7.1"),
    ),
    "content deferred": (TAKEN + "S: 451 4.3.0 later\nC: RSET\nS: 250 ok", End(Phase.BODY, 451, "4.3.0")),
    "421 to the content": (TAKEN + "S: 421 4.3.2 down", End(Phase.BODY, 421, "4.3.2", Step.CLOSED)),
    "lost after the last chunk: nobody knows (MX-12)": (
        TAKEN + "lost",
        End(Phase.BODY, 451, "4.4.2", Step.CLOSED, ambiguous=True, trouble=True),
    ),
    "late answer: nobody knows": (
        TAKEN + "late",
        End(Phase.BODY, 451, "4.4.2", Step.CLOSED, ambiguous=True, trouble=True),
    ),
    "354 as answer: nobody knows": (
        TAKEN + "S: 354 go",
        End(Phase.BODY, 451, "4.5.0", Step.CLOSED, ambiguous=True, trouble=True),
    ),
    "nonsense as answer: nobody knows": (
        TAKEN + "S: yes",
        End(Phase.BODY, 451, "4.5.0", Step.CLOSED, ambiguous=True, trouble=True),
    ),
    "lost before the content: BDAT had no part in it": (
        PIPELINED + "S: 250 ok\nlost",
        End(Phase.RCPT, 451, "4.4.2", Step.CLOSED),
    ),
    **{
        f"{code} to BDAT says nothing about the letter": (
            TAKEN + f"S: {code} 5.5.1 what?",
            End(Phase.BODY, 451, "4.5.0", Step.CLOSED, stale=True, trouble=True),
        )
        for code in (500, 501, 502, 503, 504)
    },
}


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize("name", CASES)
def test_letters_by_bdat(name: str, bytewise: bool) -> None:
    text, end = CASES[name]
    engine = ClientEngine("out.example.com", wants_tls=False)
    talk = Conversation(engine, bytewise=bytewise).play(text)
    (result,) = talk.results
    assert end == End(
        result.phase,
        result.code,
        result.enhanced,
        engine.step,
        result.ambiguous,
        talk.stale[0],
        talk.chunk_trouble[0],
    )


def test_an_owner_without_chunks_sends_by_data() -> None:
    engine = ClientEngine("out.example.com", wants_tls=False, uses_chunks=False)
    Conversation(engine).play(PIPELINED + "C: DATA\nS: 250 a\nS: 250 b\nS: 354 c\nC: (content)\nS: 250 d")
    assert engine.step is Step.IDLE


def test_the_owner_is_asked_before_bdat_is_said() -> None:
    # self-fencing: what follows BDAT cannot be called back
    engine = ClientEngine("out.example.com", wants_tls=False)
    talk = Conversation(engine).play(PIPELINED)
    engine.receive(b"250 a\r\n250 b\r\n")
    assert (engine.next_event(), engine.has_output) == (WANTS_CONTENT, False)
    engine.withhold_content("fenced")
    talk.settle()
    assert (talk.results[0].phase, talk.results[0].code, talk.said) == (Phase.LOCAL, 0, b"")
    assert (engine.step, talk.chunk_trouble) == (Step.CLOSED, [False])


def test_the_transcript_of_a_letter_by_bdat() -> None:
    talk = Conversation(ClientEngine("out.example.com", wants_tls=False)).play(TAKEN + "S: 250 2.0.0 queued")
    assert talk.results[0].transcript.splitlines()[-7:] == [
        "C: MAIL FROM:<a@example.com>",
        "C: RCPT TO:<b@example.net>",
        "S: 250 ok",
        "S: 250 ok",
        "C: BDAT 33 LAST",
        "C: (33 octets)",
        "S: 250 2.0.0 queued",
    ]


# --- large letters --------------------------------------------------------------------------------------

LARGE = replace(LETTER, body=(b"x" * 1022 + b"\r\n") * (2 * CHUNK_BYTES // 1024 + 1))
LAST = len(LARGE.head) + len(LARGE.body) - 2 * CHUNK_BYTES


def large() -> Conversation:
    """A large letter whose envelope was taken; its first chunk is out."""
    talk = Conversation(ClientEngine("out.example.com", wants_tls=False), LARGE).play(PIPELINED)
    talk.feed(b"250 a\r\n250 b\r\n")
    return talk


def test_a_large_letter_goes_chunk_by_chunk_and_the_owner_is_asked_before_each() -> None:
    talk = large()
    lines = b"BDAT %d\r\n" % CHUNK_BYTES
    assert len(talk.said) == len(lines) + CHUNK_BYTES
    assert (talk.engine.step, talk.asked) == (Step.CHUNK, 1)
    for n in (2, 3):
        talk.feed(b"250 2.0.0 taken\r\n")
        assert talk.asked == n
    assert talk.engine.step is Step.FINAL
    talk.feed(b"250 2.0.0 queued\r\n")
    assert talk.results[0].is_delivered
    content = LARGE.head + LARGE.body
    assert talk.said == (
        lines
        + content[:CHUNK_BYTES]
        + lines
        + content[CHUNK_BYTES : 2 * CHUNK_BYTES]
        + b"BDAT %d LAST\r\n" % LAST
        + content[2 * CHUNK_BYTES :]
    )


REFUSED_EARLY = {
    "552 to the first chunk": (b"552 5.3.4 too big\r\n", 552, "5.3.4", Step.RSET, False),
    "421 to the first chunk": (b"421 4.3.2 down\r\n", 421, "4.3.2", Step.CLOSED, False),
    "500 to the first chunk": (b"500 5.5.1 what?\r\n", 451, "4.5.0", Step.CLOSED, True),
    "354 to the first chunk": (b"354 go\r\n", 451, "4.5.0", Step.CLOSED, True),
}


@pytest.mark.parametrize("name", REFUSED_EARLY)
def test_a_refused_chunk_is_the_end_of_the_letter(name: str) -> None:
    # RFC 3030 2: no further chunk; nothing was committed, so nothing is ambiguous
    reply, code, enhanced, step, trouble = REFUSED_EARLY[name]
    talk = large()
    talk.said = b""
    talk.feed(reply)
    (result,) = talk.results
    assert (result.phase, result.code, result.enhanced) == (Phase.BODY, code, enhanced)
    assert (result.ambiguous, talk.chunk_trouble, talk.engine.step) == (False, [trouble], step)
    assert talk.said == (b"RSET\r\n" if step is Step.RSET else b"")
    if step is Step.RSET:  # and the next letter is whole
        talk.feed(b"250 ok\r\n")
        talk.said, talk.letter = b"", LETTER
        talk.play("go\nC: MAIL FROM:<a@example.com>\nC: RCPT TO:<b@example.net>")
        talk.play("S: 250 a\nS: 250 b\nC: BDAT 33 LAST\nC: (chunk)\nS: 250 ok")
        assert talk.results[-1].is_delivered


@pytest.mark.parametrize(
    "reply", [b"552 5.3.4 too big\r\n", b"250 2.0.0 already?\r\n", b"500 what?\r\n"], ids=str
)
def test_a_host_that_answers_while_we_still_write_gets_nothing_more(reply: bytes) -> None:
    talk = Conversation(ClientEngine("out.example.com", wants_tls=False), LARGE).play(PIPELINED)
    engine = talk.engine
    engine.receive(b"250 a\r\n250 b\r\n")
    assert engine.next_event() is WANTS_CONTENT
    engine.allow_content()
    engine.to_send()
    engine.receive(reply)
    event = engine.next_event()
    assert isinstance(event, Finished)
    assert (event.result.phase, event.result.ambiguous, engine.step) == (Phase.BODY, False, Step.CLOSED)
    assert not engine.has_output


@pytest.mark.parametrize("moment", ["between", "in a chunk"])
def test_a_large_letter_that_loses_its_connection_is_not_ambiguous(moment: str) -> None:
    # the last chunk was never begun: nobody can have the letter
    talk = large()
    if moment == "between":
        talk.engine.receive(b"250 2.0.0 taken\r\n")
    talk.engine.lost()
    talk.settle()
    assert [(result.code, result.ambiguous) for result in talk.results] == [(451, False)]


# --- octets ---------------------------------------------------------------------------------------------

HEAD = LETTER.head


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        pytest.param(b"", b"", id="empty"),
        pytest.param(b".\r\n..\r\n", b".\r\n..\r\n", id="dots are left alone"),
        pytest.param(b"a", b"a\r\n", id="no last line end: one is added, as behind 354"),
        pytest.param(b"x" * 300_000, b"x" * 300_000 + b"\r\n", id="large, no last line end"),
        pytest.param(b"x" * CHUNK_BYTES, b"x" * CHUNK_BYTES + b"\r\n", id="two chunks, no last line end"),
    ],
)
def test_what_is_written_behind_bdat(body: bytes, sent: bytes) -> None:
    cut = chunks(HEAD, body)
    assert cut is not None
    assert b"".join(map(b"".join, cut)) == HEAD + sent
    assert [sum(map(len, chunk)) for chunk in cut[:-1]] == [CHUNK_BYTES] * (len(cut) - 1)


@pytest.mark.parametrize(
    "body",
    [b"a\nb\r\n", b"\n", b"a\rb\r\n", b"a\0b\r\n", b"a\r", b"x" * 300_000 + b"\n"],
    ids=lambda b: repr(b[-9:]),
)
def test_unlawful_octets_leave_neither_way(body: bytes) -> None:
    # S2, MX-16: BDAT counts octets, but without BINARYMIME they are text (RFC 3030 3)
    assert chunks(HEAD, body) is dotted(HEAD, body) is None
    talk = Conversation(ClientEngine("out.example.com", wants_tls=False), replace(LETTER, body=body))
    talk.play(PIPELINED + "S: 250 a\nS: 250 b")
    (result,) = talk.results
    assert (result.phase, result.enhanced, talk.engine.step) == (Phase.LOCAL, "5.6.0", Step.CLOSED)


def test_a_head_without_its_line_end_does_not_leave() -> None:
    assert chunks(b"Subject: x", b"") is dotted(b"Subject: x", b"") is None
