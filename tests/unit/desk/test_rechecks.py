"""The worker's own looks at DNS, on a real name server and a real store (D-01, D-02)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blank_store import make_store
from posthouse.config import Settings, settings_from
from posthouse.desk import domain_checks, verification
from posthouse.desk.rechecks import Rechecks
from posthouse.internet.dns import FakeDns
from posthouse.model.account import Domain, DomainKey, KeyState
from posthouse.model.clock import FakeClock, Ids
from posthouse.rules.checks import Check
from posthouse.rules.records import Sender, needed
from posthouse.store import identity
from posthouse.store.engine import Store, connect, each, open_store

CLOCK = FakeClock()
NAMES = ("a.test", "b.test")


def key(domain_id: str) -> DomainKey:
    return DomainKey(f"k{domain_id}", domain_id, "ph1", "rsa-sha256", b"", "AAAA", KeyState.ACTIVE, 1.0)


def domain(name: str) -> Domain:
    return Domain(name[0], "acc", name, "us", None, CLOCK.now())


@pytest.fixture
async def dns() -> AsyncIterator[FakeDns]:
    server = FakeDns("h.test A 192.0.2.1")
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    with connect(url) as conn, conn.transaction():
        identity.ensure_account(conn, "acc", id="acc", now=1.0)
        for name in NAMES:
            identity.add_domain(conn, domain(name), [key(name[0])])
    opened = open_store(url, asyncio.get_running_loop())
    yield opened
    await opened.close()


def settings_for(dns: FakeDns, tmp_path: Path) -> Settings:
    values = {"dns": {"servers": [dns.address]}, "smtp": {"hostname": "h.test"}}
    return settings_from(values, base=tmp_path)


async def verified(store: Store) -> list[str]:
    return [each.name for each in await store.read(identity.list_domains) if each.verified_at]


def zone_of(name: str) -> str:
    return "\n".join(
        f"{r.name} {r.kind} {r.zone_value}" for r in needed(domain(name), [key("x")], Sender("h.test"))
    )


async def test_D_01_what_is_due_is_looked_at_and_what_is_there_verifies(
    store: Store, dns: FakeDns, tmp_path: Path
) -> None:
    rechecks = Rechecks(store=store, clock=CLOCK, ids=Ids(CLOCK), settings=settings_for(dns, tmp_path))
    await rechecks.run_due()
    assert await verified(store) == []
    dns.load(f"h.test A 192.0.2.1\n{zone_of('a.test')}")
    asked = len(dns.asked)
    await rechecks.run_due()
    assert len(dns.asked) == asked, "nothing is due yet"
    CLOCK.advance(31)
    await rechecks.run_due()
    assert await verified(store) == ["a.test"]


async def test_two_workers_look_at_a_domain_once(store: Store, dns: FakeDns, tmp_path: Path) -> None:
    settings = settings_for(dns, tmp_path)
    CLOCK.advance(5)
    both = [Rechecks(store=store, clock=CLOCK, ids=Ids(CLOCK), settings=settings) for _ in range(2)]
    await asyncio.gather(*[rechecks.run_due() for rechecks in both])
    assert list(dns.asked).count(("ph1._domainkey.a.test", "TXT")) == 1


async def test_trouble_with_one_domain_does_not_stop_the_others(
    store: Store, dns: FakeDns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = domain_checks.check_domain

    async def troubled(ask: object, about: Domain, *rest: object) -> list[Check]:
        if about.name == "a.test":
            raise RuntimeError("a bug")
        return await check(ask, about, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(domain_checks, "check_domain", troubled)
    CLOCK.advance(5)
    settings = settings_for(dns, tmp_path)
    await Rechecks(store=store, clock=CLOCK, ids=Ids(CLOCK), settings=settings).run_due()
    looks = await store.read(verification.all_findings, None)
    assert [looks["a"] is None, looks["b"] is None] == [True, False]


async def test_a_domain_that_goes_meanwhile_is_no_trouble(
    store: Store, dns: FakeDns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = domain_checks.check_domain

    async def gone(ask: object, about: Domain, *rest: object) -> list[Check]:
        await store.write(each(identity.remove_domain), (about.name,))
        return await check(ask, about, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(domain_checks, "check_domain", gone)
    CLOCK.advance(5)
    settings = settings_for(dns, tmp_path)
    await Rechecks(store=store, clock=CLOCK, ids=Ids(CLOCK), settings=settings).run_due()
    assert await store.read(identity.list_domains) == []
