"""Mail relayed to real receiving servers arrives once, unchanged below our fields, and OpenDKIM accepts
it."""

from __future__ import annotations

import re
import smtplib
import time
from collections.abc import Iterator
from pathlib import Path

import dkim
import pytest
from bench.posthouse import House, free_port, wait_for

from clients.receivers import DOMAIN, PostfixMailbox, postfix, smtp_sink

SENDER = "postmaster@lab.test"
_BODIES = {
    "plain": b"Hello\r\n",
    "dots": b".\r\n..\r\n.hidden\r\nmiddle\r\n.\r\n",
    "eight bits": "Grüße aus dem Posthaus ✉\r\n".encode(),
    "blanks": b"  in front\r\nbehind   \r\n\t\r\n\r\n\r\n\r\n",
    "long lines": b"y" * 990 + b"\r\n" + b"z" * 990 + b"\r\n",
    "empty": b"",
    "large": b"0123456789abcdef" * 60 + b"\r\n" + b"A line of the large one.\r\n" * 20_000,
}


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {DOMAIN: free_port(), "sunk.test": free_port()}


@pytest.fixture(scope="module")
def relay(ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A Posthouse with a route to each receiving server."""
    folder = tmp_path_factory.mktemp("relay") / "house"
    running = House(folder, ports["sunk.test"], routes=ports).set_up()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def mailbox(relay: House, ports: dict[str, int]) -> Iterator[PostfixMailbox]:
    with postfix(relay.dkim_records, ports[DOMAIN]) as box:
        yield box


def letter(mark: str, to: str, body: bytes) -> bytes:
    return (
        f"From: Post Master <{SENDER}>\r\nTo: {to}\r\nSubject: {mark}\r\n"
        f"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{mark}@lab.test>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    ).encode() + body


def hand_in(house: House, to: list[str], content: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", house.port, timeout=20) as smtp:
        smtp.login(house.login, house.password)
        assert smtp.sendmail(SENDER, to, content, ["BODY=8BITMIME"]) == {}


def with_crlf(stored: bytes) -> bytes:
    """A mailbox file has bare line feeds."""
    return stored.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@pytest.mark.parametrize("name", _BODIES)
def test_DK_1_postfix_takes_it_once_unchanged_and_opendkim_accepts(
    relay: House, mailbox: PostfixMailbox, name: str
) -> None:
    mark = f"mark-{name.replace(' ', '-')}"
    content = letter(mark, f"box@{DOMAIN}", _BODIES[name])
    hand_in(relay, [f"box@{DOMAIN}"], content)
    arrived = mailbox.wait(f"<{mark}@lab.test>".encode())
    assert len(arrived) == 1
    stored = with_crlf(arrived[0])
    assert stored.endswith(content), "changed below the added fields"
    added = stored[: -len(content)].replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")
    verdict = re.search(rb"Authentication-Results:[^\r]*", added)
    assert verdict and b"dkim=pass" in verdict[0] and b"header.d=lab.test" in verdict[0], added.decode()
    signed = stored[stored.index(b"DKIM-Signature:") :]
    records = relay.dkim_records()
    assert dkim.verify(signed, dnsfunc=lambda name, timeout=5: records.get(name))


def test_TLS_4_postfix_was_reached_over_starttls(relay: House, mailbox: PostfixMailbox) -> None:
    hand_in(relay, [f"tls@{DOMAIN}"], letter("over-tls", f"tls@{DOMAIN}", b"Hello\r\n"))
    arrived = mailbox.wait(b"<over-tls@lab.test>")
    assert b"using TLSv1" in arrived[0]
    assert b"(using TLSv1.3 with cipher" in arrived[0].replace(b"\n\t", b" ")


def test_D_04_postfix_gets_the_content_by_bdat(relay: House, mailbox: PostfixMailbox) -> None:
    hand_in(relay, [f"bdat@{DOMAIN}"], letter("by-bdat", f"bdat@{DOMAIN}", b".\r\n" * 2_000_000))
    assert len(mailbox.wait(b"<by-bdat@lab.test>")) == 1
    # said when the idle connection has ended
    wait_for(lambda: re.search(r"disconnect from .* bdat=\d", mailbox.log()), 40, mailbox.log())
    assert not re.search(r"disconnect from .* data=", mailbox.log())


def test_R1_many_to_smtp_sink_each_once(relay: House, ports: dict[str, int], tmp_path: Path) -> None:
    with smtp_sink(tmp_path, ports["sunk.test"]) as folder:
        for number in range(20):
            to = [f"r{number}.{k}@sunk.test" for k in range(3)]
            hand_in(relay, to, letter(f"sunk-{number}", to[0], b".dot\r\nHello\r\n"))

        def sunk() -> list[bytes]:
            return [f.read_bytes() for f in folder.glob("sunk.*")]

        wait_for(lambda: len(sunk()) >= 60, 30, "60 transactions at smtp-sink")
        time.sleep(1.0)
        letters = [with_crlf(x) for x in sunk()]
    assert len(letters) == 60
    for number in range(20):
        content = letter(f"sunk-{number}", f"r{number}.0@sunk.test", b".dot\r\nHello\r\n")
        copies = [x for x in letters if content in x]
        rcpts = {m[0] for x in copies if (m := re.search(rb"r\d+\.\d@sunk\.test", x))}
        assert len(copies) == 3 and len(rcpts) == 3
