"""Is a domain verified? What a look at DNS changes about that, for commands and for the worker by itself.

A domain becomes verified when its required record is there; its held mail is then let go. When it stops being
so is said in `rules.recheck`. A change raises the identity version, so every worker follows within a second.

Public: settle, settle_now, Settled, release_held, Findings, last_findings, all_findings, Rechecks,
RECHECK_S.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from posthouse.config import Settings
from posthouse.desk import domain_checks
from posthouse.model.account import Domain, DomainKey
from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import Refused
from posthouse.rules.checks import Check, State
from posthouse.rules.recheck import FRESH, Standing, after_check, required_of
from posthouse.rules.records import Sender
from posthouse.store import domain_checks as checks_store
from posthouse.store import domain_keys, identity, selection
from posthouse.store.domain_checks import CheckRow
from posthouse.store.engine import Connection, Store, each

log = structlog.get_logger()

RECHECK_S = 1.0
_AT_ONCE = 16
_LEASE_S = 120.0  # longer than a check may take


class Findings(msgspec.Struct, frozen=True):
    """The last look at a domain's records. Stored as JSON; `records` are rows as `as_row` makes them."""

    was_there: bool
    records: list[dict[str, Any]]
    checked_at: float = 0.0
    next_at: float = 0.0
    lost_at: float | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """`lets_go`: held mail of the domain may go; asked for twice, as a worker may have held some just now.
    `news`: a line for the log, "" when nothing has changed."""

    is_verified: bool
    next_at: float
    lets_go: bool
    news: str = ""


def as_row(check: Check) -> dict[str, Any]:
    """A check for JSON."""
    record = check.record
    return {
        "use": record.use.value,
        "kind": record.kind,
        "name": record.name,
        "value": record.value,
        "is_required": record.is_required,
        "state": check.state.value,
        "is_there": check.is_there,
        "found": check.found,
        "text": check.text,
    }


def settle(
    conn: Connection, domain: Domain, checks: Sequence[Check], now: float, settings: Settings
) -> Settled | None:
    """Write down a look at DNS and what follows from it, inside the caller's transaction; None: the domain is
    gone meanwhile."""
    current = identity.find_domain(conn, domain.name)
    if current is None or current.id != domain.id:
        return None
    checks_store.begin(conn, domain.id, now)
    row = checks_store.find(conn, domain.id)
    assert row is not None
    required = required_of(checks)
    was_verified = current.verified_at is not None
    seen = after_check(
        _standing(row),
        required,
        now,
        is_verified=was_verified,
        pauses=settings.domains.recheck_s or (settings.domains.verified_recheck_s,),
        verified_pause_s=settings.domains.verified_recheck_s,
    )
    # a sandbox is verified by nature, and writes only to addresses that were named
    is_verified = seen.is_verified or (was_verified and current.settings.is_sandbox)
    if is_verified != was_verified:
        identity.set_verified(conn, domain.name, now if is_verified else None)
    after = seen.standing
    checks_store.settle(conn, _row(domain.id, after, checks))
    news = _news(_standing(row), after, was_verified=was_verified, is_verified=is_verified)
    return Settled(is_verified, after.next_at, required is State.OK and after.tries <= 1, news)


def _standing(row: CheckRow) -> Standing:
    if not row.findings:
        return FRESH
    found = _decode(row.findings)
    return Standing(row.checked_at, row.next_at, row.tries, row.lost_at, found.was_there)


def _row(domain_id: str, standing: Standing, checks: Sequence[Check]) -> CheckRow:
    found = Findings(standing.was_there, [as_row(check) for check in checks])
    text = _encode(found).decode()
    return CheckRow(domain_id, standing.checked_at, standing.next_at, standing.tries, standing.lost_at, text)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Findings).decode


_VERIFIED = "a domain is verified"


def _news(before: Standing, after: Standing, *, was_verified: bool, is_verified: bool) -> str:
    if is_verified and not was_verified:
        return _VERIFIED
    if was_verified and not is_verified:
        return "a domain is not verified any more: its DKIM record has been gone for days"
    if after.lost_at is not None and before.lost_at is None:
        return "the DKIM record of a verified domain is gone or wrong"
    return ""


def last_findings(conn: Connection, domain_id: str) -> Findings | None:
    """None: nobody has looked yet."""
    row = checks_store.find(conn, domain_id)
    return _findings(row) if row else None


def all_findings(conn: Connection, account_id: str | None) -> Mapping[str, Findings | None]:
    """Of all domains, or of an account's, by domain id."""
    return {key: _findings(row) for key, row in checks_store.find_all(conn, account_id).items()}


def _findings(row: CheckRow) -> Findings | None:
    if not row.findings:
        return None
    return msgspec.structs.replace(
        _decode(row.findings), checked_at=row.checked_at, next_at=row.next_at, lost_at=row.lost_at
    )


def release_held(conn: Connection, domain: Domain, now: float, ids: Ids) -> int:
    """Let go what waited for the domain to be verified, some thousands at a time; how many now."""
    return selection.release_verified(conn, domain.account_id, domain.name, now, ids)


def settle_now(
    conn: Connection, domain: Domain, checks: Sequence[Check], clock: Clock, ids: Ids, settings: Settings
) -> Settled:
    """For a command: settle in a transaction and let go what may go. Raises Refused if the domain is gone."""
    now = clock.now()
    with conn.transaction():
        settled = settle(conn, domain, checks, now, settings)
    if settled is None:
        raise Refused(550, "5.1.2", f"There is no domain {domain.name} here", reason="no-domain")
    if settled.lets_go:
        selection.in_steps(conn, release_held, domain, now, ids)
    return settled


@dataclass(frozen=True, slots=True)
class _Work:
    """A domain to look at."""

    domain: Domain
    keys: list[DomainKey]
    sender: Sender


class Rechecks:
    """The worker's part: looks at the domains of its region that are due, several at a time."""

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
        await asyncio.gather(*[self._look(work) for work in works])

    async def _look(self, work: _Work) -> None:
        """A fresh memory of DNS for each: an answer of a minute ago must not hide what was just published."""
        async with domain_checks.asking(self._settings.dns.servers, self._clock) as ask:
            checks = await domain_checks.check_domain(ask, work.domain, work.keys, work.sender)
        now = self._clock.now()
        settled = await self._store.write(each(settle), (work.domain, checks, now, self._settings))
        if settled and settled.news:
            tell = log.info if settled.news == _VERIFIED else log.warning
            tell(settled.news, domain=work.domain.name)
        while settled and settled.lets_go:
            if not await self._store.write(each(release_held), (work.domain, now, self._ids)):
                return


def _works_of(conn: Connection, rows: Sequence[CheckRow], settings: Settings) -> list[_Work]:
    works = []
    for row in rows:
        domain = identity.find_domain_by_id(conn, row.domain_id)
        if domain is not None:
            keys = domain_keys.keys_of(conn, domain.id)
            works.append(_Work(domain, keys, domain_checks.sender_of(conn, settings, domain.account_id)))
    return works
