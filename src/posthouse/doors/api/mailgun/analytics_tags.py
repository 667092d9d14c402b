"""Tags of the whole account (`/v1/analytics/tags`): list, describe, delete, how many there may be.

Public: ENDPOINTS.
"""

from __future__ import annotations

from typing import Any

from posthouse.desk import tags
from posthouse.desk.tags import MOST_TAGS, Tag
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.analytics_filter import object_at, read_body, text_at
from posthouse.doors.api.mailgun.asked import ZERO, date_text, whole
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.errors import Refused
from posthouse.store.connection import Connection

_USUAL, _MOST = 10, 1_000
_MOST_SORTED = 20_000


async def _list(call: Call) -> Answer:
    body = await read_body(call)
    page = object_at(body, "pagination")
    limit = min(whole(text_at(page, "limit"), "limit", _USUAL) or _USUAL, _MOST)
    skip = whole(text_at(page, "skip"), "skip", 0)
    sort, prefix = text_at(page, "sort"), text_at(body, "tag")
    found = _sorted(await call.read(_all, call.account_id, prefix), sort)
    answer = {
        "items": [_tag_json(call, each) for each in found[skip : skip + limit]],
        "pagination": {"sort": sort, "skip": skip, "limit": limit, "total": len(found)},
    }
    return json_answer(answer)


def _all(conn: Connection, account_id: str, prefix: str) -> list[Tag]:
    """There is a limit to how many there can be."""
    found: list[Tag] = []
    while len(found) < _MOST_SORTED:
        after = found[-1].name if found else ""
        page = tags.list_tags(conn, account_id=account_id, prefix=prefix, after=after, limit=_MOST)
        if not page:
            break
        found += page
    return found


def _sorted(found: list[Tag], by: str) -> list[Tag]:
    name, _, way = by.partition(":")
    orders = {"lastseen": lambda tag: tag.last_at, "firstseen": lambda tag: tag.first_at}
    is_down = way.strip().lower() == "desc"
    key = orders.get(name.replace("_", "").replace("-", "").lower())
    if key is None:
        return found[::-1] if is_down else found
    return sorted(found, key=key, reverse=is_down)


def _tag_json(call: Call, tag: Tag) -> dict[str, Any]:
    return {
        "account_id": call.account_id,
        "parent_account_id": "",
        "tag": tag.name,
        "description": tag.description,
        "first_seen": date_text(tag.first_at, ZERO),
        "last_seen": date_text(tag.last_at, ZERO),
        "metrics": {},
        "account_name": "",
    }


async def _describe(call: Call) -> Answer:
    name, body = await _named(call)
    return await _changed(call, "Tag updated", tags.describe, name, text_at(body, "description"))


async def _delete(call: Call) -> Answer:
    name, _ = await _named(call)
    return await _changed(call, "Tag deleted", tags.delete_tag, name, call.now)


async def _named(call: Call) -> tuple[str, dict[str, Any]]:
    """The tag in the body or, as the official program sends it, in the query."""
    body = await read_body(call)
    name = text_at(body, "tag") or call.query.get("tag", "")
    if not name:
        raise said("Missing mandatory parameter: tag")
    return name, body


async def _changed(call: Call, message: str, verb: Any, *args: Any) -> Answer:
    try:
        return await call.write_once(
            lambda _: json_answer({"message": message}), verb, *args, account_id=call.account_id
        )
    except Refused as refused:
        if refused.reason != "no-tag":
            raise
        raise said("tag not found", 404) from refused


async def _limits(call: Call) -> Answer:
    count = await call.read(tags.count_tags, account_id=call.account_id)
    return json_answer({"limit": MOST_TAGS, "count": count, "limit_reached": count >= MOST_TAGS})


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v1/analytics/tags", "stats.read", _list),
    Endpoint("PUT", "/v1/analytics/tags", "domains.write", _describe),
    Endpoint("DELETE", "/v1/analytics/tags", "domains.write", _delete),
    Endpoint("GET", "/v1/analytics/tags/limits", "stats.read", _limits),
)
