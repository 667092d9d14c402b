"""The parts of Mailgun's events: what happened to a delivery, and who opened or clicked (Events API).

The codes from 498 up are the service's own: it never got an answer, or never asked. Its programs and its
customers' compare codes and reasons, so they are kept to the letter where documented.

Public: delivered_status, failed_status, severity_reason, client, provider_of.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from posthouse.dialects.event_values import LONGEST_REPLY, Facts, text_of
from posthouse.model.event import EventKind
from posthouse.model.returned import BounceClass
from posthouse.rules.bounces import DEAD_DOMAIN_REASONS, HARD_REASONS

NO_MX, NO_CONNECTION, TOO_OLD, NOT_SENT = 498, 499, 602, 680
# letters or senders that a provider will not have, or not so many of
_ESP_BLOCKS = frozenset({"policy-block", "rate-limited", "spam-content", "unauthenticated"})
_SUPPRESSED = {
    "suppress-bounce": "suppress-bounce",
    "suppress-invalid": "suppress-bounce",
    "suppress-unsubscribe": "suppress-unsubscribe",
    "suppress-complaint": "suppress-complaint",
}
_PROVIDERS = (
    ("Gmail", ("gmail.com", "googlemail.com", "google.com")),
    ("Yahoo", ("yahoo.com", "ymail.com", "rocketmail.com", "yahoodns.net")),
    ("AOL", ("aol.com",)),
    ("Hotmail", ("hotmail.com", "outlook.com", "live.com", "msn.com")),
    ("iCloud", ("icloud.com", "me.com", "mac.com")),
)


def provider_of(facts: Facts) -> str:
    """Whose mailbox it is, by the receiving host or else the address."""
    return _provider(facts.text("mx").lower().rstrip("."), facts.recipient_domain)


@lru_cache(maxsize=4096)
def _provider(*names: str) -> str:
    for name in names:
        for provider, domains in _PROVIDERS:
            if any(name == domain or name.endswith(f".{domain}") for domain in domains):
                return provider
    return "Other"


def delivered_status(facts: Facts) -> dict[str, Any]:
    """`delivery-status` of mail that was taken. The first attempt's time counts from when it could begin."""
    status = _conversation(facts) | {
        "code": facts.whole("code"),
        "description": "",
        "message": facts.text("text", LONGEST_REPLY),
    }
    if facts.whole("attempt") == 1 and "took_s" in facts.data:
        status["first-delivery-attempt-seconds"] = round(facts.number("took_s"), 3)
    return status


def failed_status(facts: Facts) -> dict[str, Any]:
    """`delivery-status` of a failure, for now or for good."""
    if facts.kind is EventKind.BOUNCED:
        return _returned(facts)
    if facts.kind is EventKind.DROPPED:
        return _dropped(facts)
    if facts.reason == "expired":
        return _expired(facts)
    code, message, description = _said(facts)
    status = _conversation(facts) | {"code": code, "message": message, "description": description}
    if facts.kind is EventKind.DEFERRED:
        if facts.number("retry_at"):
            status["retry-seconds"] = max(0, round(facts.number("retry_at") - facts.at))
    else:
        status["bounce-type"] = bounce_type(facts)
    return status


def severity_reason(facts: Facts) -> tuple[str, str]:
    """(`severity`, `reason`)."""
    reason = facts.reason
    if facts.kind is EventKind.DEFERRED:
        if reason == "greylisted":
            return "temporary", reason
        return "temporary", "espblock" if reason in _ESP_BLOCKS else "generic"
    if facts.kind is EventKind.BOUNCED:
        return "permanent", "generic"
    if facts.kind is EventKind.DROPPED:
        return "permanent", _SUPPRESSED.get(reason, "bounce" if reason == "invalid-address" else "generic")
    if reason == "expired":
        return "permanent", "generic" if _lacked_tls(facts) else "old"
    if reason in HARD_REASONS:
        return "permanent", "bounce"
    return "permanent", "espblock" if reason in _ESP_BLOCKS else "generic"


def bounce_type(facts: Facts) -> str:
    return "hard" if facts.bounce_class is BounceClass.HARD else "soft"


def client(facts: Facts) -> dict[str, Any]:
    """What engagement events say about who did it: `ip`, `geolocation`, `client-info`."""
    known = facts.data.get("client")
    known = known if isinstance(known, dict) else {}
    place = facts.data.get("geolocation")
    place = place if isinstance(place, dict) else {}
    info = {
        name: text_of(known.get(name)) or "unknown"
        for name in ("client-type", "client-os", "device-type", "client-name")
    }
    info["user-agent"] = facts.text("user_agent")
    info["bot"] = text_of(known.get("bot")) or facts.text("machine")
    return {
        "ip": facts.text("client_ip"),
        "geolocation": {
            name: text_of(place.get(name)) or "Unknown" for name in ("country", "region", "city")
        },
        "client-info": info,
    }


def _conversation(facts: Facts) -> dict[str, Any]:
    """What is known of the attempt itself."""
    status: dict[str, Any] = {
        "attempt-no": facts.whole("attempt"),
        "tls": bool(facts.text("tls")),
        "mx-host": facts.text("mx"),
        "certificate-verified": facts.is_verified,
        "utf8": True,
    }
    if facts.text("enhanced"):
        status["enhanced-code"] = facts.text("enhanced")
    return status


def _said(facts: Facts) -> tuple[int, str, str]:
    """(code, message, description). Where nobody answered the service has codes of its own."""
    code, text = facts.whole("code"), facts.text("text", LONGEST_REPLY)
    if facts.reason in DEAD_DOMAIN_REASONS:
        return code or NO_MX, f"No MX for [{facts.recipient_domain}]", text
    if code:
        return code, _with_enhanced(facts, text), ""
    if facts.text("phase") == "local":
        return NOT_SENT, text, ""
    return (NO_MX if facts.text("phase") == "dns" else NO_CONNECTION), text, ""


def _with_enhanced(facts: Facts, text: str) -> str:
    """A reply's text as the other side wrote it: our events have the enhanced code apart."""
    enhanced = facts.text("enhanced")
    return f"{enhanced} {text}" if enhanced and not text.startswith(enhanced) else text


def _lacked_tls(facts: Facts) -> bool:
    return facts.text("enhanced") == "5.7.10"


def _expired(facts: Facts) -> dict[str, Any]:
    status = _conversation(facts) | {
        "code": TOO_OLD,
        "message": "Too old",
        "description": facts.text("text", LONGEST_REPLY),
        "bounce-type": "soft",
    }
    if _lacked_tls(facts):
        return status | {"code": 554, "message": "TLS required but not available"}
    code, text = facts.last_reply
    if code:
        status |= {"last-code": code, "last-message": text}
    return status


def _dropped(facts: Facts) -> dict[str, Any]:
    status = {
        "attempt-no": 1,
        "code": facts.whole("code"),
        "message": "",
        "description": facts.text("text", LONGEST_REPLY),
        "session-seconds": 0.0,
    }
    if facts.reason == "invalid-address":
        status |= {"bounce-type": "hard", "enhanced-code": facts.text("enhanced")}
    return status


def _returned(facts: Facts) -> dict[str, Any]:
    """Of mail that came back after it had been taken. Documented: `bounce-code` repeats the enhanced code."""
    code, enhanced, text = facts.whole("code"), facts.text("enhanced"), facts.text("text", LONGEST_REPLY)
    said = " ".join(part for part in (str(code or ""), enhanced, text) if part)
    return {
        "code": code or (550 if enhanced.startswith("5") or not enhanced else 450),
        "bounce-code": enhanced,
        "enhanced-code": enhanced,
        "bounce-type": bounce_type(facts),
        "message": f"smtp; {said}" if said else "",
        "description": text,
    }
