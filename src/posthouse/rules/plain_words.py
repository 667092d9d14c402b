"""What an event means, for people who do not know SMTP: a title and a sentence.

`verdicts.toml` says which reason a reply has, this says what the reason is. What the other side said itself
stands beside it, never instead of it.

Public: Told, tell_event, tell_state, KIND_NAMES.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from posthouse.model.event import EventKind
from posthouse.model.message import DeliveryState

GOOD, BAD, WARN, QUIET = "good", "bad", "warn", "quiet"
"""How it looks: as `badge` in the templates has it."""

KIND_NAMES: Mapping[EventKind, tuple[str, str]] = {
    EventKind.ACCEPTED: ("Accepted", QUIET),
    EventKind.REJECTED: ("Refused at the door", BAD),
    EventKind.DELIVERED: ("Delivered", GOOD),
    EventKind.DEFERRED: ("Not yet", WARN),
    EventKind.FAILED: ("Failed", BAD),
    EventKind.DROPPED: ("Not sent", BAD),
    EventKind.CANCELLED: ("Cancelled", WARN),
    EventKind.HELD: ("Held", WARN),
    EventKind.RELEASED: ("Released", QUIET),
    EventKind.OPENED: ("Opened", GOOD),
    EventKind.CLICKED: ("Clicked", GOOD),
    EventKind.UNSUBSCRIBED: ("Unsubscribed", WARN),
    EventKind.RESUBSCRIBED: ("Subscribed again", GOOD),
    EventKind.COMPLAINED: ("Reported as spam", BAD),
    EventKind.BOUNCED: ("Came back", BAD),
    EventKind.STORED: ("Copy kept", QUIET),
}
_STATES: Mapping[DeliveryState, tuple[str, str]] = {
    DeliveryState.WAITING: ("Waiting", QUIET),
    DeliveryState.TAKEN: ("Being sent", QUIET),
    DeliveryState.HELD: ("Held", WARN),
    DeliveryState.DELIVERED: ("Delivered", GOOD),
    DeliveryState.FAILED: ("Failed", BAD),
    DeliveryState.DROPPED: ("Not sent", BAD),
    DeliveryState.CANCELLED: ("Cancelled", WARN),
}

_REASONS = {
    # what receiving servers say
    "bad-mailbox": "The receiving server says that this address does not exist.",
    "bad-domain": "The domain of this address takes no mail, or does not exist.",
    "mailbox-full": "The recipient's mailbox is full.",
    "mailbox-disabled": "The recipient's mailbox is switched off.",
    "sender-rejected": "The receiving server does not accept this sender.",
    "relay-denied": "The receiving server does not take mail for this domain.",
    "rejected": "The receiving server refused the mail and gave no reason that is known here.",
    "temporary": "The receiving server cannot take the mail now.",
    "server-trouble": "The receiving server has trouble of its own.",
    "service-unavailable": "The receiving server closed the conversation.",
    "protocol-error": "The receiving server answered something that makes no sense.",
    "refuses-mail": "All servers of this domain say that they take no mail at all.",
    "null-mx": "The domain of this address says that it takes no mail.",
    "greylisted": "The receiving server asks unknown senders to come again a little later. This is usual.",
    "rate-limited": "The receiving server wants mail to come more slowly.",
    "too-many-recipients": "The receiving server takes fewer recipients at a time; the others follow.",
    "policy-block": "The receiving server blocks this sender or its address, by a list or a rule of its own.",
    "unauthenticated": "The receiving server could not confirm who sent it: look at SPF, DKIM and DMARC.",
    "spam-content": "The receiving server takes the content for spam.",
    "content-rejected": "The receiving server does not want this content.",
    "too-large": "The mail is larger than the receiving server takes.",
    "conversion-needed": "The receiving server cannot take mail in this form.",
    "utf8-unsupported": "The receiving server cannot take addresses or headers outside of ASCII.",
    "loop": "The mail goes in circles between servers.",
    # the way there
    "dns": "The servers of this domain could not be found: its name servers gave no usable answer.",
    "connection": "No connection to the servers of this domain could be made, or it broke off.",
    "tls": "An encrypted connection could not be agreed on with the receiving server.",
    "tls-required": "This mail may go over an encrypted connection only, and none was to be had.",
    "tls-policy": "The domain demands encryption that its servers did not offer, so nothing was sent.",
    "ambiguous": (
        "The connection broke off after the mail was sent and before the answer came: it may have arrived, "
        "and is sent again to be sure."
    ),
    "expired": "It was tried for as long as it may be, without success.",
    # ours
    "local": "It could not be sent from here.",
    "content-missing": "The text of this mail is missing in the store.",
    "suppress-invalid": "This address is on the list of addresses that do not exist.",
    "suppress-bounce": "Earlier mail to this address came back, so nothing more is sent to it.",
    "suppress-complaint": "This recipient reported earlier mail as spam, so nothing more is sent to it.",
    "suppress-unsubscribe": "This recipient has unsubscribed.",
    "invalid-address": "This is no e-mail address.",
    "spam": "The spam scanner here gave it a higher score than its sender allows.",
    "spam-scanner": "The spam scanner here does not answer; the mail waits for it a while.",
    "batch": "Its batch was stopped.",
    "paused": "Its batch was paused, and nobody let it go on in time.",
    "verified": "Its domain is verified now.",
    "left-out": "More letters were refused than are told one by one.",
}


@dataclass(frozen=True, slots=True)
class Told:
    """`title`: what happened in a word or two; `look`: good, bad, warn or quiet; `why`: a sentence or "";
    `said`: the other side's words with their codes, or ""."""

    title: str
    look: str
    why: str = ""
    said: str = ""


def tell_event(row: Mapping[str, Any]) -> Told:
    """`row`: as `desk.reports.event_row` makes it."""
    kind = EventKind(row["kind"])
    title, look = KIND_NAMES[kind]
    reason = str(row.get("reason") or "")
    said = _said(row)
    match kind:
        case EventKind.DELIVERED:
            return Told(title, look, _delivered(row), said)
        case EventKind.OPENED | EventKind.CLICKED if row.get("machine"):
            who = "A program opened it, not a person" if kind is EventKind.OPENED else "A program followed it"
            return Told(title, QUIET, f"{who}: mail servers look at mail and links before people do.")
        case EventKind.CLICKED:
            return Told(title, look, "", str(row.get("url") or ""))
        case EventKind.DEFERRED | EventKind.FAILED | EventKind.BOUNCED | EventKind.DROPPED:
            return Told(title, look, _why(reason, said), said)
        case EventKind.COMPLAINED:
            return Told(title, look, "The recipient, or its mail service, reported this mail as spam.")
        case EventKind.REJECTED:
            return Told(title, look, _REASONS.get(reason, ""), said)
        case EventKind.ACCEPTED if row.get("dropped"):
            return Told(title, look, "It is answered as accepted, and not sent; see below.")
    return Told(title, look, _REASONS.get(reason, ""), said)


def tell_state(state: DeliveryState, code: int, text: str, attempts: int) -> Told:
    """Where a recipient's copy stands; `code` and `text`: the last answer."""
    title, look = _STATES[state]
    said = f"{code} {text}".strip() if code else text
    if state is DeliveryState.WAITING and attempts:
        return Told("Not yet", WARN, "It is tried again.", said)
    return Told(title, look, "", said)


def _delivered(row: Mapping[str, Any]) -> str:
    if row.get("reason") and row["reason"] != "delivered":
        return _REASONS.get(str(row["reason"]), "")
    if row.get("mx", "") in ("", "captured"):
        return "It was kept here instead of being sent."
    return "The receiving server took it over. Whether it lies in the inbox or the spam folder is not said."


def _why(reason: str, said: str) -> str:
    known = _REASONS.get(reason, "")
    return known or ("" if said else reason.replace("-", " "))


def _said(row: Mapping[str, Any]) -> str:
    words = [str(row.get("code") or ""), str(row.get("enhanced") or ""), str(row.get("text") or "")]
    if words[1] and words[2].startswith(words[1]):
        words[1] = ""
    return " ".join(word for word in words if word)
