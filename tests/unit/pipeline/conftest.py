"""A small world for each test that wants one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from unit.pipeline.small_world import World, open_world


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """One worker with the settings of an installation, but small."""
    async with open_world(tmp_path) as opened:
        yield opened
