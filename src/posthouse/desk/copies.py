"""The copy of a message that one recipient gets: as it was captured, else made again of what is kept.

Public: Copy, copy_of, copy_for.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from posthouse.desk.event_log import plain_address
from posthouse.mail.letter import BadLetter
from posthouse.mail.personalise import CannotRender
from posthouse.mail.render import Rendering, finish, is_plain, prepare
from posthouse.mail.tokens import Links
from posthouse.model.message import Delivery, Message
from posthouse.model.options import CLICKS_OFF, read_recipient_options
from posthouse.store import captures, messages, queue
from posthouse.store.connection import Connection

# links that nobody can check: who looks at a copy here must not count as its reader, or unsubscribe anybody
_KEY = bytes(32)


@dataclass(frozen=True, slots=True)
class Copy:
    """`content`: the octets. `is_captured`: exactly what would have left; else made for looking at: not
    signed, without tracking, its links to unsubscribe lead nowhere. `trouble`: why it could not be made, and
    `content` is what came in; "" when it could."""

    content: bytes
    is_captured: bool = False
    trouble: str = ""


def copy_of(conn: Connection, account_id: str, message_id: str, delivery_id: str) -> Copy | None:
    """The copy of that delivery. None: there is none, it is another account's (`account_id` "" for all), or
    its text is not kept any more."""
    message = messages.load_message(conn, message_id)
    delivery = queue.find_delivery(conn, delivery_id)
    is_own = message is not None and account_id in ("", message.account_id)
    if message is None or delivery is None or not is_own or delivery.message_id != message_id:
        return None
    captured = captures.load_capture(conn, delivery_id)
    if captured is not None:
        return Copy(captured.content, is_captured=True)
    raw = messages.load_content(conn, message_id)
    return None if raw is None else _rendered(raw, message, delivery)


def copy_for(conn: Connection, account_id: str, message_id: str, recipient: str) -> Copy | None:
    """The same by the recipient's address."""
    wanted = plain_address(recipient).lower()
    for delivery in queue.deliveries_of(conn, message_id):
        if delivery.recipient.lower() == wanted:
            return copy_of(conn, account_id, message_id, delivery.id)
    return None


def _rendered(raw: bytes, message: Message, delivery: Delivery) -> Copy:
    options = msgspec.structs.replace(message.options, track_opens=False, track_clicks=CLICKS_OFF)
    message.options = options
    try:
        if is_plain(options, raw):
            prepared = prepare(raw, message)
        else:
            links = Links(_KEY, f"https://email.{message.domain}", message.domain)
            personal = read_recipient_options(delivery.personal)
            prepared = Rendering(raw, message, links).copy(delivery.id, delivery.recipient, personal)
        head, body = finish(prepared, (), 0)
    except (CannotRender, BadLetter) as error:
        return Copy(raw, trouble=str(error))
    return Copy(head + body)
