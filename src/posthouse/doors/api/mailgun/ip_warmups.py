"""Mailgun's calls about addresses that warm up (`/v3/ip_warmups`, documented by examples alone).

A stage there is a day of our plan here, and a limit is for each receiving site: what is over it leaves from
other addresses, as there. As there, only an account's own addresses are seen and changed by its keys.

Public: ENDPOINTS.
"""

from __future__ import annotations

from typing import Any

from posthouse.desk import warmup
from posthouse.desk.warmup import Progress
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.asked import fields_of, instant_text, most_of
from posthouse.doors.api.mailgun.ips import done
from posthouse.doors.api.mailgun.paging import numbered, skip_of
from posthouse.doors.api.mailgun.phrases import said
from posthouse.rules.warmup import allowance, day_of, starts_of
from posthouse.store.connection import Connection

_READ, _WRITE = "ips.read", "ips.write"
_LIST = "/v3/ip_warmups"
_ONE = f"{_LIST}/{{ip}}"
_MOST = 100


async def _list(call: Call) -> Answer:
    form = await fields_of(call)
    found = await call.read(warmup.all_progress, call.now, call.account_id)
    most, skip = most_of(form, 10, _MOST), skip_of(form)
    items = [_shown(call, each) for each in found[skip : skip + most]]
    return json_answer({"items": items, "paging": numbered(call, {}, skip, most, len(found))})


def _shown(call: Call, found: Progress) -> dict[str, Any]:
    return {
        "ip": found.address,
        "sent_within_stage": _percent(found.share),
        "throttle": _throttle(call, found),
        "stage_number": found.day,
        "stage_start_volume": found.sent_before,
        "stage_start_time": _time(starts_of(day_of(call.now))),
        "stage_volume_limit": found.limit,
    }


def _percent(share: float) -> str:
    return f"{round(100 * share)}%"


def _throttle(call: Call, found: Progress) -> int:
    """What percentage of the stage's limit may not leave yet, because a day's messages are spread over the
    day. The service does not say what its own number means."""
    free = allowance(found.limit, found.plan.burst, call.now)
    return round(100 * (1 - free / found.limit))


def _time(at: float) -> str:
    return f"{instant_text(at)}Z"


async def _get(call: Call) -> Answer:
    return json_answer({"details": _details(call, await call.read(_load, call))})


def _details(call: Call, found: Progress) -> dict[str, Any]:
    stage_at = _time(starts_of(day_of(call.now)))
    return {
        "sent_within_stage": _percent(found.share),
        "throttle": _throttle(call, found),
        "start_volume": found.sent_before,
        "stage": found.day,
        "stage_limit": found.limit,
        "hourly_limit": -(-found.limit // 24),
        "stage_started_at": stage_at,
        "hour_started_at": _time(call.now // 3600 * 3600),
        "plan_started_at": _time(starts_of(found.started)),
        "plan_last_updated_at": stage_at,
        "total_stages": len(found.plan.days),
        "stage_history": [
            {
                "first_updated_at": _time(starts_of(found.started + past)),
                "completed_at": _time(starts_of(found.started + past + 1)),
                "limit": limit,
            }
            for past, limit in enumerate(found.plan.days[: found.day - 1])
        ],
    }


def _load(conn: Connection, call: Call) -> Progress:
    """Raises Refused, Said."""
    own = warmup.own_address(conn, call.account_id, call.params["ip"])
    found = warmup.progress(conn, call.now, own)
    if found is None:
        raise said(f"{own.address} is not warming up", 404)
    return found


async def _begin(call: Call) -> Answer:
    return await call.write_once(done, _start, call)


def _start(conn: Connection, call: Call) -> None:
    """With the usual plan. One that runs goes on: whoever asks twice must not send it back to its first
    day."""
    own = warmup.own_address(conn, call.account_id, call.params["ip"])
    if own.warmup:
        raise said(f"{own.address} is warming up already: cancel its plan before you begin anew")
    warmup.begin(conn, call.now, call.account_id, own.address, warmup.find_plan())


async def _cancel(call: Call) -> Answer:
    return await call.write_once(done, _end, call)


def _end(conn: Connection, call: Call) -> None:
    warmup.end(conn, call.account_id, _load(conn, call).address)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _LIST, _READ, _list),
    Endpoint("GET", _ONE, _READ, _get),
    Endpoint("POST", _ONE, _WRITE, _begin),
    Endpoint("DELETE", _ONE, _WRITE, _cancel),
)
