"""The allow list, and what it keeps off the lists that failures fill."""

from __future__ import annotations

from dataclasses import replace

from posthouse.model.suppression import Allowed, Suppression, SuppressionKind
from posthouse.store import allowed, suppressions
from posthouse.store.allowed import AllowedQuery
from posthouse.store.connection import Connection
from posthouse.store.suppressions import SuppressionQuery
from store.letters import NOW


def entry(value: str, domain: str = "", account: str = "acc") -> Allowed:
    return Allowed(account, domain, value, NOW, "why")


def row(address: str, kind: SuppressionKind = SuppressionKind.BOUNCE, domain: str = "a.test") -> Suppression:
    return Suppression("acc", address, kind, domain, "", NOW, "550 gone")


def test_entries_speak_of_addresses_and_of_domains(conn: Connection) -> None:
    assert allowed.find(conn, [("acc", "ann@x.test")]) == frozenset()
    allowed.add(conn, [entry("Ann@x.test"), entry("@y.test", "a.test"), entry("@z.test", account="other")])
    people = [("acc", "ANN@x.test"), ("acc", "bob@x.test"), ("acc", "cid@y.test"), ("acc", "dan@z.test")]
    entries = allowed.find(conn, people)
    assert [allowed.allows(entries, "acc", address, "a.test") for _, address in people] == [
        True,
        False,
        True,
        False,
    ]
    assert not allowed.allows(entries, "acc", "cid@y.test", "b.test")
    assert not allowed.allows(entries, "acc", "cid@y.test", "")


def test_who_is_allowed_comes_on_no_list_by_itself(conn: Connection) -> None:
    allowed.add(conn, [entry("ann@x.test")])
    kinds = list(SuppressionKind)
    suppressions.add_found(conn, [row("ann@x.test", kind) for kind in kinds] + [row("bob@x.test")])
    found = suppressions.listing(conn, SuppressionQuery("acc"))
    assert [(item.address, item.kind) for item in found] == [
        ("ann@x.test", SuppressionKind.COMPLAINT),
        ("ann@x.test", SuppressionKind.UNSUBSCRIBE),
        ("bob@x.test", SuppressionKind.BOUNCE),
    ]


def test_entries_are_listed_by_page_and_removed(conn: Connection) -> None:
    entries = [
        entry("@y.test"),
        entry("ann@x.test"),
        entry("ann@x.test", "a.test"),
        entry("bob@x.test", "a.test"),
    ]
    allowed.add(conn, entries[::-1])
    allowed.add(conn, [replace(entries[0], detail="new\0")])
    pages, query = [], AllowedQuery("acc", limit=3)
    while page := allowed.listing(conn, query):
        pages.append([(item.domain, item.value) for item in page])
        query = replace(query, after=pages[-1][-1])
    assert pages == [
        [("", "@y.test"), ("", "ann@x.test"), ("a.test", "ann@x.test")],
        [("a.test", "bob@x.test")],
    ]
    (first, *_) = allowed.listing(conn, AllowedQuery("acc", domain=""))
    assert first.detail == "new\ufffd"
    assert allowed.listing(conn, AllowedQuery("other")) == []
    assert allowed.remove(conn, "acc", "ANN@x.test", "b.test") == 0
    assert allowed.remove(conn, "other", "ann@x.test") == 0
    assert allowed.remove(conn, "acc", "ANN@x.test") == 2
    assert allowed.remove(conn, "acc", "bob@x.test", "a.test") == 1
