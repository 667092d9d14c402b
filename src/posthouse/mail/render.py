"""From the stored content to the octets that leave: prepare once per message, finish per recipient.

The order on the wire, from the top: DKIM-Signature fields, our Received field (it stands on top of the
stored content), Message-ID and Date where they were missing, the kept fields, an empty line, the body. Kept
fields and body are byte for byte as they came (RW-1): folding, order and case too. Signing is last because
everything before it changes bytes (RFC 6376 5.3).

Public names: Prepared, prepare, finish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from posthouse.mail.dkim import SigningKey, signature_fields
from posthouse.mail.letter import FIELDS_MAX, HEADER_BYTES_MAX, Field, Letter, closed, parse, without
from posthouse.mail.trace import date_field, message_id_field
from posthouse.model.message import Message

# SRV-54: recipients come from the envelope. SRV-51: the return path is the last host's to write.
DROPPED = frozenset({b"bcc", b"resent-bcc", b"return-path"})


@dataclass(slots=True)
class Prepared:
    """`head`: all fields but the signatures, without the empty line; `fields` are their places in it.

    `is_8bit`: there are octets above 127 (needs 8BITMIME); `needs_utf8`: some are in the header (SMTPUTF8).
    """

    head: bytes
    fields: list[Field]
    body: bytes
    is_8bit: bool
    needs_utf8: bool


def prepare(raw: bytes, message: Message) -> Prepared:
    """What all recipients share of the stored content `raw`. Any octets that a door has accepted work.

    Message-ID and Date, where missing, are made of the message's id and time of acceptance, so that a retry
    after a restart sends the same ones.
    """
    # Twice the doors' limits: what was accepted at the limit has grown by our Received field.
    letter = parse(raw, most_bytes=2 * HEADER_BYTES_MAX, most_fields=2 * FIELDS_MAX)
    names = {field.name for field in letter.fields}
    added = b"" if b"message-id" in names else message_id_field(message.id, message.domain)
    if b"date" not in names:
        added += date_field(message.accepted_at)
    head = without(letter, DROPPED)
    fields = letter.fields
    if added or len(head) != letter.header_end:  # something came, went, or the final CRLF was missing
        head = _with_added(head, added, letter)
        fields = parse(head, most_bytes=len(head), most_fields=2 * FIELDS_MAX + 2).fields
    body = closed(letter.body)  # DK-6
    needs_utf8 = not head.isascii()
    return Prepared(head, fields, body, needs_utf8 or not body.isascii(), needs_utf8)


def finish(prepared: Prepared, keys: Sequence[SigningKey], now: int) -> tuple[bytes, bytes]:
    """(head, body) ready to be dot-stuffed; head ends with the empty line. Signs with each of `keys`.

    Thread-safe: reads `prepared`, changes nothing. Nearly all of its time is spent in the RSA operation.
    """
    head, body = prepared.head, prepared.body
    signatures = signature_fields(keys, head, prepared.fields, body, now) if keys else b""
    return b"%b%b\r\n" % (signatures, head), body


def _with_added(head: bytes, added: bytes, letter: Letter) -> bytes:
    """`added` below our Received field if the letter begins with it, else on top."""
    top = letter.fields[:1]
    if not top or top[0].name != b"received":
        return added + head
    at = len(closed(letter.raw[top[0].start : top[0].end]))
    return head[:at] + added + head[at:]
