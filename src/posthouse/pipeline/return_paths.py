"""With which envelope sender a letter leaves: one of ours that brings bounces back, or its author's.

Public: ReturnPaths, unchanged.
"""

from __future__ import annotations

from collections.abc import Callable

from posthouse.mail.return_path import BOUNCE, UNSUBSCRIBE, return_address
from posthouse.model.account import DomainSettings
from posthouse.model.message import Delivery, Message

KEEP = "keep"

SenderOf = Callable[[Message, Delivery], str]
"""The envelope sender of one delivery."""


def unchanged(message: Message, delivery: Delivery) -> str:
    """As its author gave it: for a house that takes no returned mail."""
    return message.sender


class ReturnPaths:
    """Makes the addresses of one installation. `host_of`: the domain that takes the returned mail of a
    sending domain, "" for none."""

    def __init__(
        self,
        key: bytes,
        host_of: Callable[[str], str],
        settings_of: Callable[[str], DomainSettings],
    ) -> None:
        self._key = key
        self._host_of = host_of
        self._settings_of = settings_of

    def sender_of(self, message: Message, delivery: Delivery) -> str:
        """HOT. The author's own sender stays where nobody may answer ("" is the null sender), for letters of
        ours (they have no credential), where author or domain want it, and where there is no return host."""
        if not message.sender or not message.credential_id or message.options.keeps_return_path:
            return message.sender
        domain = message.domain
        if self._settings_of(domain).return_path == KEEP:
            return message.sender
        return return_address(self._key, BOUNCE, delivery.id, self._host_of(domain)) or message.sender

    def unsubscribe_address(self, domain: str, delivery_id: str) -> str:
        """Mail to this address takes the delivery's recipient off the lists of its sender; "" where no mail
        comes back to us."""
        return return_address(self._key, UNSUBSCRIBE, delivery_id, self._host_of(domain))
