"""Tell receivers what happened: who is due, how many posts at once, and nobody waits for a bad neighbour.

A receiver gets one post at a time until one was taken, then more; one that fails rests, longer each time, and
is tried by one worker with one post. Those in trouble share a few places among themselves, accounts have
their share, so that neither keeps a healthy receiver of somebody else waiting (F43, R7).

Public: Hooks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

import structlog

from posthouse.model.clock import Clock, id_at
from posthouse.model.hook import HookForm
from posthouse.pipeline.hook_ends import Batch
from posthouse.pipeline.hook_posts import TOTAL_S, HookPosts
from posthouse.store import hook_log, hook_queue, hooks
from posthouse.store.connection import Connection
from posthouse.store.engine import Store, each
from posthouse.store.hook_queue import HookDue

log = structlog.get_logger()

POLL_S = 0.25
TIDY_S = 300.0
_MOST, _MOST_TROUBLED, _MOST_OF_ACCOUNT, _MOST_OF_HOOK = 128, 24, 32, 16
_TAKE = 32  # of a receiver that gets a post for each event
_LOOK = 1000
_LOG_KEPT = 1000
_CHUNK = 500


class Hooks:
    """The loop of one worker."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        forms: Mapping[str, HookForm],
        posts: HookPosts,
        worker_id: str,
        keep_s: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._forms = forms
        self._posts = posts
        self._worker_id = worker_id
        self._keep_s = keep_s
        self._tasks: dict[asyncio.Task[None], HookDue] = {}
        self._running: Counter[str] = Counter()  # tasks by hook and by account
        self._troubled = 0
        self._unproven: set[str] = set()  # hooks with a task that has not had a post taken yet

    async def run(self) -> None:
        """Until cancelled; what is taken then is free again once this worker is buried."""
        try:
            while True:
                started = 0
                try:
                    started = 0 if self._store.is_away else await self.start_due()
                except Exception as error:
                    log.warning("looking for due receivers failed: %s", error)
                if not started:
                    await asyncio.sleep(POLL_S)
        finally:
            await self._stop()

    async def work(self) -> int:
        """Serve whoever is due until nothing more is; how many receivers."""
        started = await self.start_due()
        await asyncio.gather(*self._tasks)
        return started

    async def start_due(self) -> int:
        """Begin with those who are due and have a place; with how many."""
        due: list[HookDue] = await self._store.read(hook_queue.hooks_due, self._clock.now(), _LOOK)
        started = 0
        for found in due:
            if self._has_place(found):
                self._start(found)
                started += 1
        return started

    def _has_place(self, found: HookDue) -> bool:
        of_hook = self._running[found.hook_id]
        if len(self._tasks) >= _MOST or of_hook >= _MOST_OF_HOOK or found.dialect not in self._forms:
            return False
        if found.failures:
            return not of_hook and self._troubled < _MOST_TROUBLED
        return found.hook_id not in self._unproven and self._running[found.account_id] < _MOST_OF_ACCOUNT

    def _start(self, found: HookDue) -> None:
        self._unproven.add(found.hook_id)
        self._count(found, 1)
        task = asyncio.create_task(self._serve(found), name=f"hook {found.hook_id}")
        self._tasks[task] = found
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        found = self._tasks.pop(task)
        self._count(found, -1)
        self._unproven.discard(found.hook_id)
        if not task.cancelled() and (error := task.exception()):
            log.warning("serving a receiver failed: %s", error, hook=found.hook_id, exc_info=error)

    def _count(self, found: HookDue, change: int) -> None:
        self._troubled += change if found.failures else 0
        for key in (found.hook_id, found.account_id):
            self._running[key] += change
            if not self._running[key]:
                del self._running[key]

    async def _serve(self, found: HookDue) -> None:
        """Until nothing is due for it, or a post fails."""
        form = self._forms[found.dialect]
        while True:
            order = (found.hook_id, self._worker_id, self._clock.now(), form)
            batch: Batch | None = await self._store.write(each(take), order)
            if batch is None or not await self._posts.send(batch):
                return
            self._unproven.discard(found.hook_id)

    async def _stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._posts.close()

    async def tidy(self) -> None:
        """A chore: drop what was waited for long enough, and the old end of the logs."""
        now = self._clock.now()
        for hook_id in await self._store.read(hook_queue.hooks_waiting):
            dropped = 0
            while count := await self._store.write(each(hook_queue.drop_expired), (hook_id, now, _CHUNK)):
                dropped += count
            if dropped:
                log.warning("events for a receiver were given up", hook=hook_id, events=dropped)
        for hook_id in await self._store.read(hooks.all_ids):
            order = (hook_id, _LOG_KEPT, id_at(now - self._keep_s), _CHUNK)
            while await self._store.write(each(hook_log.trim), order) == _CHUNK:
                pass


def take(conn: Connection, hook_id: str, owner: str, now: float, form: HookForm) -> Batch | None:
    """Take what is due for a hook, and be the only one to do so if it is in trouble. None: nothing, or not
    for us."""
    hook = hooks.find_any(conn, hook_id)
    if hook is None or not hook.is_enabled or hook.rests_until > now:
        return None
    most = form.most_events if hook.failures else max(form.most_events, _TAKE)
    items = hook_queue.take(conn, hook_id, owner, now + form.linger_s, most)
    if not items:
        return None
    if not hook.failures:
        return Batch(hook, form, items)
    probe_until = now + TOTAL_S + 10.0
    if hooks.begin_probe(conn, hook_id, now, probe_until):
        return Batch(hook, form, items, probe_until)
    hook_queue.put_back(conn, hook_id, owner, [item.event_id for item in items])
    return None
