"""A test's conversation, without a socket; above all: no secret is ever written down (S22)."""

from __future__ import annotations

import base64
import random
import string
from urllib.parse import quote

import pytest

from posthouse.model.probe import Mechanism, ProbeStep, ProbeTls, ProbeWish, Security
from posthouse.smtp.masking import HIDDEN, Mask, secrets_of
from posthouse.smtp.probe import MAX_TRANSCRIPT, ProbeEngine

LETTER = b"Subject: test\r\n\r\n.dot\r\n"
NOBODY: dict[str, object] = {"user": "", "password": ""}
OFFERS = b"250-mx.test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n"


def wish(**more: object) -> ProbeWish:
    given: dict[str, object] = {
        "host": "mx.test",
        "port": 587,
        "security": Security.NONE,
        "user": "app@shop.test",
        "password": "Sesame-Street-77",
        "sender": "app@shop.test",
        "recipient": "ann@good.test",
    }
    return ProbeWish(**(given | more))  # type: ignore[arg-type]


def talk(engine: ProbeEngine, *replies: bytes) -> list[bytes]:
    """Feed replies one by one; what was sent after each."""
    sent = []
    for reply in replies:
        engine.receive(reply)
        sent.append(engine.to_send())
    return sent


def shown(engine: ProbeEngine) -> str:
    return "\n".join(f"{who}: {text}" for who, text in engine.lines())


def test_W_02_a_whole_conversation_is_written_down_line_by_line() -> None:
    engine = ProbeEngine(wish(), "me.test", LETTER)
    sent = talk(
        engine, b"220 hi\r\n", OFFERS, b"235 2.7.0 in\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n",
        b"250 2.0.0 queued\r\n", b"221 bye\r\n",
    )  # fmt: skip
    assert sent[5] == b"Subject: test\r\n\r\n..dot\r\n.\r\n" and sent[6] == b"QUIT\r\n"
    assert engine.is_over and engine.end is not None
    assert (engine.end.step, engine.end.fault, engine.end.text) == (ProbeStep.DONE, "", "queued")
    assert shown(engine).splitlines() == [
        "S: 220 hi", "C: EHLO me.test", "S: 250-mx.test", "S: 250-STARTTLS",
        "S: 250 AUTH PLAIN LOGIN CRAM-MD5", "C: AUTH PLAIN (user and password, not shown)",
        "S: 235 2.7.0 in", "C: MAIL FROM:<app@shop.test>", "S: 250 ok", "C: RCPT TO:<ann@good.test>",
        "S: 250 ok", "C: DATA", "S: 354 go", "C: (23 octets of a test message, and the final dot)",
        "S: 250 2.0.0 queued", "C: QUIT", "S: 221 bye",
    ]  # fmt: skip


def test_W_02_a_server_that_does_not_know_ehlo_is_greeted_with_helo() -> None:
    engine = ProbeEngine(wish(**NOBODY), "me.test", LETTER)
    sent = talk(engine, b"220 hi\r\n", b"502 what\r\n", b"250-mx.test\r\n250 SMTPUTF8\r\n")
    assert sent == [b"EHLO me.test\r\n", b"HELO me.test\r\n", b"MAIL FROM:<app@shop.test>\r\n"]
    assert "*: The server does not know EHLO" in shown(engine)


def test_W_02_addresses_outside_ascii_need_smtputf8() -> None:
    engine = ProbeEngine(wish(recipient="müller@good.test", **NOBODY), "me.test", LETTER)
    sent = talk(engine, b"220 hi\r\n", b"250-mx.test\r\n250 SMTPUTF8\r\n", b"250 ok\r\n")
    assert sent[1:] == [
        b"MAIL FROM:<app@shop.test> SMTPUTF8\r\n",
        "RCPT TO:<müller@good.test>\r\n".encode(),
    ]
    engine = ProbeEngine(wish(sender="müller@good.test", **NOBODY), "me.test", LETTER)
    assert talk(engine, b"220 hi\r\n", b"250 mx.test\r\n")[1:] == [b"QUIT\r\n"]
    assert engine.end is not None and (engine.end.step, engine.end.fault) == (ProbeStep.MAIL, "no-smtputf8")


def test_W_02_login_answers_both_prompts() -> None:
    engine = ProbeEngine(wish(mechanism=Mechanism.LOGIN, only_sign_in=True), "me.test", LETTER)
    sent = talk(
        engine, b"220 hi\r\n", OFFERS, b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"235 in\r\n"
    )
    assert sent[1:] == [
        b"AUTH LOGIN\r\n",
        base64.b64encode(b"app@shop.test") + b"\r\n",
        base64.b64encode(b"Sesame-Street-77") + b"\r\n",
        b"QUIT\r\n",
    ]
    assert engine.end is not None and engine.end.is_signed_in and engine.end.step is ProbeStep.AUTH


@pytest.mark.parametrize(
    ("more", "replies", "step", "fault"),
    [
        ({}, [b"554 go away\r\n"], ProbeStep.GREETING, "refused"),
        ({}, [b"SSH-2.0-OpenSSH\r\n"], ProbeStep.GREETING, "not-smtp"),
        ({}, [b"+OK POP3 ready\r\n"], ProbeStep.GREETING, "not-smtp"),
        ({}, [b"220 hi\r\n", b"550 no\r\n"], ProbeStep.EHLO, "refused"),
        ({}, [b"220 hi\r\n", b"502 what\r\n", b"502 what\r\n"], ProbeStep.EHLO, "refused"),
        ({}, [b"220 hi\r\n", b"500 what\r\n", b"250 hi\r\n"], ProbeStep.AUTH, "no-auth"),
        ({"security": Security.STARTTLS}, [b"220 a\r\n", b"250 mx\r\n"], ProbeStep.STARTTLS, "no-starttls"),
        ({"security": Security.STARTTLS}, [b"220 a\r\n", OFFERS, b"454 \r\n"], ProbeStep.STARTTLS, "refused"),
        ({}, [b"220 a\r\n", b"250-mx\r\n250 STARTTLS\r\n"], ProbeStep.AUTH, "no-auth"),
        ({}, [b"220 a\r\n", b"250-mx\r\n250 AUTH GSSAPI\r\n"], ProbeStep.AUTH, "no-mechanism"),
        ({}, [b"220 a\r\n", OFFERS, b"535 5.7.8 no\r\n"], ProbeStep.AUTH, "refused"),
        ({}, [b"220 a\r\n", OFFERS, b"334 more\r\n"], ProbeStep.AUTH, "refused"),
        ({}, [b"220 a\r\n", OFFERS, b"235 in\r\n", b"550 no\r\n"], ProbeStep.MAIL, "refused"),
        (NOBODY, [b"220 a\r\n", OFFERS, b"250 a\r\n", b"550 b\r\n"], ProbeStep.RCPT, "refused"),
        ({**NOBODY, "only_sign_in": True}, [b"220 a\r\n", OFFERS], ProbeStep.EHLO, ""),
    ],
)  # fmt: skip
def test_W_02_a_conversation_ends_at_the_first_no(
    more: dict[str, object], replies: list[bytes], step: ProbeStep, fault: str
) -> None:
    engine = ProbeEngine(wish(**more), "me.test", LETTER)
    talk(engine, *replies)
    assert engine.end is not None and (engine.end.step, engine.end.fault) == (step, fault)


def test_what_is_no_smtp_is_not_shown() -> None:
    engine = ProbeEngine(wish(), "me.test", LETTER)
    talk(engine, b"SSH-2.0-OpenSSH_9.2 internal-host\r\n")
    assert "OpenSSH" not in shown(engine)


def test_TLS_4_what_follows_the_220_in_clear_is_not_believed() -> None:
    engine = ProbeEngine(wish(security=Security.STARTTLS), "me.test", LETTER)
    talk(engine, b"220 a\r\n", OFFERS, b"220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n")
    assert engine.wants_tls
    engine.tls_started(ProbeTls("TLSv1.3", "X"))
    assert engine.to_send() == b"EHLO me.test\r\n"
    talk(engine, b"250 mx\r\n")
    assert engine.end is not None and engine.end.fault == "no-auth"


def test_a_talkative_server_is_cut_off() -> None:
    engine = ProbeEngine(wish(), "me.test", LETTER)
    engine.receive(b"".join(b"220-" + b"x" * 3000 + b"\r\n" for _ in range(90)))
    engine.receive(b"220 x\r\n")
    assert engine.end is not None and engine.end.fault == "too-much" and engine.is_over
    assert len(shown(engine)) <= MAX_TRANSCRIPT + 200


# S22

LETTERS = string.ascii_letters + string.digits + "-_+/=.!$%&? äß"
NUMBERS = random.Random(20261127)
SECRETS = ["".join(NUMBERS.choices(LETTERS, k=NUMBERS.randint(6, 50))) for _ in range(150)]


def echoes(user: str, secret: str) -> list[bytes]:
    """Everything a server may say back."""
    octets = secret.encode()
    plain = b"\0" + user.encode() + b"\0" + octets
    forms = [octets, base64.b64encode(octets), base64.b64encode(plain), base64.urlsafe_b64encode(plain)]
    forms += [quote(secret).encode(), octets.hex().encode(), octets.hex().upper().encode(), octets.swapcase()]
    forms += [base64.b64encode(b"x" * n + octets + b"y" * n) for n in range(1, 5)]
    forms += [b"before" + octets + b"after"]
    return [form.replace(b"\n", b"") for form in forms]


CRAM = b"250-mx.test\r\n250 AUTH CRAM-MD5\r\n"
# RFC 2195 2: the example
CHALLENGE = b"334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n"
DIGEST = "b913a602c7eda7a495b4e6e7334d3890"


@pytest.mark.parametrize("mechanism", [Mechanism.AUTO, Mechanism.CRAM_MD5])
def test_W_02_S22_cram_md5_answers_the_challenge_and_shows_no_digest(mechanism: Mechanism) -> None:
    engine = ProbeEngine(
        wish(user="tim", password="tanstaaftanstaaf", mechanism=mechanism, only_sign_in=True),
        "me.test",
        LETTER,
    )
    answer = base64.b64encode(f"tim {DIGEST}".encode())
    repeated = b"535-5.7.8 %b is wrong\r\n535 5.7.8 and so is %b\r\n" % (answer, DIGEST.encode())
    sent = talk(engine, b"220 hi\r\n", CRAM, CHALLENGE, repeated)
    assert sent[1:3] == [b"AUTH CRAM-MD5\r\n", answer + b"\r\n"]
    text = shown(engine)
    assert "C: (user and digest, not shown)" in text
    assert engine.end is not None and engine.end.fault == "refused"
    for secret in (DIGEST, answer.decode(), answer.decode()[8:40], "tanstaaftanstaaf"):
        assert secret not in text + engine.end.text


@pytest.mark.parametrize("challenge", [b"334 ?\r\n", b"334 \r\n", b"334 w7\r\n"])
def test_W_02_a_challenge_that_is_none_ends_the_sign_in(challenge: bytes) -> None:
    engine = ProbeEngine(wish(), "me.test", LETTER)
    assert talk(engine, b"220 hi\r\n", CRAM, challenge)[-1] == b"*\r\n"
    assert engine.end is not None and engine.end.fault == "refused"


@pytest.mark.parametrize("mechanism", [Mechanism.PLAIN, Mechanism.LOGIN])
def test_S22_no_form_of_a_secret_is_in_a_transcript(mechanism: Mechanism) -> None:
    for secret in SECRETS:
        user = "app@shop.test"
        said = echoes(user, secret)
        body = b"".join(b"535-5.7.8 wrong: " + form + b"\r\n" for form in said) + b"535 5.7.8 no\r\n"
        engine = ProbeEngine(wish(user=user, password=secret, mechanism=mechanism), "me.test", LETTER)
        prompts = [b"334 " + base64.b64encode(secret.encode()) + b"\r\n"] * (2 * (mechanism == "login"))
        talk(engine, b"220 hi\r\n", OFFERS, *prompts, body)
        text = shown(engine)
        assert engine.end is not None and engine.end.fault == "refused"
        for form in said:
            core = form.decode().removeprefix("before").removesuffix("after")
            assert core.strip().casefold() not in (text + engine.end.text).casefold(), (secret, form)


def test_S22_a_secret_across_the_lines_of_a_reply_is_not_shown() -> None:
    engine = ProbeEngine(wish(), "me.test", LETTER)
    talk(engine, b"220 hi\r\n", OFFERS, b"535-Sesame-\r\n535 Street-77\r\n")
    assert "Street" not in shown(engine)


@pytest.mark.parametrize("secret", ["a", "ab", "hat", "1234"])
def test_S22_a_line_with_a_short_secret_is_not_shown_at_all(secret: str) -> None:
    assert Mask([secret]).line(f"your password {secret} is wrong") == HIDDEN
    assert Mask([secret]).line("535 5.7.8 no") == "535 5.7.8 no" or secret == "1234"


@pytest.mark.parametrize(
    ("user", "password", "secrets"),
    [
        ("app@shop.test", "pw", ["pw"]),
        ("apikey", "SG.abc", ["SG.abc"]),
        ("0a1b2c3d-token-token-0001", "0a1b2c3d-token-token-0001", ["0a1b2c3d-token-token-0001"] * 2),
        ("SG.0123456789abcdefghij.key", "pw", ["pw", "SG.0123456789abcdefghij.key"]),
    ],
)
def test_S22_a_token_given_as_the_user_is_a_secret(user: str, password: str, secrets: list[str]) -> None:
    assert secrets_of(user, password) == secrets
