"""The HTTP door: the status page, /healthz, /metrics."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import pytest

from posthouse.doors.headers import with_headers
from posthouse.doors.http import Status, make_app
from posthouse.doors.status_page import CONTENT_POLICY, render_page

STATUS = Status(
    version="0.1.0",
    hostname="mail.example.com",
    region="us",
    uptime_s=75,
    store="SQLite",
    trouble="",
    ports=(("SMTP", "0.0.0.0:25"),),
    since_start=(("Accepted", 1234567),),
    queue=(("Waiting", 3),),
)


@dataclass
class View:
    now: Status = STATUS

    async def status(self) -> Status:
        return self.now

    async def trouble(self) -> str:
        return self.now.trouble

    async def metrics(self) -> str:
        return "posthouse_accepted_total 1\n"


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


async def ask(path: str, method: str = "GET", now: Status = STATUS) -> Answer:
    """One request to the ASGI application, without a socket."""
    answer = Answer()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict) -> None:  # type: ignore[type-arg]
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }
    await with_headers(make_app(View(now)))(scope, receive, send)
    return answer


async def test_the_page_shows_the_numbers() -> None:
    answer = await ask("/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == CONTENT_POLICY
    assert answer.headers["cache-control"] == "no-store"
    for part in ("mail.example.com", "1,234,567", "Waiting", "0.0.0.0:25", "1 min 15 s", "Ready for mail"):
        assert part in answer.body.decode()


async def test_health() -> None:
    answer = await ask("/healthz")
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})
    answer = await ask("/healthz", now=replace(STATUS, trouble="the store is away"))
    assert answer.status == 503
    assert json.loads(answer.body) == {"status": "trouble", "trouble": "the store is away"}


async def test_metrics() -> None:
    answer = await ask("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.body == b"posthouse_accepted_total 1\n"


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/x", "GET", 404), ("/", "POST", 405), ("/", "HEAD", 200)]
)
async def test_other_requests(path: str, method: str, status: int) -> None:
    assert (await ask(path, method)).status == status


class Tags(HTMLParser):
    """Collects what a browser would have to fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_self_contained_and_escapes_everything() -> None:
    evil = '<script>alert("x")</script>'
    page = render_page(
        replace(
            STATUS, hostname=evil, store=evil, trouble=evil, notes=(evil,), ports=((evil, evil),), region=evil
        )
    )
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not tags.seen & {"script", "img", "link", "iframe", "form"}
    assert not tags.attributes & {"src", "style", "onclick", "onload"}
    assert re.findall(r"<a [^>]*>", page) == ['<a href="/accounts">'], "the way in, and no other"
    assert "&lt;script&gt;" in page
    assert "width=device-width" in page
    assert "prefers-color-scheme:dark" in page
