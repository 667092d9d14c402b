"""From the fields and files of a send call to a letter (mailgun.md 4.5, 5.2).

`h:` fields win over the call's own of the same name, as they do at the service. A file without a name is
called `attachment`; an inline file is shown by its name (`cid:NAME`).

Public: SendForm, read_form, build_letter, with_fields.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from posthouse.dialects.mailgun.headers import refusal
from posthouse.dialects.mailgun.parameters import Parameters, plain_name, read_parameters
from posthouse.doors.api.bodies import Form, Upload
from posthouse.doors.api.mailgun.people import People, parse_people
from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.mail.build import Draft, Part, build
from posthouse.mail.fields import ADDRESS_FIELDS, text_field
from posthouse.model.address import Address, BadAddress

_FILES = ("attachment", "inline", "message")
_PEOPLE = ("to", "cc", "bcc")
_OWN_NAME = "attachment"
_TAG = "%recipient"
_types = mimetypes.MimeTypes()  # the interpreter's own table: the same on every machine


@dataclass(slots=True)
class SendForm:
    """`fields` with plain names, in order; `files` by field."""

    fields: list[tuple[str, str]]
    files: list[tuple[str, Upload]]
    options: Parameters = field(default_factory=Parameters)
    _values: dict[str, list[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._values = {}
        for name, value in self.fields:
            self._values.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        """The values of a field that are not empty."""
        return [value for value in self._values.get(name, ()) if value.strip()]

    def last(self, name: str) -> str | None:
        return self._values[name][-1] if name in self._values else None

    def files_of(self, name: str) -> list[Upload]:
        return [file for key, file in self.files if key == name]


def read_form(form: Form, parts: Collection[str]) -> SendForm:
    """`parts`: the parameters that the letter is made of; others are options. Raises Refused for options that
    cannot be read."""
    fields = [(plain_name(name), value) for name, value in form.fields]
    files = []
    for each in form.files:
        name = plain_name(each.name)
        if name in _FILES:
            files.append((name, each))
        else:  # some programs give every field a type, or a file name
            fields.append((name, each.content.decode("utf-8", "replace")))
    return SendForm(fields, files, read_parameters(fields, parts))


def build_letter(form: SendForm, authors: Sequence[Mailbox], people: People) -> tuple[bytes, Address]:
    """The letter, and the address in its From. Raises Refused for what cannot be written."""
    own = _OwnFields(form.options.fields)
    authors = own.people("From") or authors
    draft = Draft(
        author=authors,
        to=() if own.has("to") else people.to,
        cc=() if own.has("cc") else people.cc,
        subject="" if own.has("subject") else form.last("subject") or "",
        fields=own.fields,
        text=_text(form),
        html=_body(form, "html"),
        amp=_body(form, "amp-html"),
        parts=_parts(form),
    )
    return with_fields(build(draft), own.placeholders), authors[0].address


def _text(form: SendForm) -> str | None:
    """A letter whose body a template makes has an empty one until then."""
    if _is_empty(form):
        return "" if form.last("html") is None else None
    return _body(form, "text")


def _body(form: SendForm, name: str) -> str | None:
    """None for an empty one beside others: mailgun-go says `text` with each letter, and a reader that prefers
    text would see nothing."""
    text = form.last(name)
    return text if text or _is_empty(form) else None


def _is_empty(form: SendForm) -> bool:
    return not any(form.last(name) for name in ("text", "html", "amp-html"))


class _OwnFields:
    """The `h:` fields. `placeholders`: addresses to be that only each recipient's values make."""

    def __init__(self, given: Sequence[tuple[str, str]]) -> None:
        self._authors = [text for name, text in given if name.lower() == "from"]
        self.fields: list[tuple[str, str]] = []
        self.placeholders: list[tuple[str, str]] = []
        self._names = {name.lower() for name, _ in given}
        for name, text in given:
            if name.lower() == "from":
                continue
            is_placeholder = name.lower().encode() in ADDRESS_FIELDS and _TAG in text and not _parses(text)
            (self.placeholders if is_placeholder else self.fields).append((name, text))

    def has(self, name: str) -> bool:
        return name in self._names

    def people(self, name: str) -> list[Mailbox]:
        return parse_people(f"h:{name}", self._authors)


def _parses(text: str) -> bool:
    try:
        return bool(parse_mailboxes(text.encode("utf-8", "replace")))
    except BadAddress:
        return False


def _parts(form: SendForm) -> list[Part]:
    for name in ("attachment", "inline"):
        if form.all(name):
            raise refusal(f"'{name}' parameter is not a file")
    parts = []
    for field_name, file in form.files:
        if field_name == "message":
            continue
        name = _base_name(file.filename) or _OWN_NAME
        is_inline = field_name == "inline"
        parts.append(
            Part(
                file.content,
                _type(file, name),
                name,
                content_id=name if is_inline else "",
                is_inline=is_inline,
            )
        )
    return parts


def _base_name(name: str) -> str:
    """Some programs send the whole path of the file on their machine."""
    return name.replace("\\", "/").rpartition("/")[2].strip()


def _type(file: Upload, name: str) -> str:
    kind = file.type.partition(";")[0].strip().lower()
    if kind and kind != "application/octet-stream":
        return file.type
    return _types.guess_type(name)[0] or "application/octet-stream"


def with_fields(letter: bytes, fields: Sequence[tuple[str, str]]) -> bytes:
    """The letter (CRLF line ends) with more fields at the end of its header."""
    if not fields:
        return letter
    lines = b"".join([text_field(name, text) for name, text in fields])
    if letter.startswith(b"\r\n"):
        return lines + letter
    end = letter.find(b"\r\n\r\n")
    at = len(letter) if end < 0 else end + 2
    return letter[:at] + lines + letter[at:]
