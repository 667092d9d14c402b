"""A service with a few calls of its own, to look at the rim alone.

Public: Echo, serve, PATH.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from posthouse.doors.api.answers import Answer, Problem, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint, Endpoints
from posthouse.doors.api.native.service import NATIVE
from posthouse.doors.api.rates import CallRates, Rate
from posthouse.doors.api.service import ServiceApp
from posthouse.doors.api.split import ApiSplit
from unit.doors.api.calling import Api

PATH = "/posthouse/v1/echo"


async def echo(call: Call) -> Answer:
    """The body as the call's type says, and what the rim found out."""
    kind = call.request.headers.get("content-type", "")
    said: Any
    if kind == "application/json":
        said = await call.json()
    elif kind.startswith(("multipart/", "application/x-www")):
        form = await call.form()
        said = [
            form.fields,
            [[each.name, each.filename, each.type, len(each.content)] for each in form.files],
        ]
    else:
        said = len(await call.body())
    found = {
        "said": said,
        "who": call.account_id,
        "params": call.params,
        "held": call.parts.budget.held_bytes,
    }
    return json_answer({**found, "base": call.base_url, "query": dict(call.query), "client": call.client})


async def breaks(call: Call) -> Answer:
    raise RuntimeError("a secret of the house")


async def refuses(call: Call) -> Answer:
    raise Problem(429, "busy", "Not now", retry_s=12.4)


ENDPOINTS = (
    Endpoint("POST", PATH, "mail.send", echo, is_for_domains=True, is_sending=True),
    Endpoint("GET", PATH, "", echo, is_for_domains=True),
    Endpoint("PUT", "/posthouse/v1/echo/{domain}/{word}", "domains.write", echo),
    Endpoint("GET", "/posthouse/v1/whole", "stats.read", echo),
    Endpoint("GET", "/posthouse/v1/breaks", "", breaks, is_for_domains=True),
    Endpoint("GET", "/posthouse/v1/refuses", "", refuses, is_for_domains=True),
)


class Echo:
    """Our own API's words around other calls."""

    name = "native"

    def __init__(self, more: Sequence[Endpoint] = ()) -> None:
        self.endpoints = Endpoints((*ENDPOINTS, *more))

    def secret(self, request: Request) -> str | None:
        return NATIVE.secret(request)

    def rate_headers(self, rate: Rate) -> dict[str, str]:
        return NATIVE.rate_headers(rate)

    def phrase(self, problem: Problem, request: Request) -> Answer:
        return NATIVE.phrase(problem, request)


def serve(api: Api, *more: Endpoint, calls_per_minute: int = 0) -> Api:
    """From now on our own API is this service."""
    rates = CallRates(api.clock, calls_per_minute)
    app = ServiceApp(Echo(more), api.parts, rates)
    api.door = ApiSplit({**api.door.services, "native": app}, api.door.rest)
    return api
