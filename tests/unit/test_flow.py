"""docs/flow.md names functions and classes; each must exist where the page says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "flow.md").read_text()
NAMES = sorted(set(re.findall(r"`((?:[a-z_]+\.)+[A-Za-z_]+)`", PAGE)))


def defined(path: Path) -> set[str]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, kinds)}


@pytest.mark.parametrize("name", NAMES)
def test_named_thing_exists(name: str) -> None:
    *rooms, last = name.split(".")
    base = ROOT / "src" / "posthouse"
    module = base.joinpath(*rooms).with_suffix(".py")
    if base.joinpath(*rooms, last).with_suffix(".py").exists():
        return
    assert module.exists(), f"docs/flow.md names {name}, but there is no {module.relative_to(ROOT)}"
    assert last in defined(module), f"docs/flow.md names {name}, but {module.relative_to(ROOT)} has no {last}"


def test_the_page_names_enough_to_be_worth_checking() -> None:
    assert len(NAMES) > 25
