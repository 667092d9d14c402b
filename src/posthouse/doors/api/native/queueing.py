"""The queue and its batches: what waits and why; try now, hold, release, drop.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from posthouse.desk import batches, queue_view
from posthouse.desk.queue_choice import chosen
from posthouse.desk.queue_words import step
from posthouse.doors.api.answers import Answer
from posthouse.doors.api.batch_changes import change_batch
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.changing import in_steps, once
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, Page, many, one, reading, writing
from posthouse.doors.api.native.listing import Positions
from posthouse.pipeline.nudges import FLUSH
from posthouse.store import batches as stored
from posthouse.store import queue, workers

Word = Annotated[str, Meta(min_length=1, max_length=1000)]


class LaneRow(Struct, frozen=True, kw_only=True):
    """What waits for one recipient domain and shares one fate. `code` and `text`: the last answer;
    `suspended`: the account may not send; `site_suspended_until`: nothing goes to its hosts until then."""

    lane: str
    domain: str
    waiting: int
    taken: int
    held: int
    oldest_at: dt.datetime | None
    oldest_s: float
    next_due_at: dt.datetime | None
    code: int
    text: str
    suspended: bool
    site_suspended_until: dt.datetime | None
    site_reason: str


class Choice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which deliveries: exactly one of these."""

    lane: Annotated[Word | None, Meta(description="This lane, as the queue names it.")] = None
    domain: Annotated[Word | None, Meta(description="Recipients in this domain.")] = None
    message_id: Annotated[Word | None, Meta(description="Of this message.")] = None
    recipient: Annotated[Word | None, Meta(description="To this address.")] = None
    all: Annotated[Literal[True] | None, Meta(description="The account's whole queue.")] = None


class Flushed(Struct, frozen=True, kw_only=True):
    """How many deliveries are due now."""

    flushed: int


class Held(Struct, frozen=True, kw_only=True):
    """How many deliveries are held now."""

    held: int


class Released(Struct, frozen=True, kw_only=True):
    """How many deliveries go on."""

    released: int


class Dropped(Struct, frozen=True, kw_only=True):
    """How many deliveries were given up."""

    dropped: int


async def show_queue(call: Call, asked: Positions) -> Answer:
    start = int(asked.cursor or 0)
    page = await call.read(queue_view.page, call.now, call.account_id, start, asked.limit)
    return many(LaneRow, page.rows, "" if page.is_last else str(start + asked.limit))


def _selector(call: Call, asked: Choice) -> queue.Selector:
    return chosen(
        call.account_id,
        lane=asked.lane or "",
        domain=asked.domain or "",
        message=asked.message_id or "",
        recipient=asked.recipient or "",
        everything=bool(asked.all),
    )


async def retry_queue(call: Call, asked: Choice) -> Answer:
    done = await _many(call, asked, "flush", one(Flushed), "flushed")
    await call.write(workers.nudge, FLUSH)
    return done


async def hold_queue(call: Call, asked: Choice) -> Answer:
    return await _many(call, asked, "hold", one(Held), "held")


async def release_queue(call: Call, asked: Choice) -> Answer:
    return await _many(call, asked, "release", one(Released), "released")


async def drop_queue(call: Call, asked: Choice) -> Answer:
    return await _many(call, asked, "drop", one(Dropped), "dropped")


async def _many(call: Call, asked: Choice, verb: str, answer: Callable[[Any], Answer], word: str) -> Answer:
    selector = _selector(call, asked)
    return await in_steps(call, answer, word, step, verb, selector, call.now, call.parts.ids)


# Batches


class BatchRow(Struct, frozen=True, kw_only=True):
    """Messages that share an id of their sender's."""

    id: str
    state: Literal["going", "paused", "cancelled"]
    created_at: dt.datetime


class BatchSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest batches."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class PausedBatch(Struct, frozen=True, kw_only=True):
    """How many deliveries are held now."""

    id: str
    held: int


class ResumedBatch(Struct, frozen=True, kw_only=True):
    """How many deliveries go on."""

    id: str
    released: int


class CancelledBatch(Struct, frozen=True, kw_only=True):
    """How many deliveries were given up."""

    id: str
    cancelled: int


async def list_batches(call: Call, asked: BatchSearch) -> Answer:
    found = await call.read(stored.list_batches, call.account_id, asked.limit)
    return many(BatchRow, map(batches.batch_row, found))


async def pause_batch(call: Call, asked: Nothing) -> Answer:
    return await _change(call, stored.PAUSED, "held", PausedBatch)


async def resume_batch(call: Call, asked: Nothing) -> Answer:
    await call.read(batches.load, call.account_id, call.params["batch_id"])
    return await _change(call, stored.GOING, "released", ResumedBatch)


async def cancel_batch(call: Call, asked: Nothing) -> Answer:
    return await _change(call, stored.CANCELLED, "cancelled", CancelledBatch)


async def _change(call: Call, status: str, word: str, kind: Any) -> Answer:
    batch_id = call.params["batch_id"]

    async def work() -> Answer:
        changed = await change_batch(call, batches.mark, batch_id, status)
        return one(kind)({"id": batch_id, word: changed})

    return await once(call, work)


_READ, _WRITE = "queue.read", "queue.write"
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/queue", _READ, show_queue, "Show the queue", topic="Queue", asks=Positions, gives=Page[LaneRow],
            text="One row for each lane: how much waits, since when, and the last answer."),
    writing("POST", "/queue/retry", _WRITE, retry_queue, "Try now what waits for later", topic="Queue",
            asks=Choice, gives=Flushed),
    writing("POST", "/queue/hold", _WRITE, hold_queue, "Hold what waits", topic="Queue", asks=Choice,
            gives=Held),
    writing("POST", "/queue/release", _WRITE, release_queue, "Let go what is held", topic="Queue",
            asks=Choice, gives=Released),
    writing("POST", "/queue/drop", _WRITE, drop_queue, "Give up what waits or is held", topic="Queue",
            text="Each recipient gets a `cancelled` event.", asks=Choice, gives=Dropped),
    reading("/batches", _READ, list_batches, "List batches", topic="Batches", asks=BatchSearch,
            gives=Page[BatchRow]),
    writing("POST", "/batches/{batch_id}/pause", _WRITE, pause_batch, "Pause a batch", topic="Batches",
            text="What waits of it is held, and what comes later.", gives=PausedBatch),
    writing("POST", "/batches/{batch_id}/resume", _WRITE, resume_batch, "Let a batch go on", topic="Batches",
            gives=ResumedBatch),
    writing("POST", "/batches/{batch_id}/cancel", _WRITE, cancel_batch, "Cancel a batch", topic="Batches",
            text="What waits of it is given up, and what comes later.", gives=CancelledBatch),
)  # fmt: skip
