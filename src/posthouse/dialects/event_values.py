"""What the forms of events have in common: an event's values as clean, bounded JSON, whatever is in them.

An event holds texts of strangers: other servers' replies, clients' header fields. Every text that goes out
is cut, lone surrogates and NUL become U+FFFD (many databases refuse them, and a receiver that fails gets the
same event for days); own data of the sender keeps its form within a number of octets.

Public: Facts, is_our_own, text_of, cleaned, cleaned_object, encoded, id_of, numbered_id, instant.
"""

from __future__ import annotations

import hashlib
import math
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from posthouse.model.event import EventKind
from posthouse.model.hook import Told
from posthouse.model.returned import BounceClass
from posthouse.model.short_id import short_id
from posthouse.rules.bounces import class_of

LONGEST = 1_000  # characters of an address, a field of the header, a machine word
LONGEST_REPLY = 4_000
LONGEST_URL = 8_000
MOST_TAGS, LONGEST_TAG = 50, 300
MOST_DEPTH = 16
_LARGEST = 2**53  # RFC 8259 6: beyond it receivers read another number
_END_OF_TIME = 253_402_300_799.0
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_number = re.compile(r"\d{1,9}\Z").match
_last_reply = re.compile(r"last reply: (\d{3}) ?(.*)", re.DOTALL).search
_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def text_of(value: Any, most: int = LONGEST) -> str:
    """Any value as text of at most `most` characters; "" for what is no text and no number. HOT."""
    if isinstance(value, str):
        if len(value) <= most and value.isascii() and "\0" not in value:
            return value
        return fit(value[:most])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    try:
        return str(value)[:most]
    except ValueError:  # an integer of thousands of digits
        return ""


def fit(text: str) -> str:
    """The text with U+FFFD for what receivers choke on."""
    return _UNFIT.sub("\ufffd", text)


def cleaned(value: Any, depth: int = MOST_DEPTH) -> Any:
    """The same value as JSON that every reader takes: what is nested too deep or is no number becomes
    null."""
    if isinstance(value, str):
        return value if value.isascii() and "\0" not in value else fit(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_LARGEST <= value <= _LARGEST else text_of(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth <= 0:
        return None
    if isinstance(value, Mapping):
        return {text_of(key): cleaned(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(item, depth - 1) for item in value]
    return None


def cleaned_object(value: Any, most_bytes: int) -> dict[str, Any]:
    """The entries of an object in their order as long as they fit into `most_bytes` of JSON. A text that does
    not fit is cut, another value that does not is left out."""
    if not isinstance(value, Mapping):
        return {}
    whole: dict[str, Any] = cleaned(value)
    if len(_encode(whole)) <= most_bytes:
        return whole
    found: dict[str, Any] = {}
    room = most_bytes - 2
    for name, item in whole.items():
        spent = len(_encode(name)) + 2
        entry = _fitting(item, room - spent)
        if entry is not None:
            found[name] = entry[0]
            room -= spent + entry[1]
        if room < 8:
            break
    return found


def _fitting(value: Any, room: int) -> tuple[Any, int] | None:
    """The value in at most `room` octets of JSON, and how many they are."""
    size = len(_encode(value))
    if size <= room:
        return value, size
    if not isinstance(value, str) or room < 8:
        return None
    while value and size > room:  # a character takes one to six octets
        value = value[: min(len(value) * room // size, len(value) - 1)]
        size = len(_encode(value))
    return (value, size) if value else None


def encoded(value: Any, *, is_sorted: bool = False) -> bytes:
    """Compact JSON in UTF-8. Never raises for what `cleaned` can mend."""
    encode = _encode_sorted if is_sorted else _encode
    try:
        return encode(value)
    except (UnicodeEncodeError, TypeError, ValueError, OverflowError, RecursionError):
        return encode(cleaned(value))


def id_of(id: str) -> str:
    """22 characters of base64url that always stand for the same id."""
    try:
        return short_id(id)
    except ValueError:
        digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).digest()
        return urlsafe_b64encode(digest[:16])[:22].decode()


def numbered_id(id: str, bits: int = 53) -> int:
    """A positive integer that always stands for the same id, for services that count: too large a room for
    two of one customer to meet."""
    digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8], "big") >> (64 - bits)) or 1


def instant(at: float) -> str:
    """`2021-11-16T14:50:15.445Z`."""
    bounded = min(max(at, 0.0), _END_OF_TIME) if math.isfinite(at) else 0.0
    written = datetime.fromtimestamp(bounded, UTC).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z")


def is_our_own(told: Told) -> bool:
    """Mail that we wrote ourselves, notices and reports: no service tells of its own."""
    if told.message is not None:
        return not told.message.credential_id
    data = told.event.data
    return "notice_about" in data or "tls_report" in data


class Facts:
    """An event with its values ready to be told; nothing here raises."""

    __slots__ = ("data", "event", "kind", "message", "reason", "recipient", "told")

    def __init__(self, told: Told) -> None:
        self.told = told
        self.event = told.event
        self.kind: EventKind = told.event.kind
        self.message = told.message
        self.data = told.event.data if isinstance(told.event.data, dict) else {}
        self.recipient = text_of(told.event.recipient)
        self.reason = text_of(self.data.get("reason"))

    def text(self, key: str, most: int = LONGEST) -> str:
        return text_of(self.data.get(key), most)

    def number(self, key: str) -> float:
        value = self.data.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return 0
        return value if -_LARGEST <= value <= _LARGEST else 0  # also for what is no number

    def whole(self, key: str) -> int:
        return int(self.number(key))

    def told_of_message(self, name: str, key: str) -> str:
        """A field of the message, or what the event says where the message is gone."""
        if self.message is None:
            return self.text(key)
        return text_of(getattr(self.message, name)) or self.text(key)

    @property
    def at(self) -> float:
        return self.event.at if math.isfinite(self.event.at) else 0.0

    @property
    def recipient_domain(self) -> str:
        return self.recipient.rpartition("@")[2].lower()

    @property
    def header_id(self) -> str:
        """The Message-ID without its angle brackets."""
        return self.told_of_message("header_id", "header_id").strip("<> ")

    @property
    def place(self) -> int:
        """Which recipient of the message this is, from 0."""
        number = text_of(self.event.delivery_id).rpartition(".")[2]
        return int(number) if _number(number) else 0

    @property
    def tags(self) -> list[str]:
        tags = self.data.get("tags")
        if not isinstance(tags, list | tuple):
            return []
        return [text_of(tag, LONGEST_TAG) for tag in tags[:MOST_TAGS]]

    @property
    def recipients(self) -> list[str]:
        """Of a letter that was refused: the first of those it was for."""
        named = self.data.get("recipients")
        if not isinstance(named, list | tuple):
            return []
        return [text_of(one, LONGEST_TAG) for one in named[:MOST_TAGS]]

    @property
    def is_test(self) -> bool:
        return bool(self.data.get("is_test"))

    @property
    def is_verified(self) -> bool:
        """Was the certificate looked at and found good? The sentence about the connection's policy tells."""
        return bool(self.text("tls")) and self.text("policy").endswith((" matched", " valid"))

    @property
    def bounce_class(self) -> BounceClass:
        """Of a final failure."""
        try:
            return BounceClass(self.text("bounce_class"))
        except ValueError:
            return class_of(self.reason)

    @property
    def last_reply(self) -> tuple[int, str]:
        """What the other side said last before time was over; (0, "") when it never did."""
        match = _last_reply(self.text("text", LONGEST_REPLY))
        return (int(match[1]), match[2]) if match else (0, "")

    @property
    def scopes(self) -> list[str]:
        """What somebody left or came back to: "" all mail of the domain, `global`, `tag:NAME`, `group:N`."""
        scopes = self.data.get("scopes")
        if not isinstance(scopes, list | tuple):
            return [""]
        return [text_of(scope, LONGEST_TAG) for scope in scopes[:MOST_TAGS]]

    @property
    def groups(self) -> list[int]:
        """The numbers of the groups among them."""
        numbers = [scope.removeprefix("group:") for scope in self.scopes if scope.startswith("group:")]
        named = self.text("group")
        return [int(number) for number in (numbers or [named]) if _number(number)]
