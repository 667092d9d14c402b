"""Fixtures of the HTTP APIs: a house without sockets (`calling.Api`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import pytest
import pytest_asyncio

from blank_store import make_database
from crash.postgres import Postgres
from posthouse.desk import domain_keys, identity_view
from posthouse.mail.dkim import new_key
from unit.doors.api.calling import Api, open_api


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A house on SQLite."""
    async with open_api(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL for the session, started when it is first wanted."""
    with Postgres(is_durable=False) as server:
        yield server


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def any_api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Api]:
    """A house on each engine in turn."""
    url = ""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = make_database(server.url, server.query)
    async with open_api(tmp_path, url) as opened:
        yield opened


@pytest.fixture
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of very many calls: DKIM keys are made once, looks at the store follow at once."""
    monkeypatch.setattr(domain_keys, "new_key", cache(new_key))
    monkeypatch.setattr(identity_view, "LOOK_PAUSE_S", 0.0)
