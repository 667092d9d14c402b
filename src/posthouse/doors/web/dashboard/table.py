"""Every page of the dashboard.

Public: PAGES.
"""

from __future__ import annotations

from posthouse.doors.web.dashboard import (
    account,
    accounts,
    audit,
    captured,
    domain,
    domain_keys,
    domains,
    keys,
    messages,
    overview,
    people,
    queue,
    sites,
    start,
    story,
    tester,
    users,
)
from posthouse.doors.web.dashboard.page import Page

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *start.PAGES,
    *queue.PAGES,
    *sites.PAGES,
    *tester.PAGES,
    *messages.PAGES,
    *story.PAGES,
    *domains.PAGES,
    *domain.PAGES,
    *domain_keys.PAGES,
    *users.PAGES,
    *keys.PAGES,
    *captured.PAGES,
    *account.PAGES,
    *people.PAGES,
    *audit.PAGES,
    *accounts.PAGES,
)  # fmt: skip
