"""A delivered copy as its reader sees it: decoded by Python's own email package, an independent reader.

Public: Copy, read.
"""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from typing import cast

from posthouse.internet.recorder import Arrival

_HREF = re.compile(r"""<a\b[^>]*?href\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_IMAGE = re.compile(r"""<img\b[^>]*?src\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Copy:
    """`raw` is what arrived."""

    raw: bytes
    message: EmailMessage

    def field(self, name: str) -> str:
        """The only field of that name, decoded; "" when there is none."""
        found = self.fields(name)
        assert len(found) < 2, f"{len(found)} {name} fields"
        return found[0] if found else ""

    def fields(self, name: str) -> list[str]:
        return [str(value) for value in self.message.get_all(name, [])]

    @property
    def html(self) -> str:
        return self._text("text/html")

    @property
    def text(self) -> str:
        return self._text("text/plain")

    def _text(self, kind: str) -> str:
        for part in self.message.walk():
            if part.get_content_type() == kind and not part.is_attachment():
                return str(cast(EmailMessage, part).get_content()).replace("\r\n", "\n")
        return ""

    @property
    def links(self) -> list[str]:
        """Where the links of the HTML part lead, as a browser reads them."""
        return [found.replace("&amp;", "&") for found in _HREF.findall(self.html)]

    @property
    def images(self) -> list[str]:
        return [found.replace("&amp;", "&") for found in _IMAGE.findall(self.html)]

    @property
    def body(self) -> bytes:
        """Everything behind the header, as it arrived."""
        return self.raw.partition(b"\r\n\r\n")[2]


def read(arrival: Arrival) -> Copy:
    parsed = email.message_from_bytes(arrival.content, policy=email.policy.default)
    return Copy(arrival.content, cast(EmailMessage, parsed))
