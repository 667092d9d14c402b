"""Macros of SPF (RFC 7208 7): `%{i}`, `%{d2r}` and the like, checked and expanded.

Public: Letters, expand, check_domain_spec, check_macros, wants_validated_name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

Letters = Mapping[str, str]
"""What each macro letter (lower case) stands for now."""

_NAME_OCTETS = 253
_MACRO = r"%\{([slodipvhSLODIPVHcrtCRT])(\d*)([rR]?)([.+,/_=-]*)\}"
_macro = re.compile(_MACRO)
_parts = re.compile(rf"{_MACRO}|%([%_-])")
_sound = re.compile(rf"(?:[!-$&-~]|%[%_-]|{_MACRO})*\Z").match
_ends_well = re.compile(
    r"(?:.*\.|)(?=[A-Za-z0-9-]*[A-Za-z-])[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?\Z"
).match
_ends_in_macro = re.compile(rf".*(?:{_MACRO}|%[%_-])\Z").match
_PLAIN = {"%": "%", "_": " ", "-": "%20"}


def check_macros(text: str) -> None:
    """Raises ValueError unless it is a macro-string (7.1), maybe empty."""
    if not _sound(text):
        raise ValueError("a macro or a character in it is wrong")
    for letter, digits, _, _ in _macro.findall(text):
        if digits and int(digits[:9]) == 0:
            raise ValueError("a macro keeps no part of its value")
        if letter in "crtCRT":  # 7.2: only in the text of an explanation
            raise ValueError(f"the macro {letter} has no place here")


def check_domain_spec(text: str) -> None:
    """Raises ValueError unless it is a domain-spec, ending in a macro or in a label that can be a top one."""
    if not text:
        raise ValueError("a domain is missing")
    check_macros(text)
    if not _ends_in_macro(text) and (not _ends_well(text) or "." not in text[:-1]):
        raise ValueError("this is not a domain")


def wants_validated_name(text: str) -> bool:
    """Is the macro `p`, which costs questions, in it?"""
    return "%{p" in text.lower()


def expand(text: str, letters: Letters) -> str:
    """A sound domain-spec as a name without a dot at the end; too long ones lose labels at the left (7.3)."""

    def one(match: re.Match[str]) -> str:
        if match[5]:
            return _PLAIN[match[5]]
        return _transformed(letters[match[1].lower()], match)

    name = _parts.sub(one, text).removesuffix(".")
    while len(name) > _NAME_OCTETS and "." in name:
        name = name.partition(".")[2]
    return name[-_NAME_OCTETS:]


def _transformed(value: str, match: re.Match[str]) -> str:
    """7.3: cut at the delimiters, turn round, keep the last n, join with dots."""
    labels = re.split(f"[{re.escape(match[4] or '.')}]", value)
    if match[3]:
        labels.reverse()
    if match[2]:
        labels = labels[-int(match[2][:9]) :]
    joined = ".".join(labels)
    return quote(joined, safe="-._~") if match[1].isupper() else joined
