"""The parameters of a send call as what they are called in a letter: `o:tag` is `X-Mailgun-Tag`.

An `o:` or `t:` parameter becomes a header beside the letter, read by the same tables as the letter's own
(contract MG-25); of two that say the same the parameter counts, and `o:` before `h:X-Mailgun-…` (our
decision). What stays visible in the mail, tags and user variables, becomes fields of the letter itself.

Public: Parameters, read_parameters, plain_name, PARAMETERS, MOST_OPTION_BYTES.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from posthouse.dialects.dialect import Header
from posthouse.dialects.mailgun.headers import refusal
from posthouse.dialects.mailgun.json_header import object_of
from posthouse.dialects.mailgun.table import ROWS
from posthouse.model.errors import Refused

MOST_OPTION_BYTES = 16_384  # documented: names and values of o:, h:, v: and t: together

_TAG, _VARIABLES = "X-Mailgun-Tag", "X-Mailgun-Variables"
PARAMETERS: dict[str, str] = {row.parameter: row.header for row in ROWS} | {
    "o:tag": _TAG,
    "o:suppress-headers": "X-Mailgun-Suppress-Headers",
    "template": "X-Mailgun-Template-Name",
    "t:version": "X-Mailgun-Template-Version",
    "t:text": "X-Mailgun-Template-Text",
    "t:variables": "X-Mailgun-Template-Variables",
    "recipient-variables": "X-Mailgun-Recipient-Variables",
}
"""Parameter -> header; `v:NAME` is a member of `X-Mailgun-Variables`."""

_PREFIX = "x-mailgun-"
_UNKNOWN = f"{_PREFIX}parameter-"  # no option is called so
_LIST_MARK = re.compile(r"\[\d{0,6}\]\Z")
_VERBATIM = ("h:", "v:")
_BREAK = re.compile("[\r\n\0]")
_is_name = re.compile(r"[!-9;-~]{1,200}\Z").match
# How the letter is built; the parts of the call say that. Mailgun's gem for Rails sends each mail's own.
_BUILT = frozenset({"content-type", "content-transfer-encoding", "content-disposition", "content-id"})


@dataclass(slots=True)
class Parameters:
    """`beside`: option headers, in the order in which they count. `fields`: (name, text) for the letter's
    header, the visible options last."""

    beside: list[Header] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)

    def text_of(self, header: str) -> str:
        """The last value of an option header, "" for none."""
        wanted = header.lower()
        found = [each.raw.decode("utf-8", "replace") for each in self.beside if each.name == wanted]
        return found[-1].strip() if found else ""


def plain_name(name: str) -> str:
    """`to[]`, `o:tag[0]` -> `to`, `o:tag`: how some clients write lists. Own names stay as they are."""
    is_own = not name.endswith("]") or name.startswith(_VERBATIM)
    return name if is_own else _LIST_MARK.sub("", name)


def read_parameters(fields: Sequence[tuple[str, str]], parts: Collection[str] = ()) -> Parameters:
    """The options among the fields of a call (names as `plain_name` gives them), in their order. `parts`:
    the parameters that the letter itself is made of. Raises Refused."""
    _judge_size(fields)
    found = Parameters()
    tags: list[str] = []
    variables: dict[str, Any] = {}
    of_headers: dict[str, Any] = {}
    options: list[Header] = []
    for name, value in fields:
        if name in parts:
            continue
        if name.startswith("h:") and name[2:].strip().lower() in _BUILT:
            options.append(_unknown(name, value))
        elif name.startswith("h:"):
            _read_header(name, value, found, tags, of_headers)
        elif name.startswith("v:"):
            variables[name[2:]] = value
        elif name == "o:tag":
            tags.append(value)
        elif name in PARAMETERS:
            options.append(_beside(PARAMETERS[name], name, value))
        else:  # told as unknown in the accepted event
            options.append(_unknown(name, value))
    found.beside += options
    found.fields += [(_TAG, tag) for tag in tags if tag.strip()]
    if variables or of_headers:
        found.fields.append((_VARIABLES, json.dumps(of_headers | variables)))
    return found


def _judge_size(fields: Iterable[tuple[str, str]]) -> None:
    size = sum(
        [
            len(name.encode("utf-8", "replace")) + len(value.encode("utf-8", "replace"))
            for name, value in fields
            if name[1:2] == ":" and name[0] in "ohvt"
        ]
    )
    if size > MOST_OPTION_BYTES:
        raise refusal("Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total")


def _read_header(
    name: str, value: str, found: Parameters, tags: list[str], variables: dict[str, Any]
) -> None:
    title, text = name[2:].strip(), value.strip()
    _judge_header(title, text)
    lower = title.lower()
    if lower == _TAG.lower():
        tags.append(text)
    elif lower == _VARIABLES.lower():
        given = object_of(text.encode("utf-8", "replace"))
        if given is None:
            raise refusal(f"'{name}' parameter is not a valid JSON")
        variables |= given
    elif lower.startswith(_PREFIX):
        found.beside.append(_beside(title, name, text))
    elif lower != "mime-version":  # it has one value, and ours has it
        found.fields.append((title, text))


def _judge_header(title: str, text: str) -> None:
    """S4: what would be another field is refused, not mended."""
    if not title.isascii():
        raise Refused(554, "5.6.0", f"Header name must be pure ASCII: {title[:200]}", reason="bad-option")
    if not _is_name(title):
        raise refusal(f"Header name is not valid: {title[:200]!r}")
    if _BREAK.search(text):
        raise refusal(f"Header value must be one line: h:{title}")


def _unknown(name: str, value: str) -> Header:
    return _beside(f"{_UNKNOWN}{name.replace(':', '-')[:200]}", name[:200], value)


def _beside(header: str, parameter: str, value: str) -> Header:
    return Header(header.lower(), parameter, value.encode("utf-8", "replace"), is_parameter=True)
