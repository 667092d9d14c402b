"""From the form of the second version's `mail.send` to a letter and its options (sendgrid.md 3.14).

Lists come as `to[]`, as `to[0]` or as one `to`. Own header fields and `x-smtpapi` are JSON in a field.

Public: OldForm, read_form, build_letter, Wrong.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from posthouse.dialects.dialect import Header
from posthouse.dialects.sendgrid.draft import NAME
from posthouse.dialects.sendgrid.mail_rules.faults import shown
from posthouse.dialects.sendgrid.mail_rules.fields import RESERVED
from posthouse.doors.api.bodies import Form
from posthouse.mail.addresses import Mailbox
from posthouse.mail.build import Draft, Part, build
from posthouse.model.address import BadAddress, parse_address

MOST_PEOPLE = 1_000  # of the form itself; x-smtpapi may name more
_place = re.compile(r"\[[0-9]{0,5}\]\Z")
_named = re.compile(r"(files|content)\[(.*)\]\Z", re.DOTALL)
_types = mimetypes.MimeTypes()  # the interpreter's own table: the same on every machine


class Wrong(Exception):
    """The call cannot be done; the text says why, in the service's words where they are known."""


@dataclass(slots=True)
class OldForm:
    """`texts`: the values of a field by its name without `[]`; `people`: by `to`, `cc`, `bcc`; `files` and
    `cids` by file name; `smtpapi`: {} without that field."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    people: dict[str, list[Mailbox]] = field(default_factory=dict)
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    cids: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    smtpapi: dict[str, Any] = field(default_factory=dict)

    def last(self, name: str) -> str:
        return self.texts.get(name, [""])[-1]

    @property
    def has_template(self) -> bool:
        """A template may make subject and body."""
        filters = self.smtpapi.get("filters")
        return isinstance(filters, dict) and "templates" in filters

    @property
    def options(self) -> list[Header]:
        """The header that the letter would have by SMTP, beside it."""
        return [Header(NAME.lower(), NAME, json.dumps(self.smtpapi).encode())] if self.smtpapi else []


def read_form(form: Form) -> OldForm:
    """Raises Wrong."""
    found = _sorted(form)
    found.smtpapi = _object(found.last("x-smtpapi"), "JSON in x-smtpapi could not be parsed")
    found.headers = _headers(found.last("headers"))
    found.people = {name: _people(found, name) for name in ("to", "cc", "bcc")}
    if sum(map(len, found.people.values())) > MOST_PEOPLE:
        raise Wrong(f"Too many recipients: {MOST_PEOPLE:,} are the most, x-smtpapi may name more")
    _judge(found)
    return found


def _sorted(form: Form) -> OldForm:
    found = OldForm()
    for name, value in form.fields:
        special = _named.match(name)
        if special is None:
            found.texts.setdefault(_place.sub("", name).lower(), []).append(value)
        elif special[1] == "files":
            found.files[special[2]] = value.encode(), ""
        else:
            found.cids[special[2]] = value
    for upload in form.files:
        special = _named.match(upload.name)
        name = (special[2] if special else "") or upload.filename
        found.files[name] = upload.content, upload.type
    return found


def _judge(found: OldForm) -> None:
    if not found.last("from").strip():
        raise Wrong("Empty from email address (required)")
    if not found.people["to"]:
        raise Wrong("Missing destination email")
    if found.has_template:
        return
    if not found.last("subject"):
        raise Wrong("Missing subject")
    if not found.last("text") and not found.last("html"):
        raise Wrong("Missing email body")


def _object(text: str, sentence: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Wrong(sentence) from error
    if not isinstance(value, dict):
        raise Wrong(sentence)
    return value


def _headers(text: str) -> dict[str, str]:
    found = _object(text, "JSON in headers could not be parsed")
    for name, value in found.items():
        if name.lower() in RESERVED or name.lower() == NAME.lower():
            raise Wrong(f"The header {shown(name)} cannot be given in headers")
        if not isinstance(value, str):
            raise Wrong(f"The header {shown(name)} must be a text")
    return found


def _people(found: OldForm, name: str) -> list[Mailbox]:
    """Names belong to addresses by their place."""
    names = found.texts.get(f"{name}name", [])
    given = [each for each in found.texts.get(name, []) if each.strip()]
    return [_mailbox(each, names[at] if at < len(names) else "") for at, each in enumerate(given)]


def _mailbox(address: str, name: str = "") -> Mailbox:
    try:
        return Mailbox(name.strip(" \t"), parse_address(address.strip(" \t")))
    except BadAddress as error:
        raise Wrong(f"Invalid email address {shown(address)}: {error}") from error


# The letter


def build_letter(form: OldForm, id: str) -> tuple[bytes, Mailbox]:
    """The letter and its author. `id`: the left side of its Message-ID. Raises Wrong, Refused."""
    author = _mailbox(form.last("from"), form.last("fromname"))
    has_id = any(name.lower() == "message-id" for name in form.headers)
    draft = Draft(
        author=[author],
        to=form.people["to"],
        cc=form.people["cc"],
        reply_to=[_mailbox(each) for each in form.texts.get("replyto", [])[-1:] if each.strip()],
        subject=form.last("subject"),
        fields=list(form.headers.items()),
        text=form.last("text") or None,
        html=form.last("html") or None,
        parts=_parts(form),
        date=_date(form.last("date")),
        message_id="" if has_id else f"<{id}@{author.address.domain}>",
    )
    return build(draft), author


def _date(text: str) -> float:
    """Unix seconds; 0.0 for none (RFC 5322 3.3, as the service wants it)."""
    if not text.strip():
        return 0.0
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError, OverflowError) as error:
        raise Wrong(
            f"Invalid date {shown(text)}: it is written like Thu, 01 Jan 2026 12:00:00 +0000"
        ) from error


def _parts(form: OldForm) -> Sequence[Part]:
    unknown = next((name for name in form.cids if name not in form.files), None)
    if unknown is not None:
        raise Wrong(f"content names the file {shown(unknown)}, which is not in files")
    return [
        Part(
            content,
            kind or _types.guess_type(name)[0] or "application/octet-stream",
            name,
            content_id=form.cids.get(name, ""),
            is_inline=name in form.cids,
        )
        for name, (content, kind) in form.files.items()
    ]
