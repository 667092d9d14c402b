"""Accept a letter: one transaction for letter, deliveries and events; only then may the customer hear `250`.

Submissions that arrive while a commit runs share the next one (group commit, in the store's writer). What the
transaction itself decides is in `admission`; what must be looked up before it, in `completion`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import structlog

from posthouse.crashpoint import crash_point
from posthouse.model.account import Principal
from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import CommitInDoubt, PosthouseError
from posthouse.model.message import Delivery, DeliveryState, Receipt, Submission
from posthouse.model.options import TEST_SANDBOX
from posthouse.observe import Counters
from posthouse.pipeline.account_blocks import Grant
from posthouse.pipeline.admission import OPEN, Answer, Candidate, admit, admit_counted
from posthouse.pipeline.blocks import Blocks
from posthouse.pipeline.completion import Completion, TemplateWish, needs_completion
from posthouse.pipeline.entry import accepted_of
from posthouse.pipeline.letters import Job, Loaded
from posthouse.pipeline.notices import Notices
from posthouse.rules.limits import UNLIMITED, Allowance
from posthouse.store.answered import Answered
from posthouse.store.engine import Store
from posthouse.store.messages import Accepted

log = structlog.get_logger()

Done = Callable[[Receipt | None, BaseException | None], None]
DoneTogether = Callable[[list[Receipt] | Answered | None, BaseException | None], None]
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

        def answered(answer: list[Receipt] | Answered | None, error: BaseException | None) -> None:
            done(answer[0] if isinstance(answer, list) else None, error)

        self.accept_together([(submission, template)], principal, answered)

    def accept_together(
        self,
        letters: Sequence[tuple[Submission, TemplateWish | None]],
        principal: Principal,
        done: DoneTogether,
        claim: Answered | None = None,
    ) -> None:
        """The same for all letters of one call: all are stored, in one transaction, or none.

        `claim`: the answer that the call will get, stored with them. If there was such a call before,
        nothing is stored and `done` gets the answer of that time.
        """
        if not any(needs_completion(submission.options, wish) for submission, wish in letters):
            self._take([submission for submission, _ in letters], principal, done, claim)
            return
        work = self._complete(letters, principal, done, claim)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _complete(
        self,
        letters: Sequence[tuple[Submission, TemplateWish | None]],
        principal: Principal,
        done: DoneTogether,
        claim: Answered | None,
    ) -> None:
        try:
            for submission, wish in letters:
                if needs_completion(submission.options, wish):
                    domain = principal.domain or submission.domain
                    await self._completion.complete(submission, principal.account_id, domain, wish)
        except Exception as error:  # the caller tells refusals from bugs
            done(None, error)
            return
        self._take([submission for submission, _ in letters], principal, done, claim)

    def _take(
        self,
        submissions: Sequence[Submission],
        principal: Principal,
        done: DoneTogether,
        claim: Answered | None,
    ) -> None:
        now = self._clock.now()
        real = [each for each in submissions if each.options.test_mode != TEST_SANDBOX]
        receipts = [Receipt(each.id, now) for each in submissions]
        if not real:
            asyncio.get_running_loop().call_soon(done, receipts, None)
            return
        letters = [accepted_of(each, principal, now, self._expire_s, self._ids.new) for each in real]
        candidate = Candidate(letters, self._reports(real, letters), claim=claim)
        message = candidate.first
        allowance = self._allowance_of(message.account_id, message.domain)
        if allowance.limits:
            self._take_counted(candidate, allowance, receipts, done)
        else:
            self._write(candidate, receipts, done)

    def _take_counted(
        self, candidate: Candidate, allowance: Allowance, receipts: list[Receipt], done: DoneTogether
    ) -> None:
        """Count first, if possible in memory; only then are the letters written."""
        account_id = candidate.first.account_id
        count = sum(delivery.state in OPEN for letter in candidate.letters for delivery in letter.deliveries)

        def counted(grant: Grant | None, error: BaseException | None) -> None:
            if error is not None:
                asyncio.get_running_loop().call_soon(done, None, error)
                return
            if grant is None:
                candidate.allowance = allowance
                candidate.full_until = self._blocks.full_until(account_id, allowance)
            self._write(candidate, receipts, done, grant)

        if count:
            self._blocks.take(account_id, allowance, count, counted)
        else:
            self._write(candidate, receipts, done)

    def _write(
        self,
        candidate: Candidate,
        receipts: list[Receipt],
        done: DoneTogether,
        grant: Grant | None = None,
    ) -> None:
        self._hand_in(candidate.letters)

        def committed(answer: Answer, error: BaseException | None) -> None:
            if isinstance(answer, PosthouseError):
                error = answer
            if grant is not None:
                _give_back(grant, candidate.letters, answer, error)
            if error is not None:
                done(None, error)
                return
            if isinstance(answer, Answered):
                done(answer, None)
                return
            assert not isinstance(answer, PosthouseError)
            crash_point("accept.after_commit")
            written = candidate.letters if answer is None else answer
            if candidate.allowance is not None and candidate.allowance.waits:
                self._note_full(candidate, written)
            self._counters.add("accepted", sum(len(letter.deliveries) for letter in written))
            try:
                done(receipts, None)
            finally:  # whatever becomes of the reply: the letters are ours now
                for letter in written:
                    self._go_on(letter)

        self._store.submit(admit_counted if candidate.allowance else admit, candidate, committed)

    def _note_full(self, candidate: Candidate, written: Sequence[Accepted]) -> None:
        """Where these letters had to be put, the next one need not look for room before that."""
        assert candidate.allowance is not None
        pairs = _pairs(candidate.letters, written)
        until = max([now.due_at for before, now in pairs if now.due_at > before.due_at], default=0.0)
        account_id = candidate.first.account_id
        self._blocks.note_full(account_id, candidate.allowance, until, candidate.full_until)

    def _hand_in(self, letters: Sequence[Accepted]) -> None:
        """Mark what is due now as taken by this worker, if it has room for all of it."""
        due = [
            each
            for letter in letters
            for each in letter.deliveries
            if each.state is DeliveryState.WAITING and each.due_at <= letter.message.accepted_at
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

    def _reports(self, submissions: Sequence[Submission], letters: Sequence[Accepted]) -> list[Accepted]:
        """Mail to senders whose letter is dropped for everybody."""
        if self._notices is None:
            return []
        notices = [
            self._notices.for_rejection(letter, submission.drop_reason, submission.drop_text)
            for submission, letter in zip(submissions, letters, strict=True)
            if submission.drop_reason
        ]
        return [notice for notice in notices if notice is not None]


def _pairs(before: Sequence[Accepted], after: Sequence[Accepted]) -> Iterator[tuple[Delivery, Delivery]]:
    """Each delivery as it came and as it was written."""
    for was, now in zip(before, after, strict=True):
        yield from zip(was.deliveries, now.deliveries, strict=True)


def _give_back(
    grant: Grant, letters: Sequence[Accepted], answer: Answer, error: BaseException | None
) -> None:
    """What was counted and is not sent: all of it, or those that were stopped in the transaction."""
    if isinstance(error, CommitInDoubt):
        return  # it may be written: it stays counted
    if error is not None or isinstance(answer, Answered):
        grant.give_back(sum(delivery.state in OPEN for letter in letters for delivery in letter.deliveries))
    elif answer is not None and not isinstance(answer, PosthouseError):
        grant.give_back(sum(now is not before for before, now in _pairs(letters, answer)))
