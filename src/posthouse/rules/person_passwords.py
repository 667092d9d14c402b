"""Is a password good enough for a person? Long, and not what everybody would try first.

NIST SP 800-63B 3.1.1: length counts, rules about kinds of characters do not.

Public: LEAST, MOST, normal, trouble_with.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LEAST, MOST = 12, 256
_LEAST_DIFFERENT = 5
_WALKS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_COMMON = ("password", "passwort", "letmein", "welcome", "iloveyou", "posthouse", "changeme")


def normal(text: str) -> str:
    """The form that is hashed: the same for every keyboard (SP 800-63B: NFKC)."""
    return unicodedata.normalize("NFKC", text)


def trouble_with(password: str, email: str) -> str:
    """What is wrong with a password in its normal form: a sentence, "" for nothing."""
    if not LEAST <= len(password) <= MOST:
        return f"A password has {LEAST} to {MOST} characters, this one has {len(password)}"
    if any(unicodedata.category(char) in ("Cc", "Cs", "Cn") for char in password):
        return "A password has no control characters"
    lower = password.lower()
    if len(set(lower)) < _LEAST_DIFFERENT:
        return "This password is a few characters again and again; choose another"
    own = {email, email.partition("@")[0], email.rpartition("@")[2]}
    if _without(lower, own) < LEAST // 2:
        return "This password is little more than your own e-mail address; choose another"
    if _without(lower, _COMMON) < LEAST // 2:
        return "This password is among the first that anybody would try; choose another"
    if any(lower in walk * 2 or lower[::-1] in walk * 2 for walk in _WALKS):
        return "This password is a walk over the keyboard; choose another"
    return ""


def _without(text: str, parts: Iterable[str]) -> int:
    """How many letters and digits are left when these parts are taken out."""
    for part in sorted(parts, key=len, reverse=True):
        if len(part) > 2:
            text = text.replace(part, "")
    return sum(char.isalnum() for char in text)
