"""`posthouse demo`: some hours are played through the pretended internet and stand in the store then."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.long


def posthouse(folder: Path, *words: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "posthouse", *words, "--json"],
        cwd=folder, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.timeout(400)
def test_a_demonstration_has_mail_of_every_kind_behind_it(tmp_path: Path) -> None:
    (facts,) = posthouse(tmp_path, "demo", "--hours", "8", "--scale", "0.6", "--no-serve")
    assert facts["owner"] == "owner@shop.example" and facts["owner_password"]
    config = ("--config", "var/demo/posthouse.toml")
    rows = posthouse(tmp_path, "events", "--limit", "2000", *config)
    kinds = Counter(str(row["kind"]) for row in rows)
    assert {"accepted", "delivered", "deferred", "failed", "opened", "clicked"} <= set(kinds), kinds
    assert kinds["delivered"] > kinds["failed"]
    first = min(str(row["time"]) for row in rows)
    assert first < max(str(row["time"]) for row in rows)[:13], "it is spread over hours"
    assert '"error"' not in (tmp_path / "var" / "demo" / "play.log").read_text()

    posthouse(tmp_path, "demo", "--no-serve")  # what was played stays
    assert len(posthouse(tmp_path, "events", "--limit", "2000", *config)) >= len(rows)
