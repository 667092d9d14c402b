"""Mailgun: `X-Mailgun-…` option headers, batches with `%recipient.key%`, stored templates, and its words.

The built-in tags (`%recipient_email%`, `%unsubscribe_url%`, …) work in every letter of its credentials, hence
the default; in those of others only beside recipient variables.
"""

from __future__ import annotations

from posthouse.dialects.dialect import Dialect
from posthouse.dialects.mailgun.container import unwrap
from posthouse.dialects.mailgun.options import PREFIX, read
from posthouse.dialects.mailgun.words import WORDS

DIALECT = Dialect(
    name="mailgun",
    words=WORDS,
    prefixes=(PREFIX,),
    read=read,
    defaults={"percent": True},
    unwrap=unwrap,
)
