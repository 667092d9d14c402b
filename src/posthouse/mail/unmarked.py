"""A copy as its recipient will read it, but without what is only ours: tracked links, the pixel, signatures.

It is what a spam scanner sees: the author's words, not our marks in them.

Public: unmarked.
"""

from __future__ import annotations

from dataclasses import replace as changed

from msgspec.structs import replace

from posthouse.mail.render import Rendering, is_plain, prepare
from posthouse.mail.tokens import Links
from posthouse.model.message import Delivery, Message
from posthouse.model.options import RecipientOptions


def unmarked(
    content: bytes, message: Message, delivery: Delivery, personal: RecipientOptions, links: Links
) -> bytes:
    """All octets of the copy; `content` is the stored letter. Raises CannotRender."""
    options = replace(message.options, track_opens=None, track_clicks="", utm=())
    plain = changed(message, options=options)
    if is_plain(options, content):
        copy = prepare(content, plain)
    else:
        copy = Rendering(content, plain, links).copy(delivery.id, delivery.recipient, personal)
    return b"%b\r\n%b" % (copy.head, copy.body)
