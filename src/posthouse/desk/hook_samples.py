"""Made-up events posted at once to one receiver, so that somebody sees what it says to each kind.

Nothing of it is queued, counted or tried again. Posts go out side by side, a few at a time, and all of them
together have a time limit: somebody waits for the answer.

Public: AT_ONCE, ALL_S, Sampled, hook_post, try_receiver, post_samples, sample_row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from posthouse.config import Settings
from posthouse.model.clock import Ids
from posthouse.model.event import Event, EventKind
from posthouse.model.hook import Hook, HookForm, HookKey, Told
from posthouse.model.message import Message
from posthouse.model.options import SendOptions
from posthouse.net.httpout import HttpOut, PostResult

AT_ONCE, ALL_S = 6, 20.0
_RECIPIENT = "ann@example.com"
_LETTER = (
    b"From: Sample <sample@example.com>\r\nTo: ann@example.com\r\nSubject: A sample\r\n"
    b"Message-ID: <sample@example.com>\r\n\r\nThis letter was never sent.\r\n"
)
_LABELS: dict[str, Any] = {"tags": ["sample"], "metadata": {"sample": "yes"}}
_TRY: dict[str, Any] = {"attempt": 1, "mx": "mx.example.com", "address": "192.0.2.1", "took_s": 0.4}
_TAKEN: dict[str, Any] = {"code": 250, "enhanced": "2.0.0", "text": "OK", **_TRY}
_REFUSED: dict[str, Any] = {"code": 550, "enhanced": "5.1.1", "text": "No such user here", **_TRY}
_BUSY: dict[str, Any] = {"code": 451, "enhanced": "4.7.1", "text": "Try again later", **_TRY}
_VISIT: dict[str, Any] = {"client_ip": "192.0.2.7", "user_agent": "Mozilla/5.0 (a sample)"}
_DATA: dict[EventKind, dict[str, Any]] = {
    EventKind.REJECTED: {"reason": "the letter has no sender", "code": 550},
    EventKind.DELIVERED: _TAKEN,
    EventKind.DEFERRED: {**_BUSY, "reason": "temporary"},
    EventKind.FAILED: {**_REFUSED, "reason": "bounce", "bounce_class": "hard"},
    EventKind.BOUNCED: {**_REFUSED, "reason": "bounce", "bounce_class": "hard"},
    EventKind.DROPPED: {"reason": "suppress-bounce", "code": 605, "text": "Not delivering to this address"},
    EventKind.OPENED: _VISIT,
    EventKind.CLICKED: {**_VISIT, "url": "https://example.com/sample"},
    EventKind.UNSUBSCRIBED: _VISIT,
    EventKind.COMPLAINED: {"feedback_type": "abuse"},
}


@dataclass(frozen=True, slots=True)
class Sampled:
    """One post: of which kinds, and what came of it."""

    kinds: Sequence[str]
    result: PostResult


class Post(Protocol):
    """`net.httpout.HttpOut`."""

    async def post(
        self, url: str, content: bytes, content_type: str, headers: Any = None, *, total_s: float = 15.0
    ) -> PostResult: ...


def hook_post(settings: Settings) -> HttpOut:
    """How posts to receivers leave: who uses it bounds how many, so the connections need not."""
    return HttpOut(
        allows_private=settings.delivery.post_private_networks == "allow",
        allows_plain=settings.hooks.allows_plain,
        most=0,
        most_per_host=0,
    )


async def try_receiver(
    hook: Hook, form: HookForm, key: HookKey | None, settings: Settings, ids: Ids, now: float
) -> list[Sampled]:
    """`post_samples` over connections that are closed afterwards."""
    out = hook_post(settings)
    try:
        return await post_samples(hook, form, key, out, ids, now)
    finally:
        await out.close()


async def post_samples(
    hook: Hook,
    form: HookForm,
    key: HookKey | None,
    post: Post,
    ids: Ids,
    now: float,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[Sampled]:
    """Post one event of each kind that the hook gets, as its form does it: each alone or together. Ends
    within `ALL_S`, whatever the receiver does."""
    ends_at, places = monotonic() + ALL_S, asyncio.Semaphore(AT_ONCE)

    async def send(part: Sequence[tuple[EventKind, str, dict[str, Any]]]) -> Sampled:
        kinds = [kind.value for kind, _, _ in part]
        async with places:
            left_s = ends_at - monotonic()
            if left_s <= 0:
                return Sampled(kinds, PostResult(0, "not posted: the others took too long"))
            signs = key if hook.settings.signs else None
            request = form.request([(event_id, body) for _, event_id, body in part], signs, now)
            total_s = min(form.timeout_s, left_s)
            result = await post.post(
                hook.url, request.content, request.content_type, request.headers, total_s=total_s
            )
            return Sampled(kinds, result)

    parts = _parts(hook, form, ids, now)
    async with asyncio.TaskGroup() as group:
        sending = [group.create_task(send(part)) for part in parts]
    return [task.result() for task in sending]


def _parts(
    hook: Hook, form: HookForm, ids: Ids, now: float
) -> list[list[tuple[EventKind, str, dict[str, Any]]]]:
    """What each post has: (kind, event id, body)."""
    bodies: list[tuple[EventKind, str, dict[str, Any]]] = []
    for kind in sorted(hook.kinds):
        told = _told(kind, hook, ids, now)
        body = form.event_json(told)
        if body is not None:
            bodies.append((kind, told.event.id, body))
    return [bodies[start : start + form.most_events] for start in range(0, len(bodies), form.most_events)]


def sample_row(sampled: Sampled) -> dict[str, Any]:
    """What came of one post, as plain values; `status` 0: there was no answer."""
    return {
        "kinds": list(sampled.kinds),
        "status": sampled.result.status,
        "answer": sampled.result.text,
        "taken": sampled.result.is_taken,
    }


def _told(kind: EventKind, hook: Hook, ids: Ids, now: float) -> Told:
    domain = hook.domain or "example.com"
    message = Message(
        ids.new(),
        hook.account_id,
        domain,
        "sample",
        f"sample@{domain}",
        "A sample",
        "<sample@example.com>",
        len(_LETTER),
        now,
        now + 86400,
        options=SendOptions(tags=("sample",), metadata={"sample": "yes"}),
        author=f"Sample <sample@{domain}>",
        addressed=_RECIPIENT,
    )
    data = {**_LABELS, **_DATA.get(kind, {})}
    event = Event(
        ids.new(), kind, now, hook.account_id, domain, message.id, f"{message.id}.0000", _RECIPIENT, data
    )
    return Told(event, message, _LETTER)
