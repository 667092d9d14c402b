"""Fixtures of signing in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blank_store import make_store
from posthouse.store.engine import connect
from unit.desk.entry import Entry


@pytest.fixture
def entry(tmp_path: Path) -> Iterator[Entry]:
    url = f"sqlite:///{tmp_path}/entry.db"
    make_store(url)
    with connect(url) as conn:
        made = Entry(conn)
        yield made
        made.passwords.close()
