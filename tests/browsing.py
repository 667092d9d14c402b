"""A small browser for tests: it keeps cookies, follows redirects, and fills in the forms that a page has.

How a request travels is given to it: into an ASGI application, or over a socket.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode

Headers = list[tuple[str, str]]


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    visible: list[str] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)

    @property
    def button(self) -> str:
        """The last one, "" without any."""
        return self.buttons[-1] if self.buttons else ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self._inside = False
        self._tag = self._name = ""
        self._is_open = False  # a choice of which no option has come by

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method") == "post":
            self.forms.append(Form(given["action"]))
            self._inside = True
        elif tag == "input" and self._inside:
            self._input(given)
        elif tag in ("select", "textarea") and self._inside:
            self._name = given["name"]
            self.forms[-1].fields[self._name] = ""
            self.forms[-1].visible.append(self._name)
            self._is_open = True
        elif tag == "option" and self._name and ("selected" in given or self._is_open):
            self.forms[-1].fields[self._name] = given["value"]
            self._is_open = False

    def _input(self, given: dict[str, str]) -> None:
        kind, form = given.get("type"), self.forms[-1]
        if kind in ("checkbox", "radio") and "checked" not in given:
            return
        form.fields[given["name"]] = given.get("value", "")
        if kind != "hidden":
            form.visible.append(given["name"])

    def handle_endtag(self, tag: str) -> None:
        self._tag = ""
        if tag == "form":
            self._inside = False
        elif tag in ("select", "textarea"):
            self._name = ""

    def handle_data(self, data: str) -> None:
        if self._tag in ("style", "script"):
            return
        self.words.append(data)
        if self._tag == "textarea" and self._name:
            self.forms[-1].fields[self._name] += data
        if self._tag == "button" and self._inside:
            self.forms[-1].buttons.append(data)


@dataclass
class Page:
    """What came at last. `text` is what people read; `hops`: the statuses on the way."""

    status: int
    headers: Headers
    html: str
    path: str = ""
    hops: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        reader = _Reader()
        reader.feed(self.html)
        self.forms, self.text = reader.forms, " ".join(" ".join(reader.words).split())

    def form(self, button: str, **values: str) -> Form:
        """The form with that button; `values` must stand in it too."""
        found = [
            each
            for each in self.forms
            if button in each.buttons and all(each.fields.get(name) == text for name, text in values.items())
        ]
        assert found, f"no form {button!r} in: {self.text}"
        return found[0]

    def link(self, rel: str) -> str:
        """Where the page's link of this kind leads (`next`, `prev`), "" without one."""
        found = re.search(f'<a [^>]*href="([^"]*)" rel="{rel}"', self.html)
        return unescape(found[1]) if found else ""

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def title(self) -> str:
        return self.html.partition("<h1>")[2].partition("</h1>")[0]


Send = Callable[[str, str, Headers, bytes], Awaitable[tuple[int, Headers, str]]]


@dataclass
class Browser:
    """`headers` go with every request; None takes one of the usual ones out."""

    send: Send
    headers: dict[str, str | None] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)

    async def open(self, path: str, follows: bool = True) -> Page:
        return await self._ask("GET", path, b"", follows)

    async def submit(self, form: Form, follows: bool = True, /, **values: str) -> Page:
        """Every field that people see must be given a value."""
        assert set(values) >= set(form.visible), (form.visible, list(values))
        return await self.post(form.action, form.fields | values, follows)

    async def fill(self, page: Page, button: str, /, follows: bool = True, **values: str) -> Page:
        """The form with that button, sent from its page; fields not named keep what stands in them."""
        form = page.form(button)
        return await self.post(form.action or page.path, form.fields | values, follows)

    async def press(self, page: Page, button: str, /, follows: bool = True, **where: str) -> Page:
        """The button of that form of the page that has these values."""
        form = page.form(button, **where)
        return await self.post(form.action or page.path, form.fields, follows)

    async def post(self, path: str, values: Mapping[str, str | Sequence[str]], follows: bool = True) -> Page:
        """A field may have several values."""
        return await self._ask("POST", path, urlencode(values, doseq=True).encode(), follows)

    async def attach(self, page: Page, button: str, name: str, content: bytes, /, **values: str) -> Page:
        """The form with that button and a file in its field `name`."""
        form = page.form(button)
        fields = form.fields | values
        fields.pop(name, None)
        parts = [f'form-data; name="{key}"\r\n\r\n{value}'.encode() for key, value in fields.items()]
        parts.append(f'form-data; name="{name}"; filename="a.csv"\r\n\r\n'.encode() + content)
        body = b"".join(b"--limit\r\nContent-Disposition: " + part + b"\r\n" for part in parts)
        kind = "multipart/form-data; boundary=limit"
        return await self._ask("POST", form.action or page.path, body + b"--limit--\r\n", True, kind)

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes,
        follows: bool,
        kind: str = "application/x-www-form-urlencoded",
    ) -> Page:
        hops: list[int] = []
        while True:
            given = self._request_headers(method, kind)
            status, headers, html = await self.send(method, path, given, body)
            for name, value in headers:
                if name.lower() == "set-cookie":
                    self._keep(value)
            where = next((value for name, value in headers if name.lower() == "location"), "")
            if not (follows and where and status in (302, 303)):
                return Page(status, headers, html, path, hops)
            hops.append(status)
            assert where.startswith("/") and len(hops) < 5, where
            method, path, body = "GET", where, b""

    def _request_headers(self, method: str, kind: str) -> Headers:
        usual: dict[str, str | None] = {"User-Agent": "Test/1.0", "Sec-Fetch-Site": "same-origin"}
        if method == "POST":
            usual["Content-Type"] = kind
        if self.cookies:
            usual["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return [(name, value) for name, value in (usual | self.headers).items() if value is not None]

    def _keep(self, header: str) -> None:
        self.set_cookies.append(header)
        for name, morsel in SimpleCookie(header).items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
