"""The letters of the crash tests: each can be made again from seed and number, so arrivals are compared
byte by byte."""

from __future__ import annotations

import random
from dataclasses import dataclass

SENDER = "probe@lab.test"
_LINES = (
    "A line like any other.",
    ".",
    "..",
    ".hidden behind a dot",
    "From the beginning of a line",
    "   spaces in front, behind   ",
    "\ttab",
    "",
    "=3D =20 soft=",
    "x" * 900,
    "Grüße aus dem Posthaus ✉",
)


@dataclass(frozen=True, slots=True)
class Letter:
    """`name` is its word in the ledger; `content` has CRLF line ends and no dot-stuffing."""

    name: str
    recipients: tuple[str, ...]
    message_id: str
    content: bytes

    def stuffed(self) -> bytes:
        """The content as DATA carries it, with the final dot (RFC 5321 4.5.2)."""
        body = self.content.replace(b"\r\n.", b"\r\n..")
        return (b"." + body if body.startswith(b".") else body) + b".\r\n"


def letter_of(seed: int, number: int) -> Letter:
    """Letter `number` of the run with that seed: one to three recipients, 300 bytes to 30 KB."""
    rng = random.Random(f"{seed}.{number}")
    count = rng.choice((1, 1, 1, 1, 1, 1, 2, 3))
    recipients = tuple(f"r{number}.{k}@d{rng.randrange(20)}.crash.test" for k in range(count))
    message_id = f"<{seed}.{number}@crash.test>"
    head = (
        f"From: Probe <{SENDER}>\r\nTo: {', '.join(recipients)}\r\nSubject: crash test {number}\r\n"
        f"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: {message_id}\r\nX-Probe: {seed} {number}\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    lines = [rng.choice(_LINES) for _ in range(rng.choice((3, 10, 30, 120)))]
    return Letter(
        f"m{number}", recipients, message_id, head.encode() + "".join(f"{x}\r\n" for x in lines).encode()
    )


def number_of(received: bytes) -> int:
    """The number in the X-Probe header of what arrived; -1 when there is none."""
    at = received.find(b"\r\nX-Probe: ")
    if at < 0:
        return -1
    words = received[at + 11 : received.find(b"\r\n", at + 2)].split()
    return int(words[1]) if len(words) == 2 and words[1].isdigit() else -1


def differs(received: bytes, letter: Letter) -> str:
    """What is wrong with the bytes that arrived, "" when they are ours below the added header fields."""
    if not received.endswith(letter.content):
        return "content-changed"
    added = received[: len(received) - len(letter.content)]
    if not added:
        return "nothing-added"
    if not added.endswith(b"\r\n") or b"\r\n\r\n" in added:
        return "added-fields-broken"
    fields = [
        line.split(b":")[0].lower() for line in added.split(b"\r\n") if line[:1] not in (b" ", b"\t", b"")
    ]
    return "" if set(fields) <= {b"received", b"dkim-signature", b"return-path"} else "unknown-field-added"
