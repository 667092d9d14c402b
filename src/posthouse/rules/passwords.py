"""Is a password that somebody chose strong enough to be kept as a keyed hash? (docs/decisions/021)

Passwords that we make carry 192 random bits. A chosen one is for an application that moves here and keeps the
one it has; people need not remember it, so it may as well be long.

Public: LEAST, MOST, trouble_with.
"""

from __future__ import annotations

import itertools

LEAST, MOST = 16, 256
_LEAST_DIFFERENT = 8
_LEAST_OWN = 12
_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "qwertzuiop", "azertyuiop")
_NEIGHBOURS = frozenset(
    pair for row in _KEYBOARD for a, b in itertools.pairwise(row) for pair in (a + b, b + a)
)


def trouble_with(password: str, login: str) -> str:
    """What is wrong with it as the password of `login` (`name@domain`): a sentence, "" for nothing."""
    if not password.isprintable() or password != password.strip():
        return "A password is one line of printable characters, without blanks at its ends"
    if not LEAST <= len(password) <= MOST:
        return f"A chosen password has {LEAST} to {MOST} characters, this one has {len(password)}"
    lower = password.lower()
    if _is_repeated(lower):
        return "This password is one word again and again; choose another, or let one be made"
    if len(set(lower)) < _LEAST_DIFFERENT:
        return f"A chosen password has at least {_LEAST_DIFFERENT} different characters"
    if _runs(lower) * 2 >= len(lower):
        return (
            "This password is mostly a sequence such as 12345 or qwerty; choose another, or let one be made"
        )
    if len(_without_login(lower, login)) < _LEAST_OWN:
        return "This password is hardly more than the login; choose another, or let one be made"
    return ""


def _is_repeated(text: str) -> bool:
    """`abcabcabc`, also when the last part is cut."""
    return any(text[period:] == text[:-period] for period in range(1, len(text) // 2 + 1))


def _runs(text: str) -> int:
    """How many characters only follow from the one before: the same, its neighbour in the code or on the
    keyboard."""
    pairs = itertools.pairwise(text)
    return sum(abs(ord(a) - ord(b)) <= 1 or a + b in _NEIGHBOURS for a, b in pairs)


def _without_login(text: str, login: str) -> str:
    for word in login.lower().replace("@", ".").split("."):
        if len(word) >= 3:
            text = text.replace(word, "")
    return text
