"""Every kind of event in each service's form, compared with files that people can read.

Run as a program (PYTHONPATH=src:tests:.) it writes the files anew; look at the difference before you commit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from posthouse.dialects.table import DIALECTS, HOOK_FORMS
from posthouse.model.event import EventKind
from unit.dialects.event_story import STORY

FILES = Path(__file__).with_name("events")
CASES = [(dialect, name) for dialect in HOOK_FORMS for name in STORY]


def written(dialect: str, name: str) -> Any:
    return HOOK_FORMS[dialect].event_json(STORY[name])


def expected(dialect: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FILES / f"{dialect}.json").read_text())
    return found


def test_every_dialect_has_a_form() -> None:
    assert set(HOOK_FORMS) == set(DIALECTS)
    assert {told.event.kind for told in STORY.values()} == set(EventKind)


@pytest.mark.parametrize(("dialect", "name"), CASES, ids=[f"{d}-{n}" for d, n in CASES])
def test_d06_each_event_looks_as_the_service_writes_it(dialect: str, name: str) -> None:
    assert written(dialect, name) == expected(dialect).get(name)


@pytest.mark.parametrize(("dialect", "name"), CASES, ids=[f"{d}-{n}" for d, n in CASES])
def test_what_can_be_subscribed_to_is_what_is_told(dialect: str, name: str) -> None:
    """Whoever subscribes to a name gets the kinds of that name."""
    form, told = HOOK_FORMS[dialect], STORY[name]
    subscribed = form.name_of(told)
    if subscribed:
        assert told.event.kind in form.kinds[subscribed]
        assert form.event_json(told) is not None


def test_no_post_without_a_name() -> None:
    named = {(dialect, name) for dialect, name in CASES if HOOK_FORMS[dialect].name_of(STORY[name])}
    told = {(dialect, name) for dialect, name in CASES if written(dialect, name) is not None}
    assert told - named == {("mailgun", "stored")}, "the service shows it among its events, and posts it not"


def write_all() -> None:
    for dialect in HOOK_FORMS:
        found = {name: body for name in STORY if (body := written(dialect, name)) is not None}
        text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
        (FILES / f"{dialect}.json").write_text(text)


if __name__ == "__main__":
    write_all()
