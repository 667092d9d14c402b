"""Posthouse's own way to speak, for credentials made with `--native`: no service's words, all answers plain.

Options are one JSON object in `X-Posthouse-Options` (`wishes.Options`); other services' headers work too.
Fields that begin with `X-Posthouse-` are ours to write, so those that a client brings are not delivered.
"""

from __future__ import annotations

from posthouse.dialects.dialect import Dialect
from posthouse.dialects.native.options import PREFIX, read
from posthouse.dialects.native.words import WORDS

DIALECT = Dialect(name="native", words=WORDS, prefixes=(PREFIX,), read=read)
