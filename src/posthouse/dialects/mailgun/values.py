"""The grammars of single-valued headers, apart from those of time.

Each takes the header's text (one line, encoded words decoded) and the context, and gives the value in our
terms or raises `BadValue`. What the account must own is asked here too: a foreign value is a wrong one.

Public: text_of, words_to, sending_ip, sending_pool, own_key, key_alias, archive_url.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from posthouse.dialects.dialect import Context
from posthouse.dialects.mailgun.times import SHOWN_CHARS, BadValue
from posthouse.dialects.web_urls import is_web_url
from posthouse.mail.words import decode_words
from posthouse.model.address import BadAddress, ascii_domain

TEXT_BYTES = 8192  # no value but JSON is longer

_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?")


def text_of(raw: bytes) -> str:
    """The octets behind the colon as one line of text."""
    return decode_words(raw[:TEXT_BYTES])


def words_to(yes: Any, no: Any, htmlonly: Any = None) -> Callable[[str, Context], Any]:
    """A grammar of `yes` and `no`, `true` and `false` in any case, and of `htmlonly` if that has a value."""
    values = {"yes": yes, "true": yes, "no": no, "false": no}
    allowed = "use yes, no, true or false"
    if htmlonly is not None:
        values["htmlonly"] = htmlonly
        allowed = "use yes, no, true, false or htmlonly"

    def read(text: str, context: Context) -> Any:
        try:
            return values[text.lower()]
        except KeyError:
            raise BadValue(allowed) from None

    return read


def sending_ip(text: str, context: Context) -> str:
    """An address of the account, in its shortest form."""
    address = _ip(text)
    if not address or not context.owns_ip(address):
        raise BadValue(f"Rejected: IP {text[:SHOWN_CHARS]} can't be used to send the message")
    return address


def sending_pool(text: str, context: Context) -> dict[str, str]:
    """A pool's id or name; an address stood here in older mail. -> the option's name and value"""
    address = _ip(text)
    if address and context.owns_ip(address):
        return {"ip": address}
    if not context.owns_pool(text):
        raise BadValue(f"Rejected: IP pool {text[:SHOWN_CHARS]} can't be used to send the message")
    return {"ip_pool": text}


def _ip(text: str) -> str:
    try:
        return "" if "%" in text else str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def own_key(text: str, context: Context) -> tuple[str, str]:
    """`domain,selector` or `domain/selector` of an active key of the account."""
    pair = key_alias(text, context)
    if not context.owns_key(*pair):
        raise _no_key(text)
    return pair


def key_alias(text: str, context: Context) -> tuple[str, str]:
    """The same form, whoever's: DNS will tell whether it is the same key."""
    domain, separator, selector = text.replace("/", ",", 1).partition(",")
    selector = selector.strip().lower()
    if not separator or not _SELECTOR.fullmatch(selector):
        raise _no_key(text)
    try:
        return ascii_domain(domain.strip()), selector
    except BadAddress as error:
        raise _no_key(text) from error


def _no_key(text: str) -> BadValue:
    return BadValue(f"{text[:SHOWN_CHARS]} is not a valid secondary dkim domain name")


def archive_url(text: str, context: Context) -> str:
    """An http or https URL; whether it may be reached is judged when the copy is sent."""
    if not is_web_url(text):
        raise BadValue("use an http or https URL")
    return text
