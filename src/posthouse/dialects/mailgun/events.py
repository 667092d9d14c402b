"""Mailgun's events: as its Events API shows them and its webhooks carry them.

One JSON object a post, the event under `event-data`; the signature is inside, fresh for each try, because
receivers refuse old ones. Nothing is told of mail that we wrote ourselves, of held mail (the service knows no
such state) and of cancelled mail (it deletes without an event).

Public: event_json, name_of, FORM.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from posthouse.desk.hook_signing import mac
from posthouse.dialects.event_values import Facts, cleaned_object, encoded, id_of, is_our_own, text_of
from posthouse.dialects.mailgun.event_fields import (
    client,
    delivered_status,
    failed_status,
    provider_of,
    severity_reason,
)
from posthouse.model.event import EventKind
from posthouse.model.hook import HookForm, HookKey, HookRequest, Told

MOST_VARIABLES_BYTES = 4096  # documented: user variables over 4 KB are cut in events
_TOKEN_OCTETS = 25  # 50 characters, as the service's
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def event_json(told: Told) -> dict[str, Any] | None:
    """The event as the service writes it, None for what it has no event for."""
    write = _WRITERS.get(told.event.kind)
    if write is None or is_our_own(told):
        return None
    facts = Facts(told)
    name, level, fields = write(facts)
    return {
        "event": name,
        "id": id_of(told.event.id),
        "timestamp": facts.at,
        "log-level": level,
        **fields,
        "tags": facts.tags,
        "campaigns": [],
        "user-variables": cleaned_object(facts.data.get("metadata"), MOST_VARIABLES_BYTES),
        "account": {"id": text_of(told.event.account_id)},
        "domain": {"name": text_of(told.event.domain)},
    }


def name_of(told: Told) -> str:
    """What one subscribes to to be told of this, "" for what cannot be subscribed to."""
    return _NAMES.get(told.event.kind, "")


def request(bodies: Sequence[tuple[str, dict[str, Any]]], key: HookKey | None, now: float) -> HookRequest:
    """One post for the first event: the service never sends more."""
    [(_, event), *_] = bodies
    signed: dict[str, Any] = {}
    if key is not None:
        timestamp, token = str(int(now)), secrets.token_hex(_TOKEN_OCTETS)
        signature = {"timestamp": timestamp, "token": token, "signature": mac(key, timestamp, token)}
        signed = {"signature": signature}
    return HookRequest(
        encoded(signed | {"event-data": event}), "application/json", {"User-Agent": "mailgun/treq-16.12.0"}
    )


Written = tuple[str, str, dict[str, Any]]
"""Name, log level, and the fields that the event has beside those of all."""


def _accepted(facts: Facts) -> Written:
    fields = {
        "method": facts.text("method") or "smtp",
        "envelope": _envelope(facts),
        "flags": _flags(facts),
        "message": _message(facts),
        "storage": _storage(facts),
        **_recipient(facts),
    }
    if facts.number("scheduled_for"):
        fields["message"]["scheduled-for"] = facts.number("scheduled_for")
    return "accepted", "info", fields | _origin(facts)


def _rejected(facts: Facts) -> Written:
    reject = {"reason": facts.text("text") or facts.reason, "description": facts.text("description")}
    return "rejected", "warn", {"reject": reject, "flags": _flags(facts), "message": _message(facts)}


def _delivered(facts: Facts) -> Written:
    status = delivered_status(facts)
    fields = {"delivery-status": status, **_of_attempt(facts), "recipient-provider": provider_of(facts)}
    return "delivered", "info", fields | _origin(facts)


def _failed(facts: Facts) -> Written:
    severity, reason = severity_reason(facts)
    fields = {
        "severity": severity,
        "reason": reason,
        "delivery-status": failed_status(facts),
        **_of_attempt(facts),
        "recipient-provider": provider_of(facts),
    }
    if facts.kind is EventKind.BOUNCED:
        fields |= {"flags": {"is-delayed-bounce": True}, "envelope": {}}
    return "failed", "warn" if severity == "temporary" else "error", fields | _origin(facts)


def _engaged(name: str) -> Callable[[Facts], Written]:
    def write(facts: Facts) -> Written:
        fields = {
            **_recipient(facts),
            "recipient-provider": provider_of(facts),
            **client(facts),
            "message": {"headers": {"message-id": facts.header_id}},
        }
        if name == "clicked":
            fields["url"] = facts.text("url", 8_000)
        return name, "info", fields

    return write


def _complained(facts: Facts) -> Written:
    return "complained", "warn", _recipient(facts) | {"message": _message(facts), "flags": _flags(facts)}


def _stored(facts: Facts) -> Written:
    fields = {"message": _message(facts), "storage": _storage(facts), "flags": _flags(facts)}
    return "stored", "info", fields | (_recipient(facts) if facts.recipient else {})


_WRITERS: dict[EventKind, Callable[[Facts], Written]] = {
    EventKind.ACCEPTED: _accepted,
    EventKind.REJECTED: _rejected,
    EventKind.DELIVERED: _delivered,
    EventKind.DEFERRED: _failed,
    EventKind.FAILED: _failed,
    EventKind.DROPPED: _failed,
    EventKind.BOUNCED: _failed,
    EventKind.OPENED: _engaged("opened"),
    EventKind.CLICKED: _engaged("clicked"),
    EventKind.UNSUBSCRIBED: _engaged("unsubscribed"),
    EventKind.COMPLAINED: _complained,
    EventKind.STORED: _stored,
}


def _recipient(facts: Facts) -> dict[str, Any]:
    return {"recipient": facts.recipient, "recipient-domain": facts.recipient_domain}


def _of_attempt(facts: Facts) -> dict[str, Any]:
    """What events of the delivery share."""
    envelope = _envelope(facts)
    if facts.text("source"):
        envelope["sending-ip"] = facts.text("source")
    return {
        "envelope": envelope,
        "flags": _flags(facts),
        "message": _message(facts),
        "storage": _storage(facts),
        **_recipient(facts),
    }


def _envelope(facts: Facts) -> dict[str, Any]:
    sender = facts.told_of_message("sender", "sender")
    return {"sender": sender, "transport": "smtp", "targets": facts.recipient}


def _flags(facts: Facts) -> dict[str, bool]:
    return {
        "is-authenticated": True,
        "is-test-mode": facts.is_test,
        "is-routed": False,
        "is-system-test": False,
    }


def _message(facts: Facts) -> dict[str, Any]:
    """`attachments` stay empty: what a letter holds is not looked at for an event."""
    size = facts.message.size_bytes if facts.message else facts.whole("size_bytes")
    recipients = [facts.recipient] if facts.recipient else facts.recipients
    return {
        "headers": {
            "to": facts.told_of_message("addressed", "addressed") or ", ".join(recipients),
            "message-id": facts.header_id,
            "from": facts.told_of_message("author", "author") or facts.told_of_message("sender", "sender"),
            "subject": facts.told_of_message("subject", "subject"),
        },
        "attachments": [],
        "recipients": recipients,
        "size": size,
    }


def _storage(facts: Facts) -> dict[str, Any]:
    """Where the letter is kept; programs go to the address as it is."""
    key = id_of(facts.event.message_id)
    found = {"key": key, "env": "production"}
    if facts.told.region:
        found["region"] = facts.told.region
    if facts.told.api_url:
        found["url"] = f"{facts.told.api_url}/v3/domains/{facts.event.domain}/messages/{key}"
    return found


def _origin(facts: Facts) -> dict[str, Any]:
    """The batch, template and key that the message came with, as far as there are any."""
    found: dict[str, Any] = {}
    message = facts.message
    if message is not None and message.batch_id:
        found["batch"] = {"id": text_of(message.batch_id)}
    if message is not None and message.options.template_name:
        found["template"] = {"name": text_of(message.options.template_name)}
    if facts.kind is EventKind.ACCEPTED and facts.text("credential"):
        found["api-key-id"] = facts.text("credential")
    if facts.text("client_ip") and facts.kind is EventKind.ACCEPTED:
        found["originating-ip"] = facts.text("client_ip")
    return found


_KINDS = {
    "accepted": frozenset({EventKind.ACCEPTED}),
    "delivered": frozenset({EventKind.DELIVERED}),
    "opened": frozenset({EventKind.OPENED}),
    "clicked": frozenset({EventKind.CLICKED}),
    "unsubscribed": frozenset({EventKind.UNSUBSCRIBED}),
    "complained": frozenset({EventKind.COMPLAINED}),
    "temporary_fail": frozenset({EventKind.DEFERRED}),
    "permanent_fail": frozenset({EventKind.FAILED, EventKind.DROPPED, EventKind.BOUNCED}),
    # the service has no webhook for it; who asks gets one
    "rejected": frozenset({EventKind.REJECTED}),
}
_NAMES = {kind: name for name, kinds in _KINDS.items() for kind in kinds}

FORM = HookForm(
    kinds=_KINDS,
    name_of=name_of,
    event_json=event_json,
    request=request,
    # documented up to four hours and eight in all; we go on, so that a day's outage loses nothing
    pauses_s=(5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR),
    life_s=3 * _DAY,
    gives_up_on=frozenset({406}),  # documented: "rejected, do not retry"
)
