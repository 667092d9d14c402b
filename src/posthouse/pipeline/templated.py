"""A stored template and a letter become one letter. Pure.

A `handlebars` version's texts take the place of the letter's and stay a source: each recipient's values are
filled in when the copy is made. A `wrapper` version encloses the letter's own text at `<% body %>` and its
subject at `<% subject %>`; without such a tag the letter's own is left out (service behaviour, documented for
the tags, our decision for the rest).

Public: with_template, prove, subject_of.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from posthouse.mail import letter as letters
from posthouse.mail.html_text import text_of_html
from posthouse.mail.letter import FIELDS_MAX, HEADER_BYTES_MAX, Letter
from posthouse.mail.words import decode_words
from posthouse.store.templates import WRAPPER, Version

_BODY = re.compile(r"<%[ \t]*body[ \t]*%>", re.IGNORECASE)
_SUBJECT = re.compile(r"<%[ \t]*subject[ \t]*%>", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]+")
_MOST_CHARS = 10_000
_PLAIN_MAX = 900  # RFC 5322 2.1.1: 998 octets a line, with the field's name
_WORD_OCTETS = 42  # RFC 2047 2: an encoded word has at most 75 characters
_CHARSETS = re.compile(r"(us-ascii|utf-?8|iso-8859-[0-9]{1,2}|windows-125[0-8]|koi8-[ru])\Z")
# For letters that lack them; others of the version's fields are not used.
_FIELDS = ("Subject", "From", "Reply-To")


def with_template(raw: bytes, version: Version, *, wants_text: bool, keeps_subject: bool = True) -> bytes:
    """The letter with the version's texts, and with those of its fields that the letter lacks.

    `wants_text`: make a plain part of the HTML where the version has none. `keeps_subject` False: the
    version's subject goes before the letter's.
    """
    # late: who sends without templates need not load this
    from posthouse.mail.compose import with_texts

    letter = _parsed(raw)
    html, text = version.html, version.text
    if version.engine == WRAPPER:
        own_html, own_text = _own_texts(letter)
        html, text = _wrapped(html, own_html, own_text), _wrapped_text(text, own_text)
        raw = _with_wrapped_subject(letter, version.fields.get("Subject", ""))
    else:
        raw = _with_missing(letter, version.fields, keeps_subject)
    if wants_text and not text and html:
        text = text_of_html(html)
    return with_texts(_parsed(raw), html or None, text or None)


def prove(version: Version, data: Mapping[str, Any]) -> None:
    """Compile and render all of a handlebars version once. Raises TemplateError."""
    if version.engine == WRAPPER:
        return
    from posthouse.mail.handlebars import compile_template

    compile_template(version.html).render(data)
    for source in (version.text, *version.fields.values()):
        compile_template(source).render(data, escapes=False)


def subject_of(raw: bytes, data: Mapping[str, Any] | None) -> str:
    """The letter's subject for people to read; `data`: it is a template, filled with these."""
    subject = decode_words(_parsed(raw).first(b"subject") or b"")
    if data is None or "{{" not in subject:
        return subject
    from posthouse.mail.handlebars import TemplateError, compile_template

    try:
        return compile_template(subject).render(data, escapes=False)
    except TemplateError:  # the letter's own subject: nobody proved it
        return subject


def _parsed(raw: bytes) -> Letter:
    # what a door took at its limit has grown by our Received field
    return letters.parse(raw, most_bytes=2 * HEADER_BYTES_MAX, most_fields=2 * FIELDS_MAX)


# -- wrappers ------------------------------------------------------------


def _own_texts(letter: Letter) -> tuple[str, str]:
    """The letter's first HTML and plain texts, "" where there is none."""
    from posthouse.mail.parts import text_parts
    from posthouse.mail.transfer import decode

    found = {"html": "", "plain": ""}
    for part in text_parts(letter):
        octets = decode(letter.raw[part.start : part.end], part.transfer)
        if octets is not None and not found.get(part.kind, "other"):
            charset = part.charset if _CHARSETS.match(part.charset) else "utf-8"
            found[part.kind] = octets.decode(charset, "replace").removesuffix("\r\n")
    return found["html"], found["plain"]


def _wrapped(wrapper: str, html: str, text: str) -> str:
    """A letter with a text alone stays one: its HTML would be an empty frame (documented)."""
    if not html and text:
        return ""
    return _BODY.sub(lambda _: html, wrapper)


def _wrapped_text(wrapper: str, text: str) -> str:
    return _BODY.sub(lambda _: text, wrapper) if wrapper else text


def _with_wrapped_subject(letter: Letter, wrapper: str) -> bytes:
    if not wrapper:
        return letter.raw
    own = decode_words(letter.first(b"subject") or b"")
    return _with_field(letter, "Subject", _SUBJECT.sub(lambda _: own, wrapper).strip())


# -- fields ------------------------------------------------------------


def _with_missing(letter: Letter, fields: Mapping[str, str], keeps_subject: bool) -> bytes:
    for name in _FIELDS:
        value = next((text for given, text in fields.items() if given.lower() == name.lower()), "")
        is_over = name == "Subject" and not keeps_subject
        if value and (is_over or letter.first(name.lower().encode()) in (None, b"")):
            letter = _parsed(_with_field(letter, name, value))
    return letter.raw


def _with_field(letter: Letter, name: str, value: str) -> bytes:
    """The letter with this field in the place of one of that name, else below our Received field."""
    line = f"{name}: ".encode() + _written(value) + b"\r\n"
    wanted = name.lower().encode()
    for field in letter.fields:
        if field.name == wanted:
            return letter.raw[: field.start] + line + letter.raw[field.end :]
    at = letter.fields[0].end if letter.fields and letter.fields[0].name == b"received" else 0
    return letter.raw[:at] + line + letter.raw[at:]


def _written(value: str) -> bytes:
    """A field's value on one line, in encoded words where ASCII cannot say it (RFC 2047)."""
    text = _CONTROLS.sub(" ", value)[:_MOST_CHARS].strip()
    if text.isascii() and len(text) <= _PLAIN_MAX and "=?" not in text:
        return text.encode()
    return b"\r\n ".join([b"=?utf-8?B?" + base64.b64encode(part) + b"?=" for part in _parts(text)])


def _parts(text: str) -> list[bytes]:
    """UTF-8 in pieces of whole characters (RFC 2047 5)."""
    parts = [b""]
    for char in text:
        octets = char.encode()
        if len(parts[-1]) + len(octets) > _WORD_OCTETS:
            parts.append(b"")
        parts[-1] += octets
    return parts
