"""What an account may send: its limits as workers keep them, and as people look at them.

Public: Allowances, LimitRow, limits_of.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.desk.identity_view import IdentityView
from posthouse.model.account import Account
from posthouse.rules.limits import (
    UNLIMITED,
    Allowance,
    Limit,
    account_limits,
    allowance_of,
    domain_limits,
)
from posthouse.store import caps, identity, quotas
from posthouse.store.engine import Connection


class Allowances:
    """Allowances by account and domain, put together once for each version of the identity view."""

    def __init__(self, identity: IdentityView, over_limit: str) -> None:
        self._identity = identity
        self._over_limit = over_limit
        self._version = identity.version
        self._known: dict[tuple[str, str], Allowance] = {}

    def of(self, account_id: str, domain: str) -> Allowance:
        """The limits that hold for an account's mail for one of its domains. HOT."""
        if self._version != self._identity.version:
            self._version = self._identity.version
            self._known.clear()
        found = self._known.get((account_id, domain))
        if found is None:
            found = self._known[account_id, domain] = self._made(account_id, domain)
        return found

    def _made(self, account_id: str, domain: str) -> Allowance:
        view = self._identity
        settings = view.account_settings(account_id)
        limits = account_limits(account_id, settings, view.cap(account_id))
        limits += domain_limits(account_id, domain, view.settings_of(domain))
        return allowance_of(limits, settings, self._over_limit) if limits else UNLIMITED


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit as people see it. `domain` "" is the whole account; `used` counts what workers hold ready too;
    `note`: how a daily cap came about."""

    domain: str
    window: str
    most: int
    used: int
    ends_at: float
    note: str = ""


def limits_of(conn: Connection, account: Account, now: float) -> list[LimitRow]:
    """Every limit of an account and of its domains, with what is used of the present window."""
    cap = caps.find_cap(conn, account.id)
    own = account_limits(account.id, account.settings, cap.most if cap else None)
    note = cap.note if cap and account.settings.starts_at else ""
    rows = [_row(conn, limit, "", now, note if limit.span.name == "DAY" else "") for limit in own]
    for domain in identity.domains_with_settings(conn, account.id):
        found = domain_limits(account.id, domain.name, domain.settings)
        rows += [_row(conn, limit, domain.name, now) for limit in found]
    return rows


def _row(conn: Connection, limit: Limit, domain: str, now: float, note: str = "") -> LimitRow:
    window = limit.span.window(now)
    used = quotas.used(conn, limit.scope, window)
    return LimitRow(domain, limit.span.name.lower(), limit.most, used, limit.span.begins_at(window + 1), note)
