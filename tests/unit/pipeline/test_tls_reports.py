"""TLS reports: counted on the delivery path, sent once a day to who asks for them (RFC 8460)."""

from __future__ import annotations

import email
import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from email.message import Message as Parsed

import pytest

from posthouse.model.account import Domain
from posthouse.model.message import Outgoing, SmtpResult
from posthouse.model.trust import STS, TlsCheck
from posthouse.net.lookup import permanent, temporary
from posthouse.observe import Counters
from posthouse.pipeline.archive import Archive
from posthouse.pipeline.tls_reports import KEEP_DAYS, TlsReporter
from posthouse.pipeline.tls_results import TlsResults
from posthouse.rules.tlsrpt import DAY_S
from posthouse.store import tls_results
from unit.pipeline.small_world import ME, World, delivered, refusing
from unit.pipeline.test_archive import Posts, waiting

OWN = Domain("dom", "acc", "shop.test", "us", 1.0, 1.0)
CHECK = TlsCheck(
    STS, "good.test", policy_lines=("version: STSv1", "mode: enforce"), mx_patterns=("mx.good.test",)
)
FAILED = replace(CHECK, result="starttls-not-supported", mx="mx.good.test", address="192.0.2.1")
BY_MAIL = {"_smtp._tls.good.test": ["v=TLSRPTv1; rua=mailto:tls@reports.test"]}


def reporter(
    world: World, records: Mapping[str, list[str] | Exception], own: Domain | None = OWN
) -> TlsReporter:
    async def texts(name: str) -> list[str]:
        found = records.get(name, [])
        if isinstance(found, Exception):
            raise found
        return found

    return TlsReporter(
        store=world.store,
        clock=world.clock,
        ids=world.ids,
        hostname="mail.shop.test",
        texts=texts,
        find_domain=lambda name: own if own and own.name == name else None,
        wake=world.dispatcher.wake,
    )


async def counted(world: World, *checks: TlsCheck, domain: str = "good.test") -> None:
    results = TlsResults(world.store, world.clock)
    results.note(domain, checks)
    await results.flush()


def next_day(world: World) -> None:
    """Past the four hours in which reports go."""
    world.clock.advance(DAY_S - world.clock.now() % DAY_S + 5 * 3600)


def parts_of(raw: bytes) -> tuple[Parsed, dict[str, object]]:
    parsed = email.message_from_bytes(raw)
    _, report = parsed.get_payload()
    return parsed, json.loads(gzip.decompress(report.get_payload(decode=True)))


async def test_a_report_goes_by_mail_once(world: World) -> None:
    sent: list[Outgoing] = []

    def taken(outgoing: Outgoing) -> SmtpResult:
        sent.append(outgoing)
        return delivered()

    world.courier.answers["reports.test"] = taken
    await counted(world, CHECK, CHECK, FAILED)
    next_day(world)
    assert await reporter(world, BY_MAIL).report() == 1
    assert await reporter(world, BY_MAIL).report() == 0
    await world.fetch_all()
    await world.at_rest()
    (outgoing,) = sent
    parsed, report = parts_of(outgoing.head + outgoing.body)
    assert outgoing.sender == "" and outgoing.recipient == "tls@reports.test"
    assert parsed["From"] == "<tls-reports@shop.test>"
    assert parsed["TLS-Report-Domain"] == "good.test"
    assert parsed["TLS-Required"] == "No"
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "tlsrpt"
    attached = parsed.get_payload()[1]
    assert attached.get_content_type() == "application/tlsrpt+gzip"
    assert attached.get_filename().startswith("mail.shop.test!good.test!")
    (policy,) = report["policies"]  # type: ignore[misc]
    assert policy["summary"] == {"total-successful-session-count": 2, "total-failure-session-count": 1}
    assert world.events()["delivered"] == 1


async def test_a_report_goes_by_post(world: World) -> None:
    await counted(world, CHECK)
    next_day(world)
    records = {"_smtp._tls.good.test": ["v=TLSRPTv1; rua=https://reports.test/in"]}
    assert await reporter(world, records, own=None).report() == 1
    posts = Posts()
    worker = Archive(store=world.store, clock=world.clock, post=posts, worker_id=ME, counters=Counters())
    assert await worker.work() == 1
    ((url, content, kind),) = posts.got
    assert (url, kind) == ("https://reports.test/in", "application/tlsrpt+gzip")
    assert json.loads(gzip.decompress(content))["organization-name"] == "mail.shop.test"
    assert await waiting(world) == 0


async def test_a_report_waits_for_the_day_to_end(world: World) -> None:
    await counted(world, CHECK)
    assert await reporter(world, BY_MAIL).report() == 0
    world.clock.advance(DAY_S - world.clock.now() % DAY_S)
    assert await reporter(world, BY_MAIL).report() == 0  # its own moment within four hours has not come
    world.clock.advance(5 * 3600)
    assert await reporter(world, BY_MAIL).report() == 1


@pytest.mark.parametrize(
    ("records", "own", "state"),
    [
        pytest.param({}, OWN, "unwanted", id="nobody asks"),
        pytest.param(
            {"_smtp._tls.good.test": permanent(550, "5.1.2", "no", "no")}, OWN, "unwanted", id="no such name"
        ),
        pytest.param(BY_MAIL, None, "unsent", id="nobody signs"),
        pytest.param(BY_MAIL, OWN, "sent", id="by mail"),
        pytest.param(
            {"_smtp._tls.good.test": ["v=TLSRPTv1; rua=mailto:%c3%a4@reports.test"]},
            OWN,
            "unsent",
            id="not ASCII",
        ),
    ],
)
async def test_what_became_of_a_day_is_noted(
    world: World, records: dict[str, list[str] | Exception], own: Domain | None, state: str
) -> None:
    await counted(world, CHECK, FAILED)
    next_day(world)
    await reporter(world, records, own).report()
    (report,) = await world.store.read(tls_results.reports_since, 0)
    assert report.state == state
    kept = {found.check.result for found in await world.store.read(tls_results.since, 0)}
    assert kept == ({"", FAILED.result} if state == "sent" else {FAILED.result})


async def test_dns_that_fails_now_is_asked_again_later(world: World) -> None:
    await counted(world, CHECK)
    next_day(world)
    away = {"_smtp._tls.good.test": temporary("no answer", "dns-timeout")}
    assert await reporter(world, away).report() == 0
    assert await reporter(world, BY_MAIL).report() == 1


async def test_one_report_that_breaks_leaves_the_others(world: World) -> None:
    for domain in ("bad.test", "good.test"):
        await counted(world, CHECK, domain=domain)
    next_day(world)
    records = {**BY_MAIL, "_smtp._tls.bad.test": RuntimeError("a bug")}
    assert await reporter(world, records).report() == 1


async def test_old_days_are_forgotten(world: World) -> None:
    await counted(world, CHECK)
    world.clock.advance((KEEP_DAYS + 2) * DAY_S)
    await reporter(world, {}).report()
    assert await world.store.read(tls_results.since, 0) == []


async def test_counts_survive_a_store_that_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    results = TlsResults(world.store, world.clock)
    results.note("good.test", [CHECK])
    monkeypatch.setattr(world.store, "submit", refusing(world, RuntimeError("away")))
    with pytest.raises(RuntimeError):
        await results.flush()
    results.note("good.test", [CHECK])
    await results.flush()
    (found,) = await world.store.read(tls_results.since, 0)
    assert found.count == 2


async def test_hosts_cannot_fill_the_memory(world: World) -> None:
    results = TlsResults(world.store, world.clock)
    for number in range(6_000):
        results.note("good.test", [replace(FAILED, reason=str(number))])
    assert len(results._counts) <= 5_001
    await results.flush()
    found = await world.store.read(tls_results.since, 0)
    assert sum(each_.count for each_ in found) == 6_000


async def test_the_recorder_counts_what_a_result_brings(world: World) -> None:
    seen: list[tuple[str, int]] = []
    world.courier.answers["good.test"] = lambda _: replace(delivered(), checks=(CHECK, FAILED))
    world.recorder._note_checks = lambda domain, checks: seen.append((domain, len(checks)))
    await world.accept("ann@good.test")
    await world.at_rest()
    assert seen == [("good.test", 2)]
