"""Stored templates: limits, changes, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from blank_store import make_store
from posthouse.desk.templates import (
    Bounds,
    Draft,
    add_template,
    change_template,
    change_version,
    store_version,
)
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.store import templates
from posthouse.store.connection import Connection
from posthouse.store.engine import connect

IDS = Ids(FakeClock())
ONE = Bounds(templates=1, versions=1, bytes=10)
DRAFT = Draft("acc", "", "hello", "v1", "<p>", bounds=ONE)


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/posthouse.db"
    make_store(url)
    with connect(url) as opened:
        yield opened


def refusal(fn: object, *args: object) -> str:
    with pytest.raises(Refused) as refused:
        fn(*args)  # type: ignore[operator]
    return refused.value.text


def test_there_are_limits(conn: Connection) -> None:
    store_version(conn, IDS, 0.0, DRAFT)
    assert "has 1 versions already" in refusal(store_version, conn, IDS, 0.0, replace(DRAFT, tag="v2"))
    assert "There are 1 templates of the account already" in refusal(
        store_version, conn, IDS, 0.0, replace(DRAFT, name="b")
    )
    assert "at most 10" in refusal(change_version, conn, replace(DRAFT, html="x" * 11))


def test_a_version_is_changed_in_place(conn: Connection) -> None:
    store_version(conn, IDS, 0.0, replace(DRAFT, bounds=Bounds()))
    store_version(conn, IDS, 1.0, replace(DRAFT, tag="v2", bounds=Bounds()))
    found = change_version(conn, replace(DRAFT, tag="v2", html="<b>", is_active=True, more={"name": "x"}))
    assert (found.version.html, found.version.is_active, found.version.more) == ("<b>", True, {"name": "x"})
    active = templates.find(conn, "acc", "", "hello")
    assert active is not None and active.version == found.version
    assert change_version(conn, replace(DRAFT, tag="v2")).version.is_active, "not said: it stays active"
    assert "There is no version v9" in refusal(change_version, conn, replace(DRAFT, tag="v9"))
    assert "wrong in the HTML text" in refusal(change_version, conn, replace(DRAFT, html="{{"))


def test_a_text_may_come_later_where_a_service_allows_it(conn: Connection) -> None:
    assert "needs an HTML text" in refusal(store_version, conn, IDS, 0.0, replace(DRAFT, html=""))
    store_version(conn, IDS, 0.0, replace(DRAFT, html="", bounds=replace(ONE, may_be_empty=True)))


def test_a_template_gets_another_name(conn: Connection) -> None:
    about = store_version(conn, IDS, 0.0, DRAFT).template
    other = replace(about, id="other", name="other")
    add_template(conn, other, replace(ONE, templates=2))
    assert "There is a template Hello already" in refusal(change_template, conn, replace(other, name="Hello"))
    assert "visible characters" in refusal(change_template, conn, replace(other, name=" "))
    change_template(conn, replace(about, name="hi"))
    assert templates.find(conn, "acc", "", "hi") is not None
    assert "There is a template hi already" in refusal(
        add_template, conn, replace(about, id="third", name="hi"), Bounds()
    )
