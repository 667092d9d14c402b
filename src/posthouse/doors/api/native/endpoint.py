"""An endpoint of our own API: what it asks, gives and needs is told in one place, and everything that
describes the API (OpenAPI, the page for people) is made of it.

A handler gets the call and what was asked, as a value of the type `asks`, judged already. What it gives back
is made into the type `gives`, so that no answer can differ from what is described.

Public: NativeEndpoint, Work, Nothing, reading, writing, one, many, shown, PREFIX.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from starlette.responses import Response

from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.native.asking import judge_key, read_body, read_query

PREFIX = "/posthouse/v1"
Work = Callable[[Call, Any], Awaitable[Answer | Response]]
Item = TypeVar("Item")

_OF_READING = (400, 401, 403, 404, 422, 429, 503)
_OF_WRITING = (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


class Page(Struct, Generic[Item], frozen=True):
    """`next`: the cursor of the next page, null behind the last one."""

    items: list[Item]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeEndpoint(Endpoint):
    """`topic`: under which it is told; `name`: its operationId. `asks`: the type of the query (GET, DELETE)
    or of the JSON body; `gives`: of the answer, None for one without a body or of the media type `media`.
    `takes`: media type of a body that is no JSON, "" for JSON; `statuses`: of problems."""

    topic: str = ""
    name: str = ""
    summary: str = ""
    text: str = ""
    asks: type[Struct] = Nothing
    gives: Any = None
    status: int = 200
    media: str = ""
    takes: str = ""
    statuses: tuple[int, ...] = ()

    @property
    def has_body(self) -> bool:
        """Does what is asked stand in a JSON body?"""
        return self.method in ("POST", "PUT", "PATCH") and not self.takes


def reading(path: str, action: str, work: Work, summary: str, **more: Any) -> NativeEndpoint:
    """A GET. `more`: fields of `NativeEndpoint`."""
    return _made("GET", path, action, work, summary, _OF_READING, more)


def writing(method: str, path: str, action: str, work: Work, summary: str, **more: Any) -> NativeEndpoint:
    """A call that changes something; with an Idempotency-Key it does so once."""
    return _made(method, path, action, work, summary, _OF_WRITING, more)


def _made(
    method: str,
    path: str,
    action: str,
    work: Work,
    summary: str,
    statuses: tuple[int, ...],
    more: dict[str, Any],
) -> NativeEndpoint:
    asks: type[Struct] = more.get("asks", Nothing)
    in_body = method in ("POST", "PUT", "PATCH") and not more.get("takes")

    async def handler(call: Call) -> Answer | Response:
        if method != "GET":
            judge_key(call)
        asked = await read_body(call, asks) if in_body else read_query(call, asks)
        return await work(call, asked)

    return NativeEndpoint(
        method=method,
        path=f"{PREFIX}{path}",
        action=action,
        handler=handler,
        summary=summary,
        **{"statuses": statuses, "name": work.__name__.strip("_")} | more,
    )


# Answers


def shown(value: Any, kind: Any) -> Any:
    """A row as a value of the type: instants become RFC 3339, what the type does not know stays out."""
    return msgspec.convert(value, kind, strict=False, from_attributes=True)


def one(kind: Any, status: int = 200) -> Callable[[Any], Answer]:
    """A row -> the answer that shows it."""
    return lambda row: json_answer(shown(row, kind), status)


def many(kind: Any, rows: Iterable[Any], next: str = "", status: int = 200) -> Answer:
    """A page of rows."""
    return json_answer(Page(items=[shown(row, kind) for row in rows], next=next or None), status)
