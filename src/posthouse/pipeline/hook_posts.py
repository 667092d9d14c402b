"""Posts to a receiver: the events loaded and written in the form of its service, sent, and settled as
`hook_ends` says.

Killed between the answer and the settling, the same events with the same ids are posted again (F12).

Public: HookPosts, KeyOf, Room, Post.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec
import structlog

from posthouse.crashpoint import crash_point
from posthouse.model.clock import Clock, Ids
from posthouse.model.hook import Hook, HookForm, HookKey, HookRequest, Told
from posthouse.net.httpout import PostResult
from posthouse.observe import Counters, struck_out
from posthouse.pipeline.hook_ends import Batch, End, ended, give_back, kept_request, settle
from posthouse.store import events, hook_queue, messages
from posthouse.store.connection import Connection
from posthouse.store.engine import Store, each
from posthouse.store.hook_log import HookAttempt
from posthouse.store.hook_queue import HookItem, Settled

log = structlog.get_logger()

AGAIN_S = 1.0
TOTAL_S = 15.0
_TOGETHER_S = 0.5
_CONTENT_TIMES = 4  # a letter in memory: its octets, its parts, the JSON of them, what is being sent
_size = msgspec.json.Encoder().encode

KeyOf = Callable[[Connection, str, str, str], HookKey | None]
"""(connection, account id, dialect, domain) -> what signs; None: there is no key."""
HomeOf = Callable[[str], tuple[str, str]]
"""Sending domain -> its region, and where the HTTP APIs of that region are reached."""


def _unknown_home(domain: str) -> tuple[str, str]:
    """For a house that tells neither."""
    return "", ""


class Post(Protocol):
    """`net.httpout.HttpOut`."""

    async def post(
        self,
        url: str,
        content: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        *,
        total_s: float = TOTAL_S,
    ) -> PostResult: ...

    async def close(self) -> None: ...


class Room:
    """So many bytes of letters at once in memory; a larger one than that goes alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._used = 0
        self._left = asyncio.Condition()

    @asynccontextmanager
    async def hold(self, count: int) -> AsyncIterator[None]:
        async with self._left:
            await self._left.wait_for(lambda: not self._used or self._used + count <= self._most)
            self._used += count
        try:
            yield
        finally:
            self._used -= count
            async with self._left:
                self._left.notify_all()


@dataclass(frozen=True, slots=True)
class _Part:
    """The events of one post, written."""

    items: list[HookItem]
    bodies: list[tuple[str, dict[str, Any]]]


class HookPosts:
    """Makes the posts of one worker. `home_of`: region and API base of a sending domain, as in `Told`."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        post: Post,
        key_of: KeyOf,
        worker_id: str,
        counters: Counters,
        room: Room,
        home_of: HomeOf = _unknown_home,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._post = post
        self._key_of = key_of
        self._worker_id = worker_id
        self._counters = counters
        self._room = room
        self._home_of = home_of
        self._chance = chance

    async def send(self, batch: Batch) -> bool:
        """Post what was taken, one post after the other. False at the first failure: the rest is free.

        Posts that were taken are written down together: a transaction each would cost more than the posts.
        """
        left, done = list(batch.items), list[End]()
        try:
            event_ids = [item.event_id for item in left]
            told, keys = await self._store.read(_load, batch.hook, self._key_of, event_ids, self._home_of)
            while left:
                part, left = await self._next(batch, told, left)
                if not part.bodies:
                    continue
                key = keys[told[part.items[0].event_id].event.domain]
                done.append(await self._one(batch, part, key, [item.event_id for item in left]))
                is_taken = done[-1].attempt.is_taken
                if not is_taken or batch.probe_until or self._is_long(done):
                    await self._settle(done)
                    done = []
                if not is_taken:
                    return False
                batch = replace(batch, probe_until=0.0)
        except Exception:  # the rim of this batch: nothing may stay ours that nobody works on
            log.exception("posts to a receiver could not be made", hook=batch.hook.id)
            await self._write(give_back, (self._worker_id, batch, left, self._clock.now()))
            return False
        finally:
            if done:  # also when this worker stops: what was taken need not be posted again
                await self._settle(done)
        return True

    def _is_long(self, done: Sequence[End]) -> bool:
        return self._clock.now() - done[0].began_at > _TOGETHER_S

    async def _next(
        self, batch: Batch, told: Mapping[str, Told], left: list[HookItem]
    ) -> tuple[_Part, list[HookItem]]:
        """The next post, and what is left behind it. What is not to be posted is settled."""
        head, behind = left[: batch.form.most_events], left[batch.form.most_events :]
        part, over = await self._written(batch, head, told)
        used = {item.event_id for item in (*part.items, *over)}
        await self._drop(batch, [item for item in head if item.event_id not in used])
        return part, over + behind

    async def close(self) -> None:
        await self._post.close()

    async def _written(
        self, batch: Batch, items: Sequence[HookItem], told: Mapping[str, Told]
    ) -> tuple[_Part, list[HookItem]]:
        """As many of them as fit into one post, and those that did not fit."""
        part = _Part([], [])
        form, room = batch.form, batch.form.most_bytes
        for number, item in enumerate(items):
            found = told.get(item.event_id)
            if found is None:
                continue
            body = await self._body(batch, found)
            if body is None:
                continue
            room -= len(_size(body)) if form.most_events > 1 else 0
            if room < 0 and part.items:
                return part, list(items[number:])
            part.items.append(item)
            part.bodies.append((item.event_id, body))
        return part, []

    async def _body(self, batch: Batch, told: Told) -> dict[str, Any] | None:
        """None: the service has no such event, or nobody asked for it under that name."""
        form, only = batch.form, batch.hook.settings.only
        try:
            if only and form.name_of(told) not in only:
                return None
            if not form.needs_content or told.message is None:
                return form.event_json(told)
            async with self._room.hold(told.message.size_bytes * _CONTENT_TIMES):
                content = await self._store.read(messages.load_content, told.message.id)
                return form.event_json(replace(told, content=content or b""))
        except Exception:  # a bug in one form and one event must not keep the others from being posted
            log.exception("an event could not be written for a receiver", event_id=told.event.id)
            return None

    async def _one(self, batch: Batch, part: _Part, key: HookKey | None, behind: Sequence[str]) -> End:
        hook, form, began_at = batch.hook, batch.form, self._clock.now()
        since = self._clock.monotonic()
        request = form.request(part.bodies, key if hook.settings.signs else None, began_at)
        result = await self._try(hook, form, request)
        crash_point("hooks.after_post")
        self._counters.add("hook_posts", labels=(("result", "taken" if result.is_taken else "failed"),))
        attempt = HookAttempt(
            self._ids.new(),
            hook.id,
            began_at,
            part.items[0].attempt,
            result.status,
            int((self._clock.monotonic() - since) * 1000),
            result.is_taken,
            [event_id for event_id, _ in part.bodies],
            kept_request(hook.url, request),
            result.text,
        )
        now = self._clock.now()
        return ended(batch, part.items, result, attempt, behind=behind, now=now, chance=self._chance)

    async def _try(self, hook: Hook, form: HookForm, request: HookRequest) -> PostResult:
        total_s = min(form.timeout_s, TOTAL_S)
        try:
            return await self._post.post(
                hook.url, request.content, request.content_type, request.headers, total_s=total_s
            )
        except Exception:  # the rim of this post: it is tried again like any other failure
            log.exception("a post to a receiver broke", hook=hook.id)
            return PostResult(0, "the post could not be made; the log of this installation says why")

    async def _drop(self, batch: Batch, items: Sequence[HookItem]) -> None:
        """What is not to be posted: the event is gone, or the service has no such event."""
        if items:
            ends = [Settled(item.event_id) for item in items]
            await self._write(hook_queue.settle, (batch.hook.id, self._worker_id, ends))

    async def _settle(self, ends: Sequence[End]) -> None:
        await self._write(settle, (self._worker_id, ends, self._clock.now()))
        hook, off = ends[-1].batch.hook, ends[-1].off
        if off:
            log.warning("a receiver was switched off", hook=hook.id, url=struck_out(hook.url), why=off)

    async def _write(self, fn: Callable[..., object], order: tuple[Any, ...]) -> None:
        """Until it is written: an item that stays ours without being worked on would stay for ever."""
        while True:
            try:
                await self._store.write(each(fn), order)
            except Exception as error:
                log.warning("what became of a post could not be written: %s", error)
                await asyncio.sleep(AGAIN_S)
            else:
                return


def _load(
    conn: Connection, hook: Hook, key_of: KeyOf, event_ids: Sequence[str], home_of: HomeOf
) -> tuple[dict[str, Told], dict[str, HookKey | None]]:
    """The events with their letters, and what signs, by the events' domains."""
    found = events.load(conn, event_ids)
    letters = messages.load_heads(conn, [event.message_id for event in found])
    domains = {event.domain for event in found}
    homes = {domain: home_of(domain) for domain in domains}
    told = {
        event.id: Told(
            event,
            letters.get(event.message_id),
            region=homes[event.domain][0],
            api_url=homes[event.domain][1],
        )
        for event in found
    }
    return told, {domain: key_of(conn, hook.account_id, hook.dialect, domain) for domain in domains}
