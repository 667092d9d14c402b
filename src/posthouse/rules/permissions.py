"""What a key may do: the words that mean something here, and what other services' scopes mean.

A key of SendGrid's kind carries that service's scopes, for programs ask it what it may do; each scope that
has a meaning here stands for one of our words. Words that mean nothing are kept for such keys and refused
for our own.

Public: PERMISSIONS, SCOPES, FULL, READ_ONLY, SEND_ONLY, preset, may, beyond, unknown, not_ours,
not_ours_text.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from types import MappingProxyType

from posthouse.model.account import MAIL_SEND

PERMISSIONS = MappingProxyType(
    {
        MAIL_SEND: "send mail, over SMTP and HTTP",
        "queue.read": "see what waits",
        "queue.write": "cancel, hold and reschedule what waits",
        "events.read": "read events and message content",
        "stats.read": "read counts",
        "domains.read": "see domains and their DNS records",
        "domains.write": "add, change, verify and remove domains",
        "suppressions.read": "see suppressed addresses and unsubscribe groups",
        "suppressions.write": "add and remove suppressed addresses and unsubscribe groups",
        "templates.read": "see templates",
        "templates.write": "add, change and remove templates",
        "keys.read": "see users, keys and tokens, never their secrets",
        "keys.write": "make, change and revoke users, keys and tokens",
        "hooks.read": "see receivers of events and of mail",
        "hooks.write": "add, change and remove receivers",
        "ips.read": "see addresses and pools",
        "ips.write": "change pools",
        "settings.read": "see what holds for all mail of the account",
        "settings.write": "change what holds for all mail of the account: footer, tracking, TLS, forwarding",
    }
)
"""Our words and what each allows."""

FULL = tuple(PERMISSIONS)
READ_ONLY = tuple(word for word in PERMISSIONS if word.endswith(".read"))
SEND_ONLY = (MAIL_SEND,)

_CHANGES = ("create", "update", "delete")
_MAIL_SETTINGS = (
    "address_whitelist",
    "bcc",
    "bounce_purge",
    "footer",
    "forward_bounce",
    "forward_spam",
    "plain_content",
    "spam_check",
    "template",
)
_TRACKING_SETTINGS = ("click", "google_analytics", "open", "subscription")
_USER = ("account", "credits", "email", "profile", "username")
_LISTS = ("bounces", "blocks", "invalid_emails", "spam_reports", "unsubscribes")


def _settings(*scopes: str) -> dict[str, str]:
    """Settings are read and updated, never made."""
    reading = {f"{scope}.read": "settings.read" for scope in scopes}
    return reading | {f"{scope}.update": "settings.write" for scope in scopes}


def _pair(ours: str, *scopes: str) -> dict[str, str]:
    """Scopes with `.read` and with the three changing endings, as our two words."""
    reading = {f"{scope}.read": f"{ours}.read" for scope in scopes}
    return reading | {f"{scope}.{verb}": f"{ours}.write" for scope in scopes for verb in _CHANGES}


SCOPES = MappingProxyType(
    {
        MAIL_SEND: MAIL_SEND,
        **_pair("queue", "mail.batch", "user.scheduled_sends"),
        **dict.fromkeys(("email_activity.read", "messages.read", "message.read"), "events.read"),
        **dict.fromkeys(
            ("stats.read", "stats.global.read", "categories.stats.read", "categories.stats.sums.read"),
            "stats.read",
        ),
        **dict.fromkeys(
            (f"{each}.stats.read" for each in ("browsers", "clients", "devices", "geo", "mailbox_providers")),
            "stats.read",
        ),
        **_pair("domains", "whitelabel"),
        **_pair("suppressions", "suppression", *(f"suppression.{each}" for each in _LISTS)),
        **_pair("suppressions", "asm.groups", "asm.groups.suppressions", "asm.suppressions.global"),
        "asm.suppressions.read": "suppressions.read",
        **_pair("templates", "templates", "templates.versions", "templates.versions.activate"),
        **_pair("keys", "api_keys"),
        **dict.fromkeys(("access_settings.activity.read", "teammates.read"), "keys.read"),
        **_pair("hooks", "user.webhooks.event.settings", "user.webhooks.event.test", "user.webhooks.parse"),
        **_pair("hooks", "user.webhooks.parse.settings"),
        "user.webhooks.parse.stats.read": "hooks.read",
        **_pair("ips", "ips", "ips.pools", "ips.pools.ips", "ips.warmup"),
        "ips.assigned.read": "ips.read",
        "mail_settings.read": "settings.read",
        **_settings(*(f"mail_settings.{each}" for each in _MAIL_SETTINGS)),
        "tracking_settings.read": "settings.read",
        **_settings(*(f"tracking_settings.{each}" for each in _TRACKING_SETTINGS)),
        **_settings("user.settings.enforced_tls"),
        **{f"user.{each}.read": "settings.read" for each in _USER},
        **dict.fromkeys(("partner_settings.read", "partner_settings.new_relic.read"), "settings.read"),
    }
)
"""SendGrid's scope -> the word of ours that it stands for (sendgrid.md 3.14)."""

_PRESETS = {"full": FULL, "read-only": READ_ONLY, "send-only": SEND_ONLY}


def preset(name: str, *, in_scopes: bool) -> tuple[str, ...]:
    """The words of "full", "read-only" or "send-only": ours, or those of SendGrid's that stand for them."""
    words = _PRESETS[name]
    if not in_scopes:
        return words
    return tuple(scope for scope, ours in SCOPES.items() if ours in words)


def may(permissions: Iterable[str], word: str) -> bool:
    """Does a key with these permissions, ours or scopes, have the one that our `word` names?"""
    return any(held == word or SCOPES.get(held) == word for held in permissions)


def beyond(wanted: Iterable[str], held: Iterable[str]) -> list[str]:
    """Those of `wanted` that allow what `held` does not: who holds these must not give them to others."""
    own = {SCOPES.get(word, word) for word in held}
    return [word for word in wanted if (ours := SCOPES.get(word, word)) in PERMISSIONS and ours not in own]


def unknown(permissions: Iterable[str]) -> list[str]:
    """Those that mean nothing here."""
    return [word for word in permissions if word not in PERMISSIONS and word not in SCOPES]


def not_ours(permissions: Iterable[str]) -> list[str]:
    """Those that a key of our own kind cannot have: unknown ones and other services' scopes."""
    return [word for word in permissions if word not in PERMISSIONS]


def not_ours_text(word: str) -> str:
    """A sentence on such a word, with the one that may have been meant."""
    near = get_close_matches(word.lower(), PERMISSIONS, n=1)
    ours = SCOPES.get(word) or (near[0] if near else "")
    if ours:
        return f"There is no permission {word}; did you mean {ours}?"
    return f"There is no permission {word}; there are {', '.join(PERMISSIONS)}"
