"""The events of an outcome: what came of a delivery, and that a copy was kept of what did not leave.

Public: outcome_events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from posthouse.model.event import Event, EventKind
from posthouse.model.labels import labels
from posthouse.model.message import Message, Outcome, SmtpResult, Verdict
from posthouse.pipeline.letters import Job
from posthouse.rules.pretended import sequel_of

_KIND = {
    Verdict.DELIVERED: EventKind.DELIVERED,
    Verdict.DEFERRED: EventKind.DEFERRED,
    Verdict.FAILED: EventKind.FAILED,
}


def outcome_events(
    job: Job, result: SmtpResult, outcome: Outcome, now: float, new_id: Callable[[], str], *, copy: bytes
) -> list[Event]:
    """The outcome, and `stored` where a copy was kept, with what its address asks to come back later."""
    events = [_event(job, new_id(), _KIND[outcome.verdict], now, _detail(job, result, outcome, now))]
    if copy:
        marks = labels(job.letter.message.options, job.delivery.personal) if job.letter else {}
        events.append(_event(job, new_id(), EventKind.STORED, now, {"size_bytes": len(copy)} | marks))
        if sequel := sequel_of(job.delivery.recipient):
            events.append(_event(job, new_id(), sequel.kind, now, sequel.detail | marks))
    return events


def _event(job: Job, event_id: str, kind: EventKind, now: float, data: dict[str, Any]) -> Event:
    delivery = job.delivery
    return Event(
        id=event_id,
        kind=kind,
        at=now,
        account_id=delivery.account_id,
        domain=job.letter.message.domain if job.letter else "",
        message_id=delivery.message_id,
        delivery_id=delivery.id,
        recipient=delivery.recipient,
        data=data,
    )


def _detail(job: Job, result: SmtpResult, outcome: Outcome, now: float) -> dict[str, Any]:
    """The event's data: empty values are left out, they say nothing."""
    detail: dict[str, Any] = {
        "attempt": job.delivery.attempt,
        "code": outcome.code,
        "enhanced": outcome.enhanced,
        "text": outcome.text,
        "reason": outcome.reason,
        "automation": outcome.automation,
        "phase": result.phase.value,
        "site": job.site,
        "mx": result.mx,
        "address": result.address,
        "source": result.source,
        "tls": result.tls,
        "policy": result.policy,
        "transcript": result.transcript,
    }
    if result.ambiguous:
        detail["ambiguous"] = True
    if result.is_pretended:
        detail["pretended"] = True
    if outcome.retry_at:
        detail["retry_at"] = outcome.retry_at
    if job.warnings or job.notes:
        detail["warnings"] = [*job.notes, *job.warnings]
    if job.spam_score is not None:
        detail["spam_score"] = job.spam_score
    if job.letter is not None:
        message = job.letter.message
        detail["credential"] = message.credential_id
        detail["size_bytes"] = message.size_bytes
        detail["took_s"] = round(max(0.0, now - _begun_at(job, message)), 3)
        detail |= labels(message.options, job.delivery.personal)
    return {key: value for key, value in detail.items() if value != ""}


def _begun_at(job: Job, message: Message) -> float:
    """Since when the recipient could have had it: acceptance, or the time that was asked for.

    A recipient's own time is known only as long as nothing was tried: then it is due then.
    """
    at = max(message.accepted_at, message.options.deliver_at)
    return max(at, job.delivery.due_at) if job.delivery.attempt <= 1 else at
