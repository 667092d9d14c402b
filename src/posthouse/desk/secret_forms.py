"""How keys and tokens look: making new ones, and taking over those that another service made.

Public: Secret, new_key, given_key, new_token, given_token.
"""

from __future__ import annotations

import re
import secrets
import uuid
from typing import NamedTuple

from posthouse.model.errors import Refused

_ID, _REST = r"[A-Za-z0-9_-]{22}", r"[A-Za-z0-9_-]{43}"
_TOKEN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.I)


class Secret(NamedTuple):
    """`id` is public."""

    id: str
    text: str


def new_key(opening: str) -> Secret:
    """A key `<opening><id>.<43 characters>`, 256 random bits. The id has 22 URL-safe characters and no hyphen
    in front: a command line would take it for an option."""
    while (key_id := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return Secret(key_id, f"{opening}{key_id}.{secrets.token_urlsafe(32)}")


def given_key(opening: str, text: str) -> Secret:
    """A key of that form which exists already. Raises Refused."""
    text = text.strip()
    found = re.fullmatch(rf"{re.escape(opening)}({_ID})\.{_REST}", text)
    if found is None:
        form = f"{opening}<22 characters>.<43 characters>"
        raise Refused(501, "5.5.4", f"This is no such key; one looks like {form}", reason="bad-secret")
    return Secret(found[1], text)


def new_token(id: str) -> Secret:
    """A token in the form of a random UUID, 122 bits."""
    return Secret(id, str(uuid.uuid4()))


def given_token(id: str, text: str) -> Secret:
    """A token that exists already. Raises Refused."""
    text = text.strip()
    if not _TOKEN.match(text):
        form = "3f2b8c1e-0000-4000-8000-123456789abc"
        raise Refused(501, "5.5.4", f"This is no token; one looks like {form}", reason="bad-secret")
    return Secret(id, text)
