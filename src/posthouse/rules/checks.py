"""What DNS has of a needed record, and a sentence for people about it.

Public: Check, State, missing, ok, wrong, unknown, shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from posthouse.rules.dns import Found, Unanswered
from posthouse.rules.records import Record

_SHOWN, _MOST_TEXT = 200, 1500


class State(StrEnum):
    """UNKNOWN: nobody could say; never a reason to take anything away from anybody."""

    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """`found`: what stands there, cut; `text`: what that means and what to do."""

    record: Record
    state: State
    found: str
    text: str

    @property
    def is_there(self) -> bool:
        return self.state is State.OK


def ok(record: Record, found: Iterable[str], text: str) -> Check:
    return Check(record, State.OK, shown(found), _cut(text))


def wrong(record: Record, found: Iterable[str], text: str) -> Check:
    return Check(record, State.WRONG, shown(found), _cut(text))


def unknown(record: Record, trouble: Unanswered) -> Check:
    text = f"DNS could not be asked, which says nothing about the record: {trouble}."
    return Check(record, State.UNKNOWN, "", _cut(text))


def missing(record: Record, found: Found, domain: str, hint: str = "") -> Check:
    """Nothing of the kind is at the record's name. `hint` is a sentence about where it is instead."""
    if found.is_alias:
        text = _alias_text(record, found, domain)
    else:
        text = hint or f"There is no {_article(record)} record at {record.name} yet: publish the one shown."
    return Check(record, State.MISSING, "", _cut(text))


def shown(texts: Iterable[str]) -> str:
    """Found texts for people, cut."""
    return _cut(" | ".join(texts), _SHOWN)


def _cut(text: str, most: int = _MOST_TEXT) -> str:
    """Strangers' records are part of most sentences."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _article(record: Record) -> str:
    names = {"spf": "SPF", "return-spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC"}
    return names.get(record.use, record.kind)


def _alias_text(record: Record, found: Found, domain: str) -> str:
    """RFC 1034 3.6.2: where a CNAME is, nothing else can be."""
    if record.name == domain:
        return (
            f"{domain} itself is an alias (CNAME) of {found.canonical}, so nothing else at it is seen: let "
            "your DNS provider publish addresses instead (often called ALIAS or CNAME flattening)."
        )
    return (
        f"{record.name} is an alias (CNAME) of {found.canonical}, and whatever else stands at an alias "
        "is not seen: delete the CNAME, then publish the record."
    )
