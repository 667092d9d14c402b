"""An SPF record read strictly (RFC 7208 4.6, 5, 6, 12): a wrong term anywhere makes the whole record wrong.

Public: SpfRecord, Mechanism, parse_spf, is_spf, joined, BadSpf.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from posthouse.rules.spf_macros import check_domain_spec, check_macros

_SHOWN = 60
_modifier = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)\Z").match
_directive = re.compile(r"([+?~-]?)(all|include|exists|ip4|ip6|mx|ptr|a)(?![A-Za-z0-9_-])(.*)\Z", re.I).match
_lengths = re.compile(r"(.*?)(?:/(0|[1-9]\d{0,2}))?(?://(0|[1-9]\d{0,2}))?\Z").match


class BadSpf(ValueError):
    """The record breaks the grammar; the text names the term."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """`text` as written; `qualifier` is one of + - ~ ?; `spec` the domain-spec or network, "" for none;
    `bits` the prefix lengths for IPv4 and IPv6."""

    text: str
    qualifier: str
    name: str
    spec: str = ""
    bits: tuple[int, int] = (32, 128)

    @property
    def costs_lookup(self) -> bool:
        """RFC 7208 4.6.4: these count against the limit of ten, as redirect does."""
        return self.name in ("include", "a", "mx", "ptr", "exists")


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """Mechanisms in their order; `redirect` is a domain-spec, "" for none."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str = ""


def is_spf(text: str) -> bool:
    """RFC 7208 4.5: exactly `v=spf1`, then a blank or the end."""
    return text[:6].lower() == "v=spf1" and text[6:7] in ("", " ")


def parse_spf(text: str) -> SpfRecord:
    """The text of a record that `is_spf`. Raises BadSpf."""
    if not text.isascii():
        raise BadSpf("the record holds other characters than ASCII")
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in text.split(" ")[1:]:
        modifier = _modifier(term)
        if modifier:
            _add_modifier(modifiers, modifier[1].lower(), modifier[2], term)
        elif term:
            mechanisms.append(_parse_mechanism(term))
    return SpfRecord(tuple(mechanisms), modifiers.get("redirect", ""))


def joined(text: str, terms: Sequence[str]) -> str:
    """A record with more terms in it, in front of what decides about everybody else."""
    words = text.split()
    ends = [place for place, word in enumerate(words) if _is_end(word)]
    place = ends[0] if ends else len(words)
    known = {word.lower().removeprefix("+") for word in words[:place]}
    fresh = [term for term in terms if term.lower() not in known]
    return " ".join([*words[:place], *fresh, *words[place:]])


def _is_end(word: str) -> bool:
    return word.lower().lstrip("+-~?") == "all" or word.lower().startswith("redirect=")


def _add_modifier(modifiers: dict[str, str], name: str, value: str, term: str) -> None:
    """RFC 7208 6: redirect and exp at most once; unknown ones are ignored if their text is sound."""
    if name in ("redirect", "exp"):
        if name in modifiers:
            raise BadSpf(f"{name}= stands twice")
        _checked(check_domain_spec, value, term)
        modifiers[name] = value
    else:
        _checked(check_macros, value, term)


def _checked(check: object, value: str, term: str) -> None:
    assert callable(check)
    try:
        check(value)
    except ValueError as error:
        raise BadSpf(f'"{term[:_SHOWN]}": {error}') from error


def _parse_mechanism(term: str) -> Mechanism:
    match = _directive(term)
    if match is None:
        raise BadSpf(f'"{term[:_SHOWN]}" is not a term of SPF')
    qualifier, name, rest = match[1] or "+", match[2].lower(), match[3]
    if name == "all":
        if rest:
            raise BadSpf(f'"{term[:_SHOWN]}": all takes nothing behind it')
        return Mechanism(term, qualifier, name)
    if name in ("ip4", "ip6"):
        return Mechanism(term, qualifier, name, _network(name, rest, term))
    bits = (32, 128)
    if name in ("a", "mx"):
        rest, bits = _cut_lengths(rest, term)
    if rest and not rest.startswith(":"):
        raise BadSpf(f'"{term[:_SHOWN]}" is not a term of SPF')
    if rest or name in ("include", "exists"):
        _checked(check_domain_spec, rest[1:], term)
    return Mechanism(term, qualifier, name, rest[1:], bits)


def _cut_lengths(rest: str, term: str) -> tuple[str, tuple[int, int]]:
    """RFC 7208 5.6: `/24`, `//64` or `/24//64` at the end."""
    match = _lengths(rest)
    assert match is not None
    four, six = int(match[2] or 32), int(match[3] or 128)
    if four > 32 or six > 128:
        raise BadSpf(f'"{term[:_SHOWN]}": the prefix is too long')
    return match[1], (four, six)


def _network(name: str, rest: str, term: str) -> str:
    _, slash, length = rest.removeprefix(":").partition("/")
    is_length = not slash or (length.isdecimal() and length == str(int(length)))
    try:
        if not rest.startswith(":") or not is_length:
            raise ValueError
        made = ipaddress.IPv4Network if name == "ip4" else ipaddress.IPv6Network
        return str(made(rest[1:], strict=False))
    except ValueError:
        raise BadSpf(f'"{term[:_SHOWN]}" has no {name} network') from None
