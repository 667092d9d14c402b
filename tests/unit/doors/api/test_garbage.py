"""S3, S10, S19: every endpoint of every service, called with garbage: it is refused in the service's words.

The endpoints come from `services.SERVICES`; the names of fields are the words in the modules of the handler.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.service import Service
from posthouse.doors.api.services import SERVICES
from unit.doors.api.calling import DOMAIN, Api, Reply, open_api

LONG = "a" * 10_000
TEXTS = [
    "%0D%0AX:1",
    "%00",
    "%E2%80%A8",
    "%ED%A0%80",
    LONG,
    "__proto__",
    "-1",
    "1e400",
    str(2**70),
    "%",
    "..%2F",
]
VALUES: list[Any] = [
    -1,
    2**70,
    1e308,
    True,
    None,
    "",
    "\r\nX: 1",
    "\u2028",
    LONG,
    "__proto__",
    "1e400",
    str(2**70),
]
VALUES += [[], [None], [2**70], {}, {"__proto__": 1}, [[[[{}]]]], [{"email": 2**70}], {"a": {"b": [2**70]}}]
BODIES = [b"", b"[]", b"null", b"{", b"\xff", b"0", b'"a"', b"1e400", b'{"a":1e400}', b"[" * 5000, b"[{}]"]
BODIES += [b"[[[" * 20 + b"1" + b"]]]" * 20, b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', str(2**70).encode()]
WORD = re.compile(r'"([A-Za-z][A-Za-z0-9_:-]{1,30})"')
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
WAITING = ("/events/stream", "/inbox/wait")  # for something that happens
ASKING_DNS = ("/verify", "/check", "/validate")


def _endpoints(service: Service) -> list[Endpoint]:
    """What removes the domain comes last: handlers are not reached without it. What several paths lead to is
    called by one of them."""
    found = [each for each in service.endpoints.all if not each.path.endswith((*WAITING, *ASKING_DNS))]
    by_handler = {(each.method, each.handler): each for each in found}
    return sorted(
        by_handler.values(),
        key=lambda each: each.method == "DELETE" and each.path.endswith("/domains/{domain}"),
    )


def _credentials(service: Service, api: Api) -> dict[str, Any]:
    if service.name == "mailpace":
        return {"token": api.token}
    return {"basic" if service.name == "mailgun" else "key": api.full}


def _path(endpoint: Endpoint, value: str) -> str:
    """With a domain that is there, so that the handler is reached."""
    return re.sub(r"\{(\w+)\}", lambda found: DOMAIN if found[1] == "domain" else value, endpoint.path)


def _words(endpoint: Endpoint) -> list[str]:
    """What the handler, or what it wraps, may call a field."""
    cells = getattr(endpoint.handler, "__closure__", None) or ()
    inner = [cell.cell_contents for cell in cells if callable(cell.cell_contents)]
    modules = {getattr(each, "__module__", "") for each in (endpoint.handler, *inner)}
    files = [sys.modules[name].__file__ for name in modules if name.startswith("posthouse.doors.api.")]
    return sorted({word for file in files for word in WORD.findall(Path(str(file)).read_text())})


def _calls(service: Service, endpoint: Endpoint) -> Iterator[tuple[str, bytes, str]]:
    """Path and query, body, and the body's type."""
    words = _words(endpoint)
    yield from dict.fromkeys(_without_body(endpoint, words))
    if endpoint.method == "GET":
        return
    path = _path(endpoint, "1")
    usual = FORM if service.name == "mailgun" else JSON
    for number, body in enumerate(BODIES):
        yield path, body, (usual, JSON, "multipart/form-data; boundary=x")[number % 3]
    for value in VALUES:
        yield path, json.dumps(dict.fromkeys(words, value)).encode(), JSON
    for text in TEXTS:
        yield path, "&".join(f"{word}={text}" for word in words).encode(), FORM
    for number, word in enumerate(words):
        value = VALUES[number % len(VALUES)]
        in_json, in_form = json.dumps({word: value}).encode(), urlencode({word: value}).encode()
        yield path, in_form if usual == FORM else in_json, usual


def _without_body(endpoint: Endpoint, words: Sequence[str]) -> Iterator[tuple[str, bytes, str]]:
    for text in TEXTS:
        yield re.sub(r"\{\w+\}", text, endpoint.path), b"", ""
        yield _path(endpoint, text), b"", ""
        yield f"{_path(endpoint, 'x')}?" + "&".join(f"{word}={text}" for word in words), b"", ""
    for number, word in enumerate(words):
        yield f"{_path(endpoint, '1')}?{word}={(2**70, '1e400', '-1')[number % 3]}", b"", ""


def _is_of_the_shape(service: Service, reply: Reply) -> bool:
    if reply.status < 400:
        return True
    if not reply.body:
        return False
    if "json" not in reply.headers.get("content-type", ""):
        return service.name == "mailgun"  # some of its refusals are plain words
    said = json.loads(reply.body)
    wanted = {
        "mailgun": ("message", "Error", "error"),
        "sendgrid": ("errors", "error"),
        "mailpace": ("error", "errors"),
        "native": ("title", "detail"),
    }
    return isinstance(said, dict) and any(name in said for name in wanted[service.name])


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_S3_S10_S19_no_garbage_in_any_call_is_a_bug(
    service: Service, tmp_path: Path, in_haste: None
) -> None:
    async with open_api(tmp_path, settings={"http": {"calls_per_minute": 0}}) as api:
        assert await _failed(service, api) == []


async def _failed(service: Service, api: Api) -> list[tuple[Any, ...]]:
    shown = _credentials(service, api)
    failed: list[tuple[Any, ...]] = []
    for endpoint in _endpoints(service):
        for path, body, kind in _calls(service, endpoint):
            headers = {"Content-Type": kind} if kind else {}
            reply = await api.call(endpoint.method, path, body=body, headers=headers, **shown)
            is_fine = reply.status < 500 or reply.status == 503
            if not (is_fine and _is_of_the_shape(service, reply) and b"Traceback" not in reply.body):
                failed.append((endpoint.method, path[:200], body[:200], reply.status, reply.body[:100]))
    return failed
