"""A sentence for the next page: what a form did is said after the redirect, once.

It travels in a cookie with our mark on it, so that nobody else puts words into our pages.

Public: say, read, forget.
"""

from __future__ import annotations

import base64
import binascii
import hmac

from starlette.requests import Request
from starlette.responses import Response

from posthouse.desk.installation import Installation
from posthouse.doors.web.forms import cookie, drop_cookie, put_cookie

SAID = "posthouse_said"
SAID_S = 60.0
_MOST_BYTES = 189  # with the mark the cookie stays below what `forms.cookie` takes


def say(installation: Installation, request: Request, response: Response, sentence: str) -> None:
    words = sentence.encode("utf-8", "replace")
    if len(words) > _MOST_BYTES:
        words = words[: _MOST_BYTES - 3].decode("utf-8", "ignore").encode() + "…".encode()
    text = base64.urlsafe_b64encode(words).decode()
    put_cookie(request, response, SAID, f"{_mark(installation, text)}.{text}", SAID_S)


def read(installation: Installation, request: Request) -> str:
    """What is to be said, "" for nothing."""
    mark, _, text = cookie(request, SAID).partition(".")
    if not text or not hmac.compare_digest(mark.encode(), _mark(installation, text).encode()):
        return ""
    try:
        return base64.urlsafe_b64decode(text).decode()
    except (binascii.Error, ValueError):
        return ""


def forget(request: Request, response: Response) -> None:
    if SAID in request.cookies:
        drop_cookie(request, response, SAID)


def _mark(installation: Installation, text: str) -> str:
    return installation.keyed_hash("said", text).hex()[:24]
