"""Is a domain verified? What a look at DNS changes about that, by a command or by the worker (`rechecks`).

A domain becomes verified when its required record is there; its held mail is then let go. When it stops being
so is said in `rules.recheck`. A change raises the identity version, so every worker follows within a second.

Public: settle, settle_now, Settled, release_held, Findings, last_findings, all_findings, findings_of, as_row,
has_returns, domains_with_returns, VERIFIED.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from posthouse.config import Settings
from posthouse.model.account import Domain
from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import Refused
from posthouse.rules.checks import Check, State
from posthouse.rules.recheck import FRESH, Standing, after_check, required_of
from posthouse.rules.records import Use
from posthouse.store import domain_checks as checks_store
from posthouse.store import identity, selection
from posthouse.store.domain_checks import CheckRow
from posthouse.store.engine import Connection
from posthouse.store.versions import raise_identity

VERIFIED = "a domain is verified"


class Findings(msgspec.Struct, frozen=True):
    """The last look at a domain's records. Stored as JSON; `records` are rows as `as_row` makes them.
    `returns`: mail to its return host comes to us, and that host's SPF lets us send."""

    was_there: bool
    records: list[dict[str, Any]]
    returns: bool = False
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
    had_returns = bool(row.findings) and _decode(row.findings).returns
    returns = has_returns(checks, before=had_returns)
    if returns != had_returns:
        raise_identity(conn)
    checks_store.settle(conn, _row(domain.id, after, checks, returns))
    news = _news(_standing(row), after, was_verified=was_verified, is_verified=is_verified)
    return Settled(is_verified, after.next_at, required is State.OK and after.tries <= 1, news)


def _standing(row: CheckRow) -> Standing:
    if not row.findings:
        return FRESH
    found = _decode(row.findings)
    return Standing(row.checked_at, row.next_at, row.tries, row.lost_at, found.was_there)


def has_returns(checks: Sequence[Check], *, before: bool) -> bool:
    """May mail of the domain leave with senders at its return host? `before`: the answer so far, which stands
    where nobody could say."""
    states = {check.record.use: check.state for check in checks}
    needed = states.get(Use.RETURN_MX), states.get(Use.RETURN_SPF)
    if set(needed) <= {State.OK}:
        return True
    return before and set(needed) <= {State.OK, State.UNKNOWN}


def _row(domain_id: str, standing: Standing, checks: Sequence[Check], returns: bool) -> CheckRow:
    found = Findings(standing.was_there, [as_row(check) for check in checks], returns)
    text = _encode(found).decode()
    return CheckRow(domain_id, standing.checked_at, standing.next_at, standing.tries, standing.lost_at, text)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Findings).decode


def _news(before: Standing, after: Standing, *, was_verified: bool, is_verified: bool) -> str:
    if is_verified and not was_verified:
        return VERIFIED
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


def findings_of(conn: Connection, domain_ids: Iterable[str]) -> Mapping[str, Findings | None]:
    """Of these domains, by id."""
    return {key: _findings(row) for key, row in checks_store.find_some(conn, domain_ids).items()}


class _ReturnsOnly(msgspec.Struct, frozen=True):
    returns: bool = False


_decode_returns = msgspec.json.Decoder(_ReturnsOnly).decode


def domains_with_returns(conn: Connection) -> set[str]:
    """Ids of the domains of which `Findings.returns` is true."""
    rows = checks_store.find_all(conn).values()
    return {row.domain_id for row in rows if row.findings and _decode_returns(row.findings).returns}


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
