"""Accept a letter: one transaction for letter, deliveries and events; only then may the customer hear `250`.

Submissions that arrive while a commit runs share the next one (group commit, in the store's writer).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from posthouse.crashpoint import crash_point
from posthouse.model.account import Principal
from posthouse.model.clock import Clock, Ids
from posthouse.model.event import Event, EventKind
from posthouse.model.message import Delivery, DeliveryState, Message, Receipt, Submission
from posthouse.observe import Counters
from posthouse.pipeline.letters import Job, Loaded
from posthouse.rules import plan
from posthouse.store import messages
from posthouse.store.engine import Connection, Store
from posthouse.store.messages import Accepted

log = structlog.get_logger()

Done = Callable[[Receipt | None, BaseException | None], None]


class HandOver(Protocol):
    """The dispatcher, as far as acceptance knows it."""

    def admits(self, deliveries: Sequence[Delivery]) -> bool: ...

    def begin(self, jobs: Sequence[Job]) -> None: ...

    def wake(self) -> None: ...


class Intake:
    """Takes submissions for one worker. `expire_s`: how long deliveries are tried (MX-14)."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        hand_over: HandOver,
        worker_id: str,
        expire_s: float,
        counters: Counters,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._hand_over = hand_over
        self._worker_id = worker_id
        self._expire_s = expire_s
        self._counters = counters

    def accept(self, submission: Submission, principal: Principal, done: Done) -> None:
        """Store the letter; `done(receipt, None)` after the commit, else `done(None, error)`.

        Errors: TryLater (the store cannot take it now), CommitInDoubt (nobody knows; say nothing).
        """
        accepted = self._accepted(submission, principal)
        taken_along = not submission.is_held and self._hand_over.admits(accepted.deliveries)
        if taken_along:
            for delivery in accepted.deliveries:
                delivery.state, delivery.owner, delivery.attempt = DeliveryState.TAKEN, self._worker_id, 1

        def committed(_: object, error: BaseException | None) -> None:
            if error is not None:
                done(None, error)
                return
            crash_point("accept.after_commit")
            self._counters.add("accepted", len(accepted.deliveries))
            try:
                done(Receipt(accepted.message.id, accepted.message.accepted_at), None)
            finally:  # whatever becomes of the reply: the letter is ours now
                self._go_on(accepted, taken_along)

        self._store.submit(_add_accepted, accepted, committed)

    def _go_on(self, accepted: Accepted, taken_along: bool) -> None:
        if taken_along:
            letter = Loaded(accepted.message, accepted.content)
            self._hand_over.begin([Job(delivery, letter) for delivery in accepted.deliveries])
        else:
            self._hand_over.wake()

    def _accepted(self, submission: Submission, principal: Principal) -> Accepted:
        now = self._clock.now()
        message = Message(
            id=submission.id,
            account_id=principal.account_id,
            domain=principal.domain,
            credential_id=principal.credential_id,
            sender=submission.sender,
            subject=submission.subject,
            header_id=submission.header_id,
            size_bytes=len(submission.content),
            accepted_at=now,
            expires_at=now + self._expire_s,
            is_utf8=submission.is_utf8,
            is_8bit=submission.is_8bit,
            ret=submission.ret,
            envid=submission.envid,
        )
        state = DeliveryState.HELD if submission.is_held else DeliveryState.WAITING
        deliveries = plan.deliveries(message, submission.recipients, now, state)
        events = [self._accepted_event(message, delivery, principal.login) for delivery in deliveries]
        return Accepted(message, submission.content, deliveries, events)

    def _accepted_event(self, message: Message, delivery: Delivery, login: str) -> Event:
        return Event(
            id=self._ids.new(),
            kind=EventKind.ACCEPTED,
            at=message.accepted_at,
            account_id=message.account_id,
            domain=message.domain,
            message_id=message.id,
            delivery_id=delivery.id,
            recipient=delivery.recipient,
            data={
                "sender": message.sender,
                "subject": message.subject,
                "header_id": message.header_id,
                "size_bytes": message.size_bytes,
                "login": login,
            },
        )


def _add_accepted(conn: Connection, items: list[Accepted]) -> None:
    messages.add_accepted(conn, items)
    crash_point("accept.before_commit")
