"""Secrets taken out of what a server says: as they are, in base64, in hex and as percent escapes (S22).

A server may repeat what it was sent, in whatever form. What was sent in answer to AUTH is never written down
at all (`smtp.probe`); this is for the replies.

Public: Mask, HIDDEN, secrets_of.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, quote_plus

HIDDEN = "(not shown)"
_LONG_NAME = 20
_SHORT = 6  # characters: a shorter secret would be told by what is left around it


def secrets_of(user: str, password: str) -> list[str]:
    """What must not be shown of a sign-in. Where a token is user and password, or a key was typed as the
    user, the user is a secret too: whatever is no address and too long for a word."""
    name = user.strip()
    is_secret = bool(name) and (name == password.strip() or ("@" not in name and len(name) >= _LONG_NAME))
    return [password, name] if is_secret else [password]


class Mask:
    """`secrets`: passwords and tokens; "" counts for nothing."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self._long = _pattern(form for form in forms if len(form) >= _SHORT)
        self._short = _pattern(form for form in forms if len(form) < _SHORT)

    def line(self, text: str) -> str:
        """One line without the secrets; as a whole not shown where it holds a short one."""
        if self._short and self._short.search(text):
            return HIDDEN
        return self._long.sub(HIDDEN, text) if self._long else text

    def lines(self, texts: Sequence[str]) -> list[str]:
        """Lines of one reply. One that has a secret across its lines is not shown at all."""
        joined = "".join(texts)
        if len(texts) > 1 and self._has(joined) and not any(map(self._has, texts)):
            return [HIDDEN] * len(texts)
        return [self.line(text) for text in texts]

    def _has(self, text: str) -> bool:
        return any(found.search(text) for found in (self._long, self._short) if found)


def _pattern(forms: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(forms, key=len, reverse=True)
    if not longest_first:
        return None
    # the characters of base64 beside a secret hold some of its bits
    return re.compile(f"[\\w+/=-]{{0,2}}(?:{'|'.join(map(re.escape, longest_first))})[\\w+/=-]{{0,2}}", re.I)


def _forms(secret: str) -> set[str]:
    """Everything that the secret may look like in a reply."""
    if not secret:
        return set()
    octets = secret.encode("utf-8", "surrogatepass")
    raw = {secret, secret.strip(), octets.decode("latin-1"), octets.hex()}
    raw |= {
        quote(secret, safe="", errors="replace"),
        quote(secret, errors="replace"),
        quote_plus(secret, errors="replace"),
    }
    raw |= {_escaped(form) for form in list(raw)}
    return {form for form in raw | _in_base64(octets) if form}


def _in_base64(octets: bytes) -> set[str]:
    """At each of the three places where it can begin in a longer text, without the characters that depend on
    its neighbours."""
    found = set()
    for before in range(3):
        text = base64.b64encode(b"\0" * before + octets).decode()
        first = -(-before * 8 // 6)  # characters that hold bits of what stands before
        last = (before + len(octets)) * 8 // 6
        found |= {text[first:last], text[first:last].translate(_URL_SAFE)}
    whole = base64.b64encode(octets).decode()
    return found | {whole, whole.translate(_URL_SAFE)}


_URL_SAFE = str.maketrans("+/", "-_")


def _escaped(text: str) -> str:
    """As `replies` shows characters that steer."""
    return "".join(
        char if char.isprintable() else f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}"
        for char in text
    )
