"""Batches of mail, made and looked up at `/v3/mail/batch`, paused and cancelled at
`/v3/user/scheduled_sends` (sendgrid.md 3.10).

Public: ENDPOINTS.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from posthouse.desk import batches
from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.batch_changes import change_batch
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import object_of, text_of
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.model.errors import Refused
from posthouse.model.short_id import short_id
from posthouse.store import batches as stored
from posthouse.store.batches import CANCELLED, GOING, PAUSED, Batch

STOPS = (PAUSED, CANCELLED)
"""Our words are the service's."""
KEEP_S = 72 * 3600.0
"""How long after its time a paused batch keeps mail (decision 061)."""
MOST_LISTED = 1_000
_is_id = re.compile(r"[A-Za-z0-9_.-]{1,200}\Z").match
_INVALID, _ABSENT = "invalid batch id", "batch id not found"


# Ids


async def make_batch(call: Call) -> Answer:
    batch_id = short_id(call.parts.ids.new())
    return await call.write_once(
        lambda _: json_answer({"batch_id": batch_id}, 201),
        batches.register,
        (call.account_id, batch_id),
        call.now,
    )


async def show_batch(call: Call) -> Answer:
    return json_answer({"batch_id": (await _found(call)).id})


# Statuses


async def stop_batch(call: Call) -> Answer:
    given = await object_of(call)
    batch_id = _judged(text_of(given, "batch_id", batches.MAX_ID))
    status = _status(text_of(given, "status", 20))
    await _change(call, partial(batches.stop, keep_s=KEEP_S), batch_id, status)
    return json_answer({"batch_id": batch_id, "status": status}, 201)


async def list_stopped(call: Call) -> Answer:
    found = await call.read(stored.list_stopped, call.account_id, MOST_LISTED)
    return json_answer([_row(each) for each in found])


async def show_stopped(call: Call) -> Answer:
    """A list, as the service gives it; empty for a batch that was not stopped."""
    found = await _found(call)
    return json_answer([] if found.status == GOING else [_row(found)])


async def restate_batch(call: Call) -> Answer:
    status = _status(text_of(await object_of(call), "status", 20))
    restate = partial(batches.restate, keep_s=KEEP_S)
    await _change(call, restate, _judged(call.params["batch_id"]), status)
    return NOTHING


async def resume_batch(call: Call) -> Answer:
    await _change(call, batches.restate, _judged(call.params["batch_id"]), GOING)
    return NOTHING


async def _change(call: Call, mark: Callable[..., None], batch_id: str, status: str) -> None:
    """Raises Said."""
    try:
        await change_batch(call, mark, batch_id, status)
    except Refused as refused:
        if refused.reason == "no-batch":
            raise said(_ABSENT, 404, "batch_id") from refused
        raise said(refused.text, field="batch_id") from refused


async def _found(call: Call) -> Batch:
    """S20: another account's is not there. Raises Said."""
    found = await call.read(stored.find, call.account_id, _judged(call.params["batch_id"]))
    if found is None:
        raise said(_ABSENT, 404, "batch_id")
    return found


def _judged(batch_id: str) -> str:
    """Raises Said."""
    if not _is_id(batch_id):
        raise said(_INVALID, field="batch_id")
    return batch_id


def _status(given: str) -> str:
    """Raises Said."""
    if given not in STOPS:
        raise said("status must be pause or cancel", field="status")
    return given


def _row(item: Batch) -> dict[str, str]:
    return {"batch_id": item.id, "status": item.status}


_SENDS, _SEND = "/v3/user/scheduled_sends", "/v3/user/scheduled_sends/{batch_id}"
ENDPOINTS = (
    Endpoint("POST", "/v3/mail/batch", "queue.write", make_batch),
    Endpoint("GET", "/v3/mail/batch/{batch_id}", "queue.read", show_batch),
    Endpoint("POST", _SENDS, "queue.write", stop_batch),
    Endpoint("GET", _SENDS, "queue.read", list_stopped),
    Endpoint("GET", _SEND, "queue.read", show_stopped),
    Endpoint("PATCH", _SEND, "queue.write", restate_batch),
    Endpoint("DELETE", _SEND, "queue.write", resume_batch),
)
