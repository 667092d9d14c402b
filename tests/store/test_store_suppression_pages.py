"""store.suppression_pages: one list in alphabetical order, page by page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import suppression_pages, suppressions
from posthouse.store.engine import Connection
from posthouse.store.suppression_pages import Span

BOUNCES = Span("a1", SuppressionKind.BOUNCE, "mg.test")
GONE = Span("a1", SuppressionKind.UNSUBSCRIBE, "mg.test")


def _put(conn: Connection, span: Span, address: str, *scopes: str) -> None:
    rows = [
        Suppression(span.account_id, address, span.kind, span.domain, scope, 5.0) for scope in scopes or ("",)
    ]
    suppressions.add(conn, rows)


def _addresses(found: list[list[Suppression]]) -> list[str]:
    return [rows[0].address for rows in found]


@pytest.fixture
def filled(conn: Connection) -> Connection:
    """Seven bounces, and neighbours that are none of theirs."""
    with conn.transaction():
        for name in ("ann", "bea", "bob", "bobby", "eve", "kim", "zoe"):
            _put(conn, BOUNCES, f"{name}@x.test")
        _put(conn, replace(BOUNCES, account_id="a2"), "bob@y.test")
        _put(conn, replace(BOUNCES, domain="other.test"), "bob@z.test")
        _put(conn, replace(BOUNCES, kind=SuppressionKind.COMPLAINT), "bob@w.test")
    return conn


def test_pages_go_on_behind_the_last_address(filled: Connection) -> None:
    first = _addresses(suppression_pages.page(filled, BOUNCES, 3))
    assert first == ["ann@x.test", "bea@x.test", "bob@x.test"]
    second = _addresses(suppression_pages.page(filled, replace(BOUNCES, after="bob@x.test"), 3))
    assert second == ["bobby@x.test", "eve@x.test", "kim@x.test"]
    assert _addresses(suppression_pages.page(filled, replace(BOUNCES, after="kim@x.test"), 3)) == [
        "zoe@x.test"
    ]
    assert suppression_pages.page(filled, replace(BOUNCES, after="zoe@x.test"), 3) == []


def test_pages_go_back_in_front_of_the_first_address(filled: Connection) -> None:
    last = replace(BOUNCES, is_backwards=True)
    assert _addresses(suppression_pages.page(filled, last, 2)) == ["kim@x.test", "zoe@x.test"]
    before = replace(last, before="kim@x.test")
    assert _addresses(suppression_pages.page(filled, before, 2)) == ["bobby@x.test", "eve@x.test"]


def test_a_prefix_narrows_every_page(filled: Connection) -> None:
    bs = replace(BOUNCES, prefix="bob")
    assert _addresses(suppression_pages.page(filled, bs, 5)) == ["bob@x.test", "bobby@x.test"]
    assert _addresses(suppression_pages.page(filled, replace(bs, after="bob@x.test"), 5)) == ["bobby@x.test"]
    backwards = replace(bs, is_backwards=True)
    assert _addresses(suppression_pages.page(filled, backwards, 1)) == ["bobby@x.test"]
    assert suppression_pages.page(filled, replace(BOUNCES, prefix="bop"), 5) == []


@pytest.mark.parametrize("is_backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_an_address_keeps_its_scopes_together(conn: Connection, most: int, is_backwards: bool) -> None:
    with conn.transaction():
        _put(conn, GONE, "ann@x.test", "tag:a", "tag:b", "tag:c", "tag:d")
        _put(conn, GONE, "bob@x.test", "")
        _put(conn, GONE, "eve@x.test", "tag:a", "tag:z")
    span, seen = replace(GONE, is_backwards=is_backwards), list[list[Suppression]]()
    while page := suppression_pages.page(conn, span, most):
        seen = page + seen if is_backwards else seen + page
        edge = page[0][0].address if is_backwards else page[-1][0].address
        span = replace(span, before=edge) if is_backwards else replace(span, after=edge)
    assert [[row.scope for row in rows] for rows in seen] == [
        ["tag:a", "tag:b", "tag:c", "tag:d"],
        [""],
        ["tag:a", "tag:z"],
    ]


def test_a_list_is_emptied_step_by_step(filled: Connection) -> None:
    with filled.transaction():
        gone = [suppression_pages.drop_some(filled, BOUNCES, 4) for _ in range(3)]
    assert gone == [4, 3, 0]
    left = suppressions.listing(filled, suppressions.SuppressionQuery("a1"))
    assert {item.address for item in left} == {"bob@w.test", "bob@z.test"}


@pytest.mark.parametrize("is_backwards", [False, True], ids=["forwards", "backwards"])
def test_a_page_is_a_range_of_the_lists_own_index(filled: Connection, is_backwards: bool) -> None:
    if filled.engine.name != "sqlite":
        pytest.skip("a small table is scanned there, whatever indexes it has")
    statement = suppression_pages._pages(True, is_backwards)
    text = "explain query plan " + statement.text("sqlite")
    values = statement.bind("sqlite", ("a1", "bounce", "mg.test", "a", "b", 10))
    plan = str(filled._raw.execute(text, tuple(values)).fetchall())
    assert "suppression_page" in plan and "TEMP B-TREE" not in plan
