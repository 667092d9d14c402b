"""What comes of a post to a receiver, and how it is written down: its events settled, the receiver judged,
and an entry in the log, in one transaction.

Public: Batch, End, ended, settle, give_back, kept_request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import structlog

from posthouse.model.hook import Hook, HookForm, HookRequest
from posthouse.net.httpout import PostResult
from posthouse.observe import STRUCK_OUT, struck_out
from posthouse.rules.hooks import again_at, parse_retry_after, rest_s, why_off
from posthouse.store import hook_log, hook_queue, hooks
from posthouse.store.connection import Connection
from posthouse.store.hook_log import HookAttempt
from posthouse.store.hook_queue import HookItem, Settled

log = structlog.get_logger()

_OWN_FAULT_S = 60.0
_BODY_KEPT = 16 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """What one worker took for a hook. `probe_until`: it is the one try at a troubled receiver, 0 if not."""

    hook: Hook
    form: HookForm
    items: Sequence[HookItem]
    probe_until: float = 0.0


@dataclass(frozen=True, slots=True)
class End:
    """What is written when a post is over. `unposted`: of the same take, and not for now."""

    batch: Batch
    began_at: float
    settled: Sequence[Settled]
    attempt: HookAttempt
    unposted: Sequence[str] = ()
    rest_until: float = 0.0
    off: str = ""


def ended(
    batch: Batch,
    items: Sequence[HookItem],
    result: PostResult,
    attempt: HookAttempt,
    *,
    behind: Sequence[str],
    now: float,
    chance: Callable[[], float],
) -> End:
    """What comes of a post of these items. `behind`: events of the same take, not posted if it failed;
    `chance` gives 0 … 1."""
    if result.is_taken:
        return End(batch, attempt.at, [Settled(item.event_id) for item in items], attempt)
    form, hook = batch.form, batch.hook
    is_hopeless = result.status in form.gives_up_on
    settled = [
        Settled(
            item.event_id,
            None if is_hopeless else again_at(form, item.attempt, now, item.expires_at, chance()),
        )
        for item in items
    ]
    if given_up := sum(item.due_at is None for item in settled):
        log.warning(
            "events for a receiver were given up", hook=hook.id, events=given_up, status=result.status
        )
    # a refusal of this event is no trouble of the receiver
    asked_s = parse_retry_after(result.retry_after, now)
    rest = 0.0 if is_hopeless else rest_s(hook.failures + 1, asked_s, chance())
    off = "" if is_hopeless else why_off(form, hook, result.status, now)
    return End(batch, attempt.at, settled, attempt, behind, now + rest if rest else 0.0, off)


def settle(conn: Connection, owner: str, ends: Sequence[End], now: float) -> None:
    """Everything about posts to one hook, in the open transaction; only the last one may have failed. A hook
    that was removed meanwhile has nothing."""
    last = ends[-1]
    hook_id = last.batch.hook.id
    if hooks.find_any(conn, hook_id) is None:
        return
    hook_queue.settle(conn, hook_id, owner, [item for end in ends for item in end.settled])
    hook_queue.put_back(conn, hook_id, owner, last.unposted)
    hook_log.add_attempts(conn, [end.attempt for end in ends])
    if last.rest_until:
        hooks.note_failed(
            conn,
            hook_id,
            now,
            began_at=last.began_at,
            probe_until=last.batch.probe_until,
            until=last.rest_until,
        )
    elif last.batch.probe_until:
        hooks.note_taken(conn, hook_id)
    if last.off:
        hooks.switch_off(conn, hook_id, now, last.off)


def give_back(conn: Connection, owner: str, batch: Batch, left: Sequence[HookItem], now: float) -> None:
    """Nothing could be posted for a reason of ours, such as a key that does not open: all of it later."""
    hook_id = batch.hook.id
    hook_queue.put_back(conn, hook_id, owner, [item.event_id for item in left])
    hooks.note_failed(
        conn, hook_id, now, began_at=now, probe_until=batch.probe_until, until=now + _OWN_FAULT_S
    )


def kept_request(url: str, request: HookRequest) -> bytes:
    """A request for the log: headers, an empty line and the beginning of the body. No password."""
    lines = [_first_line(url), f"Content-Type: {request.content_type}"]
    for name, value in request.headers.items():
        lines.append(f"{name}: {STRUCK_OUT if name.lower() == 'authorization' else value}")
    head = "\n".join([*lines, "", ""]).encode("utf-8", "replace")
    return hook_log.pack(head + request.content[:_BODY_KEPT])


@lru_cache(maxsize=256)
def _first_line(url: str) -> str:
    return f"POST {struck_out(url)}"
