"""Posthouse's own events (Standard Webhooks 1.0): one event a post, named by its kind, with plain keys.

`{"type": "delivered", "timestamp": "2026-11-27T01:49:06.123Z", "data": {…}}`; the id stands in the header
`webhook-id` and is the same on every try. The keys of `data` are told in docs/webhook-events.md.

Public: event_json, name_of, request, FORM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse import __version__
from posthouse.desk.hook_signing import standard
from posthouse.dialects.event_values import (
    LONGEST_REPLY,
    LONGEST_URL,
    Facts,
    cleaned,
    cleaned_object,
    encoded,
    instant,
    text_of,
)
from posthouse.model.event import EventKind
from posthouse.model.hook import HookForm, HookKey, HookRequest, Told

MOST_METADATA_BYTES = 16_384
_MOST_WARNINGS = 20
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0

_TEXTS = frozenset(
    {
        "reason", "enhanced", "phase", "mx", "address", "source", "tls", "policy", "site", "batch_id",
        "template", "machine", "client_ip", "user_agent", "time_zone", "feedback_type", "description",
        "method", "dropped", "reported_recipient", "notice_about",
    }
)  # fmt: skip
_NUMBERS = frozenset({"attempt", "code", "took_s", "spam_score", "size_bytes", "recipient_count", "left_out"})
_INSTANTS = frozenset({"retry_at", "scheduled_for"})


def event_json(told: Told) -> dict[str, Any] | None:
    """The event. Every kind has one, reports of our own too: `notice_about` names the message that they are
    about."""
    facts = Facts(told)
    return {
        "type": told.event.kind.value,
        "timestamp": instant(facts.at),
        "data": _about(facts) | _detail(facts),
    }


def name_of(told: Told) -> str:
    return told.event.kind.value


def request(bodies: Sequence[tuple[str, dict[str, Any]]], key: HookKey | None, now: float) -> HookRequest:
    """One post for the first event. Standard Webhooks: the timestamp is this try's, the id the event's."""
    [(event_id, event), *_] = bodies
    content = encoded(event)
    timestamp = int(now)
    headers = {
        "User-Agent": f"Posthouse/{__version__}",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
    }
    if key is not None:
        headers["webhook-signature"] = standard(key, event_id, timestamp, content)
    return HookRequest(content, "application/json", headers)


def _about(facts: Facts) -> dict[str, Any]:
    """Which mail of whom; always the same keys."""
    return {
        "event_id": text_of(facts.event.id),
        "message_id": text_of(facts.event.message_id),
        "delivery_id": text_of(facts.event.delivery_id),
        "header_id": facts.header_id,
        "domain": text_of(facts.event.domain),
        "recipient": facts.recipient,
        "sender": facts.told_of_message("sender", "sender"),
        "from": facts.told_of_message("author", "author"),
        "to": facts.told_of_message("addressed", "addressed"),
        "subject": facts.told_of_message("subject", "subject"),
        "tags": facts.tags,
        "metadata": cleaned_object(facts.data.get("metadata"), MOST_METADATA_BYTES),
        "is_test": facts.is_test,
    }


def _detail(facts: Facts) -> dict[str, Any]:
    """The kind's own values, as far as they are known."""
    found: dict[str, Any] = {}
    for key, value in facts.data.items():
        if key in _TEXTS:
            if text := text_of(value):
                found[key] = text
        elif key in _NUMBERS:
            found[key] = facts.number(key)
        elif key in _INSTANTS and (at := facts.number(key)):
            found[key] = instant(at)
    if text := facts.text("text", LONGEST_REPLY):
        found["text"] = text
    if url := facts.text("url", LONGEST_URL):
        found["url"] = url
    if facts.kind in (EventKind.FAILED, EventKind.BOUNCED):
        found["bounce_class"] = facts.bounce_class.value
    if facts.kind in (EventKind.UNSUBSCRIBED, EventKind.RESUBSCRIBED):
        found["scopes"] = facts.scopes
    if facts.kind is EventKind.REJECTED:
        found["recipients"] = facts.recipients
    if facts.data.get("ambiguous"):
        found["is_ambiguous"] = True
    for key in ("url_offset", "client"):
        if isinstance(facts.data.get(key), dict):
            found[key] = cleaned_object(facts.data[key], LONGEST_REPLY)
    warnings = facts.data.get("warnings")
    if isinstance(warnings, list):
        found["warnings"] = [text_of(cleaned(each)) for each in warnings[:_MOST_WARNINGS]]
    return found


FORM = HookForm(
    kinds={kind.value: frozenset({kind}) for kind in EventKind},
    name_of=name_of,
    event_json=event_json,
    request=request,
    # Standard Webhooks, "Deliverability and reliability": begins with seconds, goes on for days
    pauses_s=(
        5.0,
        30.0,
        2 * _MINUTE,
        5 * _MINUTE,
        15 * _MINUTE,
        30 * _MINUTE,
        _HOUR,
        2 * _HOUR,
        4 * _HOUR,
        8 * _HOUR,
    ),
    life_s=4 * _DAY,
    timeout_s=15.0,
)
