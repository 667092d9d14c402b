"""MTA-STS policies in the store (RFC 8461 3.3)."""

from __future__ import annotations

from dataclasses import replace

from posthouse.model.trust import ENFORCE, NONE, StsPolicy
from posthouse.store import trust
from posthouse.store.connection import Connection

POLICY = StsPolicy("a.test", "1", ENFORCE, ("mx.a.test", "*.b.test"), 1000.0, 5000.0)


def keep(conn: Connection, policy: StsPolicy) -> None:
    with conn.transaction():
        trust.keep_policy(conn, policy)


def test_a_policy_comes_back_as_it_was(conn: Connection) -> None:
    assert trust.find_policy(conn, "a.test") is None
    keep(conn, POLICY)
    assert trust.find_policy(conn, "a.test") == POLICY


def test_a_newer_fetch_takes_the_place_of_an_older_one_and_never_the_other_way(conn: Connection) -> None:
    newer = replace(POLICY, policy_id="2", mode=NONE, mx=(), fetched_at=2000.0)
    keep(conn, newer)
    keep(conn, POLICY)
    assert trust.find_policy(conn, "a.test") == newer


def test_what_ran_out_goes_with_the_next_fetch(conn: Connection) -> None:
    keep(conn, POLICY)
    keep(conn, replace(POLICY, domain="b.test", fetched_at=6000.0, expires_at=9000.0))
    assert trust.find_policy(conn, "a.test") is None
    assert trust.find_policy(conn, "b.test") is not None
