"""Looks at DNS: who takes a domain that is due, what is written down, which held mail may go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.model.account import Domain
from posthouse.model.event import EventKind
from posthouse.model.message import DeliveryState, until_verified
from posthouse.store import domain_checks, events, identity, messages, queue, selection
from posthouse.store.connection import Connection
from posthouse.store.domain_checks import CheckRow
from posthouse.store.engine import connect
from posthouse.store.identity_tables import domain_check
from posthouse.store.statement import Statement
from store.letters import IDS, NOW, letter


@pytest.fixture
def known(conn: Connection) -> Connection:
    """Three domains of two accounts, one in another region."""
    with conn.transaction():
        for account in ("a1", "a2"):
            identity.ensure_account(conn, account, id=account, now=NOW)
        for number, (account, region) in enumerate([("a1", "us"), ("a2", "us"), ("a1", "eu")], start=1):
            domain = Domain(f"d{number}", account, f"d{number}.test", region, None, NOW + number)
            identity.add_domain(conn, domain, [])
    return conn


def test_a_new_domain_is_due_at_once(known: Connection) -> None:
    assert domain_checks.find(known, "d1") == CheckRow("d1", 0.0, NOW + 1)
    assert domain_checks.due(known, NOW, "us", 9) == []
    assert [row.domain_id for row in domain_checks.due(known, NOW + 9, "us", 9)] == ["d1", "d2"]
    assert [row.domain_id for row in domain_checks.due(known, NOW + 9, "us", 1)] == ["d1"]
    assert [row.domain_id for row in domain_checks.due(known, NOW + 9, "eu", 9)] == ["d3"]
    assert domain_checks.find(known, "nobody") is None


def test_domains_made_before_there_were_checks_are_due_too(known: Connection) -> None:
    with known.transaction():
        known.change(Statement(domain_check.delete()))
        assert domain_checks.begin_all(known) == 3
        assert domain_checks.begin_all(known) == 0
    assert domain_checks.find(known, "d1") == CheckRow("d1", 0.0, 0.0)


def test_of_two_workers_one_takes_a_domain(known: Connection, store_url: str) -> None:
    rows = domain_checks.due(known, NOW + 9, "us", 9)
    with connect(store_url) as other:
        same = domain_checks.due(other, NOW + 9, "us", 9)
        with known.transaction():
            assert domain_checks.take(known, rows, NOW + 100) == rows
        with other.transaction():
            assert domain_checks.take(other, same, NOW + 200) == []
        assert domain_checks.due(other, NOW + 9, "us", 9) == []
        assert len(domain_checks.due(other, NOW + 100, "us", 9)) == 2, "a worker that died gives them back"


def test_what_was_seen_comes_back(known: Connection) -> None:
    seen = CheckRow("d1", NOW, NOW + 60, 3, NOW - 5, '{"records":[]}')
    with known.transaction():
        assert domain_checks.settle(known, seen)
        assert not domain_checks.settle(known, replace(seen, domain_id="gone"))
        domain_checks.begin(known, "d1", NOW + 999)  # it is there: nothing changes
    assert domain_checks.find(known, "d1") == seen
    assert domain_checks.find_all(known, "a1") == {"d1": seen, "d3": CheckRow("d3", 0.0, NOW + 3)}


def test_a_check_goes_with_its_domain(known: Connection) -> None:
    with known.transaction():
        identity.remove_domain(known, "d1.test")
    assert domain_checks.find(known, "d1") is None
    assert identity.find_domain_by_id(known, "d1") is None
    found = identity.find_domain_by_id(known, "d2")
    assert found is not None
    assert found.name == "d2.test"


def test_held_mail_goes_with_its_own_domain_and_account_only(conn: Connection) -> None:
    items = []
    for account, cause in [
        ("a1", until_verified("d1.test")),
        ("a1", until_verified("d1.test")),
        ("a1", until_verified("sub.d1.test")),
        ("a2", until_verified("d1.test")),
        ("a1", ""),
    ]:
        item = letter(account=account, state=DeliveryState.HELD)
        item.deliveries[0].last_text = cause
        items.append(item)
    with conn.transaction():
        messages.add_accepted(conn, items)
    with conn.transaction():
        assert selection.release_verified(conn, "a1", "d1.test", NOW, IDS, limit=1) == 1
    assert selection.in_steps(conn, selection.release_verified, "a1", "d1.test", NOW, IDS) == 1
    counts = queue.counts(conn)
    assert (counts[DeliveryState.WAITING], counts[DeliveryState.HELD]) == (2, 3)
    released = events.search(conn, events.EventQuery(kinds=(EventKind.RELEASED,)))
    assert [event.data["reason"] for event in released] == ["verified", "verified"]
