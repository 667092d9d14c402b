"""Every page of the dashboard.

Public: PAGES.
"""

from __future__ import annotations

from posthouse.doors.web.dashboard import (
    users,
)
from posthouse.doors.web.dashboard.page import Page

PAGES: tuple[Page, ...] = (
    *users.PAGES,
)  # fmt: skip
