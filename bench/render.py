"""What one personalised, tracked copy costs: `python -m bench.render`.

A newsletter of 50 KB to 1,000 recipients, 20 links, five values, pixel and List-Unsubscribe; without the RSA
operation, which another process does. Beside it the ordinary letter, whose cost must not grow with what the
others need, and what the store holds per recipient.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.newsletter import LINKS, newsletter
from posthouse.mail.render import Rendering, finish, is_plain, prepare
from posthouse.mail.tokens import Links
from posthouse.mail.transfer import encode
from posthouse.model.message import Message
from posthouse.model.options import RecipientOptions, SendOptions, options_text

RECIPIENTS = 1000
ROUNDS = 5
ID = "01HF000000ABCDEFGHJKMNPQRS"
TARGET_US = 450
_LINKS = Links(b"k" * 32, "https://email.example.com", "example.com")
_BATCH = SendOptions(
    percent=True, to_each=True, track_opens=True, track_clicks="html", auto_unsubscribe="unsubscribe"
)


def letter(transfer: str) -> bytes:
    body = newsletter().replace("\n", "\r\n").encode()
    if transfer != "8bit":
        body = encode(body, transfer)
    head = (
        "Received: from c.example ([192.0.2.1])\r\n\tby mail.example.com with ESMTPSA id x;\r\n\tx\r\n"
        "From: News <news@example.com>\r\nTo: %recipient%\r\nSubject: News for %recipient.first%\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {transfer}\r\n\r\n"
    )
    return head.encode() + body


def message(options: SendOptions) -> Message:
    return Message(
        ID, "acc", "example.com", "c", "news@example.com", "", "", 0, 1.7e9, 1.8e9, options=options
    )


def personal(number: int) -> RecipientOptions:
    values = {"first": f"Ann{number}", "last": "Example", "code": f"C-{number:05d}", "id": number}
    return RecipientOptions(variables=values)


def measured(work: Callable[[], int]) -> float:
    """CPU microseconds for one of what `work` makes: the median of some rounds."""
    found: list[float] = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        count = work()
        found.append((time.process_time() - begin) / count * 1e6)
    return statistics.median(found)


def personalised(transfer: str) -> dict[str, float]:
    """Microseconds for a copy, and for compiling the letter."""
    raw = letter(transfer)
    people = [personal(number) for number in range(RECIPIENTS)]
    rendering = Rendering(raw, message(_BATCH), _LINKS)

    def copies() -> int:
        for number, each in enumerate(people):
            finish(rendering.copy(f"{ID}.{number:04d}", f"u{number}@far.test", each), (), 0)
        return len(people)

    def compiles() -> int:
        for _ in range(20):
            Rendering(raw, message(_BATCH), _LINKS)
        return 20

    return {"copy_us": round(measured(copies), 1), "compile_us": round(measured(compiles), 1)}


def ordinary() -> dict[str, float]:
    """Microseconds to prepare a letter of 50 KB without tags: by itself, and with the question whether it is
    an ordinary one."""
    raw = letter("8bit").replace(b"%recipient", b"recipient")
    plain = message(SendOptions())
    asked = message(SendOptions(percent=True, dialect="x"))

    def alone() -> int:
        for _ in range(500):
            prepare(raw, plain)
        return 500

    def with_question() -> int:
        for _ in range(500):
            if is_plain(asked.options, raw):
                prepare(raw, asked)
        return 500

    return {
        "prepare_us": round(measured(alone), 1),
        "asked_and_prepared_us": round(measured(with_question), 1),
    }


def stored_bytes() -> int:
    """Octets in a delivery's row for its own values."""
    return round(
        statistics.mean(len(options_text(personal(number)).encode()) for number in range(RECIPIENTS))
    )


def run() -> dict[str, Any]:
    return {
        "links": LINKS,
        "recipients": RECIPIENTS,
        "target_copy_us": TARGET_US,
        "8bit": personalised("8bit"),
        "quoted-printable": personalised("quoted-printable"),
        "base64": personalised("base64"),
        "ordinary": ordinary(),
        "stored_bytes_per_recipient": stored_bytes(),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
