"""Fixtures of the HTTP APIs: a house without sockets (`calling.Api`)."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from crash.postgres import Postgres
from unit.doors.api.calling import Api, open_api


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A house on SQLite."""
    async with open_api(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL for the session, started when it is first wanted."""
    with Postgres() as server:
        yield server


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def any_api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Api]:
    """A house on each engine in turn."""
    url = ""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        name = f"api{uuid.uuid4().hex}"
        server.query(f"create database {name}")
        url = server.url.rpartition("/")[0] + f"/{name}"
    async with open_api(tmp_path, url) as opened:
        yield opened
