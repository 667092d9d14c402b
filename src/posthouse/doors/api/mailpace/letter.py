"""The body of a call as a letter: what the service documents, and what its real clients send beside.

Clients send empty texts and null for what they do not have, keys that mean nothing, one tag as a text,
several as the text of a list, ids with commas or spaces between them. All of that is understood.

Public: Asked, read_call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.dialects.dialect import Header
from posthouse.dialects.mailpace.options import quoted_list
from posthouse.dialects.mailpace.words import WORDS
from posthouse.doors.api.answers import Said
from posthouse.doors.api.mailpace.answers import INVALID, TOO_MANY, UNDEFINED, UNREADABLE_FROM, error
from posthouse.doors.api.mailpace.attachments import read_files
from posthouse.doors.api.mailpace.errors import Errors
from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.mail.build import Draft
from posthouse.model.address import BadAddress

_RECIPIENTS = ("to", "cc", "bcc")
_is_id = re.compile(r"<[!-;=?-~]{1,900}>\Z").match
_between = re.compile(r"[\s,]+").split


@dataclass(frozen=True, slots=True)
class Asked:
    """`people`: recipients by the field that names them; `options` as for `posting.Posted`."""

    draft: Draft
    people: Mapping[str, Sequence[Mailbox]]
    options: Sequence[Header]


def read_call(value: Any, taken: Callable[[str], Sequence[str]]) -> Asked:
    """The JSON of a call. `taken`: by the author's domain, as in `attachments.read_files`. Raises Said."""
    if not isinstance(value, dict):
        raise Said(error("Invalid request format or content type", 406))
    author = _author(value.get("from"))
    errors = Errors()
    people = {name: _mailboxes(name, value.get(name), errors) for name in _RECIPIENTS}
    if not people["to"] and "to" not in errors.found:
        errors.add("to", UNDEFINED)
    if sum(map(len, people.values())) > WORDS.limits.recipients:
        errors.add("to", TOO_MANY)
    text = errors.text("textbody", value.get("textbody")) or None
    html = errors.text("htmlbody", value.get("htmlbody")) or None
    if text is None and html is None and not {"textbody", "htmlbody"} & errors.found.keys():
        errors.add("htmlbody", UNDEFINED)
    draft = Draft(
        author=author,
        to=people["to"],
        cc=people["cc"],
        reply_to=_mailboxes("replyto", value.get("replyto"), errors),
        subject=errors.text("subject", value.get("subject")),
        fields=_threading(value, errors),
        text=text,
        html=html,
        parts=read_files(value.get("attachments"), taken(author[0].address.domain), errors),
    )
    options = _options(value, errors)
    errors.tell()
    return Asked(draft, people, options)


def _author(value: Any) -> list[Mailbox]:
    try:
        found = parse_mailboxes(value.encode()) if isinstance(value, str) else []
    except (BadAddress, UnicodeEncodeError):
        found = []
    if len(found) != 1:
        raise Said(error(UNREADABLE_FROM))
    return found


def _mailboxes(name: str, value: Any, errors: Errors) -> list[Mailbox]:
    try:
        return parse_mailboxes(errors.text(name, value).encode())
    except (BadAddress, UnicodeEncodeError):
        errors.add(name, INVALID)
        return []


def _threading(value: Mapping[str, Any], errors: Errors) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for name, title in (("inreplyto", "In-Reply-To"), ("references", "References")):
        given = [each for each in _between(errors.text(name, value.get(name))) if each]
        ids = [each if each.startswith("<") else f"<{each}>" for each in given]
        if not all(_is_id(id) for id in ids):
            errors.add(name, INVALID)
        elif ids:
            fields.append((title, " ".join(ids)))
    return fields


def _options(value: Mapping[str, Any], errors: Errors) -> list[Header]:
    """Tags and the list to unsubscribe from, as the option headers that say the same."""
    options: list[Header] = []
    if tags := _tags(value.get("tags"), errors):
        options.append(_header("X-MailPace-Tags", tags))
    if links := errors.text("list_unsubscribe", value.get("list_unsubscribe")):
        options.append(_header("X-List-Unsubscribe", links))
    return options


def _tags(value: Any, errors: Errors) -> str:
    if isinstance(value, str):
        text = value.strip()
        # the gem for Rails documents `['a', 'b']`; any other text is one tag, commas and all
        return text if text.startswith("[") and text.endswith("]") else quoted_list([text] if text else [])
    if value is None:
        return ""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        errors.add("tags", INVALID)
        return ""
    return quoted_list([each for each in value if each.strip()])


def _header(title: str, text: str) -> Header:
    return Header(title.lower(), title, text.encode("utf-8", "replace"))
