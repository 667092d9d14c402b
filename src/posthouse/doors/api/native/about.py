"""What the API says of itself, to anybody: its description, the page for people, kinds of problems, versions.

Public: ENDPOINTS.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import msgspec
from msgspec import Struct

from posthouse import __version__
from posthouse.doors.api.answers import Answer, Problem, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, reading
from posthouse.doors.api.native.openapi import description
from posthouse.doors.api.native.page import POLICY, docs_page, problem_page
from posthouse.doors.api.native.table import ENDPOINTS as DESCRIBED

HTML = "text/html; charset=utf-8"
_PAGE_HEADERS = {"Content-Type": HTML, "Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}


class Version(Struct, frozen=True, kw_only=True):
    """Which Posthouse this is. `api`: the version of this API, which stands in its paths."""

    version: str
    api: str


class Health(Struct, frozen=True, kw_only=True):
    """This worker can accept mail."""

    status: Literal["ok"]


@cache
def document() -> bytes:
    """The OpenAPI description as it is served."""
    return msgspec.json.format(msgspec.json.encode(description((*DESCRIBED, *_TOLD), __version__)), indent=2)


async def show_openapi(call: Call, asked: Nothing) -> Answer:
    return Answer(200, document(), {"Content-Type": "application/json; charset=utf-8"})


@cache
def _page() -> bytes:
    return docs_page((*DESCRIBED, *_TOLD), msgspec.json.decode(document())).encode()


async def show_docs(call: Call, asked: Nothing) -> Answer:
    return Answer(200, _page(), dict(_PAGE_HEADERS))


async def show_problem(call: Call, asked: Nothing) -> Answer:
    return Answer(200, problem_page(call.params["reason"]).encode(), dict(_PAGE_HEADERS))


async def show_version(call: Call, asked: Nothing) -> Answer:
    return json_answer(Version(version=__version__, api="v1"))


async def show_health(call: Call, asked: Nothing) -> Answer:
    if (trouble := call.parts.store.refusal) is not None:
        raise Problem(503, trouble.reason, trouble.text, retry_s=10.0)
    return json_answer(Health(status="ok"))


_OPEN = {"topic": "About", "is_open": True}
_TOLD: tuple[NativeEndpoint, ...] = (
    reading("/version", "", show_version, "Tell the version", gives=Version, **_OPEN, statuses=(400,)),
    reading(
        "/health", "", show_health, "Tell whether mail can be accepted", gives=Health, **_OPEN,
        statuses=(400, 503),
    ),
)  # fmt: skip
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    *_TOLD,
    reading("/openapi.json", "", show_openapi, "This description", **_OPEN),
    reading("/docs", "", show_docs, "The page for people", **_OPEN),
    reading("/problems/{reason}", "", show_problem, "A kind of problem", **_OPEN),
)
