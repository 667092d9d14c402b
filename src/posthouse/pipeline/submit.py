"""Accept a letter: one transaction for letter, deliveries and events; only then may the customer hear `250`.

Submissions that arrive while a commit runs share the next one (group commit, in the store's writer). What the
transaction itself decides is in `admission`; what must be looked up before it, in `completion`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from posthouse.crashpoint import crash_point
from posthouse.model.account import DEFAULTS, DomainSettings, Principal
from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import PosthouseError
from posthouse.model.message import Delivery, DeliveryState, Message, Receipt, Submission
from posthouse.model.options import TEST_SANDBOX
from posthouse.observe import Counters
from posthouse.pipeline.admission import Admission, Answer, Candidate
from posthouse.pipeline.completion import Completion, TemplateWish, needs_completion
from posthouse.pipeline.entry import accepted_of
from posthouse.pipeline.letters import Job, Loaded
from posthouse.pipeline.notices import Notices
from posthouse.pipeline.quota import Allowance
from posthouse.store.engine import Store
from posthouse.store.messages import Accepted

log = structlog.get_logger()

Done = Callable[[Receipt | None, BaseException | None], None]
SettingsOf = Callable[[str], DomainSettings]


class HandOver(Protocol):
    """The dispatcher, as far as acceptance knows it."""

    def admits(self, deliveries: Sequence[Delivery]) -> bool: ...

    def begin(self, jobs: Sequence[Job]) -> None: ...

    def wake(self) -> None: ...


class Intake:
    """Takes submissions for one worker. `expire_s`: how long deliveries are tried (MX-14).

    `settings_of`: what holds for a sending domain, by name. `over_limit`: "refuse" or "queue" what is over a
    domain's limits. `notices`: writes to senders whose letter was dropped; None: nobody does.
    """

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
        settings_of: SettingsOf = lambda domain: DEFAULTS,
        over_limit: str = "refuse",
        notices: Notices | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._hand_over = hand_over
        self._worker_id = worker_id
        self._expire_s = expire_s
        self._counters = counters
        self._settings_of = settings_of
        self._notices = notices
        self._admission = Admission(over_limit)
        self._completion = Completion(store, clock)
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(
        self, submission: Submission, principal: Principal, done: Done, template: TemplateWish | None = None
    ) -> None:
        """Store the letter; `done(receipt, None)` after the commit, else `done(None, error)`; never at once.

        Errors: Refused and TryLater (a limit, a template, or the store cannot take it now), CommitInDoubt
        (nobody knows; say nothing).
        """
        if not needs_completion(submission.options, template):
            self._take(submission, principal, done)
            return
        work = self._complete(submission, principal, done, template)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _complete(
        self, submission: Submission, principal: Principal, done: Done, template: TemplateWish | None
    ) -> None:
        domain = principal.domain or submission.domain
        try:
            await self._completion.complete(submission, principal.account_id, domain, template)
        except Exception as error:  # the caller tells refusals from bugs
            done(None, error)
            return
        self._take(submission, principal, done)

    def _take(self, submission: Submission, principal: Principal, done: Done) -> None:
        if submission.options.test_mode == TEST_SANDBOX:
            receipt = Receipt(submission.id, self._clock.now())
            asyncio.get_running_loop().call_soon(done, receipt, None)
            return
        accepted = accepted_of(submission, principal, self._clock.now(), self._expire_s, self._ids.new)
        self._hand_in(accepted)
        candidate = Candidate(accepted, self._allowance(accepted.message), self._report(submission, accepted))

        def committed(answer: Answer, error: BaseException | None) -> None:
            if isinstance(answer, PosthouseError):
                error = answer
            if error is not None:
                done(None, error)
                return
            crash_point("accept.after_commit")
            written = accepted if answer is None else answer
            assert isinstance(written, Accepted)
            self._counters.add("accepted", len(written.deliveries))
            try:
                done(Receipt(written.message.id, written.message.accepted_at), None)
            finally:  # whatever becomes of the reply: the letter is ours now
                self._go_on(written)

        self._store.submit(self._admission.admit, candidate, committed)

    def _hand_in(self, accepted: Accepted) -> None:
        """Mark what is due now as taken by this worker, if it has room for all of it."""
        now = accepted.message.accepted_at
        due = [
            each for each in accepted.deliveries if each.state is DeliveryState.WAITING and each.due_at <= now
        ]
        if due and self._hand_over.admits(due):
            for delivery in due:
                delivery.state, delivery.owner, delivery.attempt = DeliveryState.TAKEN, self._worker_id, 1

    def _go_on(self, accepted: Accepted) -> None:
        taken = [each for each in accepted.deliveries if each.state is DeliveryState.TAKEN]
        if taken:
            letter = Loaded(accepted.message, accepted.content)
            self._hand_over.begin([Job(delivery, letter) for delivery in taken])
        else:
            self._hand_over.wake()

    def _allowance(self, message: Message) -> Allowance | None:
        settings = self._settings_of(message.domain)
        if not settings.hourly_messages and not settings.daily_messages:
            return None
        return Allowance(
            message.account_id, message.domain, settings.hourly_messages, settings.daily_messages
        )

    def _report(self, submission: Submission, accepted: Accepted) -> Accepted | None:
        if not submission.drop_reason or self._notices is None:
            return None
        return self._notices.for_rejection(accepted, submission.drop_reason, submission.drop_text)
