"""The examples of docs/webhook-events.md are what the code writes.

Run as a program (PYTHONPATH=src:tests:.) it puts them in.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from posthouse.dialects.table import HOOK_FORMS
from unit.dialects.event_story import STORY

PAGE = Path(__file__).parents[3] / "docs" / "webhook-events.md"
_EXAMPLE = re.compile(r"<!-- (\w+) ([\w-]+) -->\n(?:\n?```json\n(.*?)\n```\n)?", re.DOTALL)
EXAMPLES = {(found[1], found[2]): found[3] for found in _EXAMPLE.finditer(PAGE.read_text())}


def example(dialect: str, name: str) -> str:
    """As people read it: small objects on one line."""
    body = HOOK_FORMS[dialect].event_json(STORY[name])
    assert body is not None
    if dialect == "mailgun":
        signature = {"timestamp": "1770146800", "token": "50 hex digits", "signature": "64 hex digits"}
        body = {"signature": signature, "event-data": body}
    is_sorted = dialect == "sendgrid"
    text = json.dumps([body] if is_sorted else body, indent=2, ensure_ascii=False, sort_keys=is_sorted)
    return re.sub(r"([{\[])\n\s+([^{}\[\]]{1,90}?)\n\s+([}\]])", _on_one_line, text)


def _on_one_line(match: re.Match[str]) -> str:
    inside = re.sub(r"\n\s+", " ", match[2])
    return f"{match[1]}{inside}{match[3]}"


@pytest.mark.parametrize(("dialect", "name"), EXAMPLES, ids=lambda part: part)
def test_the_example_is_what_the_code_writes(dialect: str, name: str) -> None:
    assert EXAMPLES[dialect, name] == example(dialect, name)


def test_every_name_to_subscribe_to_is_on_the_page() -> None:
    text = PAGE.read_text()
    for dialect, form in HOOK_FORMS.items():
        for name in form.kinds:
            assert re.search(rf"\b{re.escape(name)}\b", text), f"{dialect}: {name}"


def write() -> None:
    def put(match: re.Match[str]) -> str:
        return f"<!-- {match[1]} {match[2]} -->\n```json\n{example(match[1], match[2])}\n```\n"

    PAGE.write_text(_EXAMPLE.sub(put, PAGE.read_text()))


if __name__ == "__main__":
    write()
