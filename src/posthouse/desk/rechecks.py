"""The worker looks at domains in DNS by itself, when they are due; `rules.recheck` says when that is.

Of many workers one takes a domain (`store.domain_checks.take`); `verification.settle` says what follows.

Public: Rechecks, RECHECK_S.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from posthouse.config import Settings
from posthouse.desk import domain_checks, verification
from posthouse.model.account import Domain, DomainKey
from posthouse.model.clock import Clock, Ids
from posthouse.rules.records import Sender
from posthouse.store import domain_checks as checks_store
from posthouse.store import domain_keys, identity
from posthouse.store.domain_checks import CheckRow
from posthouse.store.engine import Connection, Store, each

log = structlog.get_logger()

RECHECK_S = 1.0
_AT_ONCE = 16
_LEASE_S = 120.0  # longer than a check may take


@dataclass(frozen=True, slots=True)
class _Work:
    """A domain to look at."""

    domain: Domain
    keys: list[DomainKey]
    sender: Sender


class Rechecks:
    """Looks at the domains of its region that are due, several at a time."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._has_begun = False

    async def run_due(self) -> None:
        """One round. Raises what the store raises; the next round goes on."""
        if not self._has_begun:
            await self._store.write(each(checks_store.begin_all), ())
            self._has_begun = True
        now = self._clock.now()
        due = await self._store.read(checks_store.due, now, self._settings.region, _AT_ONCE)
        if not due:
            return
        taken = await self._store.write(each(checks_store.take), (due, now + _LEASE_S))
        works = await self._store.read(_works_of, taken, self._settings)
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(self._look(work))

    async def _look(self, work: _Work) -> None:
        """Whatever goes wrong with one domain, the others are looked at; it is due again after the lease."""
        try:
            await self._look_at(work)
        except Exception as error:
            name = work.domain.name
            log.warning("a look at a domain failed", domain=name, error=str(error), exc_info=True)

    async def _look_at(self, work: _Work) -> None:
        """A fresh memory of DNS for each: an answer of a minute ago must not hide what was just published."""
        async with domain_checks.asking(self._settings.dns.servers, self._clock) as ask:
            checks = await domain_checks.check_domain(ask, work.domain, work.keys, work.sender)
        now = self._clock.now()
        values = (work.domain, checks, now, self._settings)
        settled = await self._store.write(each(verification.settle), values)
        if settled and settled.news:
            tell = log.info if settled.news == verification.VERIFIED else log.warning
            tell(settled.news, domain=work.domain.name)
        while settled and settled.lets_go:
            if not await self._store.write(each(verification.release_held), (work.domain, now, self._ids)):
                return


def _works_of(conn: Connection, rows: Sequence[CheckRow], settings: Settings) -> list[_Work]:
    works = []
    for row in rows:
        domain = identity.find_domain_by_id(conn, row.domain_id)
        if domain is not None:
            keys = domain_keys.keys_of(conn, domain.id)
            works.append(_Work(domain, keys, domain_checks.sender_of(conn, settings, domain.account_id)))
    return works
