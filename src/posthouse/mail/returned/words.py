"""The words of `data/returned.toml`, and whether a text holds one of them.

Plain search from left to right for each word: linear in the text, which callers have cut (S11).

Public: FAILURE, DELAY, GIVEN_UP, AUTO_REPLY, CHALLENGE, QUOTED, RECIPIENT_CUE, STRANGER_CUE, flat, says.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

_LISTS = tomllib.loads(
    (Path(__file__).parent.with_name("data") / "returned.toml").read_text(encoding="utf-8")
)
FAILURE: tuple[str, ...] = tuple(_LISTS["failure"])
DELAY: tuple[str, ...] = tuple(_LISTS["delay"])
GIVEN_UP: tuple[str, ...] = tuple(_LISTS["given_up"])
AUTO_REPLY: tuple[str, ...] = tuple(_LISTS["auto_reply"])
CHALLENGE: tuple[str, ...] = tuple(_LISTS["challenge"])
QUOTED: tuple[str, ...] = tuple(_LISTS["quoted"])
RECIPIENT_CUE: tuple[str, ...] = tuple(_LISTS["recipient_cue"])
STRANGER_CUE: tuple[str, ...] = tuple(_LISTS["stranger_cue"])

_blanks = re.compile(r"\s+").sub


def flat(text: str) -> str:
    """In lower case, each run of white space as one space, curly apostrophes straight."""
    return _blanks(" ", text).lower().replace("\u2019", "'")


def says(flat_text: str, words: tuple[str, ...]) -> bool:
    """Does a text from `flat` hold one of the words?"""
    return any(word in flat_text for word in words)
