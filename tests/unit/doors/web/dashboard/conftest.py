"""Fixtures of the dashboard's pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from unit.doors.web.dashboard.desk import Desk, open_desk


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A house on SQLite with its pages."""
    async with open_desk(tmp_path) as opened:
        yield opened
