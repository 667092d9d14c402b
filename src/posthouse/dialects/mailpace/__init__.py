"""MailPace: a domain token as user and password, two option headers, and mail that is built anew.

The service parses what it gets and keeps only what its interface knows (documented: "unsupported headers, or
metadata such as Message-ID, are not kept"). In-Reply-To and References are kept since its interface has them;
Auto-Submitted and the MIME structure are kept by our decision. A domain may keep its header as it is:
`posthouse domain set NAME keeps_fields=true`.
"""

from __future__ import annotations

from posthouse.dialects.dialect import Dialect
from posthouse.dialects.mailpace.files import takes
from posthouse.dialects.mailpace.options import PREFIXES, read
from posthouse.dialects.mailpace.words import WORDS

KEPT_FIELDS = frozenset(
    {
        "from",
        "to",
        "cc",
        "reply-to",
        "subject",
        "in-reply-to",
        "references",
        "auto-submitted",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "content-disposition",
        "content-id",
        "content-description",
        "content-language",
    }
)

DIALECT = Dialect(
    name="mailpace",
    words=WORDS,
    prefixes=PREFIXES,
    read=read,
    rebuilds=KEPT_FIELDS,
    needs_to=True,
    takes_file=takes,
)
