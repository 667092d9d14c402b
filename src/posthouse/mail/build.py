"""A letter made of what an API call says: texts, files, addresses, a subject, fields of the caller's own.

mixed(alternative(plain, AMP, related(HTML, inline parts), other alternatives), attachments); a level with one
part is left out. Text in ASCII whose lines fit goes as it is, all other text and every file is encoded.

Nothing that a caller says can end a field or begin one (S3, S4): line breaks, NUL and lone surrogates in
names, values, file names and types are refused, other control characters are dropped. A caller that would
rather have line breaks made harmless passes its texts through `fields.one_line` first.

Public: Part, Draft, build. Raises: Refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.mail.entities import Entity, multipart, text_entity
from posthouse.mail.fields import ADDRESS_FIELDS, MAX_CHARS, address_field, is_field_name, text_field
from posthouse.mail.file_parts import Part, alternative, attachment, embedded
from posthouse.mail.letter import HEADER_BYTES_MAX
from posthouse.mail.trace import date_field
from posthouse.mail.words import decode_words
from posthouse.model.address import BadAddress
from posthouse.model.errors import Refused

__all__ = ["Draft", "Part", "build"]

MOST_PARTS = 500
MOST_FIELDS = 1000
_HEADER_BYTES = HEADER_BYTES_MAX - 65_536  # the rest is for what the house adds

# RFC 5322 3.6: of each at most one.
_SINGLE = frozenset(
    {"sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "references", "subject", "date"}
)
# What the builder alone says. RFC 5322 3.6.3: a blind copy's recipient is shown to nobody.
_OURS = frozenset({"from", "mime-version", "bcc", "resent-bcc"})
_has_break = re.compile("[\0\r\n\v\f\x85\u2028\u2029\ud800-\udfff]").search
_has_word = re.compile(r"=\?[^?\s]+\?[BbQq]\?[^?]*\?=").search
_is_message_id = re.compile(r"<[!-;=?-~]{1,900}>\Z").match


class Draft(msgspec.Struct, frozen=True):
    """What a letter is to hold.

    `author`: the From field, at least one. `subject` and display names may hold encoded words (RFC 2047).
    `fields`: further fields (name, value) in order; none that the draft itself says elsewhere. Texts None:
    there is none of that kind. `alternatives` come behind the HTML (an invitation). `parts`: attachments, and
    inline parts that the HTML shows by their Content-ID. `date` 0.0 and `message_id` "": the field is left
    out, and written when the letter leaves.
    """

    author: Sequence[Mailbox]
    to: Sequence[Mailbox] = ()
    cc: Sequence[Mailbox] = ()
    reply_to: Sequence[Mailbox] = ()
    subject: str = ""
    fields: Sequence[tuple[str, str]] = ()
    text: str | None = None
    html: str | None = None
    amp: str | None = None
    alternatives: Sequence[Part] = ()
    parts: Sequence[Part] = ()
    date: float = 0.0
    message_id: str = ""


def build(draft: Draft) -> bytes:
    """The letter with CRLF line ends. Raises Refused (`no-from`, `bad-address`, `bad-field`, `bad-part`)."""
    header = _header(draft)
    entity = _body(draft)
    end = b"\r\n" if entity.body[-1] and not entity.body[-1].endswith(b"\r\n") else b""
    return b"".join([header, b"MIME-Version: 1.0\r\n", entity.fields, b"\r\n", *entity.body, end])


def _body(draft: Draft) -> Entity:
    if len(draft.parts) + len(draft.alternatives) > MOST_PARTS:
        raise Refused(550, "5.6.0", f"There are more than {MOST_PARTS} files", reason="bad-part")
    seed = f"{draft.message_id} {draft.date} {draft.subject}"
    related: list[Entity] = []
    mixed: list[Entity] = []
    for part in draft.parts:
        if not part.is_inline or draft.html is None:
            mixed.append(attachment(part))
        else:
            # what no Content-ID names cannot be shown by the HTML: it stands below it
            (related if part.content_id.strip() else mixed).append(embedded(part))
    bodies = _bodies(draft, related, seed)
    if not bodies and not mixed:
        bodies = [text_entity("text/plain", "", may_be_raw=True)]
    if bodies:
        mixed.insert(0, multipart("alternative", bodies, seed))
    return multipart("mixed", mixed, seed)


def _bodies(draft: Draft, related: Sequence[Entity], seed: str) -> list[Entity]:
    """The forms of the body, the best one last (RFC 2046 5.1.4)."""
    bodies: list[Entity] = []
    if draft.text is not None:
        bodies.append(text_entity("text/plain", draft.text, may_be_raw=True))
    if draft.amp is not None:
        bodies.append(text_entity("text/x-amp-html", draft.amp, may_be_raw=True))
    if draft.html is not None:
        page = text_entity("text/html", draft.html, may_be_raw=True)
        bodies.append(multipart("related", [page, *related], seed, 'type="text/html"'))
    bodies += [alternative(part) for part in draft.alternatives]
    return bodies


# The header


def _header(draft: Draft) -> bytes:
    if not draft.author:
        raise Refused(550, "5.6.0", "From needs an address", reason="no-from")
    lines = [_mailboxes("From", draft.author)]
    names = {"from"}
    for name, mailboxes in (("To", draft.to), ("Cc", draft.cc), ("Reply-To", draft.reply_to)):
        if mailboxes:
            lines.append(_mailboxes(name, mailboxes))
            names.add(name.lower())
    if draft.subject:
        lines.append(text_field("Subject", _shown(_safe(draft.subject, "The subject"))))
        names.add("subject")
    if draft.date:
        lines.append(date_field(draft.date))
        names.add("date")
    if draft.message_id:
        lines.append(_message_id(draft.message_id))
        names.add("message-id")
    lines += _own_fields(draft.fields, names)
    if len(draft.author) > 1 and "sender" not in names:
        # RFC 5322 3.6.2: several authors need one who sent it
        lines.insert(1, _mailboxes("Sender", draft.author[:1]))
    header = b"".join(lines)
    if len(header) > _HEADER_BYTES:
        raise _bad("The header is too large: fewer or shorter fields, or fewer recipients in it")
    return header


def _mailboxes(name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    return address_field(
        name, [(_shown(_safe(each.name, f"A name in {name}")), each.address) for each in mailboxes]
    )


def _own_fields(fields: Sequence[tuple[str, str]], names: set[str]) -> list[bytes]:
    """The caller's fields; `names` (lower case) are those that are there, and get theirs."""
    if len(fields) > MOST_FIELDS:
        raise _bad(f"There are more than {MOST_FIELDS} header fields")
    lines: list[bytes] = []
    for name, value in fields:
        if not is_field_name(name):
            raise _bad(f"{name[:100]!a} is no name of a header field: ASCII without spaces and colons")
        low = name.lower()
        if low == "mime-version" and value.strip() == "1.0":  # programs say by habit what ours says already
            continue
        if low in _OURS or low.startswith("content-"):
            raise _bad(f"The header field {name} cannot be given this way")
        if low in _SINGLE and low in names:
            raise _bad(f"The header field {name} is there twice")
        names.add(low)
        lines.append(_own_field(name, low, value))
    return lines


def _own_field(name: str, low: str, value: str) -> bytes:
    value = _safe(value, f"The header field {name}")
    if low == "message-id":
        return _message_id(value)
    if low.encode() not in ADDRESS_FIELDS or not value.strip():
        return text_field(name, _shown(value))
    try:
        return _mailboxes(name, parse_mailboxes(value.encode()))
    except BadAddress as error:
        text = f"The header field {name} cannot be read: {error}"
        raise Refused(550, "5.6.0", text, reason="bad-address") from error


def _message_id(value: str) -> bytes:
    value = value.strip()
    if not value.startswith("<"):
        value = f"<{value}>"
    if not _is_message_id(value):
        raise _bad("The Message-ID is none: <left@right> in ASCII, without spaces")
    return f"Message-ID: {value}\r\n".encode()


def _safe(text: str, what: str) -> str:
    """`text` as it was. Raises Refused when it could end a line, or is longer than a field may be."""
    if len(text) > MAX_CHARS:
        raise _bad(f"{what} is longer than {MAX_CHARS} characters")
    if not (text.isascii() and text.isprintable()) and _has_break(text):
        raise _bad(f"{what} must not hold line breaks, NUL or broken characters")
    return text


def _shown(text: str) -> str:
    """A text that was encoded for us already is meant as what it says."""
    return decode_words(text.encode()) if "=?" in text and len(text) <= 16_000 and _has_word(text) else text


def _bad(text: str) -> Refused:
    return Refused(550, "5.6.0", text, reason="bad-field")
