"""SendGrid: its words in the session, and the `X-SMTPAPI` field.

`words` is what a client hears, `unfold` makes one JSON object of the field, `smtpapi` walks through its keys
and `filters` through its filters. Public: DIALECT.
"""

from __future__ import annotations

from posthouse.dialects.dialect import Dialect
from posthouse.dialects.sendgrid.smtpapi import read
from posthouse.dialects.sendgrid.words import WORDS

# Nothing in `defaults`: whether opens and clicks are tracked is the domain's or the installation's choice.
DIALECT = Dialect(name="sendgrid", words=WORDS, prefixes=("x-smtpapi", "x-sg-"), read=read)
