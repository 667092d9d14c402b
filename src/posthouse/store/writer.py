"""The writer thread: everything that gathered while the last commit ran goes into the next transaction.

Jobs come through one queue, `(fn, item, done)`. A group is sorted by `fn` in the order of first arrival, each
`fn` is called once with its items, one COMMIT ends the group, and one call tells all results. On PostgreSQL
what `runs_apart` is a group of its own. What can go wrong:

- A job's own fault (`Trouble.DATA`): the group is rolled back and every job runs alone, so it fails alone.
- Another transaction's fault, or a connection that broke before COMMIT: the group runs once more.
- The store is away or full: every job is refused, the connection is closed, and until a probe's commit
  succeeds (every 0.5 s) new jobs are refused at once. A fresh connection matters after an input or output
  error: nothing that a failed sync left behind is trusted.
- COMMIT itself broke: every job learns `CommitInDoubt`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import CommitInDoubt, TryLater
from posthouse.store.connection import Connection, Engine, Role
from posthouse.store.statement import Statement
from posthouse.store.tables import mark
from posthouse.store.trouble import Trouble, Unavailable, cause_of, refusal

WriteFunction = Callable[[Connection, list[Any]], "Sequence[Any] | None"]
F = TypeVar("F", bound=WriteFunction)
Done = Callable[[Any, BaseException | None], None]
Job = tuple[WriteFunction, Any, Done]
Changed = Callable[[str], None]
Told = tuple[Done, Any, BaseException | None]
_Result = tuple[Any, BaseException | None]

PROBE_S = 0.5
MOST_JOBS = 512  # in one transaction: bounds the wait of the last and the work that a poison job repeats
_APART: set[WriteFunction] = set()
_WORTH_ANOTHER_RUN = (Trouble.CLASH, Trouble.LOST)
_touch = Statement(mark.update().where(mark.c.name == "probe").values(number=mark.c.number + 1))


def runs_apart(fn: F) -> F:
    """For a writing function whose rows many want. Where others write at the same time (PostgreSQL) it gets
    a transaction of its own, so that it waits for those rows holding no others, and holds them briefly."""
    _APART.add(fn)
    return fn


class Health:
    """Whether the store can be used; written by the writers and the store's watch, read by everybody."""

    __slots__ = ("down", "is_slow")

    def __init__(self) -> None:
        self.down: TryLater | None = None
        self.is_slow = False

    @property
    def refusal(self) -> TryLater | None:
        """What to answer now instead of waiting, None when all is well."""
        if self.down is None and not self.is_slow:
            return None
        return self.down or refusal(Trouble.AWAY)


class Writer(threading.Thread):
    """One thread with one connection. `clock`: by which events are too old to keep their ids, None: none is.
    `tell` gets the results of a group, `changed` the cause when the store
    becomes unusable and "" when it is back; both are called in the writer's thread."""

    def __init__(
        self,
        engine: Engine,
        jobs: SimpleQueue[Job | None],
        health: Health,
        tell: Callable[[list[Told]], None],
        changed: Changed,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(name="store-writer", daemon=True)
        self._engine = engine
        self._jobs = jobs
        self._health = health
        self._tell = tell
        self._changed = changed
        self._ids = None if clock is None else Ids(clock)  # this thread's own
        self._connection: Connection | None = None
        self._is_probing = False
        self._is_last = False
        self.busy_since = 0.0  # monotonic; 0 while waiting for jobs

    def run(self) -> None:
        while not self._is_last:
            jobs = self._gather()
            if self._is_probing and self._health.down is None:
                self._is_probing = False  # another writer's probe succeeded
            if self._is_probing:
                self._refuse(jobs)
                self._probe()
                continue
            for group in self._groups(jobs):
                self._answer(group)
        self._close()

    def starts_down(self) -> None:
        """Before `start`: the store could not be reached, begin with probing."""
        self._is_probing = True
        self._health.down = refusal(Trouble.AWAY)

    def break_off(self) -> None:
        """From another thread: end what runs now with an error."""
        connection = self._connection
        if connection is not None:
            connection.break_off()

    def _gather(self) -> list[Job]:
        """Wait for a job (at most until the next probe), then take whatever else is there."""
        jobs: list[Job] = []
        if self._connection is not None and self._jobs.empty():
            self._connection.leave_turn()
        try:
            job = self._jobs.get(timeout=PROBE_S if self._is_probing else None)
            while job is not None:
                jobs.append(job)
                if len(jobs) == MOST_JOBS:
                    return jobs
                job = self._jobs.get_nowait()
            self._is_last = True
        except Empty:
            pass
        return jobs

    def _groups(self, jobs: list[Job]) -> list[list[Job]]:
        apart = _APART.intersection(job[0] for job in jobs)
        if not apart or self._engine.name == "sqlite":  # there a transaction has the store to itself
            return [jobs] if jobs else []
        groups: dict[WriteFunction | None, list[Job]] = {None: []}
        for job in jobs:
            groups.setdefault(job[0] if job[0] in apart else None, []).append(job)
        return [group for group in groups.values() if group]

    def _answer(self, jobs: list[Job]) -> None:
        if self._is_probing:  # the store went away with the group before
            self._refuse(jobs)
            return
        self.busy_since = time.monotonic()
        results = self._group(jobs)
        self.busy_since = 0.0
        self._tell([(job[2], *result) for job, result in zip(jobs, results, strict=True)])

    def _group(self, jobs: list[Job]) -> list[_Result]:
        """Run the jobs in one transaction, or explain to each why not."""
        for is_again in (False, True):
            try:
                return self._transact(jobs)
            except CommitInDoubt as error:
                self._go_down(Trouble.AWAY, error)
                return [(None, error)] * len(jobs)
            except Exception as error:
                trouble = self._roll_back(error)
                if trouble is Trouble.LOST:
                    self._close()
                if trouble in _WORTH_ANOTHER_RUN and not is_again:
                    continue
                if trouble is Trouble.DATA:
                    return self._alone(jobs, error)
                if trouble is not Trouble.CLASH:
                    self._go_down(trouble, error)
                return [(None, refusal(trouble))] * len(jobs)
        raise AssertionError("the second run returns")

    def _transact(self, jobs: list[Job]) -> list[_Result]:
        places: dict[WriteFunction, list[int]] = {}
        for place, job in enumerate(jobs):
            places.setdefault(job[0], []).append(place)
        results: list[_Result] = [(None, None)] * len(jobs)
        connection = self._connection
        if connection is None:
            connection = self._connection = self._open()
        connection.begin()
        for fn, mine in places.items():
            answers = fn(connection, [jobs[place][1] for place in mine])
            if answers is not None:
                for place, answer in zip(mine, answers, strict=True):
                    results[place] = (answer, None)
        connection.commit()
        connection.share_turn()
        return results

    def _roll_back(self, error: Exception) -> Trouble:
        connection = self._connection
        if connection is None:  # it could not be opened
            return error.trouble if isinstance(error, Unavailable) else Trouble.DATA
        connection.rollback()
        connection.share_turn()
        if not connection.is_usable:
            self._close()
        return connection.trouble(error)

    def _alone(self, jobs: list[Job], error: Exception) -> list[_Result]:
        """Each job in a transaction of its own; once the store goes down the rest is refused unasked."""
        if len(jobs) == 1:
            return [(None, error)]
        results: list[_Result] = []
        for job in jobs:
            down = self._health.down
            results += [(None, down)] if down is not None else self._group([job])
        return results

    def _refuse(self, jobs: list[Job]) -> None:
        if jobs:
            down = self._health.down or refusal(Trouble.AWAY)
            self._tell([(job[2], None, down) for job in jobs])

    def _go_down(self, trouble: Trouble, error: Exception) -> None:
        self._close()
        self._is_probing = True
        before, self._health.down = self._health.down, refusal(trouble)
        if before is None or before.code != self._health.down.code:
            self._changed(cause_of(error))

    def _probe(self) -> None:
        """Try a real commit on a new connection; success ends the refusals."""
        self.busy_since = time.monotonic()
        try:
            self._connection = self._open()
            self._connection.begin()
            self._connection.change(_touch)
            self._connection.commit()
            self._connection.leave_turn()
            self._is_probing = False
            self._health.down = None
            self._changed("")
        except Exception as error:
            trouble = self._roll_back(error)
            self._go_down(Trouble.FULL if trouble is Trouble.FULL else Trouble.AWAY, error)
        finally:
            self.busy_since = 0.0

    def _open(self) -> Connection:
        connection = Connection(self._engine, Role.WRITER)
        connection.ids = self._ids
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
