"""What people read on pages and in answers of APIs never speaks of a command's options.

A refusal is said once, in the desk or below it, whoever asks. What to do about it differs: an option, a
button, a field. So no text outside of the command line may hold an option; each door has ways out of its own.
A text that begins with `posthouse` is a command, not a sentence: what needs attention is listed with them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from posthouse.cli.main import run
from posthouse.cli.ways_out import _WAYS as OF_COMMANDS
from posthouse.doors.api.native.ways_out import _WAYS as OF_CALLS
from posthouse.doors.web.dashboard.ways_out import _WAYS as OF_PAGES

SOURCE = Path(__file__).parents[2] / "src" / "posthouse"
COMMANDS = ("cli", "moving", "demo")
"""Parts that only commands are made of."""
MANUALS = ("doors/api/native/openapi.py", "rules/snippets.py", "store/postgres.py")
"""Texts about commands: the API's own description, and how other programs are called."""
_OPTION = re.compile(
    r"(?:[\s`'\"]|(?<!var)\()--[a-z][a-z-]*(?![a-z-]*:)"
)  # with a colon: a name of a stylesheet
_REASON = re.compile(r'"([a-z]+(?:-[a-z]+)*)"')


def texts(source: str) -> Iterator[str]:
    """All texts of a module except its docstrings."""
    tree = ast.parse(source)
    ours = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in ours:
            yield node.value


def modules() -> Iterator[Path]:
    for path in sorted(SOURCE.rglob("*.py")):
        place = path.relative_to(SOURCE)
        if place.parts[0] not in COMMANDS and str(place) not in MANUALS:
            yield path


def test_W_04_no_sentence_of_a_page_or_an_api_speaks_of_a_commands_option() -> None:
    found = [
        f"{path.relative_to(SOURCE)}: {text}"
        for path in modules()
        for text in texts(path.read_text())
        if _OPTION.search(text) and not text.startswith("posthouse ")
    ]
    shown = re.compile(r"curl --\w+|<code>posthouse [^<]*</code>")  # commands, shown as such
    templates = sorted((SOURCE / "doors" / "web" / "templates").glob("*.html"))
    assert templates
    found += [path.name for path in templates if _OPTION.search(shown.sub("", path.read_text()))]
    assert found == []


@pytest.mark.parametrize("ways", [OF_COMMANDS, OF_PAGES, OF_CALLS], ids=["commands", "pages", "calls"])
def test_W_04_each_way_out_belongs_to_a_refusal_that_exists(ways: dict[str, str]) -> None:
    known = {word for path in modules() for word in _REASON.findall(path.read_text())}
    assert set(ways) <= known
    assert not [way for way in ways.values() if ways is not OF_COMMANDS and _OPTION.search(way)]


def test_W_04_pages_name_buttons_and_ticks_that_are_there() -> None:
    pages = "".join(path.read_text() for path in (SOURCE / "doors" / "web" / "templates").glob("*.html"))
    named = [name for way in OF_PAGES.values() for name in re.findall("“([^”]+)”", way)]
    assert [name for name in named if name not in pages] == []


def test_a_command_says_which_option_helps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "posthouse.toml").write_text(f'state_dir = "{tmp_path}"\n')
    here = ["--config", str(tmp_path / "posthouse.toml")]
    assert run(["domain", "add", "shop.test", *here]) == 0
    assert run(["hook-key", "new", "native", *here]) == 0
    assert run(["hook-key", "new", "native", *here]) == 1
    assert capsys.readouterr().err.rstrip().endswith("receivers need the new one; --replace ends the old one")
