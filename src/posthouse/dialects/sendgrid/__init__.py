"""SendGrid: its words in the session, and the `X-SMTPAPI` field.

`words` is what a client hears, `unfold` makes one JSON object of the field, `smtpapi` walks through its keys
and `filters` through its filters; `calls` reads what an HTTP call says beside a letter. Public: DIALECT.
"""

from __future__ import annotations

from posthouse.dialects.dialect import Dialect
from posthouse.dialects.sendgrid.calls import read
from posthouse.dialects.sendgrid.words import WORDS

# Nothing about tracking in `defaults`: that is the domain's or the installation's choice. The lists of this
# service are its customer's, not a domain's.
DIALECT = Dialect(
    name="sendgrid",
    words=WORDS,
    prefixes=("x-smtpapi", "x-sg-"),
    read=read,
    defaults={"account_lists": True},
)
