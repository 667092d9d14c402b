"""Any octets of a host, in any cuts, and any behaviour of the owner against the client engine."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from posthouse.model.message import Outgoing, Phase
from posthouse.smtp.client import ClientEngine
from posthouse.smtp.steps import WANTS_CONTENT, Broken, Finished, Step
from posthouse.smtp.transcript import MAX_TRANSCRIPT

ANY_TIME = settings(deadline=None)  # a busy machine is no failure
LETTER = Outgoing("a@example.com", "b@example.net", b"Subject: hello\r\n\r\n", b"SECRET\r\n.SECRET\r\n")

PIECES = st.sampled_from(
    [
        b"220 mx\r\n",
        b"250 ok\r\n",
        b"250-mx\r\n250-PIPELINING\r\n250-SIZE 99\r\n250-STARTTLS\r\n250 DSN\r\n",
        b"250-mx\r\n250 PIPELINING\r\n",
        b"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
        b"250-mx\r\n250 CHUNKING\r\n",
        b"354 go\r\n",
        b"421 4.3.2 bye\r\n",
        b"450 4.2.0 later\r\n",
        b"550 5.1.1 no\r\n",
        b"502 what\r\n",
        b"221 bye\r\n",
        b"250-",
        b"250",
        b"\r\n",
        b"\n",
        b"\r",
        b"25 0\r\n",
        b"999 x\r\n",
        b"\0\xff\r\n",
        b"x" * 5000,
    ]
)
ACTS = st.sampled_from(["start", "quit", "lost", "late", "tls", "no tls"])
STEPS = st.lists(st.one_of(PIECES, st.binary(max_size=40), ACTS), max_size=40)


class Owner:
    """Does what a connection would do, and checks what must hold at any time."""

    def __init__(self, *, wants_tls: bool, requires_tls: bool, allows: bool) -> None:
        self.engine = ClientEngine("me.example", wants_tls=wants_tls, requires_tls=requires_tls)
        self.allows = allows
        self.started = 0
        self.results = 0
        self.written = b""

    def act(self, step: bytes | str) -> None:
        engine = self.engine
        match step:
            case bytes():
                engine.receive(step)
            case "start":
                if engine.step is Step.IDLE:
                    self.started += 1
                    engine.start(LETTER)
            case "quit":
                engine.quit()
            case "lost":
                engine.lost()
            case "late":
                engine.lost("Timed out")
            case "tls":
                engine.tls_started()
            case "no tls":
                engine.tls_failed("why not")
        self.settle()

    def settle(self) -> None:
        while (event := self.engine.next_event()) is not None:
            if event is WANTS_CONTENT:
                assert b"SECRET" not in b"".join(self.engine.to_send())
                self.engine.allow_content() if self.allows else self.engine.withhold_content("fenced")
            elif isinstance(event, Finished | Broken):
                self.results += isinstance(event, Finished)
                self.judge(event.result.phase, event)
        self.written += b"".join(self.engine.to_send())
        assert not self.engine.has_output
        assert self.results <= self.started

    def judge(self, phase: Phase, event: Finished | Broken) -> None:
        result = event.result
        assert len(result.transcript) <= MAX_TRANSCRIPT
        assert "SECRET" not in result.transcript
        if result.is_delivered or result.ambiguous:
            assert b"SECRET" in self.written
            assert self.allows
        if isinstance(event, Broken):
            assert not result.is_delivered


@ANY_TIME
@given(STEPS, st.booleans(), st.booleans(), st.booleans())
@example(
    [b"220 mx\r\n", b"250 x\r\n", "start", b"250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n"], False, False, True
)
@example([b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"220 go\r\n250 ok\r\n", "tls"], True, True, True)
def test_a_host_may_say_anything(steps: list[bytes | str], wants: bool, requires: bool, allows: bool) -> None:
    # F40, S7, MX-8
    owner = Owner(wants_tls=wants, requires_tls=requires, allows=allows)
    for step in steps:
        owner.act(step)
    if requires and not owner.engine.is_tls:
        assert b"MAIL" not in owner.written
    owner.act("lost")
    assert owner.results == owner.started
    assert owner.engine.step is Step.CLOSED


@ANY_TIME
@given(st.lists(PIECES, max_size=30))
def test_a_letter_is_written_only_behind_354(pieces: list[bytes]) -> None:
    # EXT-2: never before the host asked for it, and at most once
    owner = Owner(wants_tls=False, requires_tls=False, allows=True)
    for piece in (b"220 mx\r\n", b"250-mx\r\n250 PIPELINING\r\n", "start", *pieces):
        owner.act(piece)
    assert owner.written.count(b"Subject: hello") <= b"".join(pieces).count(b"354")
    assert owner.written.count(b"Subject: hello") <= owner.started


@ANY_TIME
@given(st.lists(PIECES, max_size=30))
@example([b"250 ok\r\n", b"250 ok\r\n", b"502 what\r\n"])
def test_a_letter_is_written_behind_bdat_only_when_its_recipient_was_taken(pieces: list[bytes]) -> None:
    owner = Owner(wants_tls=False, requires_tls=False, allows=True)
    for piece in (b"220 mx\r\n", b"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n", "start", *pieces):
        owner.act(piece)
    begun = owner.written.count(b"Subject: hello")
    assert owner.written.count(b"BDAT ") == begun <= sum(piece[:1] == b"2" for piece in pieces) // 2
    assert b"DATA" not in owner.written.replace(b"BDAT", b"")
    for letter in owner.written.split(b"BDAT 37 LAST\r\n")[1:]:
        assert letter.startswith(LETTER.head + LETTER.body)
