"""Replies: what of a text reaches the wire, and what a peer's octets are read as."""

from __future__ import annotations

import pytest

from posthouse.smtp.replies import PeerError, Reply, ReplyReader, ServerReply

ON_THE_WIRE = {
    "one line": (Reply(250, "2.0.0", "Ok"), b"250 2.0.0 Ok\r\n"),
    "no enhanced code": (Reply(220, "", "here ESMTP"), b"220 here ESMTP\r\n"),
    "empty text keeps the space": (Reply(334, "", ""), b"334 \r\n"),  # AUT-4
    "several lines": (Reply(250, "", ("here", "SIZE 1", "DSN")), b"250-here\r\n250-SIZE 1\r\n250 DSN\r\n"),
    "enhanced on each line": (Reply(550, "5.7.1", ("No", "never")), b"550-5.7.1 No\r\n550 5.7.1 never\r\n"),
    "line breaks become a space": (Reply(550, "5.1.1", "a\r\n250 b\nc\td"), b"550 5.1.1 a 250 b c d\r\n"),
    "controls and 8-bit": (Reply(550, "", "\0\x1b[1mü\u2028\ud800"), b"550 ??[1m???\r\n"),
    "break in one of several": (Reply(250, "", ("a\r\n", "b")), b"250-a \r\n250 b\r\n"),
    "no lines at all": (Reply(250, "", ()), b"250 \r\n"),
}


@pytest.mark.parametrize(("reply", "wire"), ON_THE_WIRE.values(), ids=ON_THE_WIRE)
def test_what_reaches_the_wire(reply: Reply, wire: bytes) -> None:
    assert reply.wire == wire  # SRV-35, EXT-7


@pytest.mark.parametrize(
    "text", ["x" * 2000, "word " * 400, "y" * 399, "z" * 510], ids=["block", "words", "short", "510"]
)
def test_a_long_text_is_continued_within_512_octets(text: str) -> None:
    lines = Reply(550, "5.7.1", text).wire.split(b"\r\n")[:-1]
    assert all(len(line) + 2 <= 512 for line in lines)
    assert all(line.startswith(b"550-5.7.1 ") for line in lines[:-1])
    assert lines[-1].startswith(b"550 5.7.1 ")
    told = b"".join(line[10:] for line in lines).replace(b" ", b"")
    assert told == text.replace(" ", "").encode()


def test_positive_is_2yz_only() -> None:
    assert [Reply(code, "", "").is_positive for code in (199, 250, 299, 354, 450, 550)] == [
        False,
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_reply_is_shown_on_one_line() -> None:
    assert str(Reply(550, "5.1.1", ("No", "such user"))) == "550 5.1.1 No / such user"
    assert str(ServerReply(250, "2.0.0", ["Ok"])) == "250 2.0.0 Ok"
    assert str(ServerReply(220, "", ["mx", "ready"])) == "220 mx ready"


READ = {
    "plain": (b"250 Ok\r\n", [ServerReply(250, "", ["Ok"])]),
    "enhanced": (b"250 2.1.5 Ok\r\n", [ServerReply(250, "2.1.5", ["Ok"])]),
    "code alone": (b"250\r\n", [ServerReply(250, "", [""])]),
    "code and space": (b"354 \r\n", [ServerReply(354, "", [""])]),
    "enhanced alone": (b"250 2.0.0\r\n", [ServerReply(250, "2.0.0", [""])]),
    "class contradicts": (b"550 2.0.0 Hm\r\n", [ServerReply(550, "", ["2.0.0 Hm"])]),
    "no real enhanced code": (b"250 2.0.0.1 v\r\n", [ServerReply(250, "", ["2.0.0.1 v"])]),
    "several lines": (
        b"250-mx greets\r\n250-SIZE 10\r\n250 DSN\r\n",
        [ServerReply(250, "", ["mx greets", "SIZE 10", "DSN"])],
    ),
    "enhanced in several lines": (
        b"550-5.7.1 No\r\n550-5.7.1\r\n550 5.7.1 way\r\n",
        [ServerReply(550, "5.7.1", ["No", "", "way"])],
    ),
    "codes differ, the last counts": (b"250-a\r\n550 b\r\n", [ServerReply(550, "", ["a", "b"])]),  # MX-8
    "bare LF ends a line": (b"250-a\n250 b\n", [ServerReply(250, "", ["a", "b"])]),
    "controls are shown": (b"250 a\x00\x1b\rb\r\n", [ServerReply(250, "", ["a\\x00\\x1b\\x0db"])]),
    "UTF-8": ("250 grüß\r\n".encode(), [ServerReply(250, "", ["grüß"])]),
    "Latin-1": (b"250 gr\xfc\xdf\r\n", [ServerReply(250, "", ["grüß"])]),
    "separator of lines in UTF-8": ("250 a\u2028b\r\n".encode(), [ServerReply(250, "", ["a\\u2028b"])]),
    "text that turns its order": ("250 a\u202ecba\r\n".encode(), [ServerReply(250, "", ["a\\u202ecba"])]),
    "two in one piece": (b"250 a\r\n354 b\r\n", [ServerReply(250, "", ["a"]), ServerReply(354, "", ["b"])]),
    "half a reply": (b"250-a\r\n250 b", []),
}


def read_all(data: bytes, cut: int) -> list[ServerReply]:
    reader, found = ReplyReader(), []
    for at in range(0, len(data), cut):
        reader.feed(data[at : at + cut])
        while (reply := reader.next()) is not None:
            found.append(reply)
    return found


@pytest.mark.parametrize(("data", "expected"), READ.values(), ids=READ)
def test_what_a_peer_says(data: bytes, expected: list[ServerReply]) -> None:
    assert read_all(data, len(data)) == read_all(data, 1) == expected


NO_REPLY = {
    "no code": b"hello\r\n",
    "first digit": b"150 x\r\n",
    "six": b"650 x\r\n",
    "letters": b"2x0 x\r\n",
    "two digits": b"25 x\r\n",
    "four digits": b"2500 x\r\n",
    "odd separator": b"250_x\r\n",
    "empty line": b"\r\n",
    "line without end": b"250 " + b"x" * 5000,
    "line too long": b"250 " + b"x" * 5000 + b"\r\n",
    "too many lines": b"250-x\r\n" * 100,
}


@pytest.mark.parametrize("data", NO_REPLY.values(), ids=NO_REPLY)
@pytest.mark.parametrize("cut", [1, 100_000])
def test_what_is_no_reply(data: bytes, cut: int) -> None:
    with pytest.raises(PeerError):  # MX-8
        read_all(data, cut)


def test_99_lines_and_a_last_are_a_reply() -> None:
    [reply] = read_all(b"250-x\r\n" * 99 + b"250 y\r\n", 1000)
    assert len(reply.lines) == 100
    assert reply.text.endswith("x y")


def test_octets_behind_a_reply_can_be_dropped() -> None:  # TLS-4
    reader = ReplyReader()
    reader.feed(b"220 go on\r\n250-evil\r\n250 ev")
    assert reader.next() == ServerReply(220, "", ["go on"])
    assert reader.next() is None
    assert reader.has_unread
    reader.drop()
    assert not reader.has_unread
    reader.feed(b"250 true\r\n")
    assert reader.next() == ServerReply(250, "", ["true"])
    assert not reader.has_unread
