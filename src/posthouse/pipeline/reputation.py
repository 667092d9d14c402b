"""Once a day and account: how the last day went, and the daily cap that follows from it (`rules.reputation`).

Every worker tries; the day in the row lets one of them do it. The hourly counters tell what became of a day's
mail. They do not tell why mail failed or was deferred, so where that is too much, a bounded number of the
day's last events is looked at.

Public: Reputation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from posthouse.model.account import Account
from posthouse.model.clock import Clock, id_at
from posthouse.model.event import EventKind
from posthouse.rules.reputation import BOUNCED_SHARE, Record, next_cap
from posthouse.store import caps, events, identity, tallies
from posthouse.store.caps import Cap
from posthouse.store.connection import Connection
from posthouse.store.engine import Store, each

log = structlog.get_logger()

JUDGE_S = 60.0
_DAY_S = 86400
_SETTLE_S = 600.0  # after midnight the last outcomes and counters of the day come in
_LOOKED_AT = 20_000  # events
_BOUNCES = ("bad-mailbox", "mailbox-disabled", "bad-domain", "null-mx", "dns")
_COMPLAINED = "complained"
_WAITED_FOR_TURN = "warming-up"  # ours: no host was asked


class Reputation:
    """The chore of one worker."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def judge(self) -> None:
        """Give new accounts their first cap; judge yesterday where nobody did."""
        now = self._clock.now()
        today = int(now // _DAY_S)
        waiting = await self._store.read(_waiting, today)
        for account, cap in waiting:
            if cap is None:
                most = account.settings.starts_at
                note = f"a new account begins with {most} recipients a day"
                await self._store.write(each(caps.add_cap), (Cap(account.id, today, most, note),))
        waiting = [(account, cap) for account, cap in waiting if cap is not None]
        if not waiting or now % _DAY_S < _SETTLE_S:
            return
        records = await self._store.read(_records, today - 1, [account.id for account, _ in waiting])
        for account, cap in waiting:
            most, note = next_cap(cap.most, account.settings, records[account.id])
            new = Cap(account.id, today, most, note)
            if await self._store.write(each(caps.change_cap), (new, cap.day)) and most != cap.most:
                log.info("the daily cap of an account changed", account=account.name, cap=most, why=note)


def _waiting(conn: Connection, today: int) -> list[tuple[Account, Cap | None]]:
    """Accounts with a cap that grows whose last day nobody judged yet."""
    known = {cap.account_id: cap for cap in caps.list_caps(conn)}
    growing = [account for account in identity.list_accounts(conn) if account.settings.starts_at]
    found = [(account, known.get(account.id)) for account in growing]
    return [(account, cap) for account, cap in found if cap is None or cap.day < today]


def _records(conn: Connection, day: int, accounts: list[str]) -> dict[str, Record]:
    """What became of these accounts' mail on that day."""
    totals = tallies.account_totals(conn, tallies.DAY, day, day)
    return {account: _record(conn, day, account, totals.get(account, {})) for account in accounts}


def _record(conn: Connection, day: int, account: str, totals: Mapping[str, int]) -> Record:
    failed = totals.get(EventKind.FAILED, 0)
    record = Record(
        accepted=totals.get(EventKind.ACCEPTED, 0),
        delivered=totals.get(EventKind.DELIVERED, 0),
        failed=failed,
        bounced=failed,
        complained=totals.get(_COMPLAINED, 0),
        deferred=totals.get(EventKind.DEFERRED, 0),
    )
    if record.deferred > record.finished:
        share = _share(conn, day, account, EventKind.DEFERRED, lambda reason: reason != _WAITED_FOR_TURN)
        record = replace(record, deferred=round(record.deferred * share))
    if failed > BOUNCED_SHARE * record.finished:  # else all of them may have bounced
        share = _share(conn, day, account, EventKind.FAILED, lambda reason: reason in _BOUNCES)
        record = replace(record, bounced=round(failed * share))
    return record


def _share(conn: Connection, day: int, account: str, kind: EventKind, counts: Callable[[str], bool]) -> float:
    """How much of what happened on that day counts, by its reasons; 1.0 where none can be seen."""
    begin, end = id_at(day * _DAY_S), id_at((day + 1) * _DAY_S)
    reasons = events.reasons(conn, account, kind, begin, end, _LOOKED_AT)
    return sum(map(counts, reasons)) / len(reasons) if reasons else 1.0
