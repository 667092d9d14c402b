"""Which delivery a report is about that came to postmaster or abuse instead of to a return path.

It must show something that only we and the recipient's side have: a return path of ours (Return-Path of the
quoted letter), a link of ours (List-Unsubscribe, tracked links), each with its signature; or, in a complaint,
the pair of Message-ID and recipient of a letter that our log knows as delivered. Anything else names nothing
(BNC-1, S16).

Public: ReportNames.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from posthouse.mail.return_path import read_return_path
from posthouse.mail.tokens import read_token, verify
from posthouse.model.event import EventKind
from posthouse.model.returned import Returned, ReturnedKind
from posthouse.store import events, messages
from posthouse.store.engine import Connection, Store
from posthouse.store.events import EventQuery

_BELIEVED = frozenset({ReturnedKind.COMPLAINT, ReturnedKind.OPT_OUT})
_MOST_TOKENS = 100  # looked at in one report
_MOST_ADDRESSES = 5
_MOST_LETTERS = 100  # the last ones to an address
_READ_BYTES = 1024 * 1024
_PATH = re.compile(rb"(?<![0-9A-Za-z])([bu][0-9a-z]{53,58})@", re.I)
_LINK = re.compile(rb"/[uco]/([A-Za-z0-9_-]{40,16384})")


@dataclass(frozen=True, slots=True)
class ReportNames:
    """`key` of return paths; `key_of` gives the key of a link's domain by its tag (`doors.track`)."""

    store: Store
    key: bytes
    key_of: Callable[[bytes], bytes | None]

    async def find(self, raw: bytes, returned: Returned) -> tuple[str, ...]:
        """The delivery, or () when the report proves none. One at most: a report is about one letter."""
        quoted = "\n".join(value for _, value in returned.about_fields)  # decoded, however it was packed
        start = (
            raw[:_READ_BYTES].replace(b"=\r\n", b"").replace(b"=\n", b"")
        )  # a pattern takes 30 times as long
        text = quoted.encode("utf-8", "replace") + b"\n" + start
        for named in (self._by_path(text), self._by_link(text)):
            if named:
                return (named,)
        # an unsigned bounce never counts: whoever knows a Message-ID could stop mail to its recipient
        pairs = _pairs(returned) if returned.kind in _BELIEVED else []
        found: str = await self.store.read(_by_log, pairs) if pairs else ""
        return (found,) if found else ()

    def _by_path(self, text: bytes) -> str:
        for local in _first(_PATH, text):
            found = read_return_path(self.key, local)
            if found is not None:
                return found[1]
        return ""

    def _by_link(self, text: bytes) -> str:
        for written in _first(_LINK, text):
            token = read_token(written)
            key = self.key_of(token.tag) if token else None
            if token and key is not None and verify(token, key):
                return token.delivery_id
        return ""


def _first(pattern: re.Pattern[bytes], text: bytes) -> Iterable[str]:
    matches = islice(pattern.finditer(text), _MOST_TOKENS)
    return list(dict.fromkeys(match[1].decode() for match in matches))


def _pairs(returned: Returned) -> list[tuple[str, str]]:
    """(Message-ID, recipient) as the report has them."""
    if not returned.header_id:
        return []
    named = [one for each in returned.recipients for one in (each.original, each.address)]
    addresses = dict.fromkeys(address for address in [*named, *returned.about_recipients] if address)
    return [(returned.header_id, address) for address in list(addresses)[:_MOST_ADDRESSES]]


def _by_log(conn: Connection, pairs: list[tuple[str, str]]) -> str:
    """The delivery whose letter had that Message-ID and went to that address; "" for none."""
    for header_id, address in pairs:
        query = EventQuery(
            recipient=address, kinds=(EventKind.DELIVERED,), newest_first=True, limit=_MOST_LETTERS
        )
        for event in events.search(conn, query):
            message = messages.load_message(conn, event.message_id)
            if message is not None and message.header_id == header_id:
                return event.delivery_id
    return ""
