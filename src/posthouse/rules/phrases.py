"""Phrases in many languages, looked for in untrusted text.

A phrase and the text are made alike: no accents, lower case, one space for all that is no letter or digit.
Words are whole; "quota~" takes any ending, "mailbox * full" up to 60 characters between its parts. Chinese,
Japanese, Thai and other scripts without spaces match anywhere, and so do Korean stems. Search is `str.find`
from left to right with bounded gaps, so that no text can make it slow (S11).

Public: Phrase, parse_phrase, occurs, plain_words.
"""

from __future__ import annotations

import re
import unicodedata

GAP_MAX = 60
TEXT_MAX = 4_000
_OCCURRENCES_MAX = 20

Phrase = tuple[str, ...]
"""The parts of a phrase in order."""

_not_words = re.compile(r"[\W_]+").sub
_is_spaceless = re.compile(
    "[\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
).match
_SPACELESS = "\u0e00"


def plain_words(text: str) -> str:
    """The words of a text with one space between and around them; text past 4,000 characters is cut off."""
    plain = text[:TEXT_MAX].lower()
    if not plain.isascii():
        # NFKD parts letters from accents (and Hangul into its letters: put together again by NFC)
        parts = unicodedata.normalize("NFKD", plain)
        plain = unicodedata.normalize(
            "NFC", "".join([each for each in parts if not "\u0300" <= each <= "\u036f"])
        )
        plain = (
            plain.replace("ß", "ss").replace("ı", "i").replace("ł", "l").replace("ø", "o").replace("đ", "d")
        )
    return " " + _not_words(" ", plain).strip() + " "


def parse_phrase(text: str) -> Phrase:
    """Raises ValueError: a tilde or a star in the wrong place, or no word at all."""
    pieces: list[str] = []
    for part in text.split(" * "):
        is_stem = part.endswith("~")
        words = plain_words(part.removesuffix("~")).strip()
        if not words or "*" in part or "~" in part[:-1]:
            raise ValueError(f"text {text!r}: a tilde ends a part, a star stands alone between words")
        before = "" if _is_spaceless(words[0]) else " "
        behind = "" if is_stem or _is_spaceless(words[-1]) else " "
        pieces.append(before + words + behind)
    return tuple(pieces)


def occurs(phrase: Phrase, words: str) -> bool:
    """Does the phrase stand in words from `plain_words`?"""
    first, *rest = phrase
    if not rest:
        return first in words
    at = words.find(first)
    for _ in range(_OCCURRENCES_MAX):
        if at < 0:
            return False
        if _follow(rest, words, at + len(first)):
            return True
        at = words.find(first, at + 1)
    return False


def _follow(pieces: list[str], words: str, at: int) -> bool:
    for piece in pieces:
        at -= 1  # the space behind a word is also the space before the next
        found = words.find(piece, at, at + GAP_MAX + len(piece))
        if found < 0:
            return False
        at = found + len(piece)
    return True
