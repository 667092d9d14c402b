"""Receivers for tests: a small form of our own, and posts that are answered as told.

Public: Posts, FORM, BATCHED, hook, hooks_of, tell, waiting, TAKEN, BUSY.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from posthouse.model.event import Event, EventKind
from posthouse.model.hook import Hook, HookForm, HookKey, HookRequest, Told
from posthouse.net.httpout import PostResult
from posthouse.pipeline.fold import Fold
from posthouse.pipeline.hook_effect import Enqueue
from posthouse.pipeline.hook_posts import HookPosts, Room
from posthouse.pipeline.hooks import Hooks
from posthouse.store import events, hook_queue, hooks, identity
from posthouse.store.connection import Connection
from posthouse.store.engine import each
from unit.pipeline.small_world import ME, World

TAKEN, BUSY = PostResult(200, "ok"), PostResult(503, "busy")
ALL = frozenset(EventKind)


def event_json(told: Told) -> dict[str, Any] | None:
    if told.event.kind is EventKind.HELD:
        return None
    if told.event.recipient == "bug@x.test":
        raise RuntimeError("a bug")
    subject = told.message.subject if told.message else None
    return {"event": told.event.kind, "subject": subject, "letter": told.content.decode("latin-1")}


def request(bodies: Sequence[tuple[str, dict[str, Any]]], key: HookKey | None, now: float) -> HookRequest:
    content = json.dumps([{"id": event_id, **body} for event_id, body in bodies]).encode()
    signed = {"X-Signed": key.public} if key else {}
    return HookRequest(content, "application/json", {"Authorization": "Bearer hidden", **signed})


FORM = HookForm(
    kinds={kind.value: frozenset({kind}) for kind in EventKind},
    event_json=event_json,
    request=request,
    pauses_s=(10.0, 60.0, 600.0),
    life_s=3 * 86400.0,
    name_of=lambda told: told.event.kind.value,
    gives_up_on=frozenset({406}),
)
BATCHED = replace(FORM, most_events=100, linger_s=1.0, most_bytes=4000)
FORMS = {"one": FORM, "many": BATCHED, "letter": replace(FORM, needs_content=True)}


class Posts:
    """Receivers by URL: each answers with the next of its answers, then with 200. `gates`: URLs that wait."""

    def __init__(self) -> None:
        self.answers: dict[str, list[PostResult | Exception]] = {}
        self.got: list[tuple[str, list[dict[str, Any]]]] = []
        self.headers: list[Mapping[str, str]] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.active: dict[str, int] = {}
        self.most_active: dict[str, int] = {}

    async def post(
        self,
        url: str,
        content: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        *,
        total_s: float = 15.0,
    ) -> PostResult:
        assert content_type == "application/json" and total_s <= 15.0
        self.got.append((url, json.loads(content)))
        self.headers.append(headers or {})
        self.active[url] = self.active.get(url, 0) + 1
        self.most_active[url] = max(self.active[url], self.most_active.get(url, 0))
        try:
            if url in self.gates:
                await self.gates[url].wait()
        finally:
            self.active[url] -= 1
        waiting = self.answers.get(url)
        answer = waiting.pop(0) if waiting else TAKEN
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        return None

    def ids(self, url: str) -> list[str]:
        return [event["id"] for to, body in self.got if to == url for event in body]


def no_key(conn: Connection, account_id: str, dialect: str, domain: str) -> HookKey | None:
    return None


def hooks_of(world: World, posts: Posts, *, key_of: Any = no_key, worker_id: str = ME) -> Hooks:
    return Hooks(
        store=world.store,
        clock=world.clock,
        forms=FORMS,
        posts=HookPosts(
            store=world.store,
            clock=world.clock,
            ids=world.ids,
            post=posts,
            key_of=key_of,
            worker_id=worker_id,
            counters=world.counters,
            room=Room(1 << 20),
            chance=lambda: 0.5,
        ),
        worker_id=worker_id,
        keep_s=7 * 86400,
    )


async def hook(world: World, id: str, *, account: str = "acc", dialect: str = "one", **more: Any) -> Hook:
    """A new receiver at https://ID.test/."""
    now = world.clock.now()
    made = Hook(
        id=id,
        account_id=account,
        domain=more.pop("domain", ""),
        dialect=dialect,
        url=more.pop("url", f"https://{id}.test/"),
        kinds=more.pop("kinds", ALL),
        created_at=now,
        changed_at=now,
        **more,
    )
    await world.store.write(each(_add), (made, now))
    return made


def _add(conn: Connection, made: Hook, now: float) -> None:
    identity.ensure_account(conn, made.account_id, id=made.account_id, now=now)
    hooks.add_hook(conn, made)


async def tell(world: World, count: int = 1, **more: Any) -> list[str]:
    """So many events, folded; their ids."""
    made = [
        Event(
            id=world.ids.new(),
            kind=more.get("kind", EventKind.DELIVERED),
            at=world.clock.now(),
            account_id=more.get("account", "acc"),
            domain=more.get("domain", "shop.test"),
            message_id=more.get("message", "m"),
            recipient=more.get("recipient", "ann@x.test"),
        )
        for _ in range(count)
    ]
    await world.store.write(each(events.append), (made,))
    await Fold(world.store, [Enqueue(FORMS, world.clock)]).go()
    return [each.id for each in made]


async def waiting(world: World, account: str = "acc") -> dict[str, int]:
    """How many items wait, by hook."""
    found = await world.store.read(hook_queue.counts, account)
    return {hook_id: count for hook_id, (count, _) in found.items()}
