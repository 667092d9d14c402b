"""Mailbox names that name scripts, and the strict checks of the receiving side."""

from __future__ import annotations

import pytest

from posthouse.internet.places import DOMAINS, settled
from posthouse.internet.scripts import (
    EXTENSIONS,
    HOST_SCRIPTS,
    MAILBOX_SCRIPTS,
    Act,
    Deed,
    Step,
    acts_of_mailbox,
)
from posthouse.internet.strictness import Complaint, PathLine, complaints_about, read_path_line
from posthouse.internet.world import World


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("ok", ()),
        ("someone", None),
        ("", None),
        ("+tag", None),
        ("defer", (Step.RCPT, Deed.SAY, 0, 0.0)),
        ("defer-3", (Step.RCPT, Deed.SAY, 3, 0.0)),
        ("DEFER-3+x-9", (Step.RCPT, Deed.SAY, 3, 0.0)),
        ("defer-dot-2", (Step.DOT, Deed.SAY, 2, 0.0)),
        ("defer-3x", None),
        ("421-body", (Step.BODY, Deed.CLOSE, 0, 0.0)),
        ("greylist", (Step.RCPT, Deed.GREYLIST, 0, 60.0)),
        ("greylist-5", (Step.RCPT, Deed.GREYLIST, 0, 5.0)),
        ("slow", (Step.RCPT, Deed.DELAY, 0, 0.2)),
        ("late-50", (Step.DOT, Deed.DELAY, 0, 0.05)),
        ("keep-drop-1", (Step.DOT, Deed.DROP, 1, 0.0)),
        ("malformed-no-code", (Step.RCPT, Deed.RAW, 0, 0.0)),
        ("defer-99999999", None),
    ],
)
def test_mailbox_names(local: str, expected: tuple[object, ...] | None) -> None:
    acts = acts_of_mailbox(local)
    if not expected:
        assert acts == expected
        return
    assert acts
    act: Act = acts[0]
    assert (act.step, act.deed, act.first, act.seconds) == expected


def test_everything_is_explained_in_one_line() -> None:
    domains, mailboxes = World.guide()
    for name, text in [*domains, *mailboxes, *((n, s.help) for n, s in HOST_SCRIPTS.items())]:
        assert text, name
        assert "\n" not in text
        assert len(text) < 80
    assert {f"{name}@" for name in MAILBOX_SCRIPTS} == {name for name, _ in mailboxes}


def test_the_map_has_each_address_once() -> None:
    zone, places, faults = settled(DOMAINS)
    assert len({place.address for place in places}) == len(places)
    assert all(place.address.startswith("127.0.") for place in places)
    assert set(faults) == {"servfail.test", "refused.test", "timeout.test"}
    assert "null-mx.test MX 0 ." in zone


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"MAIL FROM:<a@b.test>", PathLine("a@b.test", "")),
        (b"mail from:<>", PathLine("", "")),
        (b"MAIL FROM:<a@b.test> SIZE=10 BODY=8BITMIME", PathLine("a@b.test", "SIZE=10 BODY=8BITMIME")),
        (b'RCPT TO:<"a b>"@c.test>', PathLine('"a b>"@c.test', "")),
        (b"RCPT TO:<a@b.test> NOTIFY=NEVER", PathLine("a@b.test", "NOTIFY=NEVER")),
        ("MAIL FROM:<ä@b.test> SMTPUTF8".encode(), PathLine("ä@b.test", "SMTPUTF8")),
        ("MAIL FROM:<ä@b.test>".encode(), "553"),
        (b"MAIL FROM: <a@b.test>", "501"),
        (b"MAIL FROM:a@b.test", "501"),
        (b"RCPT TO:<a@b.test> <c@d.test", PathLine("a@b.test", "<c@d.test")),
        (b"RCPT TO:<a b@c.test>", "501"),
        (b"RCPT TO:<a@b.test>x", "501"),
    ],
)
def test_path_lines(line: bytes, expected: PathLine | str) -> None:
    read = read_path_line(line, EXTENSIONS, has_size=True, is_utf8=False)
    if isinstance(read, Complaint):
        assert isinstance(expected, str)
        assert read.reply.startswith(expected)
    else:
        assert read == expected


@pytest.mark.parametrize("params", ["SIZE=1", "BODY=8BITMIME", "SMTPUTF8", "RET=HDRS", "ENVID=x"])
def test_what_is_not_offered_may_not_be_used(params: str) -> None:
    read = read_path_line(f"MAIL FROM:<a@b.test> {params}".encode(), (), has_size=False, is_utf8=False)
    assert isinstance(read, Complaint)
    assert read.reply.startswith("555")


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (b"", 0),
        (b"a: b\r\n\r\nc\r\n", 0),
        (b"x" * 998 + b"\r\n", 0),
        (b"x" * 999 + b"\r\n", 1),
        (b"a\rb\r\n", 1),
        (b"a\nb\r\n", 1),
        (b"a\0b\r\n", 1),
        (b"a", 1),
        (b"\xe4\r\n", 1),
    ],
)
def test_complaints(content: bytes, count: int) -> None:
    assert len(complaints_about(content, is_8bit_declared=False)) == count
    assert not complaints_about(b"\xe4\r\n", is_8bit_declared=True)
