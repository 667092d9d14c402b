"""Every page of the dashboard.

Public: PAGES.
"""

from __future__ import annotations

from posthouse.doors.web.dashboard import (
    account,
    accounts,
    addresses,
    allow_list,
    audit,
    captured,
    domain,
    domain_keys,
    domains,
    groups,
    keys,
    messages,
    overview,
    people,
    pools,
    queue,
    sites,
    start,
    story,
    suppression_files,
    suppressions,
    template_page,
    template_preview,
    templates,
    tester,
    users,
    webhook_keys,
    webhook_page,
    webhooks,
)
from posthouse.doors.web.dashboard.page import Page

PAGES: tuple[Page, ...] = (
    *addresses.PAGES,
    *allow_list.PAGES,
    *groups.PAGES,
    *overview.PAGES,
    *pools.PAGES,
    *start.PAGES,
    *queue.PAGES,
    *sites.PAGES,
    *tester.PAGES,
    *messages.PAGES,
    *story.PAGES,
    *domains.PAGES,
    *domain.PAGES,
    *domain_keys.PAGES,
    *suppression_files.PAGES,
    *suppressions.PAGES,
    *template_preview.PAGES,
    *templates.PAGES,
    *template_page.PAGES,  # its path takes any name
    *users.PAGES,
    *keys.PAGES,
    *captured.PAGES,
    *account.PAGES,
    *people.PAGES,
    *audit.PAGES,
    *accounts.PAGES,
    *webhook_keys.PAGES,
    *webhooks.PAGES,
    *webhook_page.PAGES,  # its path takes any id
)  # fmt: skip
