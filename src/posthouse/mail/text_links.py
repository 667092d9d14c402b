"""Web addresses in plain text.

Public names: links.
"""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"(?<![0-9A-Za-z])https?://[^\s<>\"\x00-\x20\x7f]++", re.IGNORECASE)
_AFTER = ".,;:!?'*_~`|\\…’”»›。、，！？；："  # a sentence's, not the address's
_BRACKETS = {")": "(", "]": "[", "}": "{"}


def links(text: str) -> list[tuple[int, int]]:
    """The spans of the http and https URLs, without the punctuation behind them and without a closing bracket
    whose partner stands before the URL. Linear."""
    spans: list[tuple[int, int]] = []
    for match in _ADDRESS.finditer(text):
        url = match[0]
        length = _length(url)
        if length > url.index("//") + 2:
            spans.append((match.start(), match.start() + length))
    return spans


def _length(url: str) -> int:
    """How much of `url` belongs to it."""
    surplus = {close: url.count(close) - url.count(open_) for close, open_ in _BRACKETS.items()}
    length = len(url)
    while length:
        last = url[length - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif last not in _AFTER:
            break
        length -= 1
    return length
