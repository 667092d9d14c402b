"""Copies made of small letters, read back by Python's own email package.

Public: Made, made, letter, parts, LINKS, ID, RECIPIENT.
"""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage

from posthouse.mail.canon import body_hash
from posthouse.mail.render import Prepared, Rendering
from posthouse.mail.tokens import Links, Token, read_token, verify
from posthouse.model.message import Message
from posthouse.model.options import NOBODY_SPECIAL, RecipientOptions, SendOptions

ID = "01HF000000ABCDEFGHJKMNPQRS"
RECIPIENT = "bob@far.test"
KEY = b"k" * 32
BASE = "https://email.shop.test"
LINKS = Links(KEY, BASE, "shop.test")
RECEIVED = b"Received: from c.test ([192.0.2.1])\r\n\tby mail.test; x\r\n"
FROM = b"From: Shop <a@shop.test>\r\n"


@dataclass(frozen=True, slots=True)
class Made:
    """A copy: the octets, and what a reader sees."""

    prepared: Prepared
    parsed: EmailMessage

    @property
    def whole(self) -> bytes:
        return self.prepared.head + b"\r\n" + self.prepared.body

    def field(self, name: str) -> str | None:
        found = self.parsed.get_all(name, [])
        assert len(found) < 2
        return str(found[0]) if found else None

    def text(self, kind: str) -> str:
        for part in self.parsed.walk():
            if part.get_content_type() == f"text/{kind}" and not part.is_attachment():
                return str(part.get_content()).replace("\r\n", "\n").rstrip("\n")
        raise AssertionError(f"no text/{kind}")

    @property
    def html(self) -> str:
        return self.text("html")

    @property
    def plain(self) -> str:
        return self.text("plain")


def message(options: SendOptions, domain: str = "shop.test") -> Message:
    return Message(ID, "acc", domain, "c", "a@shop.test", "", "", 0, 1_700_000_000.0, 1.8e9, options=options)


def made(
    raw: bytes,
    options: SendOptions,
    personal: RecipientOptions = NOBODY_SPECIAL,
    *,
    number: int = 0,
    recipient: str = RECIPIENT,
) -> Made:
    """One copy; its hash is checked."""
    prepared = Rendering(raw, message(options), LINKS).copy(f"{ID}.{number:04d}", recipient, personal)
    assert prepared.body_hash == body_hash(prepared.body)
    assert prepared.is_8bit == (not (prepared.head + prepared.body).isascii())
    whole = prepared.head + b"\r\n" + prepared.body
    return Made(prepared, email.message_from_bytes(whole, policy=email.policy.default))


def letter(
    *,
    html: str = "",
    plain: str = "",
    subject: str = "Hello",
    head: bytes = b"To: bob@far.test\r\n",
    charset: str = "utf-8",
    transfer: str = "8bit",
) -> bytes:
    """A letter with one text or, with both, alternatives."""
    top = RECEIVED + FROM + head + f"Subject: {subject}\r\nMIME-Version: 1.0\r\n".encode()
    bodies = [(kind, text) for kind, text in (("plain", plain), ("html", html)) if text]
    entities = [
        f"Content-Type: text/{kind}; charset={charset}\r\n".encode()
        + f"Content-Transfer-Encoding: {transfer}\r\n\r\n".encode()
        + text.replace("\n", "\r\n").encode(charset)
        for kind, text in bodies
    ]
    if len(entities) == 1:
        return top + entities[0] + b"\r\n"
    inside = b"".join([b"--b\r\n" + each + b"\r\n" for each in entities])
    return top + b"Content-Type: multipart/alternative; boundary=b\r\n\r\n" + inside + b"--b--\r\n"


def token_in(url: str) -> Token:
    """The token of a link of ours, checked."""
    assert url.startswith(BASE), url
    token = read_token(url.rpartition("/")[2].removesuffix(".gif"))
    assert token is not None
    assert verify(token, KEY)
    return token
