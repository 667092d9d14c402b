"""Pieces of programs for the HTTP APIs: real values, quoted so that none of them breaks the program."""

from __future__ import annotations

import json
import shlex

import pytest

from posthouse.doors.web.dashboard.api_snippets import ApiPlace, api_snippets

PLACE = ApiPlace("https://mail.test", "se'cret\"$x", "shop.test", "hello@shop.test", "o'ann@good.test")
ALL = [each for kind in ("native", "sendgrid", "mailpace") for each in api_snippets(kind, PLACE)]


@pytest.mark.parametrize("name", [each.name for each in ALL if each.name.endswith("curl")])
def test_a_line_of_curl_has_each_value_as_one_word(name: str) -> None:
    (found,) = [each for each in ALL if each.name == name]
    words = shlex.split(found.text.replace("\\\n", " "))
    assert words[0] == "curl" and words[1].startswith("https://mail.test/")
    assert any(PLACE.secret in word for word in words)
    for word in words[words.index("-d") + 1 : words.index("-d") + 2] if "-d" in words else []:
        assert PLACE.recipient in json.dumps(json.loads(word))


@pytest.mark.parametrize("name", ["sendgrid-python"])
def test_a_python_program_can_be_read(name: str) -> None:
    (found,) = [each for each in ALL if each.name == name]
    compile(found.text, name, "exec")
    assert json.dumps(PLACE.secret) in found.text and "https://mail.test" in found.text


def test_names_are_unique_and_every_kind_has_one() -> None:
    assert len({each.name for each in ALL}) == len(ALL) == 7
