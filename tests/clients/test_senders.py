"""Real programs hand in mail over 2525 with STARTTLS and over TLS; each letter arrives once and signed."""

from __future__ import annotations

import base64
import itertools
import smtplib
import socket
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from bench.posthouse import House

from clients.inbox import Arrival, Inbox
from clients.programs import FOLDER, NODE, Run

HOST = "127.0.0.1"
SENDER = "postmaster@lab.test"
MODES = ("starttls", "tls")
Signed = Callable[[Arrival], bool]
_numbers = itertools.count(1)


@pytest.fixture
def to() -> str:
    """A recipient that no other test uses."""
    return f"rcpt{next(_numbers)}@far.test"


def letter(to: str) -> bytes:
    """A letter with what clients and servers like to break: dots, 8-bit text, trailing blanks, an empty
    end."""
    return (
        f"From: Post Master <{SENDER}>\r\nTo: {to}\r\nSubject: from a real client\r\n"
        "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <real@lab.test>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        "First line\r\n.\r\n..two dots\r\nGrüße  \r\n\r\nlast\r\n"
    ).encode()


def port_of(house: House, mode: str) -> str:
    return str(house.port_tls if mode == "tls" else house.port)


def swaks(house: House, to: str, *words: str) -> list[str]:
    """The line of the manual: --auth, --server, --au, --ap, --to, --h-Subject, --body."""
    return [
        "swaks", "--auth", "--server", f"{HOST}:{house.port}", "--au", house.login, "--ap", house.password,
        "--to", to, "--h-Subject:", "Hello", "--body", "Testing the post house!", *words,
    ]  # fmt: skip


def test_C_16_swaks_line_of_the_manual(house: House, inbox: Inbox, run: Run, to: str) -> None:
    said = run(swaks(house, to))
    assert "250 Great success" in said.replace("250 2.0.0 ", "250 ")  # C-08
    assert b"Testing the post house!" in inbox.wait(to).own


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--auth", "LOGIN"), id="C-02 AUTH LOGIN in clear from loopback"),
        pytest.param(("--auth", "PLAIN"), id="C-02 AUTH PLAIN in clear from loopback"),
        pytest.param(("--tls",), id="C-01 STARTTLS"),
        pytest.param(("--tls", "--auth", "LOGIN"), id="C-02 AUTH LOGIN after STARTTLS"),
        pytest.param(("--tls", "--pipeline"), id="SRV pipelining after STARTTLS"),
        pytest.param(("--tls-on-connect",), id="C-01 TLS from the first byte"),
    ],
)
def test_C_01_C_02_swaks(
    house: House, inbox: Inbox, run: Run, signed: Signed, to: str, words: tuple[str, ...]
) -> None:
    line = swaks(house, to, "--from", SENDER, *words)
    if "--auth" in words:
        line.remove("--auth")
    if "--tls-on-connect" in words:
        line[line.index("--server") + 1] = f"{HOST}:{house.port_tls}"
    said = run(line)
    assert "Great success" in said
    assert signed(inbox.wait(to))


def test_C_06_swaks_with_a_wrong_password_gets_535(house: House, inbox: Inbox, run: Run, to: str) -> None:
    line = swaks(house, to)
    line[line.index("--ap") + 1] = "wrong"
    with pytest.raises(AssertionError, match=r"535 5\.7\.8"):
        run(line)
    assert not inbox.of(to)


def test_C_10_swaks_with_bad_addresses_is_told_which(house: House, run: Run) -> None:
    with pytest.raises(AssertionError, match="annot parse to address"):
        run(swaks(house, "nobody@@far.test", "--from", SENDER))
    with pytest.raises(AssertionError, match="annot parse from address"):
        run(swaks(house, "somebody@far.test", "--from", "no body@lab.test"))


@pytest.mark.parametrize("mode", MODES)
def test_C_01_curl(
    house: House, inbox: Inbox, run: Run, signed: Signed, to: str, mode: str, tmp_path: Path
) -> None:
    file = tmp_path / "letter.eml"
    file.write_bytes(letter(to))
    scheme = "smtps" if mode == "tls" else "smtp"
    words = ["curl", "-sS", "-v", "-k", "--url", f"{scheme}://{HOST}:{port_of(house, mode)}", "--ssl-reqd"]
    words += ["--mail-from", SENDER, "--mail-rcpt", to, "--user", house.auth, "-T", str(file)]
    assert "Great success" in run(words)
    arrival = inbox.wait(to)
    assert arrival.own == letter(to)
    assert signed(arrival)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("auth", ["plain", "login"])
def test_C_02_msmtp(
    house: House, inbox: Inbox, run: Run, signed: Signed, to: str, mode: str, auth: str
) -> None:
    words = ["msmtp", f"--host={HOST}", f"--port={port_of(house, mode)}", f"--auth={auth}", "--tls=on"]
    words += [
        f"--tls-starttls={'off' if mode == 'tls' else 'on'}",
        "--tls-certcheck=off",
        f"--user={house.login}",
    ]
    words += ["--passwordeval=printenv POSTHOUSE_PASSWORD", f"--from={SENDER}", to]
    run(words, stdin=letter(to).replace(b"\r\n", b"\n"), env={"POSTHOUSE_PASSWORD": house.password})
    arrival = inbox.wait(to)
    assert arrival.own == letter(to)
    assert signed(arrival)


def test_C_01_s_nail(house: House, inbox: Inbox, run: Run, signed: Signed, to: str, tmp_path: Path) -> None:
    login, password = (text.replace("@", "%40") for text in (house.login, house.password))
    words = ["s-nail", "-:/", "-Sv15-compat", f"-Smta=smtp://{login}:{password}@{HOST}:{house.port}"]
    words += ["-Ssmtp-config=login", "-Ssmtp-use-starttls", "-Stls-verify=ignore", f"-Sfrom={SENDER}"]
    run([*words, "-s", "from s-nail", to], stdin=b"Hello\n.hidden dot\n", env={"HOME": str(tmp_path)})
    arrival = inbox.wait(to)
    assert b"\r\n.hidden dot\r\n" in arrival.own
    assert signed(arrival)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("words", "keeps_bytes"),
    [
        pytest.param(["perl", FOLDER / "send.pl"], True, id="Perl Net::SMTP"),
        pytest.param(["php", FOLDER / "send.php"], False, id="PHPMailer"),
        pytest.param(["node", FOLDER / "send.js"], False, id="nodemailer"),
    ],
)
def test_C_01_library(
    house: House,
    inbox: Inbox,
    run: Run,
    signed: Signed,
    to: str,
    mode: str,
    words: list[str],
    keeps_bytes: bool,
) -> None:
    if words[0] == "node":
        assert (NODE / "node_modules" / "nodemailer").is_dir(), "run sh tests/clients/install.sh"
    settings = [mode, HOST, port_of(house, mode), house.login, house.password, SENDER, to]
    said = run([*words, *settings], stdin=letter(to), env={"NODE_PATH": str(NODE / "node_modules")})
    assert "Great success" in said
    arrival = inbox.wait(to)
    assert arrival.sender == SENDER
    assert signed(arrival)
    if keeps_bytes:
        assert arrival.own == letter(to)


@pytest.mark.parametrize("mode", MODES)
def test_C_01_smtplib(house: House, inbox: Inbox, signed: Signed, to: str, mode: str) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if mode == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(HOST, house.port_tls, context=context, timeout=20)
    else:
        smtp = smtplib.SMTP(HOST, house.port, timeout=20)
        smtp.starttls(context=context)
    with smtp:
        smtp.login(house.login, house.password)
        assert smtp.sendmail(SENDER, [to], letter(to), ["BODY=8BITMIME"]) == {}
    arrival = inbox.wait(to)
    assert arrival.own == letter(to)
    assert signed(arrival)


def test_EXT_5_smtplib_sends_internationalised_mail(house: House, inbox: Inbox, signed: Signed) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = SENDER, "päckchen@bücher.test", "Grüße"
    mail.set_content("Grüße\n")
    with smtplib.SMTP(HOST, house.port, timeout=20) as smtp:
        smtp.login(house.login, house.password)
        smtp.send_message(mail)
    arrival = inbox.wait("päckchen@xn--bcher-kva.test")
    assert signed(arrival)


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param("", id="password as it is"),
        pytest.param("\n", id="password by echo and openssl base64, which encode its line end too"),
    ],
)
@pytest.mark.parametrize(
    "hello",
    [
        pytest.param([("ehlo me", "250")], id="with a greeting"),
        pytest.param([], id="as the page has it, without one"),
    ],
)
def test_C_16_walk_typed_by_hand(
    house: House, inbox: Inbox, to: str, hello: list[tuple[str, str]], ending: str
) -> None:
    def b64(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    steps = [
        *hello,
        ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
        (b64(house.login), "334 UGFzc3dvcmQ6"),
        (b64(house.password + ending), "235"),
        (f"mail from:<{SENDER}>", "250"),
        (f"rcpt to:<{to}>", "250"),
        ("DATA", "354"),
        (f"To: Someone <{to}>\r\nFrom: Post Master <{SENDER}>\r\nSubject: by hand\r\n\r\nhello\r\n.", "250"),
        ("quit", "221"),
    ]
    with (
        socket.create_connection((HOST, house.port), timeout=20) as s,
        s.makefile("rwb", buffering=0) as talk,
    ):
        assert talk.readline().startswith(b"220 ")
        for line, answer in steps:
            talk.write(line.encode() + b"\r\n")
            reply = talk.readline()
            while reply[3:4] == b"-":
                reply = talk.readline()
            assert reply.decode().startswith(answer), f"{line!r} got {reply!r}"
    assert inbox.wait(to).own.endswith(b"\r\n\r\nhello\r\n")
