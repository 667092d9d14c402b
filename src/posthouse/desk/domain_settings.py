"""Settings of a domain as people write them: `track_clicks=html`; see `setting_kinds`.

Public: KINDS, changed, shown, authorised, unauthorised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from msgspec.structs import replace

from posthouse.desk import setting_kinds
from posthouse.desk.setting_kinds import Kind, clicks, count, one_of, wrong, yes_or_no
from posthouse.model.account import DEFAULTS, DomainSettings
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.errors import Refused
from posthouse.rules.privacy import FULL, MASKED, NONE

__all__ = ["KINDS", "authorised", "changed", "shown", "unauthorised"]

_MOST_DAYS = 366.0
_LONGEST_URL = 500
_MOST_FOOTER = 5_000  # kept with every message that gets it
_LINK = "%unsubscribe_url%"


def changed(settings: DomainSettings, pairs: Sequence[str]) -> DomainSettings:
    """The settings with `key=value` pairs applied; `key=` goes back to the default. Raises Refused."""
    return setting_kinds.changed(settings, pairs, kinds=KINDS, defaults=DEFAULTS, whose="a domain")


def shown(settings: DomainSettings) -> dict[str, str]:
    """Every setting as people would write it; what a service's clients said without effect is none."""
    found = setting_kinds.shown(settings)
    return {name: found[name] for name in KINDS}


def authorised(settings: DomainSettings, address: str) -> DomainSettings:
    """With one more address that a sandbox domain may write to. Raises Refused."""
    return replace(settings, authorised=tuple(sorted({*settings.authorised, _normal(address)})))


def unauthorised(settings: DomainSettings, address: str) -> DomainSettings:
    """Without that address. Raises Refused when it was not there."""
    gone = _normal(address)
    if gone not in settings.authorised:
        raise Refused(550, "5.1.1", f"{gone} is not an authorised recipient here", reason="no-address")
    return replace(settings, authorised=tuple(each for each in settings.authorised if each != gone))


def _normal(address: str) -> str:
    try:
        return str(parse_address(address.strip())).lower()
    except BadAddress as error:
        raise wrong(f"not an address: {error}") from error


# How the kinds read


def _url(text: str) -> str:
    parts = urlsplit(text)  # raises ValueError for a bad port or bracket
    is_plain = text.isascii() and text.isprintable() and " " not in text and len(text) <= _LONGEST_URL
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment or not is_plain:
        raise ValueError
    if parts.port == 0 or any(mark in text for mark in "\"'<>\\`"):
        raise ValueError
    return text


def _base_url(text: str) -> str:
    if urlsplit(text).query or urlsplit(text).username:
        raise ValueError
    return _url(text).rstrip("/")


def _days(text: str) -> float:
    days = float(text)
    if not 0 < days <= _MOST_DAYS:
        raise ValueError
    return days


def _name(text: str) -> str:
    if len(text) > 100 or not text.isprintable():
        raise ValueError
    return text


def _colour(text: str) -> str:
    digits = text.lower().removeprefix("#")
    if len(digits) != 6 or digits.strip("0123456789abcdef"):
        raise ValueError
    return f"#{digits}"


def _line(most: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if len(text) > most or not text.isprintable():
            raise ValueError
        return text

    return read


def _footer(text: str) -> str:
    if len(text) > _MOST_FOOTER or _LINK not in text or "\0" in text:
        raise ValueError
    return text


def _addresses(text: str) -> tuple[str, ...]:
    try:
        found = {str(parse_address(part.strip())).lower() for part in text.split(",") if part.strip()}
    except BadAddress as error:
        raise ValueError from error
    return tuple(sorted(found))


def _file_types(text: str) -> tuple[str, ...]:
    found = {word.strip().lower().removeprefix(".") for word in text.split(",") if word.strip()}
    if len(found) > 200 or not all(word.isalnum() and word.isascii() and len(word) <= 20 for word in found):
        raise ValueError
    return tuple(sorted(found))


_SWITCH = Kind("yes, no", yes_or_no)
_LIMIT = Kind("a whole number of recipients, 0 for no limit", count)
_FOOTER = Kind(f"a text with {_LINK}, which becomes the link, of at most {_MOST_FOOTER} characters", _footer)
KINDS: Mapping[str, Kind] = {
    "track_opens": _SWITCH,
    "track_clicks": Kind("off, html, all", clicks),
    "pixel_at_top": _SWITCH,
    "tracking_url": Kind("an http or https URL without a query", _base_url),
    "unsubscribe": _SWITCH,
    "unsubscribe_html": _FOOTER,
    "unsubscribe_text": _FOOTER,
    "schedule_days": Kind(f"a number of days above 0, at most {_MOST_DAYS:g}", _days),
    "require_tls": _SWITCH,
    "skip_verification": _SWITCH,
    "archive_url": Kind("an http or https URL", _url),
    "ip_pool": Kind("a pool's name", _name),
    "is_sandbox": _SWITCH,
    "authorised": Kind("addresses with commas between them", _addresses),
    "hourly_messages": _LIMIT,
    "daily_messages": _LIMIT,
    "keeps_fields": _SWITCH,
    "from_policy": Kind("account, domain, any", one_of("account", "domain", "any")),
    "return_path": Kind("own, keep", one_of("own", "keep")),
    "track_privacy": Kind("full, masked, none", one_of(FULL, MASKED, NONE)),
    "page_name": Kind("a name of at most 80 characters", _line(80)),
    "page_colour": Kind("a colour as #1a2b3c", _colour),
    "page_text": Kind("a line of at most 300 characters", _line(300)),
    "attachment_types": Kind("all, safe, or file extensions with commas between them", _file_types),
}
"""By the names of `model.account.DomainSettings`, in their order."""
