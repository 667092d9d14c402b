"""The list of sections beside every page.

Public: SECTIONS, Section, Entry, sections, current.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posthouse.doors.web.dashboard.visit import Visit


@dataclass(frozen=True, slots=True)
class Entry:
    """`path`: as in `page.Page`; `action`: what a person must be allowed to see it."""

    path: str
    label: str
    action: str
    is_operators: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    label: str
    entries: tuple[Entry, ...]


SECTIONS = (
    Section("Mail", (
        Entry("", "Overview", "stats.read"),
        Entry("/messages", "Messages", "events.read"),
        Entry("/captured", "Captured", "events.read"),
        Entry("/queue", "Queue", "queue.read"),
    )),
    Section("Sending", (
        Entry("/start", "First message", "domains.read"),
        Entry("/domains", "Domains", "domains.read"),
        Entry("/users", "SMTP users", "keys.read"),
        Entry("/keys", "API keys", "keys.read"),
        Entry("/templates", "Templates", "templates.read"),
        Entry("/tester", "SMTP tester", "events.read"),
    )),
    Section("Recipients", (
        Entry("/suppressions", "Suppressions", "suppressions.read"),
        Entry("/groups", "Unsubscribe groups", "suppressions.read"),
        Entry("/webhooks", "Webhooks", "hooks.read"),
    )),
    Section("Delivery", (
        Entry("/sites", "Receiving sites", "queue.read", is_operators=True),
        Entry("/addresses", "IP addresses", "ips.read", is_operators=True),
        Entry("/pools", "IP pools", "ips.read"),
    )),
    Section("Account", (
        Entry("/settings", "Settings", "settings.read"),
        Entry("/limits", "Limits", "account.read"),
        Entry("/people", "People", "people.read"),
        Entry("/audit", "Audit log", "people.read"),
        Entry("/accounts-here", "Accounts", "account.read", is_operators=True),
    )),
)  # fmt: skip


def sections(visit: Visit) -> list[Section]:
    """Those that this person may see."""
    found = []
    for section in SECTIONS:
        entries = tuple(
            entry
            for entry in section.entries
            if visit.may(entry.action) and (visit.is_operator or not entry.is_operators)
        )
        if entries:
            found.append(Section(section.label, entries))
    return found


def current(visit: Visit) -> str:
    """The path of the entry under which the page stands."""
    path = visit.request.scope["path"].removeprefix(f"/accounts/{visit.account}")
    under = [
        entry.path
        for section in SECTIONS
        for entry in section.entries
        if path == entry.path or (entry.path and path.startswith(f"{entry.path}/"))
    ]
    return max(under, key=len, default="-")
