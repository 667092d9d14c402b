r"""SASL PLAIN (RFC 4616) and LOGIN (no RFC) as steppers: lines in base64 in, prompts or a `Login` out; the
digest of CRAM-MD5 for those who answer it.

Nothing here compares a password or keeps one longer than the exchange. What is malformed raises
`SyntaxRefused` with a 501; a well-formed try that can never hold (another authorisation identity) raises
it with a 535, in the same words as a wrong password.

Public: Login, PlainExchange, LoginExchange, EXCHANGES, AUTH_FAILED, cram_digest.
"""

from __future__ import annotations

import binascii
import hmac
import re
from dataclasses import dataclass, field

from posthouse.smtp.grammar import SyntaxRefused
from posthouse.smtp.replies import Reply

AUTH_FAILED = Reply(535, "5.7.8", "Authentication credentials invalid")

_BAD_BASE64 = Reply(501, "5.5.2", "Cannot decode the base64")
_BAD_MESSAGE = Reply(501, "5.5.2", "Malformed credentials")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")

PROMPT_PLAIN = Reply(334, "", "")
PROMPT_USER = Reply(334, "", "VXNlcm5hbWU6")
PROMPT_PASSWORD = Reply(334, "", "UGFzc3dvcmQ6")


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and a password, as claimed."""

    user: str
    password: str = field(repr=False)


class PlainExchange:
    """PLAIN: one message, authzid NUL authcid NUL password in UTF-8."""

    def begin(self, initial: bytes | None) -> Login | Reply:
        """The initial response of the AUTH line (None when there is none) -> Login, or the prompt."""
        return PROMPT_PLAIN if initial is None else self.step(_unwrapped(initial))

    def step(self, line: bytes) -> Login | Reply:
        """One base64 line -> Login. Raises SyntaxRefused (501; 535 when authzid is another's, AUT-7)."""
        parts = _decoded(line).split("\0")
        if len(parts) != 3:
            raise SyntaxRefused(_BAD_MESSAGE)
        authzid, user, password = parts
        user = user or authzid  # some clients give the name only as the identity to act as
        _no_controls(user)
        if authzid not in ("", user):
            raise SyntaxRefused(AUTH_FAILED)
        return Login(user, password)


class LoginExchange:
    """LOGIN: user name and password, a line each; the AUTH line may already bring the user name.

    A line end behind either is dropped: the hand-typing lesson of a hosted service encodes its key with
    `echo key | openssl base64`, which adds one (C-16), and no password of ours ends so.
    """

    def __init__(self) -> None:
        self._user: str | None = None

    def begin(self, initial: bytes | None) -> Login | Reply:
        """The initial response (None when there is none) -> the next prompt. Raises SyntaxRefused."""
        return PROMPT_USER if initial is None else self.step(_unwrapped(initial))

    def step(self, line: bytes) -> Login | Reply:
        """One base64 line -> the password prompt, then Login. Raises SyntaxRefused (501)."""
        text = _decoded(line)
        text = text.removesuffix("\n").removesuffix("\r")
        if self._user is None:
            _no_controls(text)
            self._user = text
            return PROMPT_PASSWORD
        if "\0" in text:
            raise SyntaxRefused(_BAD_MESSAGE)
        return Login(self._user, text)


EXCHANGES: dict[str, type[PlainExchange] | type[LoginExchange]] = {
    "PLAIN": PlainExchange,
    "LOGIN": LoginExchange,
}


def cram_digest(password: str, challenge: str) -> str:
    """RFC 2195 2, in hex, for a challenge in base64; "" for one that is none, and where Python has no MD5."""
    try:
        asked = binascii.a2b_base64(challenge.strip(), strict_mode=True)
        return hmac.new(password.encode(), asked, "md5").hexdigest() if asked else ""
    except ValueError:
        return ""


def _unwrapped(initial: bytes) -> bytes:
    """An initial response of "=" is the empty one, which the AUTH line could not say (RFC 4954 4)."""
    return b"" if initial == b"=" else initial


def _decoded(line: bytes) -> str:
    """Base64 of UTF-8 -> text. Raises SyntaxRefused."""
    try:
        return binascii.a2b_base64(line, strict_mode=True).decode()
    except UnicodeDecodeError:
        raise SyntaxRefused(_BAD_MESSAGE) from None
    except ValueError:  # binascii.Error: a foreign character, missing or misplaced padding (AUT-5)
        raise SyntaxRefused(_BAD_BASE64) from None


def _no_controls(name: str) -> None:
    if _CONTROLS.search(name):
        raise SyntaxRefused(_BAD_MESSAGE)
