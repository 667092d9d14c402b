"""One call of a customer's program: who calls, what with, and the ways to the store.

Public: Call.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

from starlette.requests import Request

from posthouse.desk import audit
from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.bodies import Form, Held, Incoming, parse_form, parse_json, read_body
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.kept import again, within_bounds
from posthouse.doors.api.parts import ApiParts
from posthouse.doors.api.shown import client_address, field_of
from posthouse.model.account import Domain, Principal
from posthouse.model.clock import Ids
from posthouse.store.answered import Answered, claim, fill
from posthouse.store.connection import Connection
from posthouse.store.engine import each

Value = TypeVar("Value")

LONGEST_KEY = 255
_HOST = re.compile(r"[A-Za-z0-9._-]+(?::[0-9]+)?\Z|\[[0-9A-Fa-f:.]+\](?::[0-9]+)?\Z")


@dataclass
class Call:
    """`params`: the path's parameters; `domain`: the account's domain that the path names, None when it names
    none. `service`: whose words it hears (a dialect's name). `about`: what it changes, for the audit log,
    where the path does not say it; never a secret."""

    parts: ApiParts
    request: Request
    principal: Principal
    service: str
    params: dict[str, str] = field(default_factory=dict)
    found_domain: Domain | None = None
    endpoint: Endpoint | None = None
    about: str = ""
    _is_noted: bool = False
    _body: bytes | None = None
    _held: Held = field(init=False)

    def __post_init__(self) -> None:
        self._held = Held(self.parts.budget)

    @property
    def account_id(self) -> str:
        return self.principal.account_id

    @property
    def domain(self) -> Domain:
        """The domain that the path names."""
        assert self.found_domain is not None, "this path names no domain"
        return self.found_domain

    def is_here(self, domain: Domain) -> bool:
        """Does it belong to the region of this API (C-14)?"""
        return domain.region == self.parts.settings.region

    @property
    def now(self) -> float:
        return self.parts.clock.now()

    @property
    def client(self) -> str:
        """The client's address, "" when unknown."""
        return client_address(self.request)

    @property
    def base_url(self) -> str:
        """`https://host` as the client called us, for addresses in answers."""
        scope = self.request.scope
        host = field_of(self.request, b"host")
        if not _HOST.match(host):
            host = self.parts.settings.smtp.hostname
        return f"{scope['scheme']}://{host}"

    @property
    def query(self) -> Any:
        """The query's parameters (Starlette's QueryParams)."""
        return self.request.query_params

    @property
    def content_type(self) -> str:
        """The body's media type in lower case, without parameters; "" when it is not said."""
        return field_of(self.request, b"content-type").partition(";")[0].strip().lower()

    async def body(self) -> bytes:
        """The body, unpacked. Raises Problem."""
        if self._body is None:
            request = self.request
            length, encoding = field_of(request, b"content-length"), field_of(request, b"content-encoding")
            incoming = Incoming(request.receive, length, encoding)
            self._body = await read_body(incoming, self.parts.settings.http.request_bytes, self._held)
        return self._body

    async def json(self) -> Any:
        """The body as JSON. Raises Problem."""
        body = await self.body()
        self._held.count(len(body))  # it is there twice now
        return parse_json(body)

    async def form(self) -> Form:
        """The body as a form. Raises Problem."""
        body = await self.body()
        self._held.count(len(body))
        return parse_form(body, field_of(self.request, b"content-type"))

    def hold(self, octets: int) -> None:
        """Count what is made of the body: one call may be many letters. Raises Problem."""
        self._held.make(octets)

    def close(self) -> None:
        """It is answered: what it held of the memory for bodies is free."""
        self._held.give_back()

    # The store

    async def read(self, fn: Callable[..., Value], *args: Any, **named: Any) -> Value:
        """`fn(conn, *args, **named)` in a reading transaction. Raises what it raises, TryLater."""
        found: Value = await self.parts.store.read(_named, fn, args, named)
        return found

    async def write(self, fn: Callable[..., Value], *args: Any, **named: Any) -> Value:
        """`fn(conn, *args, **named)` in a writing transaction, once it is on disk; the first that changes
        something is noted in the audit log. Raises what it raises, TryLater, CommitInDoubt."""
        done: Value = await self._written(audit.noted, self.parts.ids, self._note(), fn, args, named)
        return done

    async def _written(self, fn: Callable[..., Any], *args: Any) -> Any:
        done, is_change = await self.parts.store.write(each(fn), args)
        self._is_noted |= is_change
        return done

    def _note(self) -> audit.Note | None:
        """None: mail, which has events, or a call that was noted already."""
        endpoint = self.endpoint
        if self._is_noted or endpoint is None or endpoint.is_sending or endpoint.method == "GET":
            return None
        what = f"{endpoint.method} {endpoint.path}"
        about = " ".join([*self.params.values(), self.about]).strip()
        return audit.Note(self.account_id, audit.KEY, self.principal.login, what, about, self.client)

    async def write_once(
        self, answer: Callable[[Value], Answer], fn: Callable[..., Value], *args: Any, **named: Any
    ) -> Answer:
        """The same, and the answer made of what `fn` gave; with an Idempotency-Key only the first call of
        that key has an effect, and all get its answer. Raises Problem (409) where the key was another
        call's."""
        return await self.issue_once(answer, answer, fn, *args, **named)

    async def issue_once(
        self,
        answer: Callable[[Value], Answer],
        kept: Callable[[Value], Answer],
        fn: Callable[..., Value],
        *args: Any,
        **named: Any,
    ) -> Answer:
        """`write_once` for what is shown once: `kept` is what the same call gets again, without the secret,
        which stands in no store."""
        key = await self.once()
        if key is None:
            return answer(await self.write(fn, *args, **named))
        made = await self._written(_once, key, kept, self.parts.ids, self._note(), fn, args, named)
        return again(key, made) if isinstance(made, Answered) else answer(made)

    # Calls that are made twice

    @property
    def idempotency_key(self) -> str:
        return field_of(self.request, b"idempotency-key").strip()

    async def once(self, *, any_body: bool = False) -> Answered | None:
        """What the answer to this call is kept under, still without the answer; None: it names no key.
        `any_body`: whatever the body is, it counts as the same call. Raises Problem."""
        key = self.idempotency_key
        if not key:
            return None
        if len(key) > LONGEST_KEY:
            text = f"The Idempotency-Key is longer than {LONGEST_KEY} characters"
            raise Problem(400, "bad-key", text, field="Idempotency-Key")
        who = f"{self.principal.credential_id}\n{self.service}\n{key}"
        asked = f"{self.request.method} {self.request.scope['path']}?".encode()
        asked += self.request.scope["query_string"] + b"\n"
        fingerprint = "" if any_body else sha256(asked + await self.body()).hexdigest()
        id = sha256(who.encode("utf-8", "replace")).hexdigest()
        return Answered(id, self.account_id, fingerprint, 0, b"", self.now)


def _named(conn: Connection, fn: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return fn(conn, *args, **named)


def _once(
    conn: Connection,
    key: Answered,
    kept: Callable[[Any], Answer],
    ids: Ids,
    note: audit.Note | None,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    named: dict[str, Any],
) -> tuple[Any, bool]:
    """What `fn` made, or the earlier call of this key; and whether anything was changed. The claim comes
    first: who asks with the same key at the same time waits for this transaction."""
    if earlier := claim(conn, key):
        return earlier, False
    made, is_change = audit.noted(conn, ids, note, fn, args, named)
    given = within_bounds(kept(made))
    fill(conn, key.id, given.status, given.headers, given.body)
    return made, is_change
