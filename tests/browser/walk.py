"""A walk through the dashboard: every page that links lead to, and what each page complained about.

Public: Walker, Seen, pattern_of.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

from playwright.sync_api import Error

AXE = Path(__file__).parents[2] / "var" / "clients" / "node_modules" / "axe-core" / "axe.min.js"
_ID = re.compile(r"/(?:[0-9A-Z]{26}(?:-[0-9A-Z]+)?|\d+|[^/]*[.@,+:][^/]*)(?=/|$)")
_SAME_FEW = 2
_FRAME = "/shown"
_QUIET = (".eml", "/source", "/export", "/raw", "/part", "/download")
_AXE_RUN = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.filter((each) => ["serious", "critical"].includes(each.impact)).map(
    (each) => [each.id, each.help, ...each.nodes.slice(0, 3).map(({html}) => html.slice(0, 99))].join(" | "));
}"""


def pattern_of(url: str) -> str:
    """`/accounts/a/messages/01H…` -> `/accounts/a/messages/*`: pages of one kind."""
    return _ID.sub("/*", urlsplit(url).path)


@dataclass(slots=True)
class Seen:
    """A page that was looked at, or a file (`is_page` False). `weight`: octets of its answers as sent."""

    url: str
    status: int
    troubles: list[str] = field(default_factory=list)
    weight: int = 0
    is_page: bool = True


class Walker:
    """One window. Troubles are console errors, failed scripts, requests to elsewhere, a page wider than its
    window, and what axe-core calls serious."""

    def __init__(self, browser: Any, base: str, *, with_axe: bool = True, **options: Any) -> None:
        self.base = base
        self.window = browser.new_context(base_url=base, accept_downloads=True, **options)
        self.page = self.window.new_page()
        self.troubles: list[str] = []
        self._axe = AXE.read_text() if with_axe else ""
        self.weight = 0
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        self.page.on("requestfinished", self._asked)
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._answered)

    def _said(self, message: Any) -> None:
        if message.type != "error":
            return
        # what a mail tried in its frame and was not let do is told as an error too: the frame does its work
        if _FRAME not in message.text and _FRAME not in message.location["url"]:
            self.troubles.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.base, "data:", "blob:", "about:")):
            self.troubles.append(f"outside: {request.url}")

    def _failed(self, request: Any) -> None:
        """What our policy stopped never left the browser."""
        if "csp" not in (request.failure or "").lower():
            self._asked(request)

    def _answered(self, response: Any) -> None:
        length = response.headers.get("content-length", "0")
        self.weight += int(length) if length.isdecimal() else 0

    def look(self, url: str) -> Seen:
        """Open a page and judge it."""
        self.troubles, self.weight = [], 0
        try:
            answer = self.page.goto(url, wait_until="load")
        except Error as error:
            if "Download is starting" not in error.message:
                raise
            return Seen(url, self.window.request.get(url).status, is_page=False)
        return self.judge(answer.status if answer else 0)

    def judge(self, status: int) -> Seen:
        """Judge the page that is open."""
        page = self.page
        page.wait_for_timeout(50)
        width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if width > 0:
            self.troubles.append(f"wider than its window by {width}")
        if self._axe:
            page.evaluate(self._axe)
            self.troubles += [f"axe: {each}" for each in page.evaluate(_AXE_RUN)]
        return Seen(page.url, status, self.troubles, self.weight)

    def links(self) -> list[str]:
        """Where the links of this page lead, within the dashboard."""
        found = self.page.eval_on_selector_all("a[href]", "all => all.map((each) => each.href)")
        return [urldefrag(url).url for url in found if url.startswith(f"{self.base}/account")]

    def walk(self, start: str) -> Iterator[Seen]:
        """Every kind of page that can be reached, a few of each kind."""
        waiting, known, looked = deque([start]), {start}, dict[str, int]()
        while waiting:
            url = waiting.popleft()
            kind = pattern_of(url)
            if looked.get(kind, 0) >= _SAME_FEW or urlsplit(url).path.endswith(_QUIET):
                continue
            looked[kind] = looked.get(kind, 0) + 1
            yield self.look(url)
            for link in self.links():
                if link not in known:
                    known.add(link)
                    waiting.append(link)

    def close(self) -> None:
        self.window.close()
