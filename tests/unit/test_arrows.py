"""Arrows point down only: every import is compared with the table of the rooms (docs/flow.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "posthouse"
BELOW = {
    "model",
    "smtp",
    "mail",
    "rules",
    "store",
    "net",
    "crashpoint",
    "config",
    "observe",
}
MAY_IMPORT = {
    "model": set(),
    "crashpoint": set(),
    "config": {"model"},
    "observe": {"model"},
    "smtp": {"model"},
    "mail": {"model"},
    "rules": {"model"},
    "store": {"model"},
    "net": {"model", "smtp"},
    "desk": BELOW,
    "pipeline": BELOW,
    "internet": {"model", "smtp", "mail", "net"},
    "dialects": BELOW | {"desk", "pipeline"},
    "moving": BELOW | {"desk", "dialects"},
    "doors": BELOW | {"desk", "pipeline", "dialects"},
}
TOP = {"app", "demo", "wiring", "worker", "startup", "supervisor", "cli", "__main__"}
PURE = {"smtp", "mail", "rules", "model"}
IMPURE = {"asyncio", "socket", "ssl", "sqlalchemy", "random", "threading", "subprocess"}
MODULES = sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names |= (
                {module} if module != "posthouse" else {f"posthouse.{alias.name}" for alias in node.names}
            )
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_arrows_point_down(path: Path) -> None:
    room = room_of(path)
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("posthouse.")}
    if room in TOP or room == "__init__":
        return
    assert room in MAY_IMPORT, f"a new room {room!r}: put it into the table"
    wrong = ours - MAY_IMPORT[room] - {room, "__version__"}
    assert not wrong, f"{path.relative_to(SOURCE)} may not import {sorted(wrong)}"


DIALECTS = SOURCE / "dialects"
SERVICES = sorted(path.name for path in DIALECTS.iterdir() if (path / "__init__.py").exists())


@pytest.mark.parametrize("path", sorted(DIALECTS.rglob("*.py")), ids=lambda p: str(p.relative_to(DIALECTS)))
def test_no_service_knows_another(path: Path) -> None:
    """Only the table knows them all; what they share stands beside them."""
    own = path.relative_to(DIALECTS).parts[0]
    known = {name.split(".")[2] for name in imported(path) if name.startswith("posthouse.dialects.")}
    known |= {"table"} if "posthouse.dialects" in imported(path) and own != "table.py" else set()
    if own in SERVICES:
        assert not known & ({*SERVICES, "table", "reading", "merging", "people"} - {own})
    elif own != "table.py":
        assert not known & {*SERVICES, "table"}


THINKS_ABOUT_MAIL = {"smtp", "mail", "rules", "net", "pipeline"}  # accounts and settings name the dialects


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if room_of(path) in THINKS_ABOUT_MAIL],
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_no_service_is_named_below_the_dialects(path: Path) -> None:
    """The neutral word inside; docstrings and comments may tell where a thing comes from."""
    tree = ast.parse(path.read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        names = [getattr(node, "id", ""), getattr(node, "attr", ""), getattr(node, "name", "") or ""]
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            names.append(node.value)
        for service in sorted({*SERVICES, "smtpapi"} - {"native"}):
            assert not any(service in str(name).lower() for name in names), f"{path}:{node.lineno}: {service}"


@pytest.mark.parametrize(
    "path", [p for p in MODULES if room_of(p) in PURE], ids=lambda p: str(p.relative_to(SOURCE))
)
def test_pure_rooms_touch_nothing(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    allowed = {"random"} if path.name == "clock.py" else set()  # where randomness enters the house
    assert not roots & IMPURE - allowed, f"{path.relative_to(SOURCE)} must stay pure"


def test_no_module_and_no_function_is_feared() -> None:
    """A module above 400 lines or a function above 60 is a wall that wants moving (style, section 5)."""
    long: list[str] = []
    for path in MODULES:
        text = path.read_text()
        if text.count("\n") > 400:
            long.append(f"{path.relative_to(SOURCE)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or 0) - node.lineno + 1
                if size > 60:
                    long.append(f"{path.relative_to(SOURCE)}:{node.name}: {size} lines")
    assert not long, "\n".join(long)
