"""Pieces of programs: real values stand in them, and no value breaks out of its quotes."""

from __future__ import annotations

import ast
import json
import shlex

import pytest

from posthouse.rules.snippets import Place, snippets

NAMES = ["swaks", "python", "django", "rails", "node", "php", "wordpress"]
NASTY = 'it\'s "a" #{`x`} $(y) \\ \n é'


def place(password: str = "s3cret-1", has_tls: bool = True) -> Place:
    return Place("mail.shop.test", 587, has_tls, "app@shop.test", password, "hi@shop.test", "ann@good.test")


def test_every_way_names_the_host_the_user_and_the_password() -> None:
    found = snippets(place())
    assert [each.name for each in found] == NAMES
    for each in found:
        assert "mail.shop.test" in each.text and "587" in each.text, each.name
        assert "s3cret-1" in each.text and "app" in each.text, each.name


@pytest.mark.parametrize("name", ["python", "django"])
def test_python_reads_any_password_as_it_is(name: str) -> None:
    (found,) = [each for each in snippets(place(NASTY)) if each.name == name]
    assert NASTY in [node.value for node in ast.walk(ast.parse(found.text)) if isinstance(node, ast.Constant)]


def test_a_shell_reads_any_password_as_it_is() -> None:
    words = shlex.split(snippets(place(NASTY))[0].text)
    assert words[words.index("--auth-password") + 1] == NASTY
    assert words[words.index("--server") + 1] == "mail.shop.test:587" and "--tls" in words


def test_ruby_fills_nothing_in() -> None:
    (rails,) = [each for each in snippets(place(NASTY)) if each.name == "rails"]
    assert "#{" not in rails.text
    quoted = rails.text.partition("password: ")[2].partition(",\n")[0]
    assert json.loads(quoted) == NASTY


@pytest.mark.parametrize("name", NAMES)
def test_on_the_machine_itself_no_way_asks_for_tls(name: str) -> None:
    (found,) = [each for each in snippets(place(has_tls=False)) if each.name == name]
    assert "--tls" not in found.text and "starttls(" not in found.text and "requireTLS" not in found.text
    assert "EMAIL_USE_TLS = True" not in found.text and "enable_starttls: true" not in found.text
