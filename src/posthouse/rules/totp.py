"""One-time codes by time (RFC 6238 over RFC 4226): six digits, SHA-1, steps of 30 seconds, as every
authenticator app takes them.

Public: step_at, code_at, find_step, secret_text, parse_secret, uri.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from urllib.parse import quote

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20  # RFC 4226 4 R6: the length of the hash
_SPREAD = 1


def step_at(now: float) -> int:
    """The number of the step that an instant lies in."""
    return int(now // STEP_S)


def code_at(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """RFC 4226 5.3: HMAC of the counter, dynamic truncation."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 0x0F
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}}"


def find_step(secret: bytes, code: str, now: float, used: int) -> int | None:
    """The step whose code this is: the present one or a neighbour (clocks differ, people are slow; RFC 6238
    5.2), but later than `used`, the last step that was accepted: a code opens once. None: a wrong code."""
    given = code.encode("utf-8", "surrogatepass")
    present = step_at(now)
    found = None
    for step in range(present - _SPREAD, present + _SPREAD + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), given) and step > used:
            found = step
    return found


def secret_text(secret: bytes) -> str:
    """The secret as people type it: base 32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def parse_secret(text: str) -> bytes:
    """The reverse. Raises ValueError for anything but one of our secrets."""
    try:
        secret = base64.b32decode(text)
    except binascii.Error as error:
        raise ValueError("not base 32") from error
    if len(secret) != SECRET_BYTES:
        raise ValueError("not a secret of ours")
    return secret


def uri(secret: bytes, email: str, issuer: str) -> str:
    """What apps read from a QR code (Key Uri Format of Google Authenticator)."""
    label = quote(f"{issuer}:{email}", safe=":@")
    return f"otpauth://totp/{label}?secret={secret_text(secret)}&issuer={quote(issuer)}"
