"""Signed names for the links in delivered mail: opens, clicks, unsubscribes.

A token is URL-safe base64 of: one octet of kind, eight octets that tell which sending domain's key signed it,
the delivery, the kind's own data, and the first 16 octets of HMAC-SHA256 over all that. A click token carries
its destination, so that following a link needs no store; nobody without the key can make one lead elsewhere
(S17). What a token says is readable by its holder, who has the mail anyway.

The kind's letter also tells the form: capitals for this one, small letters for links of older mail, which
have only four octets of the domain's name and must work for years (RFC 8058 3.1). Nobody writes those any
more: a domain whose name begins with the same four octets can be searched for.

Public: Links, Token, write_token, read_token, verify, click_data, domain_tag, old_tag, packed, CLICK, OPEN,
UNSUBSCRIBE.
"""

from __future__ import annotations

import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

CLICK, OPEN, UNSUBSCRIBE = "c", "o", "u"
PARTS = ("html", "text")
MAC_OCTETS = 16
MOST_CHARS = 16_384
URL_MAX = 8_000  # characters of a destination; longer ones stay as they are

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # as `model.clock.Ids` writes
_TO_PYTHON = str.maketrans(_DIGITS, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
_ID_CHARS = 26
_ID_OCTETS = 17  # 26 digits of five bits
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/!!!")  # one spelling only
_TAG_OCTETS, _OLD_TAG_OCTETS = 8, 4
# the first octet of a token: (kind, octets of the domain's tag)
_FORMS = {ord(kind.upper()): (kind, _TAG_OCTETS) for kind in (CLICK, OPEN, UNSUBSCRIBE)}
_FORMS |= {ord(kind): (kind, _OLD_TAG_OCTETS) for kind in (CLICK, OPEN, UNSUBSCRIBE)}


@dataclass(frozen=True, slots=True)
class Token:
    """A token as read, not yet believed: see `verify`. `tag` names the domain whose key to try."""

    kind: str
    tag: bytes
    delivery_id: str
    data: bytes
    signed: bytes
    mac: bytes

    @property
    def part(self) -> str:
        """Of a click: "html" or "text", where the link stood."""
        return PARTS[self.data[0] % len(PARTS)] if self.data else PARTS[0]

    @property
    def index(self) -> int:
        """Of a click: the link's number in its message, from 0."""
        return int.from_bytes(self.data[1:3], "big")

    @property
    def url(self) -> str:
        """Of a click: where it leads."""
        return self.data[3:].decode("utf-8", "replace")

    @property
    def leads_to_the_web(self) -> bool:
        """Of a click: nothing else is ever signed, and nothing else (javascript:, data:) is ever followed."""
        return self.data[3:11].lower().startswith((b"http://", b"https://"))

    @property
    def scope(self) -> str:
        """Of an unsubscribe link: "", "tags", "group:NUMBER", "global" or "preferences"."""
        return self.data.decode("ascii", "replace")


def _nobody(delivery_id: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Links:
    """Makes the links of one sending domain's mail: `key` signs them, `base_url` (without a final slash) is
    the tracking door as recipients reach it, `domain` the sending domain in lower-case A-label form.
    `mail_to`: the address that unsubscribes the recipient of a delivery (its id), "" where none takes it."""

    key: bytes = field(repr=False)
    base_url: str
    domain: str
    mail_to: Callable[[str], str] = field(default=_nobody, repr=False, compare=False)
    tag: bytes = field(init=False, repr=False)
    _base: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tag", domain_tag(self.domain))
        object.__setattr__(self, "_base", self.base_url.encode())

    def click(self, delivery: bytes, data: bytes) -> bytes:
        """The link that stands for a destination; `delivery` is `packed`, `data` from `click_data`. Hot."""
        signed = b"C%b%b%b" % (self.tag, delivery, data)
        return b"%b/c/%b" % (self._base, _signed(self.key, signed))

    def pixel(self, delivery: bytes) -> str:
        token = _signed(self.key, b"O%b%b" % (self.tag, delivery))
        return f"{self.base_url}/o/{token.decode()}.gif"

    def unsubscribe(self, delivery: bytes, scope: str) -> str:
        token = _signed(self.key, b"U%b%b%b" % (self.tag, delivery, scope.encode()))
        return f"{self.base_url}/u/{token.decode()}"

    def unsubscribe_email(self, delivery: bytes) -> str:
        """Mail to this address unsubscribes. Its local part stays below the 64 octets of RFC 5321. Where
        nothing takes such mail the address is still unlike any other."""
        if address := self.reachable_email(delivery):
            return address
        token = _signed(self.key, b"u%b%b" % (self.tag[:_OLD_TAG_OCTETS], delivery))
        return f"u+{token.decode()}@{self.domain}"

    def reachable_email(self, delivery: bytes) -> str:
        """The same where mail to it comes to us, else ""."""
        found = _unpacked(delivery) if self.mail_to is not _nobody else None
        return self.mail_to(found[0]) if found else ""

    def is_own(self, url: str) -> bool:
        """Is it one of these links? Then it is never tracked again."""
        return url.startswith(self.base_url) and url[len(self.base_url) :].startswith(("/u/", "/c/", "/o/"))

    def longest_click(self, data: bytes) -> int:
        """The octets that `click` will have, at most."""
        return len(self._base) + 4 + (len(data) + MAC_OCTETS + 34) * 4 // 3


def click_data(url: str, index: int, part: str) -> bytes:
    """What a click token carries."""
    number = min(index, 0xFFFF).to_bytes(2, "big")
    return b"%c%b%b" % (PARTS.index(part), number, url.encode("utf-8", "replace"))


def domain_tag(domain: str) -> bytes:
    """Eight octets that name a sending domain, so that the reader finds the key to check with."""
    return sha256(domain.encode()).digest()[:_TAG_OCTETS]


def old_tag(domain: str) -> bytes:
    """The four octets that name it in links of older mail."""
    return domain_tag(domain)[:_OLD_TAG_OCTETS]


def packed(delivery_id: str) -> bytes:
    """A delivery's id in few octets: zero, 17 octets of the message's id, and the running number in one octet
    or, behind an octet above 251, in up to four. An id of another form: its length and its UTF-8 octets.
    Raises ValueError for one that is empty or over 255 octets."""
    head, dot, number = delivery_id.partition(".")
    if dot and len(head) == _ID_CHARS and _is_plain(head, number):
        octets = int(head.translate(_TO_PYTHON), 32).to_bytes(_ID_OCTETS, "big")
        value = int(number)
        if value < 252:
            return b"\0%b%c" % (octets, value)
        size = (value.bit_length() + 7) // 8
        return b"\0%b%c%b" % (octets, 251 + size, value.to_bytes(size, "big"))
    text = delivery_id.encode()
    if not 0 < len(text) < 256:
        raise ValueError("a delivery's id has 1 to 255 octets")
    return b"%c%b" % (len(text), text)


def write_token(key: bytes, tag: bytes, kind: str, delivery_id: str, data: bytes = b"") -> str:
    """`tag` from `domain_tag` (or `old_tag`: then in the old form), `kind` one of the constants above."""
    letter = kind.upper() if len(tag) == _TAG_OCTETS else kind
    return _signed(key, b"%b%b%b%b" % (letter.encode(), tag, packed(delivery_id), data)).decode()


def read_token(text: str) -> Token | None:
    """The parts of a token; None for what cannot be one. Nothing is proven by that."""
    if len(text) > MOST_CHARS or not text.isascii():
        return None
    encoded = text.encode().translate(_FROM_URL)
    try:
        octets = binascii.a2b_base64(encoded + b"=" * (-len(encoded) % 4), strict_mode=True)
    except ValueError:
        return None
    signed, mac = octets[:-MAC_OCTETS], octets[-MAC_OCTETS:]
    kind, tag_octets = _FORMS.get(signed[0], ("", 0)) if signed else ("", 0)
    head = 1 + tag_octets
    found = _unpacked(signed[head:]) if kind else None
    if found is None:
        return None
    delivery_id, size = found
    return Token(kind, signed[1:head], delivery_id, signed[head + size :], signed, mac)


def verify(token: Token, key: bytes) -> bool:
    """Was it written with this key?"""
    return hmac.compare_digest(hmac.digest(key, token.signed, "sha256")[:MAC_OCTETS], token.mac)


def _signed(key: bytes, signed: bytes) -> bytes:
    mac = hmac.digest(key, signed, "sha256")[:MAC_OCTETS]
    return binascii.b2a_base64(signed + mac, newline=False).translate(_TO_URL).rstrip(b"=")


def _is_plain(head: str, number: str) -> bool:
    """Would this id come back as it is?"""
    return (
        not head.strip(_DIGITS)
        and number.isascii()
        and number.isdecimal()
        and len(number) < 10
        and f"{int(number):04d}" == number  # as `rules.plan` writes
    )


def _unpacked(octets: bytes) -> tuple[str, int] | None:
    """(delivery id, octets it took), or None."""
    if not octets:
        return None
    if octets[0]:
        size = 1 + octets[0]
        try:
            return (octets[1:size].decode(), size) if len(octets) >= size else None
        except UnicodeDecodeError:
            return None
    at = 1 + _ID_OCTETS
    if len(octets) <= at:
        return None
    more = max(0, octets[at] - 251)
    size = at + 1 + more
    if len(octets) < size:
        return None
    number = int.from_bytes(octets[at + 1 : size], "big") if more else octets[at]
    value = int.from_bytes(octets[1:at], "big")
    head = "".join([_DIGITS[value >> shift & 31] for shift in range(5 * (_ID_CHARS - 1), -1, -5)])
    return f"{head}.{number:04d}", size
