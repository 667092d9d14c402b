"""A house without sockets: the real parts on a real store, called through the real ASGI application.

Nothing is delivered and no loop runs: letters are accepted and wait. Time stands still until the test moves
`clock`.

Public: Api, Reply, Key, Shown, open_api, DOMAIN, OTHER_DOMAIN, OTHER.
"""

from __future__ import annotations

import asyncio
import base64
import json as json_text
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from sqlalchemy import text

from blank_store import make_store
from posthouse.app import Parts, build_parts
from posthouse.config import Settings
from posthouse.config.load import settings_from
from posthouse.desk import accounts, domains, keys
from posthouse.desk.installation import FILE_NAME, Installation
from posthouse.doors.api.parts import ApiParts
from posthouse.doors.api.services import api_door
from posthouse.doors.api.split import ApiSplit
from posthouse.doors.headers import with_headers
from posthouse.mail.dkim import ED25519_SHA256
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.event import Event
from posthouse.model.message import Delivery, Message
from posthouse.model.options import SendOptions
from posthouse.net.board import Board
from posthouse.pipeline.signing import Signer
from posthouse.rules.permissions import FULL, SEND_ONLY
from posthouse.store import messages, queue
from posthouse.store.engine import Connection, Store, connect, each, open_store
from posthouse.store.statement import Statement
from unit.doors.lobby import certificate

DOMAIN, OTHER_DOMAIN = "shop.test", "other.test"
OTHER = "other"
HOST = "mail.house.test"
INSTALLATION = Installation(b"k" * 32)

Pairs = Mapping[str, Any] | Sequence[tuple[str, Any]]


class Key(NamedTuple):
    """`id` is public, `secret` is what a program shows."""

    id: str
    secret: str


NO_KEY = Key("", "")


class Reply(NamedTuple):
    """An answer as a client reads it; names of `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json_text.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(slots=True)
class Shown:
    """One letter as it is stored. `mail`: its content, parsed by Python's own library."""

    message: Message
    content: bytes
    deliveries: list[Delivery]

    @property
    def options(self) -> SendOptions:
        return self.message.options

    @property
    def recipients(self) -> list[str]:
        return [each.recipient for each in self.deliveries]

    @property
    def mail(self) -> EmailMessage:
        found = message_from_bytes(self.content, policy=modern)
        assert isinstance(found, EmailMessage)
        return found


@dataclass
class Api:
    """`full`, `sending`, `bound`: keys of the usual account that may do everything, send mail, and everything
    for `DOMAIN`; `token`: a domain token of `DOMAIN`; `others`: a key of the other account that may do
    everything."""

    url: str
    store: Store
    clock: FakeClock
    all_parts: Parts
    door: ApiSplit
    account_id: str = ""
    other_id: str = ""
    full: Key = NO_KEY
    sending: Key = NO_KEY
    bound: Key = NO_KEY
    token: Key = NO_KEY
    others: Key = NO_KEY
    address: str = "192.0.2.7"
    rest: list[str] = field(default_factory=list)
    """Paths that no service took."""

    @property
    def parts(self) -> ApiParts:
        return self.all_parts.api

    @property
    def ids(self) -> Ids:
        return self.parts.ids

    # Calls

    async def call(
        self,
        method: str,
        path: str,
        *,
        key: Key | str = "",
        basic: Key | str = "",
        token: Key | str = "",
        json: Any = None,
        form: Pairs | None = None,
        files: Sequence[tuple[str, str, bytes, str]] = (),
        multipart: bool = False,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        scheme: str = "http",
    ) -> Reply:
        """Call as a program would. `key`: shown as Bearer, `basic`: as `api:KEY`, `token`: as MailPace's.

        `json`: a value; `form`: fields, urlencoded, or with `files` (field, file name, content, type) or
        `multipart` as multipart/form-data; `body`: just these octets.
        """
        sent = dict(headers or {})
        if key:
            sent["Authorization"] = f"Bearer {_secret(key)}"
        if basic:
            sent["Authorization"] = f"Basic {base64.b64encode(f'api:{_secret(basic)}'.encode()).decode()}"
        if token:
            sent["MailPace-Server-Token"] = _secret(token)
        if json is not None:
            body = json_text.dumps(json).encode()
            sent.setdefault("Content-Type", "application/json")
        elif files or multipart:
            body, kind = multipart_body(_pairs(form), files)
            sent.setdefault("Content-Type", kind)
        elif form is not None:
            body = urlencode(_pairs(form)).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        if body:
            sent.setdefault("Content-Length", str(len(body)))
        where, _, query = path.partition("?")
        scope = self._scope(method, where, query, sent, scheme)
        return await _called(self.door, scope, body)

    def _scope(
        self, method: str, path: str, query: str, headers: Mapping[str, str], scheme: str
    ) -> dict[str, Any]:
        from urllib.parse import unquote

        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": scheme,
            "path": unquote(path, "utf-8", "replace"),
            "raw_path": path.encode("latin-1", "replace"),
            "query_string": query.encode("latin-1", "replace"),
            "headers": [
                (name.lower().encode(), value.encode("utf-8", "surrogatepass"))
                for name, value in [("Host", HOST), *headers.items()]
            ],
            "client": (self.address, 50000),
            "server": (HOST, 80),
            "root_path": "",
            "state": {},
        }

    # The store

    async def write(self, fn: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """`fn(conn, …)` in a transaction, as a command or another worker does; calls know it at once."""
        done = await self.store.write(each(_named), (fn, args, named))
        await self.all_parts.identity.refresh(self.store)
        return done

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        """`fn(conn, …)` in a reading transaction."""
        return await self.store.read(fn, *args)

    async def fold(self) -> None:
        """Let happen what follows from the events so far: counters, posts, lists."""
        (chore,) = [chore for chore in self.all_parts.upkeep._chores if chore.name == "events"]
        await chore.work()

    async def issue(
        self,
        permissions: Sequence[str] = FULL,
        *,
        account_id: str = "",
        dialect: str = "sendgrid",
        **more: Any,
    ) -> Key:
        """Another key; `more` as in `keys.issue_key`."""
        issued = await self.write(
            keys.issue_key,
            INSTALLATION,
            self.ids,
            self.clock.now(),
            account_id=account_id or self.account_id,
            opening={"native": "ph_"}.get(dialect, "SG."),
            dialect=dialect,
            permissions=tuple(permissions),
            **more,
        )
        return Key(issued.id, issued.secret)

    async def add_domain(self, name: str, account: str = "", *, is_verified: bool = True) -> None:
        """A sending domain of an account (by its name, "" for the usual one)."""
        await self.write(domains.create, self.ids, _draft(name, is_verified), account)

    # What there is

    def accepted(self) -> list[Shown]:
        """All letters, in the order in which they were accepted."""
        with connect(self.url) as conn:
            found = [
                (messages.load_message(conn, id), messages.load_content(conn, id) or b"")
                for (id,) in _rows(conn, "select id from message order by id")
            ]
            return [
                Shown(message, content, queue.deliveries_of(conn, message.id))
                for message, content in found
                if message is not None
            ]

    def accepted_one(self) -> Shown:
        """The only letter."""
        (found,) = self.accepted()
        return found

    def events(self, *kinds: str) -> list[Event]:
        """Events of these kinds or all, oldest first."""
        from posthouse.store import events

        with connect(self.url) as conn:
            ids = [id for (id,) in _rows(conn, "select id from event order by id")]
            found = events.load(conn, ids) if ids else []
        return [event for event in found if not kinds or event.kind.value in kinds]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a SELECT gives."""
        with connect(self.url) as conn:
            return _rows(conn, sql)

    def books(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of the store, by table."""
        from posthouse.store.tables import metadata

        with connect(self.url) as conn:
            return {
                name: sorted((_plain(row) for row in _rows(conn, f'select * from "{name}"')), key=repr)
                for name in metadata.tables
            }


def multipart_body(
    fields: Sequence[tuple[str, str]], files: Sequence[tuple[str, str, bytes, str]]
) -> tuple[bytes, str]:
    """A body as browsers write it, and its Content-Type."""
    boundary = uuid.uuid4().hex
    parts = [(f'form-data; name="{name}"', "", str(value).encode()) for name, value in fields]
    parts += [
        (f'form-data; name="{name}"; filename="{filename}"', kind, content)
        for name, filename, content, kind in files
    ]
    octets = b""
    for disposition, kind, content in parts:
        octets += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n".encode()
        octets += f"Content-Type: {kind}\r\n".encode() if kind else b""
        octets += b"\r\n" + content + b"\r\n"
    return octets + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


@asynccontextmanager
async def open_api(
    folder: Path, url: str = "", *, settings: Mapping[str, Mapping[str, Any]] | None = None
) -> AsyncIterator[Api]:
    """A house in `folder`, on SQLite unless `url` names an empty store."""
    url = url or f"sqlite:///{folder}/posthouse.db"
    make_store(url)
    (folder / FILE_NAME).write_text(INSTALLATION.key.hex() + "\n")
    (folder / FILE_NAME).chmod(0o600)
    clock = FakeClock()
    store = open_store(url, asyncio.get_running_loop(), clock=clock)
    signer = await Signer.open(())
    all_parts = build_parts(
        _settings(folder, url, settings or {}), store, signer, "worker", _never, Board(1).row(0), clock
    )
    api: Api

    async def rest(scope: Any, receive: Any, send: Any) -> None:
        api.rest.append(scope["path"])
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"nobody's"})

    api = Api(url, store, clock, all_parts, api_door(all_parts.api, rest))
    try:
        await _furnish(api)
        yield api
    finally:
        await _close(api, signer)


async def _furnish(api: Api) -> None:
    await api.add_domain(DOMAIN)
    api.account_id = await api.read(accounts.own_account)
    api.other_id = (await api.write(accounts.add, api.ids, api.clock.now(), OTHER)).id
    await api.add_domain(OTHER_DOMAIN, OTHER)
    api.full = await api.issue(FULL, dialect="native")
    api.sending = await api.issue(SEND_ONLY)
    api.bound = await api.issue(FULL, dialect="native", domain=DOMAIN)
    api.others = await api.issue(FULL, dialect="native", account_id=api.other_id)
    token = await api.write(
        keys.issue_token,
        INSTALLATION,
        api.ids,
        api.clock.now(),
        account_id=api.account_id,
        domain=DOMAIN,
        dialect="mailpace",
    )
    api.token = Key(token.id, token.secret)


async def _close(api: Api, signer: Signer) -> None:
    parts = api.all_parts
    await parts.dispatcher.stop(0.0)
    await parts.blocks.close()
    await parts.courier.close()
    await parts.http_out.close()
    if parts.trust is not None:
        await parts.trust.close()
    await parts.resolver.close()
    signer.close()
    parts.passwords.close()
    await api.store.close()


def _settings(folder: Path, url: str, more: Mapping[str, Mapping[str, Any]]) -> Settings:
    cert, key = certificate()
    raw: dict[str, Any] = {
        "state_dir": str(folder),
        "store": {"url": url},
        "smtp": {"hostname": HOST, "tls_cert": str(cert), "tls_key": str(key)},
        # nothing is handed over: letters wait in the store
        "delivery": {"hand_over_messages": 0, "mta_sts": "off", "dane": "off"},
    }
    for family, values in more.items():
        raw[family] = {**raw.get(family, {}), **values}
    return settings_from(raw, base=folder)


@cache
def _draft(name: str, is_verified: bool) -> domains.Draft:
    """Made once: keys take their time."""
    clock = FakeClock()
    return domains.draft(
        INSTALLATION,
        Ids(clock),
        clock.now(),
        name=name,
        region="us",
        is_verified=is_verified,
        algorithms=(ED25519_SHA256,),
    )


async def _called(door: ApiSplit, scope: dict[str, Any], body: bytes) -> Reply:
    incoming = [{"type": "http.request", "body": body, "more_body": False}]
    status, headers, chunks = 0, {}, []

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop()
        await asyncio.Event().wait()  # the client stays
        raise AssertionError

    async def send(message: Any) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            assert not status, "answered twice"
            status = message["status"]
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
            assert all(name == name.lower() for name in headers)
            assert not any(sign in value for value in headers.values() for sign in "\r\n\0")
        else:
            chunks.append(message.get("body", b""))

    await with_headers(door)(scope, receive, send)
    assert status, "no answer"
    return Reply(status, headers, b"".join(chunks))


def _named(conn: Connection, fn: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return fn(conn, *args, **named)


def _rows(conn: Connection, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in conn.rows(Statement(text(sql)))]


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)


def _secret(key: Key | str) -> str:
    return key if isinstance(key, str) else key.secret


def _pairs(given: Pairs | None) -> list[tuple[str, Any]]:
    """A list as a value is a field that occurs several times."""
    found = given.items() if isinstance(given, Mapping) else given or ()
    return [
        (name, one)
        for name, value in found
        for one in (value if isinstance(value, list | tuple) else [value])
    ]


def _never() -> None:
    raise AssertionError("declared dead")
