"""`POST /v1/analytics/logs`: the events in their newer form (mailgun.md 5.7).

Public: ENDPOINTS.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from posthouse.dialects.event_values import instant as iso_text
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.analytics_filter import (
    Condition,
    conditions,
    object_at,
    read_body,
    rows_at,
    text_at,
)
from posthouse.doors.api.mailgun.asked import ZERO, date_text, whole
from posthouse.doors.api.mailgun.event_query import KINDS, Asked, Test
from posthouse.doors.api.mailgun.events import BACK, FORWARD, FROM_END, Page, read_page
from posthouse.doors.api.mailgun.periods import read_instant
from posthouse.doors.api.mailgun.phrases import said

_MOST = 100  # documented
_TOKEN = re.compile(rf"([{FORWARD}{BACK}{FROM_END}])([0-9A-Z]{{0,26}})\Z")
_USUAL_S = 86_400.0


async def _logs(call: Call) -> Answer:
    body = await read_body(call)
    if rows_at(body, "metric_events"):
        raise said("'metric_events' is not available: name the events in 'events'")
    page = object_at(body, "pagination")
    limit = min(whole(text_at(page, "limit"), "limit", _MOST) or _MOST, _MOST)
    is_up = text_at(page, "sort").lower().endswith(":asc")
    end = _at(body, "end", call.now)
    start = _at(body, "start", end - _USUAL_S)
    wanted = conditions(body)
    asked = Asked(
        parameters={},
        newest_first=not is_up,
        since=start,
        until=end + 0.001,
        limit=limit,
        kinds=_kinds(rows_at(body, "events")),
        tests=[_test(each) for each in wanted],
    )
    way, place = _place(text_at(page, "token"))
    found = await read_page(call, asked, _domain(wanted), way, place)
    answer = {
        "start": date_text(start, ZERO),
        "end": date_text(end, ZERO),
        "items": [_item(each) for each in found.items],
        "pagination": _tokens(found),
    }
    return json_answer(answer)


def _at(body: Mapping[str, Any], name: str, usual: float) -> float:
    text = text_at(body, name)
    return read_instant(name, text) if text else usual


def _kinds(names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(kind for kind, (name, _) in KINDS.items() if not names or name in names)


def _domain(wanted: Sequence[Condition]) -> str:
    """The only domain that can match: then its index serves."""
    for each in wanted:
        if each.attribute == "domain" and each.comparator == "=" and len(each.values) == 1:
            return each.values[0]
    return ""


def _place(token: str) -> tuple[str, str]:
    if not token:
        return FORWARD, ""
    try:
        match = _TOKEN.match(base64.urlsafe_b64decode(token[:80] + "=" * (-len(token) % 4)).decode("ascii"))
    except ValueError:
        match = None
    if match is None:
        raise said("this token is none: use one exactly as an answer gave it")
    return match[1], match[2]


def _tokens(page: Page) -> dict[str, str]:
    given = {
        "next": f"{FORWARD}{page.last}",
        "previous": f"{BACK}{page.first}",
        "first": FORWARD,
        "last": FROM_END,
    }
    return {
        name: base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for name, text in given.items()
    }


# One event


def _headers(event: Mapping[str, Any], name: str) -> list[str]:
    return [str(event.get("message", {}).get("headers", {}).get(name, ""))]


_TEXTS: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "domain": lambda event: [event["domain"]["name"]],
    "event": lambda event: [event["event"]],
    "severity": lambda event: [str(event.get("severity", ""))],
    "reason": lambda event: [str(event.get("reason", ""))],
    "recipient": lambda event: [str(event.get("recipient", ""))],
    "recipient_domain": lambda event: [str(event.get("recipient-domain", ""))],
    "recipient_provider": lambda event: [str(event.get("recipient-provider", ""))],
    "tag": lambda event: [str(tag) for tag in event["tags"]],
    "from": lambda event: _headers(event, "from"),
    "to": lambda event: _headers(event, "to"),
    "subject": lambda event: _headers(event, "subject"),
    "message_id": lambda event: _headers(event, "message-id"),
    "subaccount": lambda event: [""],
}
_OTHERS = {
    "tags": "tag",
    "message.headers.from": "from",
    "message.headers.to": "to",
    "message-id": "message_id",
}


def _test(wanted: Condition) -> Test:
    name = wanted.attribute.lower().replace("-", "_")
    texts = _TEXTS.get(_OTHERS.get(wanted.attribute.lower(), name))
    if texts is None:
        raise said(f"the attribute {wanted.attribute[:40]!r} cannot be filtered by")
    return lambda event: wanted.holds([text.lower() for text in texts(event)])


def _item(event: Mapping[str, Any]) -> dict[str, Any]:
    """The same event with the keys that this form writes otherwise (observed)."""
    item = {name: value for name, value in event.items() if name != "timestamp"}
    item["@timestamp"] = iso_text(event["timestamp"])
    item["user-variables"] = json.dumps(event["user-variables"])
    storage = event.get("storage")
    if storage and "url" in storage:
        item["storage"] = {**storage, "url": [storage["url"]]}
    return item


ENDPOINTS: tuple[Endpoint, ...] = (Endpoint("POST", "/v1/analytics/logs", "events.read", _logs),)
