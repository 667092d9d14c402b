"""Counts of connections by day and domain, and which days were reported, on both engines."""

from __future__ import annotations

import random

from posthouse.model.trust import NO_POLICY, STS, TlsCheck
from posthouse.store import tls_results
from posthouse.store.connection import Connection
from posthouse.store.tls_results import DayReport, DayResult

GOOD = TlsCheck(
    STS, "good.test", policy_lines=("version: STSv1", "mode: enforce"), mx_patterns=("mx.good.test",)
)
BAD = TlsCheck(
    STS,
    "good.test",
    "certificate-expired",
    mx="mx.good.test",
    address="192.0.2.1",
    source="198.51.100.1",
    reason="ended\n\x00 \udcff",
)
PLAIN = TlsCheck(NO_POLICY, "other.test")


def report(day: int, domain: str, state: str = "sent") -> DayReport:
    return DayReport(day, domain, f"r{day}{domain}", 5.0, state, "mailto:r@good.test")


def test_counts_add_up_and_come_back_whole(conn: Connection) -> None:
    for _ in range(2):
        with conn.transaction():
            tls_results.add(
                conn, {(7, "good.test", GOOD): 3, (7, "good.test", BAD): 1, (7, "other.test", PLAIN): 5}
            )
    good, bad = tls_results.of_day(conn, 7, "good.test")
    if good.check.result:
        good, bad = bad, good
    assert good == DayResult(7, "good.test", GOOD, 6)
    assert (bad.count, bad.check.mx, bad.check.source) == (2, "mx.good.test", "198.51.100.1")
    assert bad.check.reason.startswith("ended\n") and "\udcff" not in bad.check.reason
    assert tls_results.of_day(conn, 8, "good.test") == []
    assert [(r.domain, r.count) for r in tls_results.since(conn, 7) if r.domain == "other.test"] == [
        ("other.test", 10)
    ]


def test_a_policy_and_a_reason_of_any_length_are_bounded(conn: Connection) -> None:
    long = TlsCheck(STS, "good.test", "x", reason="é" * 9_000, policy_lines=("mx: " + "é" * 9_000,) * 900)
    with conn.transaction():
        tls_results.add(conn, {(7, "good.test", long): 1})
    (found,) = tls_results.of_day(conn, 7, "good.test")
    assert len(found.check.reason) == 300 and len(found.check.policy_lines) == 40


def test_what_cannot_be_packed_small_is_counted_too(conn: Connection) -> None:
    """A key of PostgreSQL holds 2,700 octets after packing; a policy of many hosts is longer."""
    rng = random.Random(8460)
    names = tuple(f"{rng.getrandbits(900):x}.test" for _ in range(40))
    wide = TlsCheck(
        STS, "good.test", "x", reason=names[0], policy_lines=tuple(f"mx: {name}" for name in names)
    )
    for _ in range(2):
        with conn.transaction():
            tls_results.add(conn, {(7, "good.test", wide): 1})
    (found,) = tls_results.of_day(conn, 7, "good.test")
    assert found == DayResult(7, "good.test", wide, 2)


def test_a_day_is_reported_once(conn: Connection) -> None:
    with conn.transaction():
        tls_results.add(conn, {(7, name, PLAIN): 1 for name in ("a.test", "b.test", "c.test")})
        assert tls_results.unreported(conn, 7, "", 2) == ["a.test", "b.test"]
        assert tls_results.claim(conn, report(7, "b.test"))
        assert not tls_results.claim(conn, report(7, "b.test"))
    assert tls_results.unreported(conn, 7, "", 9) == ["a.test", "c.test"]
    assert tls_results.unreported(conn, 7, "a.test", 9) == ["c.test"]
    assert tls_results.unreported(conn, 8, "", 9) == []
    assert tls_results.reports_since(conn, 7) == [report(7, "b.test")]


def test_old_days_are_forgotten(conn: Connection) -> None:
    with conn.transaction():
        tls_results.add(conn, {(day, "a.test", PLAIN): 1 for day in (5, 6, 7)})
        for day in (5, 7):
            tls_results.claim(conn, report(day, "a.test"))
        assert tls_results.drop_before(conn, 7) == 2
    assert [found.day for found in tls_results.since(conn, 0)] == [7]
    assert [found.day for found in tls_results.reports_since(conn, 0)] == [7]
