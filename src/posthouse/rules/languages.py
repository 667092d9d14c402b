"""Which of our languages a visitor reads, by the Accept-Language field (RFC 9110 12.5.4).

Public: choose_language.
"""

from __future__ import annotations

from collections.abc import Sequence

_MOST_RANGES, _LONGEST = 20, 400


def choose_language(field: str, offered: Sequence[str]) -> str:
    """One of `offered` (two-letter tags; the first is for everybody else)."""
    wanted: list[tuple[float, int, str]] = []
    for place, item in enumerate(field[:_LONGEST].split(",")[:_MOST_RANGES]):
        name, _, rest = item.strip().partition(";")
        language = name.strip().partition("-")[0].lower()
        quality = _quality(rest)
        if quality > 0 and (language in offered or language == "*"):
            wanted.append((-quality, place, language))
    for _, _, language in sorted(wanted):
        return offered[0] if language == "*" else language
    return offered[0]


def _quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        found = float(value.strip()[:5])
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0
