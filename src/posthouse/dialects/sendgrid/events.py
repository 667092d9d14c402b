"""SendGrid's events, as its Event Webhook posts them: many in one JSON array, signed as a whole.

Receivers that write the JSON anew before they check the signature need the bytes to be just so: keys in
alphabetical order, nothing between the signs, events apart by `,` CR LF, a CR LF at the end (observed; kept
by the service's own programs). No key of our own is added: receivers take unknown keys for the sender's
arguments.

Public: event_json, name_of, request, FORM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse.desk.hook_signing import ecdsa
from posthouse.dialects.event_values import LONGEST_URL, Facts, encoded, is_our_own, text_of
from posthouse.dialects.sendgrid.event_fields import (
    bounce,
    category,
    custom_args,
    drop_reason,
    event_id,
    message_id,
    said,
)
from posthouse.model.event import EventKind
from posthouse.model.hook import HookForm, HookKey, HookRequest, Told
from posthouse.model.options import TEST_SANDBOX

_SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
_TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
# A proxy that fetches when its user looks at the mail: a person's open, only seen through somebody's glasses.
_SEEN_BY_PEOPLE = frozenset({"", "gmail", "yahoo"})
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def event_json(told: Told) -> dict[str, Any] | None:
    """The event as the service writes it, None for what it has no event for."""
    name = event_name(told)
    if not name or is_our_own(told):
        return None
    if told.message is not None and told.message.options.test_mode == TEST_SANDBOX:
        return None  # documented: a sandbox mail has no events
    facts = Facts(told)
    fields: dict[str, Any] = {
        "email": facts.recipient,
        "event": name,
        "sg_event_id": event_id(facts),
        "sg_message_id": message_id(facts),
        "timestamp": int(facts.at),
    }
    if found := category(facts):
        fields["category"] = found
    if facts.message is not None and facts.message.options.template_name:
        fields["sg_template_name"] = text_of(facts.message.options.template_name)
    fields |= _own_fields(facts, name)
    # documented: a field of the event goes before an argument of that name
    return custom_args(facts) | fields


def event_name(told: Told) -> str:
    """What `event` says, "" for none."""
    kind = told.event.kind
    if kind is EventKind.ACCEPTED and told.event.data.get("dropped"):
        return ""  # a recipient is processed or dropped, never both (the usual reading of its documentation)
    if kind in (EventKind.UNSUBSCRIBED, EventKind.RESUBSCRIBED):
        groups = Facts(told).groups
        if kind is EventKind.UNSUBSCRIBED:
            return "group_unsubscribe" if groups else "unsubscribe"
        return "group_resubscribe" if groups else ""
    if kind is EventKind.FAILED and Facts(told).reason == "expired" and _never_tried(told):
        return "dropped"
    return _EVENTS.get(kind, "")


def name_of(told: Told) -> str:
    """What one subscribes to to be told of this: spelled as in the service's settings."""
    name = event_name(told)
    return "spam_report" if name == "spamreport" else name


def request(bodies: Sequence[tuple[str, dict[str, Any]]], key: HookKey | None, now: float) -> HookRequest:
    """All events in one array."""
    events = b",\r\n".join([encoded(event, is_sorted=True) for _, event in bodies])
    content = b"[%b]\r\n" % events
    headers = {"User-Agent": "SendGrid Event API"}
    if key is not None:
        timestamp = str(int(now))
        headers |= {_SIGNATURE: ecdsa(key, timestamp, content), _TIMESTAMP: timestamp}
    return HookRequest(content, "application/json;charset=utf-8", headers)


_EVENTS = {
    EventKind.ACCEPTED: "processed",
    EventKind.DROPPED: "dropped",
    EventKind.CANCELLED: "dropped",
    EventKind.DELIVERED: "delivered",
    EventKind.DEFERRED: "deferred",
    EventKind.FAILED: "bounce",
    EventKind.BOUNCED: "bounce",
    EventKind.OPENED: "open",
    EventKind.CLICKED: "click",
    EventKind.COMPLAINED: "spamreport",
}


def _never_tried(told: Told) -> bool:
    """Held until its time was over."""
    return not Facts(told).whole("attempt")


def _own_fields(facts: Facts, name: str) -> dict[str, Any]:
    """What events of this name have beside those of all: the service's table, row by row."""
    fields: dict[str, Any] = {}
    if name in ("processed", "dropped", "delivered", "deferred", "bounce") and facts.header_id:
        fields["smtp-id"] = f"<{facts.header_id}>"
    group = facts.message.options.unsubscribe_group if facts.message is not None else 0
    if group and name not in ("spamreport", "unsubscribe"):
        fields["asm_group_id"] = group
    match name:
        case "processed":
            fields |= _processed(facts)
        case "dropped":
            fields["reason"] = drop_reason(facts)
            fields |= _pool(facts)
            if facts.text("enhanced"):
                fields["status"] = facts.text("enhanced")
        case "delivered":
            fields |= {"response": said(facts), **_connection(facts)}
        case "deferred":
            fields |= {"response": said(facts), "attempt": str(facts.whole("attempt")), **_connection(facts)}
        case "bounce":
            fields |= bounce(facts) | _connection(facts)
        case "spamreport":
            pass
        case _:
            fields |= _engaged(facts, name)
    return fields


def _processed(facts: Facts) -> dict[str, Any]:
    at = facts.whole("scheduled_for")
    return _pool(facts) | ({"send_at": at} if at else {})


def _pool(facts: Facts) -> dict[str, Any]:
    if facts.message is None or not facts.message.options.ip_pool:
        return {}
    return {"pool": {"name": text_of(facts.message.options.ip_pool)}}


def _connection(facts: Facts) -> dict[str, Any]:
    """From where it was sent, and whether in the clear; a late bounce knows neither."""
    fields: dict[str, Any] = {}
    if facts.text("source"):
        fields["ip"] = facts.text("source")
    if facts.text("tls"):
        fields["tls"] = 1
    return fields


def _engaged(facts: Facts, name: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    address, agent = facts.text("client_ip"), facts.text("user_agent")
    if address:
        fields["ip"] = address
    if agent:
        fields["useragent"] = agent
    if name == "open":
        is_machine = facts.text("machine") not in _SEEN_BY_PEOPLE
        fields |= {"sg_machine_open": is_machine, "sg_content_type": "html"}
    elif name == "click":
        fields |= {"url": facts.text("url", LONGEST_URL), "url_offset": _offset(facts)}
    elif facts.groups:
        fields["asm_group_id"] = facts.groups[0]
        if facts.text("url"):
            fields["url"] = facts.text("url", LONGEST_URL)
    return fields


def _offset(facts: Facts) -> dict[str, Any]:
    found = facts.data.get("url_offset")
    found = found if isinstance(found, dict) else {}
    index = found.get("index")
    return {
        "index": index if isinstance(index, int) and abs(index) < 2**31 else 0,
        "type": "text" if found.get("type") in ("plain", "text") else "html",
    }


FORM = HookForm(
    kinds={
        "processed": frozenset({EventKind.ACCEPTED}),
        "dropped": frozenset({EventKind.DROPPED, EventKind.CANCELLED}),
        "delivered": frozenset({EventKind.DELIVERED}),
        "deferred": frozenset({EventKind.DEFERRED}),
        "bounce": frozenset({EventKind.FAILED, EventKind.BOUNCED}),
        "open": frozenset({EventKind.OPENED}),
        "click": frozenset({EventKind.CLICKED}),
        "spam_report": frozenset({EventKind.COMPLAINED}),
        "unsubscribe": frozenset({EventKind.UNSUBSCRIBED}),
        "group_unsubscribe": frozenset({EventKind.UNSUBSCRIBED}),
        "group_resubscribe": frozenset({EventKind.RESUBSCRIBED}),
    },
    name_of=name_of,
    event_json=event_json,
    request=request,
    pauses_s=(30.0, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE, 30 * _MINUTE, _HOUR),
    life_s=3 * _DAY,  # documented: 24 hours; a day's outage shall lose nothing
    most_events=500,
    most_bytes=768 * 1024,
    linger_s=1.0,
)
