"""The short, seeded selection of `make crash` for `make house`: every named point, each kind of kill, store
trouble.

Runs a real `posthouse serve` under load on SQLite and on PostgreSQL, both always; nothing is left out.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from crash.campaign import campaign, short_plan
from crash.faults import at_point, database_down, kill_with_a_queue, terminate, write_errors
from crash.postgres import Postgres
from crash.scene import Scene

# real processes under a load of their own: minutes on a crowded machine
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
SEED = int(os.environ.get("POSTHOUSE_CRASH_SEED", "20261121"))


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


async def test_F1_to_F24_every_point_every_kill_and_write_errors_on_sqlite(tmp_path: Path) -> None:
    print(f"engine sqlite, seed {SEED}")
    outcome = await campaign(tmp_path, SEED, [*short_plan(), terminate, write_errors(1.0)])
    assert outcome.finding.is_clean, outcome.summary()
    assert outcome.longest_s < 10.0, outcome.summary()
    # no byte could be written for a second: 4yz at intake (F23, F24), never a 5yz, never silence
    assert any(text.startswith(("451 4.3.", "452 4.3.")) for text in outcome.refusals), outcome.summary()
    assert all(text.startswith("4") for text in outcome.refusals), outcome.summary()


async def test_F1_to_F20_points_kills_and_database_restart_on_postgresql(
    tmp_path: Path, postgres: Postgres
) -> None:
    print(f"engine postgresql, seed {SEED + 1}")
    plan = [
        at_point("accept.before_commit"),
        at_point("deliver.after_reply"),
        kill_with_a_queue,
        at_point("accept.after_commit"),
        database_down(1.0),
        at_point("record.before_commit"),
        terminate,
    ]
    outcome = await campaign(tmp_path, SEED + 1, plan, postgres=postgres)
    assert outcome.finding.is_clean, outcome.summary()
    assert outcome.longest_s < 10.0, outcome.summary()
    assert all(text.startswith("4") for text in outcome.refusals), outcome.summary()


async def test_F37_dropped_replies_are_retried_and_said_to_be_ambiguous(tmp_path: Path) -> None:
    async with Scene(tmp_path, SEED + 3, rate=25.0, drops=0.2) as scene:
        await asyncio.sleep(1.2)
        finding = await scene.judged()
    dropped = [f for f in scene.ledger.facts if f.kind == "dropped"]
    doubtful = [e for e in scene.events.values() if e["kind"] == "deferred" and e.get("ambiguous")]
    assert finding.is_clean, finding.summary()
    assert dropped and len(doubtful) == len(dropped)
    assert not finding.duplicates, "second copies beyond those the receiving host asked for by its drops"
