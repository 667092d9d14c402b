"""The author's picture at the end of the HTML part, as Gravatar serves it to everybody.

Its URL is made as https://docs.gravatar.com says: SHA-256 of the mail address, trimmed and in lower case. An
author without a picture there shows none (a transparent one). Opening the mail tells Gravatar about it.

Public: avatar_block, SIZE.
"""

from __future__ import annotations

from hashlib import sha256
from html import escape

from posthouse.mail.addresses import parse_mailboxes
from posthouse.model.address import BadAddress
from posthouse.model.options import Block

SIZE = 80  # pixels, the service's own default
_IMAGE = (
    '<p><img src="https://gravatar.com/avatar/{digest}?s={size}&amp;d=blank" alt="{alt}" width="{size}" '
    'height="{size}" border="0"></p>\n'
)


def avatar_block(author: bytes) -> Block | None:
    """What is put into mail with the From field `author` (its octets); None when it names nobody."""
    try:
        authors = parse_mailboxes(author)
    except BadAddress:
        return None
    if not authors:
        return None
    address = str(authors[0].address)
    digest = sha256(address.strip().lower().encode("utf-8", "replace")).hexdigest()
    return Block(html=_IMAGE.format(digest=digest, size=SIZE, alt=escape(address)))
