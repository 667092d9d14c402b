"""`GET /v3/{domain}/events`: the log, page by page (mailgun.md 5.7).

A page's token holds all that was asked for and a place in the log; it is the last segment of the path,
without a slash or a query, because the official programs cut it off there. Pages from the oldest on end where
nothing can be written before them any more, so the same address yields what happens later, each event once.

Public: ENDPOINTS, Page, read_page, FORWARD, BACK, FROM_END.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from posthouse.dialects.mailgun.events import event_json
from posthouse.dialects.mailgun.parameters import plain_name
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.event_query import Asked, read_asked
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.hook import Told
from posthouse.store import events, messages
from posthouse.store.connection import Connection
from posthouse.store.events import EventQuery

_MOST_LOOKS = 20  # through the log for one page, 10,000 entries each at most
_MOST_TOKEN = 8_000
_PLACE = re.compile(r"[0-9A-Z]{0,26}\Z")
FORWARD, BACK, FROM_END = "f", "b", "e"


class _Token(msgspec.Struct, frozen=True, array_like=True):
    """`way`: on from `place`, back from it, or back from the end."""

    way: str
    place: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """`items`: events as the service writes them, in the order that was asked for; `first` and `last`: places
    in the log before and behind them, as far as it was looked at."""

    items: list[dict[str, Any]]
    first: str
    last: str


async def _list(call: Call) -> Answer:
    asked = read_asked([(plain_name(name), value) for name, value in call.query.multi_items()])
    return await _answer(call, asked, _Token(FORWARD, "", asked.parameters))


async def _page(call: Call) -> Answer:
    token = _read_token(call.params["page"])
    return await _answer(call, read_asked(list(token.parameters.items())), token)


async def _answer(call: Call, asked: Asked, token: _Token) -> Answer:
    page = await read_page(call, asked, call.domain.name, token.way, token.place)
    base = f"{call.base_url}/v3/{call.domain.name}/events"
    return json_answer({"items": page.items, "paging": _page_urls(base, page, asked.parameters)})


def _page_urls(base: str, page: Page, parameters: dict[str, str]) -> dict[str, str]:
    """Absolute addresses."""
    tokens = {
        "next": _Token(FORWARD, page.last, parameters),
        "previous": _Token(BACK, page.first, parameters),
        "first": _Token(FORWARD, "", parameters),
        "last": _Token(FROM_END, "", parameters),
    }
    return {name: f"{base}/{_written(token)}" for name, token in tokens.items()}


async def read_page(call: Call, asked: Asked, domain: str, way: str, place: str) -> Page:
    """A page of events of a domain ("" for all of the account) behind `place`, or before it."""
    if not asked.kinds:
        return Page([], place, place)
    query = asked.query(call.account_id, domain)
    if not query.newest_first:
        settled = await call.read(events.settled_before, call.now)
        query = replace(query, until=settled if query.until is None else min(query.until, settled))
    is_back = way in (BACK, FROM_END)
    if is_back:
        query = replace(query, newest_first=not query.newest_first)
    found, end = await _collected(call, asked, replace(query, after_id=place))
    items = [written for _, written in found]
    ids = [id for id, _ in found]
    if not is_back:
        return Page(items, ids[0] if ids else place, end or place)
    return Page(items[::-1], ids[-1] if ids else place, ids[0] if ids else place)


async def _collected(
    call: Call, asked: Asked, query: EventQuery
) -> tuple[list[tuple[str, dict[str, Any]]], str]:
    """Events that are wanted, with their ids, and how far the log was looked at."""
    found: list[tuple[str, dict[str, Any]]] = []
    api_url = call.parts.settings.http.url or call.base_url
    for _ in range(_MOST_LOOKS):
        page, told = await call.read(_told, query, api_url, call.parts.settings.region)
        for one in told:
            written = event_json(one)
            if written is not None and asked.wants(written):
                found.append((one.event.id, written))
                if len(found) == asked.limit:
                    return found, one.event.id
        if page.place:
            query = replace(query, after_id=page.place)
        if page.is_complete:
            break
    return found, query.after_id


def _told(
    conn: Connection, query: EventQuery, api_url: str, region: str
) -> tuple[events.EventPage, list[Told]]:
    page = events.find_page(conn, query)
    letters = messages.load_heads(conn, [event.message_id for event in page.events])
    return page, [
        Told(event, letters.get(event.message_id), api_url=api_url, region=region) for event in page.events
    ]


def _written(token: _Token) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")


def _read_token(text: str) -> _Token:
    """Raises Said (400)."""
    try:
        if len(text) > _MOST_TOKEN:
            raise ValueError("too long")
        octets = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        token = msgspec.json.decode(octets, type=_Token)
        if token.way not in (FORWARD, BACK, FROM_END) or not _PLACE.match(token.place):
            raise ValueError("no place")
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError) as error:
        raise said("this page is none: use its address exactly as an answer gave it") from error
    return token


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/{domain}/events", "events.read", _list),
    Endpoint("GET", "/v3/{domain}/events/{page}", "events.read", _page),
)
