"""One request of somebody who is signed in: who, which account, what was typed, the ways to the store.

Public: Visit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from posthouse.desk import audit
from posthouse.desk.accounts import USUAL
from posthouse.desk.sessions import Membership, Signed
from posthouse.doors.api.forms import Upload
from posthouse.doors.api.parts import ApiParts
from posthouse.doors.web.dashboard import said, views
from posthouse.doors.web.dashboard.navigation import current, sections
from posthouse.doors.web.dashboard.wrong_field import wrong_field
from posthouse.doors.web.forms import FORM, FORM_S, SESSION, cookie, form_token, new_form_cookie, put_cookie
from posthouse.doors.web.parts import WebParts
from posthouse.model.several import several
from posthouse.rules.roles import may
from posthouse.store.connection import Connection
from posthouse.store.engine import each

Value = TypeVar("Value")


@dataclass
class Visit:
    """`parts`: what the HTTP doors share. `typed`: a form's fields, all values of each; `uploads`: its files.
    `trouble`: why what the form asked for was not done, `reason` and `status` say it to programs. `note`:
    what the audit log will say of it, until it does."""

    web: WebParts
    parts: ApiParts
    request: Request
    signed: Signed
    membership: Membership
    typed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    uploads: Sequence[Upload] = ()
    trouble: str = ""
    reason: str = ""
    status: int = 200
    note: audit.Note | None = None

    # Who and where

    @property
    def account(self) -> str:
        """The account's name."""
        return self.membership.account

    @property
    def account_id(self) -> str:
        return self.membership.account_id

    @property
    def is_operator(self) -> bool:
        """Do they look after the whole machine (docs/decisions/053)?"""
        return self.account == USUAL

    def may(self, action: str) -> bool:
        """May this person do that here?"""
        return may(self.membership.role, action)

    def at(self, path: str = "", *names: str) -> str:
        """The address of a page of this account; `names` fill the `{}` of the path."""
        filled = path.format(*(quote(name, safe="") for name in names))
        return f"/accounts/{quote(self.account, safe='')}{filled}"

    @property
    def base_url(self) -> str:
        """`https://host` as the browser knows us."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    # What was asked

    def param(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def query(self, name: str) -> str:
        """A parameter of the address without blanks around it, "" where it is missing."""
        value = self.request.query_params.get(name, "").strip()
        return "" if "\0" in value or "\ufffd" in value else value

    def field(self, name: str) -> str:
        """The last value of a form's field without blanks around it, "" where it is missing."""
        return self.raw(name).strip()

    def raw(self, name: str) -> str:
        """The same with its blanks: secrets and texts."""
        values = self.typed.get(name)
        return values[-1] if values else ""

    def fields(self, name: str) -> list[str]:
        """All values of a form's field: ticked boxes, chosen entries."""
        return list(self.typed.get(name, ()))

    def ticked(self, name: str) -> bool:
        return name in self.typed

    @property
    def wrong(self) -> str:
        """The field that the trouble is about, "" without any and where nobody can say."""
        return wrong_field(self.reason, self.typed, self.trouble)

    # The store

    @property
    def now(self) -> float:
        return self.parts.clock.now()

    async def read(self, fn: Callable[..., Value], *args: Any, **named: Any) -> Value:
        """`fn(conn, *args, **named)` in a reading transaction. Raises what it raises, TryLater."""
        found: Value = await self.parts.store.read(_named, fn, args, named)
        return found

    async def write(self, fn: Callable[..., Value], *args: Any, **named: Any) -> Value:
        """The same in a writing transaction, once it is on disk; the first that changes something is noted in
        the audit log. Raises CommitInDoubt too."""
        work = (self.parts.ids, self.note, fn, args, named)
        told: tuple[Value, bool] = await self.parts.store.write(each(audit.noted), work)
        done, is_change = told
        if is_change:
            self.note = None
        return done

    async def note_done(self) -> None:
        """Tell the audit log of what was done without `write`, such as a letter that was taken."""
        if self.note is not None:
            await self.parts.store.write(each(audit.note), (self.parts.ids, self.note))
            self.note = None

    def tell_about(self, subjects: Sequence[str]) -> None:
        """What the audit log says that the form is about, where its fields do not say so."""
        if self.note is not None:
            self.note = replace(self.note, about=several(subjects))

    async def in_steps(self, fn: Callable[..., int], *args: Any) -> int:
        """`write` again and again until it changes nothing; how much it did. Short transactions: mail is
        accepted through the same writer."""
        total = 0
        while changed := await self.write(fn, *args):
            total += changed
        return total

    # Answers

    def page(self, template: str, title: str, **values: Any) -> Response:
        """A whole page. `template` extends `base.html`; it finds the visit as `visit`, and `values`."""
        known = cookie(self.request, FORM) or new_form_cookie()
        text = views.rendered(
            template,
            visit=self,
            title=title,
            sections=sections(self),
            current=current(self),
            said=said.read(self.web.installation, self.request),
            token=form_token(self.web.installation, known, cookie(self.request, SESSION)),
            **values,
        )
        response = HTMLResponse(text, self.status)
        put_cookie(self.request, response, FORM, known, FORM_S)
        said.forget(self.request, response)
        return response

    def fragment(self, template: str, **values: Any) -> Response:
        """A piece of a page that asks for it again and again. Forms in it need a `token`: leave them out."""
        return HTMLResponse(views.rendered(template, visit=self, **values))

    def go(self, address: str, sentence: str = "") -> Response:
        """To another page, with a sentence that it says once."""
        response = RedirectResponse(address, 303)
        if sentence:
            said.say(self.web.installation, self.request, response, sentence)
        return response


def _named(conn: Connection, fn: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return fn(conn, *args, **named)
