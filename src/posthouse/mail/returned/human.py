"""The text for people in a returned letter, up to where it quotes the letter that it is about.

The quoted letter begins behind a line that announces it, or at the first block of header fields that only a
whole letter has.

Public: Human, read_human.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from posthouse.mail.returned.sections import ABOUT_TYPES, Fields, Section, parse_fields
from posthouse.mail.returned.words import QUOTED, flat, says

TEXT_MAX = 65_536
_LINES_MAX = 2_000
_PEEK = 12  # lines behind an announcement in which the quoted header must begin
_match_field = re.compile(r"[>|\s]{0,8}([A-Za-z][A-Za-z0-9-]{1,60}):(?:\s|\Z)").match
_is_rule = re.compile(r"[ \t]*[-=_*|+#~]{2}").match
_OF_A_LETTER = frozenset(
    {
        "received", "message-id", "mime-version", "return-path", "content-type", "x-mailer", "delivered-to",
        "dkim-signature", "x-priority", "content-transfer-encoding", "in-reply-to", "references",
        "user-agent", "domainkey-signature", "list-unsubscribe", "x-originating-ip", "authentication-results",
    }
)  # fmt: skip
_ENVELOPE = frozenset({"from", "to", "subject", "date", "sender", "reply-to", "cc"})
_COMMON = _OF_A_LETTER | _ENVELOPE


@dataclass(frozen=True, slots=True)
class Human:
    """`text` with LF line ends, cut at 64 KiB; `quoted` the fields of the letter below it, if any."""

    text: str
    quoted: Fields


def read_human(sections: list[Section]) -> Human:
    """The plain texts, or the HTML ones if those say nothing."""
    for kinds in ("text/plain", "text/html"):
        texts = [each.text for each in sections if _is_text(each.type, kinds)]
        text = "\n".join(texts)[:TEXT_MAX]
        if text.strip():
            return _cut(text)
    return Human("", Fields())


def _is_text(kind: str, wanted: str) -> bool:
    if wanted == "text/html":
        return kind == "text/html"
    return kind not in ABOUT_TYPES and kind != "text/html" and kind.startswith(("text", "message/delivery"))


def _cut(text: str) -> Human:
    lines = text.split("\n")[:_LINES_MAX]
    for number, line in enumerate(lines):
        is_announced = _announces(line)
        if is_announced and number and _is_rule(line):
            octets = "\n".join(lines[_header_begin(lines, number + 1) :]).encode("utf-8", "replace")
            return Human("\n".join(lines[:number]), parse_fields(_unquoted(octets))[0])
        if not is_announced and not _is_field(line):
            continue
        begin = _header_begin(lines, number + is_announced) if is_announced else number
        names = _names_from(lines, begin)
        if (is_announced and len(names & _COMMON) > 1 and (number or begin)) or (
            len(names & _COMMON) > 2
            and (len(names & _OF_A_LETTER) > 1 or {"received", "return-path"} & names)
        ):
            octets = "\n".join(lines[begin:]).encode("utf-8", "replace")
            return Human("\n".join(lines[:number]), parse_fields(_unquoted(octets))[0])
    return Human("\n".join(lines), Fields())


def _announces(line: str) -> bool:
    words = flat(line[:200])
    return len(words) < 160 and says(words, QUOTED)


def _is_field(line: str) -> bool:
    match = _match_field(line)
    return match is not None and match[1].lower() in _COMMON


def _header_begin(lines: list[str], at: int) -> int:
    """The first field behind an announcement."""
    for number in range(at, min(at + _PEEK, len(lines))):
        if _is_field(lines[number]):
            return number
    return at


def _names_from(lines: list[str], at: int) -> set[str]:
    """The field names of the block that begins at line `at`."""
    names: set[str] = set()
    for line in lines[at : at + 80]:
        match = _match_field(line)
        if match:
            names.add(match[1].lower())
        elif not line.strip():
            if len(names) > 2 or not names:
                break
        elif line[0] not in " \t>|" or not names:
            break
    return names


def _unquoted(octets: bytes) -> bytes:
    """Without the marks before each line of a quotation."""
    first = octets[: octets.find(b"\n")]
    mark = first[: len(first) - len(first.lstrip(b"> |\t"))]
    if not mark:
        return octets
    return b"\n".join([line.removeprefix(mark) for line in octets.split(b"\n")[:200]])
