"""What a sender gets whose letter was not sent for its spam score: the letter and the report, as a form.

The fields have the names that the service's parser of incoming mail posts (documented: "a copy of your email
along with the spam report"): email, from, to, subject, envelope, spam_score, spam_report.

Public: form, form_type.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from posthouse.model.message import Message

_LINE = b"\r\n"


def form(message: Message, recipient: str, letter: bytes, score: float, report: str) -> bytes:
    """A multipart/form-data body (RFC 7578). Its boundary is made of all that is in it, so nothing in it can
    name it."""
    envelope = msgspec.json.encode({"from": message.sender, "to": [recipient]})
    fields = (
        (b"email", letter),
        (b"from", _octets(message.author)),
        (b"to", _octets(message.addressed)),
        (b"subject", _octets(message.subject)),
        (b"envelope", envelope),
        (b"spam_score", b"%.1f" % score),
        (b"spam_report", _octets(report)),
    )
    boundary = sha256(_LINE.join(value for _, value in fields)).hexdigest().encode()
    parts = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, name, value)
        for name, value in fields
    ]
    return b"".join([*parts, b"--%b--\r\n" % boundary])


def form_type(content: bytes) -> str:
    """The Content-Type of such a body, by its first line."""
    boundary = content.partition(_LINE)[0].removeprefix(b"--").decode("ascii", "replace")
    return f"multipart/form-data; boundary={boundary}"


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "replace")
