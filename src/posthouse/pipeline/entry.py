"""From a submission to what is stored of it: message, deliveries, and the events that begin their story.

Every delivery begins with an `accepted` event, also one that is dropped at once. Nothing here asks the store.

Public: accepted_of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from posthouse.model.account import Principal
from posthouse.model.event import Event, EventKind
from posthouse.model.labels import labels
from posthouse.model.message import Delivery, DeliveryState, Message, Submission, until_verified
from posthouse.model.options import SendOptions
from posthouse.pipeline.stops import Stop, dropped, ending, stop_event
from posthouse.rules import plan
from posthouse.rules.suppression import BAD_ADDRESS
from posthouse.store.messages import Accepted

_BAD_ADDRESS = dropped(BAD_ADDRESS)

NewId = Callable[[], str]


def accepted_of(
    submission: Submission, principal: Principal, now: float, expire_s: float, new_id: NewId
) -> Accepted:
    """A letter as it will be written if nothing stands against it. `expire_s`: how long it is tried."""
    message = _message(submission, principal, now, expire_s)
    state = DeliveryState.HELD if submission.held_for else DeliveryState.WAITING
    deliveries = plan.deliveries(message, submission.recipients, now, state)
    if submission.held_for:
        _note_cause(deliveries, until_verified(submission.held_for))
    if deliveries:
        message.expires_at = max([each.expires_at for each in deliveries])
    events = _accepted_events(
        message, deliveries, _common_detail(message, principal.login, submission), new_id
    )
    if submission.drop_reason:
        events = _drop_all(submission, message, deliveries, events, new_id)
        return Accepted(message, submission.content, deliveries, events)
    for place, delivery in enumerate(deliveries):
        if delivery.state is DeliveryState.DROPPED:
            events[place] = ending(events[place], _BAD_ADDRESS)
            events.append(stop_event(new_id(), now, message, delivery, _BAD_ADDRESS))
    return Accepted(message, submission.content, deliveries, events)


def _note_cause(deliveries: Sequence[Delivery], cause: str) -> None:
    """So that they can be found, and let go, when it ends."""
    for delivery in deliveries:
        if delivery.state is DeliveryState.HELD:
            delivery.last_text = cause


def _message(submission: Submission, principal: Principal, now: float, expire_s: float) -> Message:
    return Message(
        id=submission.id,
        account_id=principal.account_id,
        domain=principal.domain or submission.domain,
        credential_id=principal.credential_id,
        sender=submission.sender,
        subject=submission.subject,
        header_id=submission.header_id,
        size_bytes=len(submission.content),
        accepted_at=now,
        expires_at=now + expire_s,
        is_utf8=submission.is_utf8,
        is_8bit=submission.is_8bit,
        ret=submission.ret,
        envid=submission.envid,
        options=submission.options,
        batch_id=submission.options.batch_id,
        author=submission.author,
        addressed=submission.addressed,
    )


def _drop_all(
    submission: Submission,
    message: Message,
    deliveries: Sequence[Delivery],
    accepted: Sequence[Event],
    new_id: NewId,
) -> list[Event]:
    """The letter as a whole is dropped: it was answered with success all the same. All its events."""
    reason, text = submission.drop_reason, submission.drop_text
    stop = Stop(DeliveryState.DROPPED, EventKind.DROPPED, reason, 554, "5.6.0", text)
    for delivery in deliveries:
        delivery.state, delivery.due_at = stop.state, message.accepted_at
        delivery.last_code, delivery.last_text = stop.code, stop.text
    ends = [stop_event(new_id(), message.accepted_at, message, each, stop) for each in deliveries]
    return [ending(event, stop) for event in accepted] + ends


def _accepted_events(
    message: Message, deliveries: Sequence[Delivery], common: dict[str, Any], new_id: NewId
) -> list[Event]:
    return [
        Event(
            id=new_id(),
            kind=EventKind.ACCEPTED,
            at=message.accepted_at,
            account_id=message.account_id,
            domain=message.domain,
            message_id=message.id,
            delivery_id=delivery.id,
            recipient=delivery.recipient,
            data=_own_detail(common, message, delivery),
        )
        for delivery in deliveries
    ]


def _common_detail(message: Message, login: str, submission: Submission) -> dict[str, Any]:
    """What the accepted events of all recipients say."""
    detail: dict[str, Any] = {
        "sender": message.sender,
        "subject": message.subject,
        "header_id": message.header_id,
        "size_bytes": message.size_bytes,
        "login": login,
        "credential": message.credential_id,
    }
    if submission.method:
        detail["method"] = submission.method
    options = message.options
    detail |= labels(options)
    if options.template_name:
        detail["template"] = options.template_name
    if options.batch_id:
        detail["batch_id"] = options.batch_id
    warnings = _warnings(options)
    if warnings:
        detail["warnings"] = warnings
    return detail


def _warnings(options: SendOptions) -> list[str]:
    return [
        f"{seen.header}: {seen.effect}" if seen.header else seen.effect
        for seen in options.seen
        if seen.is_warning
    ]


def _own_detail(common: dict[str, Any], message: Message, delivery: Delivery) -> dict[str, Any]:
    """`common`, or a copy of it where this recipient differs."""
    own: dict[str, Any] = {}
    if '"metadata"' in delivery.personal or '"copy_of"' in delivery.personal:
        own = {"metadata": None} | labels(message.options, delivery.personal)
    if delivery.due_at > message.accepted_at:
        own["scheduled_for"] = delivery.due_at
    if not own:
        return common
    return {key: value for key, value in (common | own).items() if value is not None}
