"""SendGrid's mail, tracking and TLS settings -> settings of the account. Raises BadShape.

Public: MAIL, TRACKING, settings_of, enforced_tls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from posthouse.moving.things import Kind, NewAllowed, NewSettings, StaysBehind, Thing
from posthouse.moving.values import as_object, flag_of, number_of, text_of, words_of

_MOST = 100_000
Found = Mapping[str, Any]
MAIL = (
    "address_whitelist",
    "bounce_purge",
    "footer",
    "forward_bounce",
    "forward_spam",
    "template",
    "spam_check",
    "bcc",
)
TRACKING = ("open", "click", "google_analytics", "subscription")


def settings_of(name: str, value: Any) -> Iterator[Thing]:
    """One of MAIL or TRACKING, by its name, as `GET …/{name}` answers it."""
    found = as_object(value)
    is_on = flag_of(found, "enabled")
    if name == "address_whitelist":
        if is_on:
            yield from (NewAllowed(word) for word in words_of(found, "list"))
    elif name in _READ:
        values = _READ[name](found) if is_on or name in ("open", "click") else {}
        if values:
            yield NewSettings(values)
    elif is_on:
        yield StaysBehind(Kind.SETTING, name, "there is no such setting of the account here")


def enforced_tls(value: Any) -> Iterator[Thing]:
    found = as_object(value)
    if flag_of(found, "require_tls"):
        is_lax = not flag_of(found, "require_valid_cert")
        yield NewSettings({"require_tls": True, "skip_verification": is_lax})


def _purge(found: Found) -> Found:
    return {
        "purge_hard_days": number_of(found, "hard_bounces"),
        "purge_soft_days": number_of(found, "soft_bounces"),
    }


def _footer(found: Found) -> Found:
    return {
        "footer": True,
        "footer_html": text_of(found, "html_content", most=_MOST),
        "footer_text": text_of(found, "plain_content", most=_MOST),
    }


def _frame(found: Found) -> Found:
    return {"frame": True, "frame_html": text_of(found, "html_content", most=_MOST)}


def _forward(name: str) -> Callable[[Found], Found]:
    return lambda found: {name: True, f"{name}_to": text_of(found, "email")}


def _clicks(found: Found) -> Found:
    if not flag_of(found, "enabled"):
        return {"track_clicks": "off"}
    return {"track_clicks": "all" if flag_of(found, "enable_text") else "html"}


def _utm(found: Found) -> Found:
    names = ("utm_source", "utm_medium", "utm_term", "utm_content", "utm_campaign")
    return {"utm": True, **{name: text_of(found, name) for name in names}}


def _subscription(found: Found) -> Found:
    return {
        "unsubscribe": True,
        "unsubscribe_html": text_of(found, "html_content", most=_MOST),
        "unsubscribe_text": text_of(found, "plain_content", most=_MOST),
        "unsubscribe_tag": text_of(found, "replace"),
    }


_READ: Mapping[str, Callable[[Found], Found]] = {
    "bounce_purge": _purge,
    "footer": _footer,
    "template": _frame,
    "forward_spam": _forward("forward_complaints"),
    "open": lambda found: {"track_opens": flag_of(found, "enabled")},
    "click": _clicks,
    "google_analytics": _utm,
    "subscription": _subscription,
}
