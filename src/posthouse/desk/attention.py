"""What needs somebody's attention now, each with the page and the command that help.

Only what is known already is looked at: no DNS, no network, and a bounded part of a long queue.

Public: Concern, concerns, BAD, WARN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from posthouse.desk import hooks, limits, sites
from posthouse.model.account import Account
from posthouse.model.site import shown
from posthouse.store import domain_checks, lane_summaries
from posthouse.store.connection import Connection

BAD, WARN = "bad", "warn"
_MOST = 5  # of each kind
_NEAR = 0.9


@dataclass(frozen=True, slots=True)
class Concern:
    """`level`: BAD (mail is not sent or told) or WARN. `action`: what to do, in a few words; `path`: the page
    for it, below the account's address; `command`: the same in the command line."""

    level: str
    kind: str
    text: str
    action: str
    path: str
    command: str


def concerns(conn: Connection, account: Account, now: float, *, is_operator: bool = False) -> list[Concern]:
    """The worst first. `is_operator`: also what is the whole machine's."""
    found = [*_domains(conn, account), *_hooks(conn, account, now), *_queue(conn, account)]
    found += _limits(conn, account, now)
    if is_operator:
        found += _sites(conn, now)
    return sorted(found, key=lambda concern: concern.level != BAD)


def _domains(conn: Connection, account: Account) -> Iterator[Concern]:
    for unwell in domain_checks.unwell(conn, account.id, _MOST):
        text = f"{unwell.name} is not verified: mail from it waits until its records are in DNS."
        if unwell.is_verified:
            text = f"A record of {unwell.name} is gone from DNS: its mail is no longer trusted everywhere."
        yield Concern(
            BAD if unwell.is_lost else WARN,
            "domain-lost" if unwell.is_lost else "domain-unverified",
            text,
            "See its records",
            f"/domains/{unwell.name}",
            f"posthouse domain verify {unwell.name}",
        )


def _hooks(conn: Connection, account: Account, now: float) -> Iterator[Concern]:
    troubled = (hook for hook in hooks.overview(conn, account.id) if hook["troubled_at"] or hook["note"])
    for hook, _ in zip(troubled, range(_MOST), strict=False):
        is_off = not hook["enabled"]
        rest = f"The webhook {hook['url']} fails; {hook['waiting']} events wait for it."
        text = f"The webhook {hook['url']} is switched off: {hook['note']}." if is_off else rest
        yield Concern(
            BAD if is_off else WARN,
            "hook-off" if is_off else "hook-failing",
            text,
            "See its log",
            f"/webhooks/{hook['id']}",
            f"posthouse hook log {hook['id']}",
        )


def _queue(conn: Connection, account: Account) -> Iterator[Concern]:
    for domain, count, code, said in lane_summaries.troubled(conn, account.id, "waiting", _MOST):
        why = shown(f"{code} {said}".strip() if code else said or "no answer yet")
        text = f"{_messages(count)} to {domain} {'waits' if count == 1 else 'wait'} for another try: {why}"
        yield Concern(
            WARN, "deferred", text, "See the queue", "/queue", f"posthouse queue --account {account.name}"
        )
    for domain, count, _, said in lane_summaries.troubled(conn, account.id, "held", _MOST):
        why = shown(said) or "somebody said so"
        text = f"{_messages(count)} to {domain} {'is' if count == 1 else 'are'} held: {why}"
        yield Concern(
            WARN, "held", text, "See the queue", "/queue", f"posthouse queue release --account {account.name}"
        )


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"


def _limits(conn: Connection, account: Account, now: float) -> Iterator[Concern]:
    rows = limits.limits_of(conn, account, now)
    for row in islice((row for row in rows if row.most and row.used >= _NEAR * row.most), _MOST):
        whose = row.domain or "this account"
        text = (
            f"The limit of {whose} for a {row.window} is nearly used up: {row.used} of {row.most} recipients."
        )
        level = BAD if row.used >= row.most else WARN
        yield Concern(
            level, "limit", text, "See the limits", "/limits", f"posthouse limits --account {account.name}"
        )


def _sites(conn: Connection, now: float) -> Iterator[Concern]:
    stopped = (row for row in sites.site_rows(conn, now) if row["suspended_until"] or row["resting_until"])
    for row, _ in zip(stopped, range(_MOST), strict=False):
        why = f"{row['code']} {row['text']}".strip() if row["code"] else row["text"]
        text = f"Nothing is sent to {row['site']} for now: {why or 'it was suspended'}"
        yield Concern(
            WARN, "site", text, "See the site", f"/sites/{row['site']}", f"posthouse site show {row['site']}"
        )
