"""What every service's calls, and people's pages, do with a sending domain: make one, look it up in DNS.

Public: Asking, draft, may_add, prove, refuse_unpublished, loaded, look, Looked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from posthouse.desk import claims, domain_checks, domains, published, verification
from posthouse.doors.api.parts import ApiParts
from posthouse.model.account import Domain, DomainKey
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.rules.checks import Check
from posthouse.rules.records import Sender
from posthouse.store.connection import Connection

Value = TypeVar("Value")


class Asking(Protocol):
    """Who asks, and the ways to the store: a call of a program, or a visit of a page."""

    @property
    def parts(self) -> ApiParts: ...

    @property
    def account_id(self) -> str: ...

    @property
    def now(self) -> float: ...

    async def read(self, fn: Callable[..., Value], *args: Any, **named: Any) -> Value: ...

    async def write(self, fn: Callable[..., Value], *args: Any, **named: Any) -> Value: ...


async def draft(call: Asking, name: str, **more: Any) -> domains.Draft:
    """A domain that is still to be stored; its keys cost a moment, so a thread makes them. `more`: of
    `desk.domains.draft`."""
    parts = call.parts
    return await asyncio.to_thread(
        domains.draft,
        parts.installation,
        Ids(parts.clock),  # ids of this thread's own
        call.now,
        name=name,
        region=parts.settings.region,
        **more,
    )


async def may_add(call: Asking, name: str, *, claims_it: bool) -> bool:
    """Has the account shown in DNS that a domain of another one is its own? Raises Refused where it must."""
    installation = call.parts.installation
    proves = await call.read(claims.needs_proof, call.account_id, name, installation, claims_it=claims_it)
    if proves:
        await prove(call, name)
    return proves


async def prove(call: Asking, name: str) -> None:
    """Has the account shown in DNS that a domain of another one is its own? Raises Refused where not."""
    texts = await asyncio.to_thread(
        published.texts_at, claims.record_name(name), call.parts.settings.dns.servers
    )
    claims.prove(texts, call.parts.installation, call.account_id, name)


async def refuse_unpublished(call: Asking, domain: Domain, keys: Sequence[DomainKey]) -> None:
    """Before these keys sign: raises Refused unless DNS shows the record of each, TryLater where it does not
    answer."""
    servers = call.parts.settings.dns.servers
    await asyncio.to_thread(
        published.refuse_unpublished, domain, keys, lambda name: published.texts_at(name, servers)
    )


def loaded(conn: Connection, call: Asking, name: str) -> tuple[Domain, list[DomainKey], Sender]:
    """The account's domain as the store has it now, its keys, and where its mail leaves. Raises Refused."""
    domain, keys = domains.load(conn, call.account_id, name)
    return domain, keys, domain_checks.sender_of(conn, call.parts.settings, call.account_id)


class Looked(NamedTuple):
    """`checks`: how it stands with each record that the domain needs."""

    domain: Domain
    keys: Sequence[DomainKey]
    sender: Sender
    checks: Sequence[Check]
    is_verified: bool
    next_at: float


async def look(call: Asking, name: str) -> Looked:
    """Look at DNS now, as `posthouse domain verify` does, and let go the mail that waited for the domain.
    Raises Refused."""
    parts = call.parts
    domain, keys, sender = await call.read(loaded, call, name)
    checks = await domain_checks.ask_now(parts.settings, parts.clock, domain, keys, sender)
    settled = await call.write(verification.settle, domain, checks, call.now, parts.settings)
    if settled is None:
        raise Refused(550, "5.1.2", f"There is no domain {domain.name} here", reason="no-domain")
    released = int(settled.lets_go)
    while released:
        released = await call.write(verification.release_held, domain, call.now, parts.ids)
    return Looked(domain, keys, sender, checks, settled.is_verified, settled.next_at)
