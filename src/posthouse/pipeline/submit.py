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
from posthouse.model.account import Principal
from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import CommitInDoubt, PosthouseError
from posthouse.model.message import Delivery, DeliveryState, Receipt, Submission
from posthouse.model.options import TEST_SANDBOX
from posthouse.observe import Counters
from posthouse.pipeline.admission import OPEN, Answer, Candidate, admit, admit_counted
from posthouse.pipeline.blocks import Blocks, Grant
from posthouse.pipeline.completion import Completion, TemplateWish, needs_completion
from posthouse.pipeline.entry import accepted_of
from posthouse.pipeline.letters import Job, Loaded
from posthouse.pipeline.notices import Notices
from posthouse.rules.limits import UNLIMITED, Allowance
from posthouse.store.engine import Store
from posthouse.store.messages import Accepted

log = structlog.get_logger()

Done = Callable[[Receipt | None, BaseException | None], None]
AllowanceOf = Callable[[str, str], Allowance]


class HandOver(Protocol):
    """The dispatcher, as far as acceptance knows it."""

    def admits(self, deliveries: Sequence[Delivery]) -> bool: ...

    def begin(self, jobs: Sequence[Job]) -> None: ...

    def wake(self) -> None: ...


class Intake:
    """Takes submissions for one worker. `expire_s`: how long deliveries are tried (MX-14).

    `allowance_of`: the limits of an account's mail for a domain, counted in `blocks`. `notices`: writes to
    senders whose letter was dropped; None: nobody does.
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
        blocks: Blocks,
        allowance_of: AllowanceOf = lambda account, domain: UNLIMITED,
        notices: Notices | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._hand_over = hand_over
        self._worker_id = worker_id
        self._expire_s = expire_s
        self._counters = counters
        self._blocks = blocks
        self._allowance_of = allowance_of
        self._notices = notices
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
        message = accepted.message
        candidate = Candidate(accepted, self._report(submission, accepted))
        allowance = self._allowance_of(message.account_id, message.domain)
        if allowance.limits:
            self._take_counted(candidate, allowance, done)
        else:
            self._write(candidate, done)

    def _take_counted(self, candidate: Candidate, allowance: Allowance, done: Done) -> None:
        """Count first, if possible in memory; only then is the letter written."""
        message = candidate.accepted.message
        count = sum(delivery.state in OPEN for delivery in candidate.accepted.deliveries)

        def counted(grant: Grant | None, error: BaseException | None) -> None:
            if error is not None:
                asyncio.get_running_loop().call_soon(done, None, error)
                return
            if grant is None:
                candidate.allowance = allowance
                candidate.full_until = self._blocks.full_until(message.account_id, allowance)
            self._write(candidate, done, grant)

        if count:
            self._blocks.take(message.account_id, allowance, count, counted)
        else:
            self._write(candidate, done)

    def _write(self, candidate: Candidate, done: Done, grant: Grant | None = None) -> None:
        accepted = candidate.accepted
        self._hand_in(accepted)

        def committed(answer: Answer, error: BaseException | None) -> None:
            if isinstance(answer, PosthouseError):
                error = answer
            if grant is not None:
                _give_back(grant, accepted, answer, error)
            if error is not None:
                done(None, error)
                return
            crash_point("accept.after_commit")
            written = accepted if answer is None else answer
            assert isinstance(written, Accepted)
            if candidate.allowance is not None and candidate.allowance.waits:
                self._note_full(candidate, written)
            self._counters.add("accepted", len(written.deliveries))
            try:
                done(Receipt(written.message.id, written.message.accepted_at), None)
            finally:  # whatever becomes of the reply: the letter is ours now
                self._go_on(written)

        self._store.submit(admit_counted if candidate.allowance else admit, candidate, committed)

    def _note_full(self, candidate: Candidate, written: Accepted) -> None:
        """Where this letter had to be put, the next one need not look for room before that."""
        assert candidate.allowance is not None
        pairs = zip(candidate.accepted.deliveries, written.deliveries, strict=True)
        until = max([now.due_at for before, now in pairs if now.due_at > before.due_at], default=0.0)
        account_id = written.message.account_id
        self._blocks.note_full(account_id, candidate.allowance, until, candidate.full_until)

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

    def _report(self, submission: Submission, accepted: Accepted) -> Accepted | None:
        if not submission.drop_reason or self._notices is None:
            return None
        return self._notices.for_rejection(accepted, submission.drop_reason, submission.drop_text)


def _give_back(grant: Grant, accepted: Accepted, answer: Answer, error: BaseException | None) -> None:
    """What was counted and is not sent: the whole letter, or those that were stopped in the transaction."""
    if isinstance(error, CommitInDoubt):
        return  # it may be written: it stays counted
    if error is not None:
        grant.give_back(sum(delivery.state in OPEN for delivery in accepted.deliveries))
    elif isinstance(answer, Accepted):
        pairs = zip(accepted.deliveries, answer.deliveries, strict=True)
        grant.give_back(sum(now is not before for before, now in pairs))
