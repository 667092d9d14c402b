"""What became of each recipient: `/v3/messages`, and `/v3/logs` with its newer words (sendgrid.md 3.13).

Answers begin with the newest letter. Where there is more, a `Link` header says where to go on.

Public: ENDPOINTS, query_of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from posthouse.dialects.event_values import encoded, instant
from posthouse.dialects.sendgrid.activity import Activity, log_events, record_of, shown_events
from posthouse.dialects.sendgrid.activity_query import LOGS, MESSAGES, BadQuery, Query, read_query
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.activity_search import Found, Search, find_one, find_some
from posthouse.doors.api.sendgrid.asked import number_of, object_of
from posthouse.doors.api.sendgrid.paging import page_address
from posthouse.doors.api.sendgrid.phrases import not_found, said

_USUAL, _MOST = 10, 1_000
_PLACE = re.compile(r"[0-9A-Z]{10,26}\Z")


# /v3/messages


async def _messages(call: Call) -> Answer:
    query = query_of(call.query.get("query", ""), MESSAGES)
    limit = _limit(number_of(call, "limit", _USUAL))
    found = await find_some(call, Search(query, False, limit, _after(call)))
    rows = [_message(record) for _, record in found.rows]
    return json_answer({"messages": rows}, headers=_link(call, found))


def _message(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "from_email": record["from_email"],
        "msg_id": record["msg_id"],
        "subject": record["subject"],
        "to_email": record["to_email"],
        "status": record["status"],
        "opens_count": record["opens"],
        "clicks_count": record["clicks"],
        "last_event_time": instant(record["last_event_time"]),
    }


async def _one_message(call: Call) -> Answer:
    activity = await _found(call)
    record = record_of(activity, is_log=False)
    shown = {
        "from_email": record["from_email"],
        "msg_id": record["msg_id"],
        "subject": record["subject"],
        "to_email": record["to_email"],
        "status": record["status"],
        "template_id": record["template_id"] or "",
        "asm_group_id": record["asm_group_id"] or 0,
        "teammate": "",
        "api_key_id": record["api_key_id"] or "",
        "events": shown_events(activity),
        "originating_ip": activity.first.text("client_ip"),
        "categories": record["categories"],
        "unique_args": encoded(record["unique_args"]).decode(),
        "outbound_ip": record["outbound_ip"] or "",
        "outbound_ip_type": "dedicated" if record["outbound_ip"] else "",
    }
    return json_answer(shown)


# /v3/logs


async def _logs(call: Call) -> Answer:
    body = await object_of(call)
    text, limit = body.get("query", ""), body.get("limit", _USUAL)
    if not isinstance(text, str | None):
        raise said("query must be a string", field="query")
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise said("limit must be a positive integer", field="limit")
    found = await find_some(call, Search(query_of(text or "", LOGS), True, _limit(limit), _after(call)))
    return json_answer({"messages": [_log(record) for _, record in found.rows]}, headers=_link(call, found))


def _log(record: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        "sg_message_id": record["sg_message_id"],
        "sg_message_id_created_at": instant(record["sg_message_id_created_at"]),
        "from_email": record["from_email"],
        "to_email": record["to_email"],
        "subject": record["subject"],
        "status": record["status"],
    }
    return shown | ({"reason": record["reason"]} if record["reason"] else {})


async def _one_log(call: Call) -> Answer:
    activity = await _found(call)
    record = record_of(activity, is_log=True)
    shown = {
        **_log(record),
        "template_id": "",
        "asm_group_id": record["asm_group_id"] or 0,
        "teammate": "",
        "api_key_id": record["api_key_id"] or "",
        "client_ip": record["originating_ip"] or "",
        "category": record["categories"],
        "custom_args": record["unique_args"],
        "outbound_ip": record["outbound_ip"] or "",
        "outbound_ip_type": "dedicated" if record["outbound_ip"] else "",
        "events": log_events(activity),
    }
    return json_answer(shown)


# What is asked for


def query_of(text: str, fields: Mapping[str, str]) -> Query:
    """Raises Said."""
    try:
        return read_query(text, fields)
    except BadQuery as error:
        raise said(str(error), field="query") from error


def _limit(number: int) -> int:
    if not 1 <= number <= _MOST:
        raise said(f"limit must be between 1 and {_MOST}", field="limit")
    return number


def _after(call: Call) -> str:
    place: str = call.query.get("after", "")
    if place and not _PLACE.match(place):
        raise said("after must be as a Link header gave it", field="after")
    return place


def _link(call: Call, found: Found) -> dict[str, str]:
    if not found.place:
        return {}
    return {"Link": f'<{page_address(call, after=found.place)}>; rel="next"'}


async def _found(call: Call) -> Activity:
    """Raises Said: another account's is answered as one that is not there."""
    activity = await call.read(find_one, call.account_id, call.params["id"])
    if activity is None:
        raise not_found()
    return activity


_READ = "events.read"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/messages", _READ, _messages),
    Endpoint("GET", "/v3/messages/{id}", _READ, _one_message),
    Endpoint("POST", "/v3/logs", _READ, _logs),
    Endpoint("GET", "/v3/logs/{id}", _READ, _one_log),
)
