"""The server's and the client's engine back to back: what one sends is what the other takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from posthouse.model.message import Outgoing, SmtpResult
from posthouse.smtp.client import ClientEngine
from posthouse.smtp.events import BodyEnd, BodyStart, Limits, MailFrom, RcptTo, StartTls
from posthouse.smtp.replies import Reply
from posthouse.smtp.server import ServerEngine
from posthouse.smtp.steps import WANTS_CONTENT, WANTS_TLS, Finished, Step
from posthouse.smtp.wire_content import CHUNK_BYTES

HEAD = b"Subject: hello\r\n\r\n"
LETTER = Outgoing("a@example.com", "b@example.net", HEAD, b"one\r\n")
YES = {
    MailFrom: Reply(250, "2.1.0", "Sender ok"),
    RcptTo: Reply(250, "2.1.5", "Recipient ok"),
    BodyStart: Reply(354, "", "Go on"),
    BodyEnd: Reply(250, "2.0.0", "Queued"),
}


class Pair:
    """Both engines and the wire between them, which cuts what it carries into pieces of `cut` octets."""

    def __init__(
        self,
        cut: int = 65_536,
        *,
        tls: bool = False,
        chunks: bool = True,
        answers: dict[type, Reply] | None = None,
    ) -> None:
        self.server = ServerEngine(
            "mx.example.net", Limits(), offers_tls=tls, auth="never", requires_auth=False
        )
        self.client = ClientEngine("out.example.com", wants_tls=tls, uses_chunks=chunks)
        self.cut = cut
        self.answers = {**YES, **(answers or {})}
        self.bodies: list[bytes] = []
        self.envelopes: list[object] = []
        self.results: list[SmtpResult] = []
        self.server.start()
        self.run()

    def send(self, *letters: Outgoing) -> list[SmtpResult]:
        for letter in letters:
            self.client.start(letter)
            self.run()
        return self.results

    def run(self) -> None:
        """Carry octets both ways until nobody has anything to say."""
        while True:
            to_client, to_server = self.server.to_send(), b"".join(self.client.to_send())
            if not to_client and not to_server and not self.client.has_output:
                return
            for at in range(0, len(to_server), self.cut):
                self.server.receive(to_server[at : at + self.cut])
                self.serve()
            for at in range(0, len(to_client), self.cut):
                self.client.receive(to_client[at : at + self.cut])
                self.settle()

    def serve(self) -> None:
        while (event := self.server.next_event()) is not None:
            if isinstance(event, StartTls):
                continue
            if isinstance(event, BodyEnd):
                self.bodies.append(event.body)
            elif isinstance(event, MailFrom | RcptTo):
                self.envelopes.append(event)
            self.server.reply(self.answers[type(event)])

    def settle(self) -> None:
        while (event := self.client.next_event()) is not None:
            if event is WANTS_CONTENT:
                self.client.allow_content()
            elif event is WANTS_TLS:
                self.server.tls_started()
                self.client.tls_started()
            elif isinstance(event, Finished):
                self.results.append(event.result)


LINES = st.lists(
    st.one_of(st.sampled_from([b"", b".", b"..", b".x", b"x.", b"QUIT", b"a" * 998]), st.binary(max_size=30)),
    max_size=20,
)


@settings(deadline=None)
@given(LINES, st.sampled_from([1, 2, 3, 7, 65_536]), st.booleans())
@example([b".", b"", b"."], 1, False)
@example([b".", b"", b"."], 1, True)
def test_every_body_arrives_unchanged(lines: list[bytes], cut: int, chunks: bool) -> None:
    # RFC 5321 4.5.2, RFC 3030 2, S2: whatever the lines are, one letter goes in and the same one comes out
    table = bytes.maketrans(b"\r\n\0", b"   ")
    body = b"".join(line.translate(table) + b"\r\n" for line in lines)
    pair = Pair(cut, chunks=chunks)
    (result,) = pair.send(replace(LETTER, body=body))
    assert result.is_delivered
    assert pair.bodies == [HEAD + body]
    assert pair.client.step is Step.IDLE


def test_many_letters_over_one_connection() -> None:
    pair = Pair()
    letters = [replace(LETTER, recipient=f"r{n}@example.net", body=b"%d\r\n" % n) for n in range(50)]
    assert all(result.is_delivered for result in pair.send(*letters))
    assert pair.bodies == [letter.head + letter.body for letter in letters]


def test_starttls_between_the_engines() -> None:
    # TLS-3, TLS-4
    pair = Pair(tls=True)
    assert (pair.client.is_tls, pair.client.step) == (True, Step.IDLE)
    assert not pair.client.offers.has_starttls
    assert pair.send(LETTER)[0].is_delivered


def test_a_letter_of_several_chunks() -> None:
    body = (b"." * 76 + b"\r\n") * (2 * CHUNK_BYTES // 78)
    pair = Pair()
    assert pair.send(replace(LETTER, body=body))[0].is_delivered
    assert pair.bodies == [HEAD + body]


@pytest.mark.parametrize("chunks", [True, False], ids=["BDAT", "DATA"])
@pytest.mark.parametrize("refused", [MailFrom, RcptTo, BodyStart, BodyEnd], ids=lambda kind: kind.__name__)
def test_a_refusal_leaves_the_connection_usable(refused: type, chunks: bool) -> None:
    # MX-10, MX-17
    pair = Pair(chunks=chunks, answers={refused: Reply(451, "4.3.0", "Not now")})
    (result,) = pair.send(LETTER)
    assert (result.code, result.enhanced) == (451, "4.3.0")
    pair.answers = YES
    assert pair.send(LETTER)[-1].is_delivered
    assert pair.bodies[-1] == HEAD + LETTER.body


def test_parameters_are_understood() -> None:
    # DSN-2, EXT-4, EXT-8
    letter = replace(
        LETTER,
        recipient="grüße@example.net",
        body="Grüße\r\n".encode(),
        is_utf8=True,
        is_8bit=True,
        ret="HDRS",
        envid="x+2B1",
        notify="SUCCESS,FAILURE",
        orcpt="rfc822;b@example.net",
    )
    pair = Pair()
    (result,) = pair.send(letter)
    assert result.is_delivered
    mail, rcpt = pair.envelopes
    assert isinstance(mail, MailFrom)
    assert isinstance(rcpt, RcptTo)
    assert (mail.params.is_utf8, mail.params.ret, mail.params.envid) == (True, "HDRS", "x+2B1")
    assert mail.params.size == len(letter.head) + len(letter.body)
    assert str(rcpt.address) == "grüße@example.net"
    assert (rcpt.params.notify, rcpt.params.orcpt) == ("SUCCESS,FAILURE", "rfc822;b@example.net")
