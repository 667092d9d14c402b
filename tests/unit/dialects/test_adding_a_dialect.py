"""The code of docs/adding-a-dialect.md is a dialect that keeps all rules."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import posthouse.dialects
from posthouse.dialects.dialect import Context, Dialect, Header
from posthouse.dialects.reading import OptionReader, Sending
from posthouse.dialects.table import DIALECTS
from posthouse.mail.letter import parse
from posthouse.model.account import DEFAULTS
from posthouse.model.message import Recipient
from unit.dialects.dialect_rules import DialectRules, Nothing

PAGE = Path(__file__).parents[3] / "docs" / "adding-a-dialect.md"
FILE = re.compile(r"```python\n# src/posthouse/dialects/(postmark/\S+)\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def dialect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dialect]:
    """The page's files as a package beside the real ones, for this module only."""
    folder = tmp_path_factory.mktemp("dialects")
    files = FILE.findall(PAGE.read_text())
    assert [name for name, _ in files] == ["postmark/words.py", "postmark/options.py", "postmark/__init__.py"]
    for name, code in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(code)
    posthouse.dialects.__path__.append(str(folder))
    try:
        module: Any = importlib.import_module("posthouse.dialects.postmark")
        yield module.DIALECT
    finally:
        posthouse.dialects.__path__.remove(str(folder))
        for name in [each for each in sys.modules if each.startswith("posthouse.dialects.postmark")]:
            del sys.modules[name]


class TestPostmark(DialectRules):
    """Every rule that the dialects of the table keep."""


VALUES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a tag": ("X-PM-Tag", "welcome", {"tags": ("welcome",)}),
    "opens": ("X-PM-TrackOpens", "True", {"track_opens": True}),
    "opens cannot be switched off": ("X-PM-TrackOpens", "false", {}),
    "links": ("X-PM-TrackLinks", "HtmlOnly", {"track_clicks": "html"}),
    "own data keep the case of their names": ("X-PM-Metadata-userId", "7", {"metadata": {"userId": "7"}}),
    "unknown": ("X-PM-KeepID", "true", {}),
}


@pytest.mark.parametrize(("name", "value", "wanted"), VALUES.values(), ids=VALUES.keys())
def test_postmark_options(dialect: Dialect, name: str, value: str, wanted: dict[str, Any]) -> None:
    context = Context(now=1.0, recipients=("a@x.test",), domain="shop.test", is_own=True)
    wishes = dialect.read([Header(name.lower(), name, f" {value}".encode())], context)
    assert wishes.values == wanted
    assert [seen.header for seen in wishes.seen] == [name]


def test_a_letter_in_four_dialects(dialect: Dialect) -> None:
    reader = OptionReader({**DIALECTS, "postmark": dialect}, Nothing())
    letter = parse(
        b"From: a@shop.test\r\nX-Mailgun-Tag: one\r\nX-PM-Tag: two\r\n"
        b'X-SMTPAPI: {"category": ["three"]}\r\nX-MailPace-Tags: four\r\n\r\n'
    )
    sending = Sending(dialect, "acc", "shop.test", DEFAULTS, 1.0)
    asked = reader.read(letter, [Recipient("ann@good.test", "good.test")], sending)
    assert asked.options.tags == ("two", "one", "three", "four")
