"""Posthouse's own way to speak, for credentials made with `--native`: no service's words, all answers plain.

It has no option headers of its own; other services' headers work. Fields that begin with `X-Posthouse-` are
ours to write, so those that a client brings are not delivered.
"""

from __future__ import annotations

from collections.abc import Sequence

from posthouse.dialects.dialect import Context, Dialect, Header, Wishes
from posthouse.dialects.native.words import WORDS
from posthouse.mail.words import decode_words
from posthouse.model.options import Seen


def _read(headers: Sequence[Header], _: Context) -> Wishes:
    """Nothing is understood, and each header is told so."""
    return Wishes(
        seen=[
            Seen(header.title, decode_words(header.raw), "unknown, not delivered", True) for header in headers
        ]
    )


DIALECT = Dialect(name="native", words=WORDS, prefixes=("x-posthouse-",), read=_read)
