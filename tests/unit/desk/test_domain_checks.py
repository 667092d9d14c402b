"""What is asked about a domain, and what follows from the answers (D-01, D-02)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blank_store import make_store
from posthouse.config import Settings, settings_from
from posthouse.desk import domain_checks, verification
from posthouse.model.account import Domain, DomainKey, DomainSettings, KeyState
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.rules.checks import Check, State
from posthouse.rules.dns import Found, Unanswered
from posthouse.rules.records import Sender, Use, needed
from posthouse.store import identity
from posthouse.store.engine import Connection, connect
from unit.rules.zone import TIMEOUT, Zone

CLOCK = FakeClock()
IDS = Ids(CLOCK)
NOW = CLOCK.now()
DOMAIN = Domain("d", "a", "a.test", "us", None, NOW)
KEY = DomainKey("k1", "d", "ph1", "rsa-sha256", b"x", "MIIB" + "A" * 388, KeyState.ACTIVE, NOW)
SPARE = replace(KEY, id="k2", selector="ph2", public="MIIB" + "B" * 388, state=KeyState.STANDBY)
SENDER = Sender("mail.h.test")
HOST = {"mail.h.test A": ["192.0.2.1"]}
GOOD: dict[str, Any] = {
    **{f"{r.name} {r.kind}": [r.value] for r in needed(DOMAIN, [KEY, SPARE], SENDER)},
    **HOST,
}


async def checked(records: dict[str, Any], keys: tuple[DomainKey, ...] = (KEY, SPARE)) -> dict[Use, Check]:
    """The first check of each use."""
    checks = await domain_checks.check_domain(Zone(records).ask, DOMAIN, keys, SENDER)
    return {check.record.use: check for check in reversed(checks)}


async def test_all_is_well() -> None:
    assert {check.state for check in (await checked(GOOD)).values()} == {State.OK}


async def test_nothing_is_there() -> None:
    found = await checked(HOST)
    assert {check.state for check in found.values()} == {State.MISSING}


async def test_nobody_answers() -> None:
    names = {key.partition(" ")[0]: TIMEOUT for key in GOOD if "h.test" not in key}
    found = await checked(names | HOST)
    assert {check.state for check in found.values()} == {State.UNKNOWN}


async def test_swapped_keys_are_told() -> None:
    names = [f"{key.selector}._domainkey.a.test TXT" for key in (KEY, SPARE)]
    found = await checked(GOOD | {names[0]: GOOD[names[1]], names[1]: GOOD[names[0]]})
    assert "The key of the selector ph2 is published here" in found[Use.DKIM].text


async def test_a_record_at_another_place_is_found_and_trouble_there_is_no_trouble() -> None:
    rest = {key: value for key, value in GOOD.items() if not key.startswith("ph1.")}
    value = GOOD["ph1._domainkey.a.test TXT"]
    found = await checked(rest | {"ph1._domainkey.a.test.a.test TXT": value, "ph1.a.test": TIMEOUT})
    assert "the panel adds the zone by itself" in found[Use.DKIM].text


async def test_spf_is_unknown_while_an_include_cannot_be_asked() -> None:
    found = await checked(GOOD | {"a.test TXT": ["v=spf1 include:b.test ~all"], "b.test": TIMEOUT})
    assert found[Use.SPF].state is State.UNKNOWN


async def test_spf_cannot_be_judged_without_an_address_of_ours() -> None:
    found = await checked({key: value for key, value in GOOD.items() if "mail.h.test" not in key})
    assert found[Use.SPF].state is State.WRONG
    assert "mail.h.test (smtp.hostname)" in found[Use.SPF].text


async def test_a_policy_above_the_domain_counts() -> None:
    below = replace(DOMAIN, name="news.a.test")
    zone = Zone({**HOST, "_dmarc.a.test TXT": ["v=DMARC1; p=reject"]})
    checks = await domain_checks.check_domain(zone.ask, below, [KEY], SENDER)
    (check,) = [check for check in checks if check.record.use is Use.DMARC]
    assert (check.state, "record of a.test holds" in check.text) == (State.OK, True)


async def test_servers_that_never_answer_end_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(name: str, kind: str) -> Found:
        await asyncio.Event().wait()
        raise Unanswered(f"{name} {kind}")

    monkeypatch.setattr(domain_checks, "CHECK_S", 0.01)
    checks = await domain_checks.check_domain(never, DOMAIN, [KEY], SENDER)
    assert {check.state for check in checks} == {State.UNKNOWN}


async def test_records_of_a_stranger_do_not_fill_the_store() -> None:
    huge = ["v=spf1 " + "ip4:198.51.100.1 " * 4000 + "-all"]
    found = await checked(GOOD | {"a.test TXT": huge, "_dmarc.a.test TXT": [f"v=DMARC1; p={'x' * 60_000}"]})
    assert max(len(check.text) + len(check.found) for check in found.values()) < 2000


# What follows


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    with connect(url) as opened:
        with opened.transaction():
            identity.ensure_account(opened, "a", id="a", now=NOW)
            identity.add_domain(opened, DOMAIN, [KEY])
        yield opened


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_from({}, base=tmp_path)


def look(conn: Connection, settings: Settings, state: State, at: float, domain: Domain = DOMAIN) -> Any:
    (record, *_) = needed(domain, [KEY], SENDER)
    with conn.transaction():
        return verification.settle(conn, domain, [Check(record, state, "seen", "said")], at, settings)


def verified_at(conn: Connection) -> float | None:
    found = identity.find_domain(conn, "a.test")
    assert found is not None
    return found.verified_at


def test_a_domain_becomes_verified_once_and_workers_are_told(conn: Connection, settings: Settings) -> None:
    before = identity.identity_version(conn)
    assert not look(conn, settings, State.MISSING, NOW).is_verified
    assert identity.identity_version(conn) == before
    settled = look(conn, settings, State.OK, NOW + 30)
    assert (settled.is_verified, settled.lets_go, verified_at(conn)) == (True, True, NOW + 30)
    assert identity.identity_version(conn) == before + 1
    assert look(conn, settings, State.OK, NOW + 60).lets_go, "once more, for what came in between"
    assert not look(conn, settings, State.OK, NOW + 90).lets_go
    assert verified_at(conn) == NOW + 30
    assert identity.identity_version(conn) == before + 1


def test_after_three_days_without_its_record_it_is_not_any_more(conn: Connection, settings: Settings) -> None:
    look(conn, settings, State.OK, NOW)
    version = identity.identity_version(conn)
    states = [look(conn, settings, State.WRONG, NOW + hours * 3600).is_verified for hours in range(1, 80, 6)]
    assert states == [True] * 12 + [False] * 2
    assert verified_at(conn) is None
    assert identity.identity_version(conn) == version + 1


def test_a_sandbox_stays_verified(conn: Connection, settings: Settings) -> None:
    with conn.transaction():
        identity.set_settings(conn, "a.test", DomainSettings(is_sandbox=True))
        identity.set_verified(conn, "a.test", NOW)
    look(conn, settings, State.OK, NOW)
    assert all(
        look(conn, settings, State.MISSING, NOW + hours * 3600).is_verified for hours in range(1, 99, 6)
    )


def test_what_was_seen_is_kept_for_people(conn: Connection, settings: Settings) -> None:
    assert verification.last_findings(conn, "d") is None
    look(conn, settings, State.WRONG, NOW)
    found = verification.last_findings(conn, "d")
    assert found is not None
    assert (found.checked_at, found.next_at, found.lost_at) == (NOW, NOW + 30, None)
    assert [(row["state"], row["found"], row["text"]) for row in found.records] == [("wrong", "seen", "said")]
    assert verification.all_findings(conn, "a") == verification.all_findings(conn, None) == {"d": found}
    assert verification.all_findings(conn, "b") == {}


def test_a_domain_that_went_meanwhile_is_left_alone(conn: Connection, settings: Settings) -> None:
    with conn.transaction():
        identity.remove_domain(conn, "a.test")
        identity.add_domain(conn, replace(DOMAIN, id="new"), [])
    assert look(conn, settings, State.OK, NOW) is None
    assert verified_at(conn) is None
    with pytest.raises(Refused, match=r"There is no domain a\.test here"):
        verification.settle_now(conn, DOMAIN, [], CLOCK, IDS, settings)
