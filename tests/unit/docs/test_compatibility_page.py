"""docs/compatibility.md is current, and made as docs/generate_compatibility.py says."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
CONTRACT = (ROOT / "docs" / "contract.md").read_text()


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "generate_compatibility", ROOT / "docs" / "generate_compatibility.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


generate = _load()


def test_the_page_is_current() -> None:
    made = generate.page(CONTRACT, generate.proofs())
    assert generate.PAGE.read_text() == made, "run: python docs/generate_compatibility.py"


def test_every_row_of_the_contract_is_read_once() -> None:
    rows = [part.id for part in generate.contract(CONTRACT) if not isinstance(part, str)]
    assert len(rows) == len(set(rows)) == CONTRACT.count("\n| ") - 2 * CONTRACT.count("\n| id |")
    families = [("C", 16), ("MG", 26), ("SG", 11), ("MP", 4), ("D", 10), ("W", 4)]
    assert rows == [f"{family}-{n:02}" for family, last in families for n in range(1, last + 1)]


@pytest.mark.parametrize(
    ("name", "ids", "words"),
    [
        ("test_C_03_users_of_a_domain", ["C-03"], "users of a domain"),
        ("test_C_01_C_02_both", ["C-01", "C-02"], "both"),
        ("test_D_05_F45_greylisting", ["D-05"], "greylisting"),
        ("test_F8_F9_killed", [], "killed"),
        ("test_S1_S2_wrong_end", [], "wrong end"),
        ("test_EXT_5_smtplib", [], "smtplib"),
        ("test_MG_18_each", ["MG-18"], "each"),
    ],
)
def test_ids_stand_in_the_names(name: str, ids: list[str], words: str) -> None:
    assert generate.ids_in(name) == ids
    assert generate.sentence(name) == words


def test_states_of_a_row() -> None:
    text = "## A\n| C-01 | one | |\n| C-02 | two | half |\n| C-03 | three | |\n"
    made = generate.page(text, {"C-01": ["a", "a"], "C-02": ["b"]})
    assert "| C-01 | one | proven | a |" in made
    assert "| C-02 | two | in part; missing: half | b |" in made
    assert "| C-03 | three | not yet |  |" in made
    assert "3 promises: 1 proven, 1 in part, 1 not yet." in made


def test_a_test_for_a_row_that_is_not_promised_is_told() -> None:
    with pytest.raises(ValueError, match="C-99"):
        generate.page(CONTRACT, {"C-99": ["x"]})
