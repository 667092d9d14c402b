"""What SendGrid's activity calls tell of one recipient of a letter, made of its events (sendgrid.md 3.13).

Public: Activity, record_of, shown_events, log_events, status_of_message, place_in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from posthouse.dialects.event_values import LONGEST_URL, Facts, instant, text_of
from posthouse.dialects.sendgrid.event_fields import custom_args, drop_reason, message_id, said
from posthouse.dialects.sendgrid.events import event_json, event_name
from posthouse.mail.addresses import parse_mailboxes
from posthouse.model.address import BadAddress
from posthouse.model.event import EventKind
from posthouse.model.hook import Told
from posthouse.model.returned import BounceClass
from posthouse.model.short_id import long_id

_FULL_ID = re.compile(
    r"([\w-]{22})(?:\.recvd-posthouse-1-[0-9A-F]{1,16}-(0|[\w-]{22})\.[0-9]{1,9})?\Z", re.ASCII
)
_MOST_SHOWN = 99  # documented: a log has at most 100 events, the most recent ones
_NAMES = {"bounce": "bounced", "open": "opened", "click": "clicked", "spamreport": "spam_report"}
_OUTCOMES = {
    "processed": "processed",
    "deferred": "deferred",
    "dropped": "dropped",
    "delivered": "delivered",
    "bounced": "bounced",
}
_IN_SHORT = {"processed": "processed", "deferred": "processed", "delivered": "delivered"}


@dataclass(frozen=True, slots=True)
class Activity:
    """One recipient's events in their order, all of one delivery, the first one its acceptance."""

    told: Sequence[Told]

    @property
    def first(self) -> Facts:
        return Facts(self.told[0])

    @property
    def facts(self) -> list[Facts]:
        return [Facts(told) for told in self.told]

    @property
    def id(self) -> str:
        return message_id(self.first)

    @property
    def outcome(self) -> str:
        """processed, deferred, dropped, delivered, bounced or blocked: what its last turn was."""
        found = "processed"
        for facts in self.facts:
            name = _name(facts)
            if name in _OUTCOMES:
                found = _OUTCOMES[name]
                if name == "bounced" and facts.bounce_class is not BounceClass.HARD:
                    found = "blocked"
        return found


def place_in(id: str) -> str:
    """The message that an id of the service's form is of, also one that ends before its first dot. Raises
    ValueError."""
    match = _FULL_ID.match(id)
    if match is None:
        raise ValueError("not an id")
    own = match[2] or "0"
    return long_id(match[1] if own == "0" else own)


def status_of_message(outcome: str) -> str:
    """processed, delivered or not_delivered."""
    return _IN_SHORT.get(outcome, "not_delivered")


def record_of(activity: Activity, *, is_log: bool) -> dict[str, Any]:
    """Every field that a query may name (`activity_query.MESSAGES` or, `is_log`, `LOGS`); None for none."""
    first, all_facts = activity.first, activity.facts
    names = [_name(facts) for facts in all_facts]
    message = first.message
    outcome = activity.outcome
    group = message.options.unsubscribe_group if message is not None else 0
    record = {
        "from_email": _author(first),
        "subject": first.told_of_message("subject", "subject"),
        "to_email": first.recipient,
        "status": outcome if is_log else status_of_message(outcome),
        "reason": _reason(all_facts) or None,
        "template_id": None,
        "template_name": first.text("template") or None,
        "campaign_name": None,
        "campaign_id": None,
        "api_key_id": first.text("login") or None,
        "events": [name for name in dict.fromkeys(names) if name],
        "categories": first.tags,
        "unique_args": custom_args(first),
        "originating_ip": first.text("client_ip") or None,
        "outbound_ip": next((facts.text("source") for facts in all_facts if facts.text("source")), None),
        "last_event_time": all_facts[-1].at,
        "clicks": _count(all_facts, EventKind.CLICKED),
        "opens": _count(all_facts, EventKind.OPENED),
        "asm_group_id": group or None,
        "teammate": None,
    }
    if is_log:
        return {"sg_message_id": activity.id, "sg_message_id_created_at": first.at, **record}
    return {"msg_id": activity.id, **record}


def _name(facts: Facts) -> str:
    """The event in the activity calls' words, "" for none."""
    name = event_name(facts.told)
    return _NAMES.get(name, name)


def _count(all_facts: Sequence[Facts], kind: EventKind) -> int:
    """By people."""
    return sum(facts.kind is kind and not facts.text("machine") for facts in all_facts)


def _author(first: Facts) -> str:
    """The address of the From field; where that is gone or nobody's, the envelope's."""
    written = first.message.author if first.message is not None else ""
    try:
        found = parse_mailboxes(written.encode("utf-8", "surrogateescape")) if written else []
    except (BadAddress, UnicodeEncodeError):
        found = []
    return text_of(str(found[0].address)) if found else first.told_of_message("sender", "sender")


def _reason(all_facts: Sequence[Facts]) -> str:
    """Why it was last deferred, dropped or bounced."""
    for facts in reversed(all_facts):
        match _name(facts):
            case "dropped":
                return drop_reason(facts)
            case "bounced" | "deferred":
                return said(facts)
    return ""


def shown_events(activity: Activity) -> list[dict[str, Any]]:
    """`events` of one message."""
    found = []
    for facts in activity.facts:
        name = _name(facts)
        if not name:
            continue
        event: dict[str, Any] = {"event_name": name, "processed": instant(facts.at)}
        if name in ("bounced", "deferred", "dropped", "delivered"):
            event["reason"] = drop_reason(facts) if name == "dropped" else said(facts)
        if facts.whole("attempt") and name in ("deferred", "bounced", "delivered"):
            event["attempt_num"] = facts.whole("attempt")
        if name == "bounced":
            event["bounce_type"] = "hard" if facts.bounce_class is BounceClass.HARD else "soft"
        for key, ours in (("mx_server", "mx"), ("http_user_agent", "user_agent"), ("url", "url")):
            if text := facts.text(ours, LONGEST_URL):
                event[key] = text
        found.append(event)
    return found


def log_events(activity: Activity) -> list[dict[str, Any]]:
    """The events as the webhook tells them, with the sender's arguments apart, and the acceptance first."""
    first = activity.first
    found: list[dict[str, Any]] = [
        {
            "event": "received",
            "timestamp": int(first.at),
            "client_ip": first.text("client_ip"),
            "protocol": "HTTP" if first.text("method").lower().startswith("http") else "SMTP",
            "recipient_count": 1,
            "size": first.whole("size_bytes"),
            "api_key_id": first.text("login"),
        }
    ]
    args = custom_args(first)
    for told in activity.told:
        bare = {key: value for key, value in Facts(told).data.items() if key != "metadata"}
        written = event_json(replace(told, event=replace(told.event, data=bare)))
        if written is not None:
            found.append(written | {"custom_args": args})
    return [found[0], *found[1:][-_MOST_SHOWN:]]
