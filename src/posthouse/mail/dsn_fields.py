"""The machine's part of a delivery report (RFC 3464, RFC 6533), read as leniently as the world writes it.

Groups of fields are divided by empty lines or, where those are missing, by a recipient field that comes
again. Names in any letter case, folded values, comments, types left out or invented.

Public: StatusGroup, status_groups, unfolded_lines, address_in, clean_address, is_status_text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from posthouse.model.address import BadAddress, parse_address

GROUPS_MAX = 1_000
_FIELDS_MAX = 50
_VALUE_MAX = 8_000

_match_field = re.compile(r"[ \t]*+([A-Za-z][A-Za-z0-9-]{1,60}+)[ \t]*+:[ \t]*+(.*)").match
_RECIPIENT_NAMES = frozenset({"final-recipient", "original-recipient"})
_is_status_line = re.compile(r"^(?:final-recipient|action|status)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_unitext = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}").sub
_xtext = re.compile(r"\+([0-9A-F]{2})").sub
_match_type = re.compile(r"[ \t]*+([A-Za-z0-9-]{1,40}+)[ \t]*+;[ \t]*+").match
_find_angle = re.compile(r"<([^<>\s]{1,320})>").search
_find_plain = re.compile(r"[^\s<>()\[\],;:\"]{1,200}@[^\s<>(),;:\"]{1,255}").search
_match_quoted = re.compile(r'"[^"@]{1,64}"@[^\s<>(),;:\"]{1,255}').match
_schemes = re.compile(r"\A(?:smtp|mailto|rfc822)[:=]", re.IGNORECASE).sub
_find_status = re.compile(r"(?<![0-9.])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])").search


@dataclass(frozen=True, slots=True)
class StatusGroup:
    """Fields of one group: names in lower case, values on one line; the first of a name counts."""

    fields: dict[str, str]

    def value(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def is_of_recipient(self) -> bool:
        return not self.fields.keys().isdisjoint(
            {"final-recipient", "original-recipient", "action", "status"}
        )

    @property
    def status(self) -> str:
        """RFC 3463, "" when there is none: 5.1.1."""
        found = _find_status(self.value("status"))
        return found[1] if found else ""

    @property
    def action(self) -> str:
        """failed, delayed, delivered, relayed, expanded, or "" for any other word."""
        word = self.value("action").lower().lstrip("\"'( ")
        for name, stem in _ACTIONS.items():
            if word.startswith(stem):
                return name
        return ""


_ACTIONS = {
    "failed": "fail",
    "delayed": "delay",
    "delivered": "deliver",
    "relayed": "relay",
    "expanded": "expand",
}


def is_status_text(text: str) -> bool:
    """Does a text that calls itself otherwise hold such fields?"""
    names = {match[0].rstrip(" \t:").lower() for match in _is_status_line.finditer(text[:50_000])}
    return "final-recipient" in names and len(names) > 1


def status_groups(text: str) -> list[StatusGroup]:
    """All groups in order, at most 1,000; a per-message group is one without recipient fields."""
    groups: list[dict[str, str]] = [{}]
    name = ""
    for line in text.split("\n"):
        if not line.strip():
            name = ""
            if groups[-1]:
                groups.append({})
            continue
        match = None if line[0] in " \t" and name else _match_field(line)
        if match is None:
            if name and len(groups[-1][name]) < _VALUE_MAX:
                groups[-1][name] += " " + line.strip()
            continue
        name = match[1].lower()
        group = groups[-1]
        if name in group and name in _RECIPIENT_NAMES:
            groups.append(group := {})
        if len(groups) > GROUPS_MAX:
            break
        if name in group or len(group) >= _FIELDS_MAX:
            name = ""
        else:
            group[name] = match[2].strip()[:_VALUE_MAX]
    return [StatusGroup(group) for group in groups[:GROUPS_MAX] if group]


def unfolded_lines(text: str) -> list[str]:
    """The lines of a block of fields with their continuations joined; at most 2,000."""
    lines: list[str] = []
    for line in text.split("\n", 2_000)[:2_000]:
        if lines and line[:1] in (" ", "\t") and len(lines[-1]) < _VALUE_MAX:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return lines


def address_in(value: str) -> str:
    """The address of a recipient field: `rfc822; <user@example.com> (comment)` -> user@example.com; "" if it
    holds none that can be written to."""
    kind = _match_type(value)
    word = kind[1].lower() if kind else ""
    rest = value[kind.end() if kind else 0 :].strip()
    if word == "utf-8":  # RFC 6533 3: utf-8-addr-xtext and utf-8-addr-unitext
        rest = _unitext(_character, rest)
    found = _find_angle(rest) or _match_quoted(rest) or _find_plain(rest)
    text = found[found.lastindex or 0] if found else ""
    return clean_address(text) or clean_address(_xtext(_octet, text))


def clean_address(text: str) -> str:
    """In the form of `model.address`, or ""."""
    text = text.strip().strip("<>'`;,:")
    text = _schemes("", text.rstrip("."))
    if text.startswith("@") and ":" in text:  # RFC 5321 4.1.1.3: a source route is stripped
        text = text.rpartition(":")[2]
    if not 3 <= len(text) <= 320 or "@" not in text:
        return ""
    try:
        return str(parse_address(text))
    except BadAddress:
        return ""


def _character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number < 0xD800 or 0xDFFF < number < 0x110000 else ""


def _octet(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))
