"""The manual and the code say the same: settings, commands, and the five commands of the README."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from posthouse import __version__
from posthouse.cli.main import app
from posthouse.config import TABLE, Setting
from posthouse.model.event import EventKind

ROOT = Path(__file__).parents[2]
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
COMMANDS = (ROOT / "docs" / "commands.md").read_text()
README = (ROOT / "README.md").read_text()


def sections(text: str) -> dict[str, str]:
    """Text by its `### heading`, back-quotes removed."""
    found: dict[str, str] = {}
    for part in re.split(r"^### ", text, flags=re.M)[1:]:
        head, _, body = part.partition("\n")
        found[head.replace("`", "").strip()] = re.split(r"^## ", body, flags=re.M)[0]
    return found


def shown(value: Any) -> str:
    """A default as one writes it in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    return str(value)


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.key)
def test_each_setting_is_described(setting: Setting) -> None:
    body = sections(SETTINGS).get(setting.key)
    assert body is not None, f"docs/settings.md has no heading for {setting.key}"
    assert setting.help in body
    assert f"- Default: `{shown(setting.default)}`" in body
    assert f"- Allowed: {setting.kind.allowed}" in body


def test_no_setting_is_described_that_does_not_exist() -> None:
    assert set(sections(SETTINGS)) == {setting.key for setting in TABLE}


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        full = f"{path} {name}"
        if not getattr(inner, "commands", None) or getattr(inner, "invoke_without_command", False):
            yield full, inner
        yield from commands(inner, full)


ALL_COMMANDS = dict(commands(typer.main.get_command(app), "posthouse"))


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_each_command_is_described_with_its_options(name: str) -> None:
    body = sections(COMMANDS).get(name)
    assert body is not None, f"docs/commands.md has no heading for {name}"
    for parameter in ALL_COMMANDS[name].params:
        option = next((text for text in parameter.opts if text.startswith("--")), "")
        if option in ("", "--config", "--json", "--account", "--help"):
            continue
        assert option in body, f"{name}: {option} is not described"


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_command_takes_config_and_json(name: str) -> None:
    options = {text for parameter in ALL_COMMANDS[name].params for text in parameter.opts}
    assert options >= {"--config", "--json"}


def test_no_command_is_described_that_does_not_exist() -> None:
    assert set(sections(COMMANDS)) == set(ALL_COMMANDS)


def test_every_event_kind_is_described() -> None:
    for kind in EventKind:
        assert f"`{kind}`" in COMMANDS


def test_the_readme_names_commands_that_exist() -> None:
    used = set(re.findall(r"^(?:\.venv/bin/)?posthouse ([a-z]+(?: [a-z]+)?)", README, re.M))
    assert used
    for words in used:
        assert any(f"posthouse {words}".startswith(name) for name in ALL_COMMANDS), words
    for target in re.findall(r"`make ([a-z-]+)`", README):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M), target


@pytest.mark.parametrize(
    "page", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"], ids=lambda page: page.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_changelog_names_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
