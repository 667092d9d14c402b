"""The `%recipient.key%` syntax: one expression, and the rules of what takes a tag's place.

    %recipient.key%                the recipient's own value; the key runs to the next % of the line
    %recipient.key|text%           the same, with a text for those who have no such value or an empty one
    %recipient%                    "Bob" <bob@example.com>
    %recipient_email%  _name%      the address, the display name
    %recipient_fname%  _lname%     the first word of the name, and the last if there are two
    %unsubscribe_url% and others   see `LINKS`: the caller makes the link

A tag without a value stays in the text as it is (observed), so that the author sees what is missing. Values
are put in as they are, in HTML too: authors pass markup. Numbers and booleans appear as in JSON, null as "".

Public: PATTERN, LINKS, value_of, link_of, personal_metadata.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# Each attempt ends at the next per cent sign or line end, where the next one may begin: linear.
PATTERN = re.compile(
    r"%(?:recipient(?:\.([^%\r\n]++)|_(email|name|fname|lname))?"
    r"|((?:tag_|mailing_list_)?unsubscribe_(?:url|email)))%"
)

# Tag -> kind of link (model.options.LINK_KINDS). There are no mailing lists here: leaving one means leaving
# the sending domain's mail.
LINKS = {
    "unsubscribe_url": "unsubscribe",
    "tag_unsubscribe_url": "unsubscribe_tags",
    "mailing_list_unsubscribe_url": "unsubscribe",
    "unsubscribe_email": "unsubscribe_email",
    "tag_unsubscribe_email": "unsubscribe_email",
    "mailing_list_unsubscribe_email": "unsubscribe_email",
}

_ABSENT = object()


def value_of(match: re.Match[str], address: str, name: str, variables: Mapping[str, Any]) -> str | None:
    """What takes the place of a match of `PATTERN`; None: leave the text as it is, or it is a link.

    `address` in wire form, `name` the display name or "", `variables` this recipient's own.
    """
    if match[1] is not None:
        return _variable(match[1], variables)
    if match[3] is not None:
        return None
    part = match[2]
    if part is None:
        return _full(address, name)
    if part == "email":
        return address
    if part == "name":
        return name
    words = name.split()
    if part == "fname":
        return words[0] if words else ""
    return words[-1] if len(words) > 1 else ""


def link_of(match: re.Match[str]) -> str:
    """The kind of link that a match of `PATTERN` stands for, "" when it is none."""
    return LINKS[match[3]] if match[3] is not None else ""


def personal_metadata(
    metadata: Mapping[str, Any], variables: Mapping[str, Any], address: str = "", name: str = ""
) -> dict[str, Any]:
    """The message's own data with one recipient's values in it; equal to `metadata` if it holds no tags.

    Only values change, at any depth, never keys; a value with a tag is a string afterwards too. Without
    `address` the tags of address and name stay.
    """

    def fill(match: re.Match[str]) -> str:
        if match[1] is None and not address:
            return match[0]
        value = value_of(match, address, name, variables)
        return match[0] if value is None else value

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return PATTERN.sub(fill, value) if "%recipient" in value else value
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [filled(item) for item in value]
        return value

    return {key: filled(value) for key, value in metadata.items()}


def _variable(inside: str, variables: Mapping[str, Any]) -> str | None:
    """`key` or `key|text`; a key that really holds a bar comes first."""
    value = variables.get(inside, _ABSENT)
    if value is not _ABSENT:
        return _text(value)
    key, bar, fallback = inside.partition("|")
    if not bar:
        return None
    return _text(variables.get(key)) or fallback


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _full(address: str, name: str) -> str:
    """RFC 5322 3.4: the name as a quoted string."""
    if not name:
        return address
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'
