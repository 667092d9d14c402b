"""The dashboard without sockets: the real pages over the real parts on a real store, and browsers.

Public: Desk, open_desk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from browsing import Browser, Headers
from posthouse.desk import accounts, people, sessions
from posthouse.desk.passwords import Given
from posthouse.doors.web import account, session
from posthouse.doors.web.dashboard import rim
from posthouse.doors.web.forms import SESSION
from posthouse.model.account import Role
from posthouse.store.connection import Connection
from unit.doors.api.calling import INSTALLATION, Api, open_api
from unit.doors.web.asgi import ask


@dataclass
class Desk:
    """`api`: the house behind the pages (`unit.doors.api.calling.Api`): its store, clock, accounts, keys."""

    api: Api
    app: Starlette

    async def browser(self, role: Role = Role.OWNER, account: str = "") -> Browser:
        """The browser of a new person who is signed in and has that role in the account ("": the usual)."""
        made = self.stranger()
        made.cookies[SESSION] = await self.api.write(self._signed_in, role, account)
        return made

    def stranger(self) -> Browser:
        """A browser of somebody who is not signed in."""

        async def send(method: str, path: str, given: Headers, body: bytes) -> tuple[int, Headers, str]:
            return await ask(self.app, method, path, given, body)

        return Browser(send)

    def _signed_in(self, conn: Connection, role: Role, account: str) -> str:
        ids, now = self.api.ids, self.api.clock.now()
        account_id = accounts.own_account(conn, account)
        email = f"{role}.{ids.new().lower()}@people.test"
        given = Given("never used", "no hash")
        added = people.add(conn, ids, now, account_id, email, role=role, given=given)
        return sessions.begin(conn, INSTALLATION, now, added.person.id, "192.0.2.7", "Test/1.0")


@asynccontextmanager
async def open_desk(folder: Path, url: str = "", **more: Any) -> AsyncIterator[Desk]:
    """A house in `folder`, on SQLite unless `url` names an empty store; `more` as in `open_api`."""
    async with open_api(folder, url, **more) as api:
        web, parts = api.all_parts.web, api.parts
        app = Starlette(
            routes=[*session.routes(web), *account.routes(web), *rim.routes(web, parts)],
        )
        yield Desk(api, app)
