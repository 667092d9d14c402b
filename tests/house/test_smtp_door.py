"""The SMTP door under bad input: syntax, smuggling, endless lines, lost connections, and all talks."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from house import books
from house.house import DOMAIN, House, Houses, letter, unique, until
from house.wire import Wire, trusting
from talks.runner.play import play
from talks.runner.script import Talk, find_talks, load
from talks.runner.sockets import SocketConnection

MIB = 1024 * 1024


# -- C-10 ------------------------------------------------------------------------------------------------

BAD_PATHS = {
    "no brackets": "ann@good.test",
    "no domain": "<ann@>",
    "no local part": "<@good.test>",
    "two at signs": "<ann@@good.test>",
    "a space": "<an n@good.test>",
    "two dots": "<ann..b@good.test>",
    "an empty label": "<ann@good..test>",
    "an open quote": '<"ann@good.test>',
    "an unclosed bracket": "<ann@good.test",
    "a group": "<friends: ann@good.test;>",
    "a display name": "Ann <ann@good.test>",
    "a long local part": f"<{'a' * 65}@good.test>",
    "a long domain": f"<ann@{'a.' * 130}test>",
}


@pytest.mark.parametrize("path", BAD_PATHS.values(), ids=BAD_PATHS.keys())
def test_C_10_a_path_that_cannot_be_parsed_is_told_so(house: House, path: str) -> None:
    with house.wire(signed_in=True) as wire:
        answer = wire.say(f"MAIL FROM:{path}")
        assert answer.code == 501 and "annot parse from address" in answer, answer
        assert wire.say(f"MAIL FROM:<orders@{DOMAIN}>").code == 250
        answer = wire.say(f"RCPT TO:{path}")
        assert answer.code == 501 and "annot parse to address" in answer, answer


@pytest.mark.parametrize(
    "value",
    ["", "orders", "orders@", "Orders orders@shop.test", "a@shop.test, b@shop.test", "us: a@shop.test;"],
)
def test_C_10_a_from_field_that_cannot_be_parsed_is_refused_by_name(house: House, value: str) -> None:
    raw = f"From: {value}\r\nTo: <x@good.test>\r\n\r\nHi\r\n".encode()
    with house.wire(signed_in=True) as wire:
        wire.envelope(f"orders@{DOMAIN}", ["x@good.test"])
        wire.send(raw + b".\r\n")
        answer = wire.read()
    assert answer.code == 550 and "From" in answer, answer


def test_C_11_D_02_an_unknown_from_domain_and_an_unverified_one_are_refused(house: House) -> None:
    name = f"{unique('new')}.test"
    house.cli("domain", "add", name)
    recipient = f"{unique()}@good.test"
    with house.wire(signed_in=True) as wire:
        unknown = house.hand_over(wire, recipient, letter(recipient, sender="me@bank.test"))
        assert unknown == "550 5.7.1 Domain not found: bank.test"

        def unverified() -> bool:  # the view of the worker may be half a second old
            answer = house.hand_over(wire, recipient, letter(recipient, sender=f"me@{name}"))
            return answer.startswith(f"550 5.7.1 Sender not authorized: the domain {name} is unverified")

        until(unverified, 1.5, "the refusal")
    assert house.events(recipient) == []


# -- S1, S2 ----------------------------------------------------------------------------------------------

WRONG_ENDS = [
    "\n.\n",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r",
    "\r.\n",
    "\n.\r",
    "\r\n.\r",
    "\r.\r\n",
    "\r\n\0.\r\n",
    "\r\n.\0\r\n",
    "\r\n.\r\r\n",
]


def _smuggled(end: str, inner: str) -> bytes:
    """Text, a wrong end of data, and commands that must stay text."""
    return f"first{end}MAIL FROM:<evil@{DOMAIN}>\r\nRCPT TO:<{inner}>\r\nDATA\r\nevil\r\n".encode()


@pytest.mark.parametrize("end", WRONG_ENDS, ids=[repr(end)[1:-1] for end in WRONG_ENDS])
def test_S1_S2_a_wrong_end_of_data_ends_nothing_and_leaves_as_text(house: House, end: str) -> None:
    recipient, inner = f"{unique()}@good.test", f"{unique('inner')}@good.test"
    sent = letter(recipient, body=_smuggled(end, inner))
    with house.wire(signed_in=True) as wire:
        wire.envelope(f"orders@{DOMAIN}", [recipient])
        wire.send(sent.raw.replace(b"\r\n.\r\n", b"\r\n..\r\n") + b".\r\nNOOP\r\n")
        answer = wire.read()
        assert answer.code in (250, 550, 554), answer
        follow = wire.read()  # NOOP is the next command that runs, or the session has ended
        assert follow.startswith("250 2.0.0") or not follow, follow
    if answer.code == 250:
        content = house.internet.copy(recipient).content
        assert b"\0" not in content
        assert content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n")
        assert b"first\r\n" in content and b"RCPT TO:<" in content
    else:
        assert house.events(recipient) == []
    assert house.events(inner) == [] and house.internet.to(inner) == []
    assert house.internet.violations("good.test") == []


def test_S1_commands_in_a_chunk_are_text(house: House) -> None:
    recipient, inner = f"{unique()}@good.test", f"{unique('inner')}@good.test"
    raw = letter(recipient, body=_smuggled("\r\n.\r\n", inner)).raw
    with house.wire(signed_in=True) as wire:
        assert wire.say(f"MAIL FROM:<orders@{DOMAIN}>").code == 250
        assert wire.say(f"RCPT TO:<{recipient}>").code == 250
        wire.send(f"BDAT {len(raw)} LAST\r\n".encode() + raw)
        assert wire.read() == "250 Great success"
    assert house.internet.copy(recipient).content.endswith(raw)
    assert house.events(inner) == [] and house.internet.to(inner) == []


# -- S9 and limits ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_house(shared_houses: Houses) -> House:
    """Takes letters of up to one MiB and three recipients."""
    return shared_houses.new(settings={"smtp": {"message_bytes": MIB, "recipients": 3}})


def _peak_bytes(house: House) -> int:
    """The most that the worker has ever had in memory."""
    (worker,) = house.workers()
    status = Path(f"/proc/{worker}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def _flood(wire: Wire, total: int) -> None:
    """Octets without a line end, until the server has had enough."""
    block = b"x" * 65536
    for _ in range(total // len(block)):
        try:
            wire.socket.sendall(block)
        except OSError:
            return


@pytest.mark.parametrize("before", ["", "EHLO me.test", "AUTH LOGIN", "body"])
def test_S9_endless_lines_cost_no_memory(small_house: House, before: str) -> None:
    with small_house.wire(signed_in=True) as wire:
        small_house.hand_over(wire, f"{unique()}@good.test")  # everything that is needed once is in memory
    start = _peak_bytes(small_house)
    with small_house.wire(signed_in=before == "body") as wire:
        if before == "body":
            wire.envelope(f"orders@{DOMAIN}", ["x@good.test"])
        elif before:
            wire.say("EHLO me.test")
            wire.say(before)
        _flood(wire, 24 * MIB)
        if before == "body":
            wire.send(b"\r\n.\r\n")
            assert wire.read().startswith("552 5.3.4")
        with small_house.wire(signed_in=True) as other:  # others are served meanwhile
            assert other.say("NOOP").code == 250
    assert _peak_bytes(small_house) - start < 6 * MIB


def test_SRV_7_SRV_33_too_big_and_too_many_are_refused_and_the_session_goes_on(small_house: House) -> None:
    recipient = f"{unique()}@good.test"
    with small_house.wire(signed_in=True) as wire:
        assert wire.say(f"MAIL FROM:<orders@{DOMAIN}> SIZE={MIB + 1}").startswith("552 5.3.4")
        big = letter(recipient, body=b"0123456789abcdef\r\n" * (MIB // 18 + 10))
        assert small_house.hand_over(wire, recipient, big).startswith("552 5.3.4 Message is too big")
        assert wire.say(f"MAIL FROM:<orders@{DOMAIN}>").code == 250
        codes = [wire.say(f"RCPT TO:<{n}+{recipient}>") for n in range(5)]
        assert [answer.code for answer in codes] == [250, 250, 250, 452, 452]
        assert codes[3] == "452 4.5.3 Too many recipients"
        assert wire.say("DATA").code == 354
        wire.send(letter(recipient).raw + b".\r\n")
        assert wire.read() == "250 Great success"
    for n in range(3):
        small_house.internet.copy(f"{n}+{recipient}")


# -- F1 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["connected", "MAIL", "RCPT", "DATA", "body"])
def test_F1_a_connection_lost_before_the_end_of_data_leaves_nothing(house: House, moment: str) -> None:
    recipient = f"{unique()}@good.test"
    before = books.rows(house.store, "select count(*) as n from message")
    with house.wire(signed_in=True) as wire:
        lines = [f"MAIL FROM:<orders@{DOMAIN}>", f"RCPT TO:<{recipient}>", "DATA"]
        steps = {"connected": 0, "MAIL": 1, "RCPT": 2, "DATA": 3, "body": 3}[moment]
        for line in lines[:steps]:
            assert wire.say(line).code in (250, 354)
        if moment == "body":
            wire.send(letter(recipient).raw + b".\r")
    with house.wire(signed_in=True) as wire:
        assert wire.say("NOOP").code == 250
    assert books.rows(house.store, "select count(*) as n from message") == before
    assert house.internet.to(recipient) == []


# -- talks -----------------------------------------------------------------------------------------------

TALKS = [load(path) for path in find_talks()]
PLAYABLE = [talk for talk in TALKS if talk.needs_nothing_special or set(talk.settings) == {"implicit-tls"}]


@pytest.fixture(scope="module")
def stage(shared_houses: Houses) -> House:
    """A house as the talks know it: bare line ends are refused, any From may be written, nothing leaves."""
    return shared_houses.new(
        settings={
            "smtp": {"bare_line_ends": "reject"},
            "policy": {"from_domain": "any"},
            "delivery": {"capture": True},
        }
    )


class _Stage(SocketConnection):
    """Talks are about the protocol: most of their letters have no From field, which the engine's own session
    does not mind. The house reads such a letter to its end and then refuses it; that stands for the 250."""

    def read_line(self) -> bytes:
        line = super().read_line()
        return b"250 2.0.0 Taken\r\n" if line == NO_FROM else line


NO_FROM = b"550 5.6.0 The message has no From field\r\n"


@pytest.mark.parametrize("talk", PLAYABLE, ids=[talk.name for talk in PLAYABLE])
def test_C_16_talk_over_a_real_socket(stage: House, talk: Talk) -> None:
    names = {
        "HOST": stage.hostname,
        "LOGIN": stage.login,
        "PASSWORD": stage.password,
        "SENDER": f"orders@{DOMAIN}",
        "RECIPIENT": f"{unique()}@good.test",
    }

    def connect(talk: Talk) -> _Stage:
        is_tls = "implicit-tls" in talk.settings
        port = stage.port_tls if is_tls else stage.port
        sock = socket.create_connection(("127.0.0.1", port))
        context: ssl.SSLContext = trusting()
        return _Stage(sock, names, tls=context, is_tls=is_tls)

    play(talk, connect)
