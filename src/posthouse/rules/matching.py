"""What a rule about replies names, and whether a reply agrees: the same words in every file of rules.

    phase      where the attempt ended: dns connect greeting ehlo starttls mail rcpt data body local
    code       reply codes: 421, or a class as "4xx"
    enhanced   enhanced codes (RFC 3463): "5.1.1", "*.7.28" for any class, "5.7.5*" for all details with 5…
    mx         endings of the deciding host's name
    text       phrases; one of them must occur. Letter case and punctuation do not count, words are whole.
               "greylist~" takes any ending of the word, "mailbox * full" any words between.

A condition holds when everything it names agrees. The other side's text is hostile: it is cut at 2,000
characters and searched by `str.find` from left to right, never by a backtracking expression (S11).

Public: Condition, CONDITION_KEYS, parse_condition, words_of, strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from posthouse.model.message import Phase, SmtpResult

CONDITION_KEYS = frozenset({"phase", "code", "enhanced", "mx", "text"})
_TEXT_LIMIT = 2000
_NOT_WORDS = re.compile("[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Condition:
    """Empty means any. `mx` are name endings with their leading dot; `phrases` are tuples of pieces to be
    found in order."""

    phases: frozenset[Phase] = frozenset()
    codes: frozenset[int] = frozenset()
    enhanced: tuple[re.Pattern[str], ...] = ()
    mx: tuple[str, ...] = ()
    phrases: tuple[tuple[str, ...], ...] = ()

    def holds(self, result: SmtpResult, words: str) -> bool:
        """`words`: the reply's text as `words_of` gives it."""
        return (
            (not self.phases or result.phase in self.phases)
            and (not self.codes or result.code in self.codes)
            and (not self.enhanced or any(pattern.match(result.enhanced) for pattern in self.enhanced))
            and (not self.mx or f".{result.mx.lower()}".endswith(self.mx))
            and (not self.phrases or any(_occurs(pieces, words) for pieces in self.phrases))
        )


def parse_condition(entry: Mapping[str, Any]) -> Condition:
    """The condition keys of a table. Raises ValueError: what is wrong."""
    return Condition(
        phases=frozenset(Phase(name) for name in strings(entry, "phase")),
        codes=frozenset(code for text in strings(entry, "code") for code in _codes(text)),
        enhanced=tuple(_enhanced(text) for text in strings(entry, "enhanced")),
        mx=tuple("." + name.lower().strip(".") for name in strings(entry, "mx")),
        phrases=tuple(_pieces(text) for text in strings(entry, "text")),
    )


def strings(entry: Mapping[str, Any], key: str) -> list[str]:
    """A list of texts, [] when the key is not there. Raises ValueError."""
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise ValueError(f"{key} must be a list of texts")
    return values


def words_of(text: str) -> str:
    """The words of a reply in lower case, one space between and around them."""
    return " " + _NOT_WORDS.sub(" ", text[:_TEXT_LIMIT].lower()).strip() + " "


def _codes(text: str) -> Iterable[int]:
    if re.fullmatch("[45]xx", text):
        return range(int(text[0]) * 100, int(text[0]) * 100 + 100)
    if re.fullmatch("[2-5][0-9][0-9]", text):
        return (int(text),)
    raise ValueError(f"code {text!r} is neither three digits nor 4xx or 5xx")


def _enhanced(text: str) -> re.Pattern[str]:
    if not re.fullmatch(r"([245]|\*)(\.([0-9]{1,3}\*?|\*)){2}", text):
        raise ValueError(f'enhanced {text!r} is not of the form "5.1.1", "*.7.28" or "5.7.5*"')
    return re.compile(text.replace(".", r"\.").replace("*", "[0-9]*") + r"\Z")


def _pieces(phrase: str) -> tuple[str, ...]:
    """ "mailbox * full" -> (" mailbox ", " full "); a word with "~" ends where the next letter may follow."""
    pieces: list[str] = []
    for part in phrase.split(" * "):
        stem = part.endswith("~")
        piece = words_of(part[:-1] if stem else part)
        if not piece.strip() or "~" in part[:-1] or "*" in part:
            raise ValueError(f"text {phrase!r}: a tilde ends a part, a star stands alone between words")
        pieces.append(piece.rstrip(" ") if stem else piece)
    return tuple(pieces)


def _occurs(pieces: tuple[str, ...], words: str) -> bool:
    """Are the pieces in the words, in this order? The earliest place of each is the best: no going back."""
    at = 0
    for piece in pieces:
        found = words.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece) - 1  # the space after a word is also the space before the next
    return True
