"""Which taken rows this worker has in hand, and giving them back.

A row that the store calls ours and that nobody here holds would be taken for ever: its owner lives. That can
happen when the outcome of a commit is unknown (the rows may be ours, and we never saw them) and by bugs.
`reclaim` compares the two lists and gives back what it finds in both of two looks.

A commit in doubt is never offered again for giving back: `give_back` lowers the attempt, so after the row was
taken again it would match the new holder, and the letter would go out twice at the same time.
"""

from __future__ import annotations

import asyncio

import structlog

from posthouse.model.errors import CommitInDoubt
from posthouse.model.message import Delivery
from posthouse.pipeline.letters import Job
from posthouse.store import leftovers, queue
from posthouse.store.engine import Store

AGAIN_S = 1.0

log = structlog.get_logger()

Take = tuple[str, int]  # delivery id, attempt


class Custody:
    """All takes that are in memory or on their way back. `taking` is held from a take until its rows are
    known here, so that `reclaim` never sees a row in between."""

    def __init__(self, store: Store, worker_id: str) -> None:
        self._store = store
        self._worker_id = worker_id
        self._loop = asyncio.get_running_loop()
        self._held: dict[Take, Job | None] = {}
        self._suspects: set[Take] = set()
        self.taking = asyncio.Lock()

    def __contains__(self, delivery: Delivery) -> bool:
        return _take(delivery) in self._held

    def __len__(self) -> int:
        return len(self._held)

    def add(self, job: Job) -> None:
        self._held[_take(job.delivery)] = job

    def remove(self, delivery: Delivery) -> None:
        self._held.pop(_take(delivery), None)

    def jobs(self) -> list[Job]:
        """What is in memory now, on its way back or out."""
        return [job for job in self._held.values() if job]

    def give_back(self, delivery: Delivery) -> None:
        """Taken but never begun: back to waiting, as if it had not been taken."""
        self._return(_take(delivery))

    def _return(self, take: Take) -> None:
        self._held[take] = None

        def returned(_: object, error: BaseException | None) -> None:
            if error is None or isinstance(error, CommitInDoubt):
                self._held.pop(take, None)
            else:  # the store is away: the row is ours until it takes it back
                self._loop.call_later(AGAIN_S, self._return, take)

        self._store.submit(queue.give_back, (take[0], self._worker_id, take[1]), returned)

    async def reclaim(self) -> int:
        """One look; how many rows were given back. Raises what the store raises."""
        async with self.taking:
            taken = set(await self._store.read(leftovers.taken_by, self._worker_id))
            lost = taken - self._held.keys()
            # acceptance may have committed rows this instant: what is lost is lost at the next look as well
            surely = lost & self._suspects
            self._suspects = lost - surely
            for take in surely:
                log.error("a taken delivery was in nobody's hands; it waits again", delivery=take[0])
                self._return(take)
        return len(surely)


def _take(delivery: Delivery) -> Take:
    return delivery.id, delivery.attempt
