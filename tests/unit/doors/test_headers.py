"""The headers that keep others out: at every answer, whoever makes it (S13, S17)."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from posthouse.doors.headers import ALWAYS
from posthouse.doors.hosts import make_tracking_app
from posthouse.doors.opening import away_app
from unit.doors.web.asgi import ask

OWN = "default-src 'self'"


async def _plain(_: Request) -> Response:
    return PlainTextResponse("a picture")


async def _own(_: Request) -> Response:
    return PlainTextResponse("a page", headers={"content-security-policy": OWN})


ROUTES = [Route("/plain", _plain, methods=["GET"]), Route("/own", _own, methods=["GET"])]
APPS = {"everything": Starlette(routes=ROUTES), "links": make_tracking_app(ROUTES), "away": away_app(str)}


@pytest.mark.parametrize("app", APPS.values(), ids=APPS)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/plain"), ("GET", "/nothing"), ("POST", "/plain"), ("GET", "/plain/")]
)
async def test_S13_every_answer_says_the_same_to_browsers(app: Starlette, method: str, path: str) -> None:
    _, headers, _ = await ask(app, method, path, [], b"")
    for name, value in ALWAYS.items():
        assert [said for key, said in headers if key == name.lower()] == [value], (path, name)


async def test_S13_an_answer_keeps_what_it_says_itself() -> None:
    _, headers, _ = await ask(APPS["everything"], "GET", "/own", [], b"")
    assert [said for key, said in headers if key == "content-security-policy"] == [OWN]
    assert ("x-content-type-options", "nosniff") in headers
