"""Tags of a domain: list, read, describe, delete (`/v3/{domain}/tags`, the older and the newer `…/tag?tag=`).

Public: ENDPOINTS.
"""

from __future__ import annotations

from typing import Any

from posthouse.desk import tags
from posthouse.desk.tags import MOST_TAGS, Tag
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.asked import fields_of, instant_text, page_url, whole
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.errors import Refused

_USUAL, _MOST = 100, 1_000
_WAYS = {"first", "last", "next", "prev", "previous"}


def tag_json(tag: Tag) -> dict[str, Any]:
    """mailgun-go and mailgun-java read both times as RFC 3339 only."""
    return {
        "tag": tag.name,
        "description": tag.description,
        "first-seen": f"{instant_text(tag.first_at)}Z",
        "last-seen": f"{instant_text(tag.last_at)}Z",
    }


async def _list(call: Call) -> Answer:
    limit = min(whole(call.query.get("limit", ""), "limit", _USUAL) or _USUAL, _MOST)
    way, pivot = call.query.get("page", "first") or "first", call.query.get("tag", "")
    prefix = call.query.get("prefix", "")
    if way not in _WAYS:
        raise said("'page' parameter is not valid: use first, last, next or prev")
    is_back = way in ("prev", "previous")
    found = await call.read(
        tags.list_tags,
        account_id=call.account_id,
        domain=call.domain.name,
        prefix=prefix,
        after=pivot if way == "next" else "",
        before=pivot if is_back else "",
        from_end=way == "last",
        limit=limit,
    )
    first, last = (found[0].name, found[-1].name) if found else (pivot, pivot)
    asked = {"limit": str(limit)} | ({"prefix": prefix} if prefix else {})
    paging = {
        "first": page_url(call, {"page": "first", **asked}),
        "last": page_url(call, {"page": "last", **asked}),
        "next": page_url(call, {"page": "next", "tag": last, **asked}),
        "previous": page_url(call, {"page": "prev", "tag": first, **asked}),
    }
    return json_answer({"items": [tag_json(each) for each in found], "paging": paging})


async def _name(call: Call) -> str:
    name = call.params.get("tag") or (await fields_of(call)).get("tag")
    if not name:
        raise said("Missing mandatory parameter: tag")
    if "+" in name and await _find(call, name) is None:
        return name.replace("+", " ")  # mailgun-go writes spaces in a path as forms have them
    return name


async def _find(call: Call, name: str) -> Tag | None:
    try:
        return await call.read(tags.load_tag, name, account_id=call.account_id, domain=call.domain.name)
    except Refused:
        return None


async def _show(call: Call) -> Answer:
    found = await _find(call, await _name(call))
    if found is None:
        raise said("tag not found", 404)
    return json_answer(tag_json(found))


async def _describe(call: Call) -> Answer:
    name, description = await _name(call), (await fields_of(call)).get("description")
    try:
        return await call.write_once(
            lambda _: json_answer({"message": "Tag updated"}),
            tags.describe,
            name,
            description,
            account_id=call.account_id,
            domain=call.domain.name,
        )
    except Refused as refused:
        raise _said(refused) from refused


async def _delete(call: Call) -> Answer:
    name = await _name(call)
    try:
        return await call.write_once(
            lambda _: json_answer({"message": "Tag deleted"}),
            tags.delete_tag,
            name,
            call.now,
            account_id=call.account_id,
            domain=call.domain.name,
        )
    except Refused as refused:
        raise _said(refused) from refused


def _said(refused: Refused) -> Exception:
    return said("tag not found", 404) if refused.reason == "no-tag" else refused


async def _limits(call: Call) -> Answer:
    count = await call.read(tags.count_tags, account_id=call.account_id, domain=call.domain.name)
    return json_answer({"id": call.domain.id, "limit": MOST_TAGS, "count": count})


_READ, _WRITE = "stats.read", "domains.write"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/{domain}/tags", _READ, _list),
    *(
        each
        for path in ("/v3/{domain}/tag", "/v3/{domain}/tags/{tag}")
        for each in (
            Endpoint("GET", path, _READ, _show),
            Endpoint("PUT", path, _WRITE, _describe),
            Endpoint("DELETE", path, _WRITE, _delete),
        )
    ),
    Endpoint("GET", "/v3/domains/{domain}/limits/tag", _READ, _limits),
)
