"""Any octets, in any cuts, against the server engine: the invariants of S1, S6 and S9."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from posthouse.smtp.dots import DotReader, dot_stuffed, has_bare_line_end, normalized
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
from posthouse.smtp.replies import PeerError, Reply, ReplyReader
from posthouse.smtp.server import ServerEngine

ANY_TIME = settings(deadline=None)  # a busy machine is no failure
LIMITS = Limits(
    line_bytes=128, auth_line_bytes=200, line_discard_bytes=300, message_bytes=60, discard_bytes=400
)
REPLIES = {
    AuthTry: Reply(235, "2.7.0", "In"),
    MailFrom: Reply(250, "2.1.0", "Sender"),
    RcptTo: Reply(250, "2.1.5", "Recipient"),
    BodyStart: Reply(354, "", "Go on"),
    BodyEnd: Reply(250, "2.0.0", "Taken"),
}
REFUSALS = {kind: Reply(450, "4.3.0", "Not now") for kind in REPLIES}

WORDS = st.sampled_from(
    [
        b"EHLO me\r\n",
        b"HELO me\r\n",
        b"MAIL FROM:<a@b.example>",
        b"RCPT TO:<c@d.example>",
        b"\r\n",
        b"\n",
        b"\r",
        b"DATA\r\n",
        b".\r\n",
        b"\r\n.\r\n",
        b"\n.\n",
        b"\r\n.\n",
        b".",
        b"..",
        b"\0",
        b"BDAT ",
        b"3",
        b"12",
        b" LAST",
        b"0",
        b"99999999999999999999",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"STARTTLS\r\n",
        b"AUTH PLAIN\r\n",
        b"AUTH LOGIN\r\n",
        b"AUTH PLAIN AGEAYg==\r\n",
        b"YQ==\r\n",
        b"*\r\n",
        b"=",
        b" ",
        b"SIZE=",
        b"QUIT\r\n",
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"<>",
        b"BODY=8BITMIME",
        b"SMTPUTF8",
        "ü".encode(),
        b"\xff",
        b"x" * 70,
        b"y" * 250,
        b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n",
        b"VRFY\r\n",
        b"XYZZY\r\n",
    ]
)
STREAMS = st.lists(st.one_of(WORDS, WORDS, WORDS, st.binary(max_size=12)), max_size=40).map(b"".join)
LEAD = b"EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
BODY_PARTS = st.sampled_from(
    [b"\r", b"\n", b".", b"\0", b"a", b"\r\n", b"\r\n.", b"\r\n.\r\n", b"xy", b"Q" * 30]
)
BODIES = st.lists(BODY_PARTS, max_size=40).map(b"".join)


@dataclass
class Heard:
    """What came out of an engine."""

    events: list[Event] = field(default_factory=list)
    sent: bytes = b""
    is_closing: bool = False
    most_held: int = 0

    @property
    def bodies(self) -> list[bytes]:
        return [event.body for event in self.events if isinstance(event, BodyEnd)]


def run(
    data: bytes,
    cuts: list[int],
    *,
    bare: str = "reject",
    replies: dict[type, Reply] = REPLIES,
    limits: Limits = LIMITS,
    requires_auth: bool = False,
) -> Heard:
    """Feed `data` in pieces of the sizes `cuts` (over and over; none: as a whole) up to a STARTTLS."""
    engine = ServerEngine(
        "mail.example.test",
        limits,
        offers_tls=True,
        auth="always",
        requires_auth=requires_auth,
        bare_line_ends="normalize" if bare == "normalize" else "reject",
    )
    heard = Heard()
    engine.start()
    at, turn = 0, 0
    while at < len(data):
        size = cuts[turn % len(cuts)] if cuts else len(data)
        engine.receive(data[at : at + size])
        at, turn = at + size, turn + 1
        while (event := engine.next_event()) is not None:
            heard.events.append(event)
            if isinstance(event, StartTls):
                return heard
            if type(event) in replies:
                engine.reply(replies[type(event)])
        heard.sent += engine.to_send()
        heard.most_held = max(heard.most_held, engine.unread_bytes + engine.body_bytes)
    heard.is_closing = engine.is_closing
    return heard


def assert_replies_are_well_formed(sent: bytes) -> None:
    reader = ReplyReader()
    reader.feed(sent)
    while (reply := reader.next()) is not None:
        is_plain = reply.code < 400 and (
            reply.code >= 300 or "ESMTP" in reply.text or "Nice to meet" in reply.text
        )
        assert is_plain or reply.enhanced, reply  # EXT-7
    assert not reader.has_unread
    assert all(len(line) <= 510 and line.isascii() for line in sent.split(b"\r\n"))
    assert not has_bare_line_end(sent)


@ANY_TIME
@given(data=st.one_of(STREAMS, st.binary(max_size=400)), cuts=st.lists(st.integers(1, 40), max_size=6))
@example(data=b"STARTTLS\r\nX", cuts=[])
@example(data=b"EHLO x\r\n" + b"x" * 128 + b"\r\n", cuts=[1])
def test_any_octets_in_any_cuts_give_the_same(data: bytes, cuts: list[int]) -> None:
    if b"STARTTLS" in data.upper():
        data = data[: data.upper().index(b"STARTTLS")]  # what stands behind it depends on time: see below
    whole, bytewise, cut = run(data, []), run(data, [1]), run(data, cuts)
    assert whole.events == bytewise.events == cut.events
    assert whole.sent == bytewise.sent == cut.sent
    assert whole.is_closing == bytewise.is_closing == cut.is_closing
    assert_replies_are_well_formed(whole.sent)


@ANY_TIME
@given(data=STREAMS, cuts=st.lists(st.integers(1, 40), max_size=4))
def test_a_session_that_refuses_everything_never_hears_of_a_body(data: bytes, cuts: list[int]) -> None:
    heard = run(data, cuts, replies=REFUSALS)
    assert not heard.bodies
    assert not any(isinstance(event, RcptTo | BodyStart) for event in heard.events)


@ANY_TIME
@given(data=STREAMS, cuts=st.lists(st.integers(1, 40), max_size=4))
def test_nothing_is_sent_before_signing_in(data: bytes, cuts: list[int]) -> None:
    """SUB-1: without a 235 no sender, recipient or body is ever put to the session."""
    heard = run(data, cuts, replies=REFUSALS, requires_auth=True)
    assert not any(isinstance(event, MailFrom | RcptTo | BodyStart | BodyEnd) for event in heard.events)


@ANY_TIME
@given(lead=STREAMS, behind=st.binary(min_size=1, max_size=60), in_one=st.booleans())
def test_nothing_behind_starttls_is_run(lead: bytes, behind: bytes, in_one: bool) -> None:
    """S6, TLS-2: octets behind STARTTLS, in the same write or in the next, end the session unread."""
    engine = ServerEngine("mail.example.test", LIMITS, offers_tls=True, auth="always", requires_auth=False)
    engine.receive(b"EHLO me\r\n")
    assert engine.next_event() is None
    if in_one:
        engine.receive(b"STARTTLS\r\n" + behind + lead)
        assert isinstance(engine.next_event(), Junk)
    else:
        engine.receive(b"STARTTLS\r\n")
        assert isinstance(engine.next_event(), StartTls)
        assert engine.next_event() is None
        engine.receive(behind + lead)
        assert isinstance(engine.next_event(), Junk)
    assert engine.is_closing
    assert engine.next_event() is None
    assert engine.unread_bytes == 0


def reference_body(data: bytes) -> tuple[bytes, bytes] | None:
    """The body and the rest, by the plainest reading of RFC 5321 4.1.1.4 and 4.5.2: split at CRLF."""
    lines = data.split(b"\r\n")
    for n, line in enumerate(lines[:-1]):
        if line == b".":
            kept = [text[1:] if text.startswith(b".") else text for text in lines[:n]]
            return b"".join(text + b"\r\n" for text in kept), b"\r\n".join(lines[n + 1 :])
    return None


@ANY_TIME
@given(data=BODIES, cuts=st.lists(st.integers(1, 9), max_size=5))
@example(data=b".\r\n", cuts=[])
@example(data=b"\r\n.\r\n", cuts=[2])
@example(data=b"..\r\n.\r\n", cuts=[])
def test_a_body_ends_where_the_rfc_says(data: bytes, cuts: list[int]) -> None:
    """S1: the reader finds one end of data, the reference's, and leaves what follows alone."""
    reader, buffer, at, turn = DotReader(10_000), bytearray(), 0, 0
    while at < len(data) and not reader.done:
        size = cuts[turn % len(cuts)] if cuts else len(data)
        buffer += data[at : at + size]
        at, turn = at + size, turn + 1
        reader.feed(buffer)
    expected = reference_body(data)
    assert reader.done == (expected is not None)
    if expected:
        assert reader.body() == expected[0]
        assert bytes(buffer) + data[at:] == expected[1]
        assert reader.size == len(expected[0])


@ANY_TIME
@given(data=BODIES, limit=st.integers(0, 40), cuts=st.lists(st.integers(1, 9), max_size=5))
def test_the_size_limit_is_exact_in_any_cuts(data: bytes, limit: int, cuts: list[int]) -> None:
    """SRV-33: too big is the unstuffed body over the limit, told at the true end only; memory stays small."""
    reader, buffer, at, turn = DotReader(limit), bytearray(), 0, 0
    most = 0
    while at < len(data) and not reader.done:
        size = cuts[turn % len(cuts)] if cuts else len(data)
        buffer += data[at : at + size]
        at, turn = at + size, turn + 1
        reader.feed(buffer)
        most = max(most, reader.held_bytes)
    expected = reference_body(data)
    assert reader.done == (expected is not None)
    assert most <= 2 * limit + 10
    if expected:
        assert reader.too_big == (len(expected[0]) > limit)
        assert reader.body() == (b"" if reader.too_big else expected[0])


@ANY_TIME
@given(
    body=BODIES,
    behind=st.lists(WORDS, max_size=6).map(b"".join),
    bare=st.sampled_from(["reject", "normalize"]),
    cuts=st.lists(st.integers(1, 40), max_size=4),
)
def test_exactly_one_end_of_data(body: bytes, behind: bytes, bare: str, cuts: list[int]) -> None:
    """S1: whatever a body holds, it is one letter or none, and no line of it is a command."""
    inner = body.replace(b"\r\n.\r\n", b"\r\n..\r\n")  # the sender's own stuffing of whole dots
    while b"\r\n.\r\n" in inner or inner.startswith(b".\r\n"):
        inner = b"." + inner if inner.startswith(b".\r\n") else inner.replace(b"\r\n.\r\n", b"\r\n..\r\n")
    limits = Limits(message_bytes=5000)
    data = LEAD + b"DATA\r\n" + inner + b"\r\n.\r\n"
    heard = run(data, cuts, bare=bare, limits=limits)
    senders = [event for event in heard.events if isinstance(event, MailFrom)]
    assert len(senders) == 1
    assert len(heard.bodies) <= 1
    assert sum(isinstance(event, BodyStart) for event in heard.events) == 1
    for kept in heard.bodies:
        assert not has_bare_line_end(kept)
        assert b"\0" not in kept
    is_bare = has_bare_line_end(inner + b"\r\n")
    assert bool(heard.bodies) == (b"\0" not in inner and not (is_bare and bare == "reject"))
    assert run(data + behind, cuts, bare=bare, limits=limits).bodies[:1] == heard.bodies


@ANY_TIME
@given(
    chunks=st.lists(st.one_of(BODIES, st.binary(max_size=30)), min_size=1, max_size=6),
    cuts=st.lists(st.integers(1, 40), max_size=4),
)
def test_chunks_join_to_one_body(chunks: list[bytes], cuts: list[int]) -> None:
    """EXT-6: chunks are counted, never searched; the commands behind them are found."""
    data = LEAD
    for n, chunk in enumerate(chunks):
        data += b"BDAT %d%s\r\n" % (len(chunk), b" LAST" if n == len(chunks) - 1 else b"") + chunk
    heard = run(data + b"QUIT\r\n", cuts, bare="normalize", limits=Limits(message_bytes=5000))
    body = b"".join(chunks)
    assert heard.bodies == ([] if b"\0" in body else [normalized(body)])
    assert isinstance(heard.events[-1], Quit)


@ANY_TIME
@given(body=st.one_of(BODIES, st.binary(max_size=200)))
def test_stuffed_and_read_is_the_same(body: bytes) -> None:
    """SRV-32, MX-16: a body with whole lines goes out and comes in unchanged."""
    body = normalized(body)
    body = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    buffer = bytearray(dot_stuffed(body) + b".\r\nQUIT")
    reader = DotReader(10_000)
    reader.feed(buffer)
    assert reader.done
    assert reader.body() == body
    assert bytes(buffer) == b"QUIT"


@ANY_TIME
@given(data=st.one_of(BODIES, st.binary(max_size=200)))
def test_bare_line_ends_are_seen_as_by_the_reference(data: bytes) -> None:
    rest = data.replace(b"\r\n", b"")
    assert has_bare_line_end(data) == (b"\r" in rest or b"\n" in rest)
    clean = normalized(data)
    assert not has_bare_line_end(clean)
    assert clean == re.sub(rb"\r\n|\r|\n", b"\r\n", data)


@pytest.mark.parametrize(
    "lead",
    [b"", b"EHLO me\r\nAUTH LOGIN\r\n", LEAD + b"DATA\r\n", LEAD + b"BDAT 999999\r\n"],
    ids=["command", "auth", "data", "chunk"],
)
@pytest.mark.parametrize("octet", [b"x", b"\r", b"\n", b".", b"\0", b" ", b"<", b'"'], ids=repr)
def test_memory_and_time_stay_bounded(lead: bytes, octet: bytes) -> None:
    """S9, S11: a flood without a line end holds little and ends; the cost per octet does not grow."""
    limits = Limits(message_bytes=100_000, discard_bytes=200_000)
    began = time.process_time()
    heard = run(lead + octet * 3_000_000, [len(lead) or 1, *([65536] * 50)], limits=limits)
    assert heard.most_held <= 65536 + 2 * 100_000 + 10
    assert heard.is_closing or b"BDAT" in lead or octet == b"\r"
    assert time.process_time() - began < 5


def test_a_line_without_end_gets_500_once_and_then_421() -> None:
    """S9, SRV-4."""
    heard = run(b"x" * 1000, [7])
    assert [line[:3] for line in heard.sent.split(b"\r\n")] == [b"220", b"500", b"421", b""]
    assert heard.events == [Junk("a line without end")]
    assert heard.most_held <= 128 + 7


@ANY_TIME
@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(
                [b"250", b"-", b" ", b"ok", b"\r\n", b"\n", b"2.1.0 ", b"550", b"x" * 600, b"\xff"]
            ),
            max_size=40,
        ).map(b"".join),
    ),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=4),
)
def test_any_peer_gives_replies_or_a_peer_error(data: bytes, cuts: list[int]) -> None:
    """MX-8: the same replies in any cuts, printable text only, or PeerError."""

    def read(cuts: list[int]) -> list[object]:
        reader, found, at, turn = ReplyReader(), [], 0, 0
        try:
            while at < len(data):
                size = cuts[turn % len(cuts)]
                reader.feed(data[at : at + size])
                at, turn = at + size, turn + 1
                while (reply := reader.next()) is not None:
                    found.append(reply)
                    assert reply.text.isprintable() or not reply.text.isascii()
        except PeerError as error:
            found.append(str(error))
        return found

    assert read([max(1, len(data))]) == read([1]) == read(cuts)
