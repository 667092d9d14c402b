"""Fixtures of signing in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from posthouse.store.engine import connect, migrate
from unit.desk.entry import Entry


@pytest.fixture
def entry(tmp_path: Path) -> Iterator[Entry]:
    url = f"sqlite:///{tmp_path}/entry.db"
    migrate(url)
    with connect(url) as conn:
        made = Entry(conn)
        yield made
        made.passwords.close()
